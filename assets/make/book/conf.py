"""The book's settings; ``assets/make/book.py`` builds it."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from formulas import add_formulas  # noqa: E402
from stamp import GITHUB, ROOT, current_address, pages_address  # noqa: E402

ADDRESS = current_address(ROOT)
ON_GITHUB = ADDRESS.startswith(GITHUB)

project = "Generative adversarial networks, step by step"
html_title = project
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["README.md"]  # the front page includes it
html_theme = "sphinx_book_theme"
FONT = Path(find_spec("ziamath").origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
html_static_path = [str(HERE / "static"), str(FONT)]
html_favicon = str(HERE / "static" / "favicon.svg")
html_css_files = ["book.css"]
html_copy_source = True  # the notebooks to download
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system has it
html_show_sphinx = False
html_baseurl = pages_address(ADDRESS) if ON_GITHUB else ""
html_theme_options = {
    "navbar_persistent": [],  # the search field stands in the side bar
    "footer_content_items": [],
    "repository_url": ADDRESS,
    "repository_branch": "main",
    "use_repository_button": True,
    "use_fullscreen_button": False,
    "launch_buttons": {"colab_url": "https://colab.research.google.com"} if ON_GITHUB else {},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

myst_enable_extensions = ["dollarmath", "amsmath", "attrs_block", "attrs_inline", "html_image"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the stored outputs, from full runs
nb_code_prompt_show = "The cell that finds the course"
nb_code_prompt_hide = nb_code_prompt_show
# A widget needs a kernel: the still picture stored beside it stands in, or the line that says so.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]


def fold_bootstrap(app: Any, name: str, source: list[str]) -> None:
    """The cell that finds the course is needed to run a notebook, not to read one."""
    if not name.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if "bootstrap" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"].append("hide-input")
    source[0] = json.dumps(notebook)


def setup(app: Any) -> None:
    add_formulas(app)
    app.connect("source-read", fold_bootstrap)
