"""Put another repository's address into every badge, link and bootstrap cell: python assets/make/stamp.py URL"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GITHUB = "https://github.com/"


def stamped_files(root: Path) -> list[Path]:
    """The files that state the address; ``pyproject.toml`` is where it is looked up."""
    texts = [root / name for name in ("pyproject.toml", "README.md", "CITATION.cff")]
    return [*texts, *sorted((root / ".github").rglob("*.*")), *sorted((root / "notebooks").glob("*.ipynb"))]


def current_address(root: Path) -> str:
    """The repository's address as ``pyproject.toml`` states it; ValueError if it does not."""
    found = re.search(r'^Repository = "(.+)"$', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f'{root / "pyproject.toml"} has no line Repository = "..."')
    return found[1]


def pages_address(address: str) -> str:
    """Where GitHub Pages serves a GitHub repository, if its owner switches that on."""
    owner, _, name = address.removeprefix(GITHUB).partition("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def restated(text: str, old: str, new: str) -> str:
    """The text with the new address for the old. Colab and Pages serve GitHub alone: else theirs stay."""
    text = text.replace(old, new)
    if old.startswith(GITHUB) and new.startswith(GITHUB):
        text = text.replace(f"github/{old.removeprefix(GITHUB)}/", f"github/{new.removeprefix(GITHUB)}/")
        text = text.replace(pages_address(old), pages_address(new))
    return text


def stamp_address(address: str, root: Path = ROOT) -> list[Path]:
    """Replace the repository's address everywhere; returns the files that now state it."""
    new, old, files = address.removesuffix("/").removesuffix(".git"), current_address(root), stamped_files(root)
    for path in files:
        text = path.read_bytes().decode()  # line ends stay as they are
        path.write_bytes(restated(text, old, new).encode())
    return [path for path in files if new in path.read_text(encoding="utf-8")]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help=f"for example {GITHUB}you/gan-course")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"\w+://[^\s/]*/\S+", options.address):
        parser.error(f"{options.address!r} is no address of a repository, such as {GITHUB}you/gan-course")
    print(f"{options.address} in {len(stamp_address(options.address))} files")


if __name__ == "__main__":
    main()
