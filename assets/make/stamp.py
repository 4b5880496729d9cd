"""TODO."""

from __future__ import annotations

import re
from pathlib import Path

from gan_helpers import environment


def stamped_files(root: Path) -> list[Path]:
    """The files that state the repository's address; ``pyproject.toml`` is where it is looked up."""
    return [root / "pyproject.toml", root / "README.md", *sorted((root / "notebooks").glob("*.ipynb"))]


def current_address(root: Path) -> str:
    """The repository's address as ``pyproject.toml`` states it."""
    found = re.search(r'^Repository = "(.+)"$', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f'{root / "pyproject.toml"} has no line Repository = "..."')
    return found[1]


def stamp_address(address: str, root: Path = environment.COURSE_ROOT) -> None:
    """Replace the repository's address everywhere. Badges follow only to GitHub, the one place Colab opens."""
    address, old = address.removesuffix("/").removesuffix(".git"), current_address(root)
    github = "https://github.com/"
    for path in stamped_files(root):
        text = path.read_text(encoding="utf-8").replace(old, address)
        if address.startswith(github):
            text = text.replace(f"github/{old.removeprefix(github)}/", f"github/{address.removeprefix(github)}/")
        path.write_text(text, encoding="utf-8")
    print(f"{address} in {len(stamped_files(root))} files")
