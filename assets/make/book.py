"""Build the course as a static site from the stored outputs: python assets/make/book.py [--pdf FILE]

A PDF is the same book as one page, printed by an installed Chromium or Chrome.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stamp import ROOT, current_address

BOOK = Path(__file__).resolve().parent / "book"
OUT = ROOT / "build" / "book"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEFT_OUT = shutil.ignore_patterns("weights", "make", ".*")


def lay_out(folder: Path, root: Path) -> None:
    """Put into ``folder`` what Sphinx reads: notebooks as they are, their pictures, README, the book's own pages."""
    for part in ("notebooks", "assets"):
        shutil.copytree(root / part, folder / part, ignore=LEFT_OUT)
    for page in BOOK.glob("*.md"):
        shutil.copy(page, folder)
    readme = (root / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(outward(readme, folder), encoding="utf-8")
    for name in ["playground.html", *re.findall(r'src="assets/([^"]+)"', readme)]:
        place = folder / "site" / ("" if name == "playground.html" else "assets") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "assets" / name, place)


def outward(text: str, folder: Path) -> str:
    """Links to files that are not in the book lead to the repository."""

    def target(link: re.Match) -> str:
        inside = link[1].startswith(("http", "#")) or (folder / link[1]).exists()
        return link[0] if inside else f"]({current_address(ROOT)}/blob/main/{link[1]})"

    return re.sub(r"\]\(([^)]+)\)", target, text)


def build(out: Path, root: Path = ROOT, builder: str = "html") -> int:
    """Build the book of the course at ``root`` into ``out``; 0, or another number if there was a warning.

    ``builder`` is one of Sphinx: "html" for a page a notebook, "singlehtml" for one page of all.
    """
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), root)
        strict = ["-q", "-E", "-W", "--keep-going", "-b", builder]
        places = ["-c", BOOK, "-d", f"{folder}/.doctrees", "-D", f"html_extra_path={folder}/site", folder, out]
        return subprocess.run([sys.executable, "-m", "sphinx", *strict, *places]).returncode


def print_pdf(path: Path, root: Path = ROOT) -> int:
    """Print the book of the course at ``root`` into one PDF; 0, or another number if that failed."""
    chromium = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if chromium is None:
        raise SystemExit(f"a PDF needs a browser to print it: install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        if failed := build(Path(folder), root, "singlehtml"):
            return failed
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        page = (Path(folder) / "index.html").as_uri()
        printed = [chromium, *quiet, f"--print-to-pdf={path.resolve()}", page]
        return subprocess.run(printed, capture_output=True).returncode


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the site (default: build/book)")
    parser.add_argument("--pdf", type=Path, default=None, help="print the whole book into this file instead")
    options = parser.parse_args(arguments)
    if print_pdf(options.pdf) if options.pdf else build(options.out):
        raise SystemExit("the book has faults: see above")
    print(options.pdf or options.out / "index.html")


if __name__ == "__main__":
    main()
