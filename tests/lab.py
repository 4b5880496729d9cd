"""A real JupyterLab for the browser tests: its own server, settings and copy of the course, and a page to read in."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan_helpers.environment import COURSE_ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PARTS = ("gan_helpers", "notebooks", "assets", "pyproject.toml")
SCREENSHOTS = COURSE_ROOT / "outputs" / "screenshots"
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },  # no question on top of the page
    "apputils-extension/themes": {"theme": "JupyterLab Light"},
}

SET_UP = """import sys; sys.path.insert(0, "..")
from gan_helpers import environment
from gan_helpers.checkpoints import load_network
from gan_helpers.widgets.explorer import explore
environment.set_up(seed=0)"""


def copy_course(folder: Path) -> Path:
    """What a reader has after cloning, in a folder of its own, so that outputs and edits stay there."""
    for name in PARTS:
        part = COURSE_ROOT / name
        if part.is_dir():
            shutil.copytree(part, folder / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        else:
            shutil.copy(part, folder)
    return folder


def write_notebook(path: Path, *cells: str) -> None:
    """A small notebook of code cells; what begins with # is a text cell."""
    made = [
        {"cell_type": "markdown", "source": text}
        if text.startswith("# ")
        else {"cell_type": "code", "source": text, "outputs": [], "execution_count": None}
        for text in cells
    ]
    cells_with_ids = [{"id": f"cell-{i}", "metadata": {}, **cell} for i, cell in enumerate(made)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": cells_with_ids, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def write_settings(folder: Path, dark: bool) -> None:
    settings = SETTINGS | ({"apputils-extension/themes": {"theme": "JupyterLab Dark"}} if dark else {})
    for name, values in settings.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def jupyterlab(folder: Path, dark: bool = False) -> Iterator[str]:
    """A server on loopback over a copy of the course in ``folder``; gives its address, and ends with it."""
    root, own, port = copy_course(folder / "course"), folder / "jupyter", free_port()
    write_settings(own / "settings", dark)
    variables = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    variables |= {"IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "spaces"}
    environment = {**os.environ, **{name: str(own / value) for name, value in variables.items()}}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, server, folder / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


# --- a reader in the browser --------------------------------------------------------------------------

PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(e => e.textContent)"
STATUS = "document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status"


def keep_screenshot(page: Page, name: str) -> None:
    """What is seen goes to outputs/screenshots, where a failing run can show it."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


class Reader:
    """A page with one notebook, opened and run as a person does it, through the menu."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.page, self.name = page, name
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        # From now on questions for files come to Playwright. It asks Chromium for that with the first listener, and
        # does not wait: of a press right after it, the question went to a window, which headless Chromium lacks.
        page.on("filechooser", lambda _: None)
        # A workspace of its own: a shared one opens the notebooks of earlier readers as well, and may show those.
        page.goto(f"{address}/lab/workspaces/{uuid.uuid4().hex}/tree/notebooks/{name}")
        # Run earlier, cells ask which kernel to take: the indicator says "idle" before there is one.
        self.until("document.querySelector('#jp-main-statusbar')?.innerText.includes('| Idle')")

    def until(self, condition: str, part: Locator | None = None, seconds: float = 120) -> None:
        """Wait for a condition in JavaScript, of ``part`` if it is a function."""
        element = None if part is None else part.element_handle()
        # Asked by the clock: by default it is asked when the page draws, but a page that waits draws nothing.
        try:
            self.page.wait_for_function(condition, arg=element, polling=100, timeout=1000 * seconds)
        except Exception:  # playwright's own TimeoutError: it is imported only where there is a browser
            name = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(":")[2].partition(" ")[0]
            self.screenshot(f"waited_in_vain_{name}")
            raise

    def choose(self, menu: str, *items: str) -> None:
        """Click through a menu of the bar at the top."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        for item in items:  # older JupyterLabs keep the same words in a hidden list of all commands
            self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()

    def start(self) -> None:
        """Run > Run All Cells, until the cells are queued."""
        self.choose("Run", "Run All Cells")
        self.until(f"{PROMPTS}.at(-1).includes('*')")

    def finish(self, seconds: float = 300) -> None:
        """Until the last cell has run and the kernel is idle."""
        done = f"!{PROMPTS}.some(text => text.includes('*')) && {STATUS} == 'idle'"
        self.until(done, seconds=seconds)

    def save_and_reload(self) -> None:
        """File > Save Notebook, and the page anew while the kernel lives on."""
        self.choose("File", "Save Notebook")
        self.until("!document.querySelector('.jp-mod-dirty')")
        self.page.reload()
        self.until("document.querySelector('#jp-main-statusbar')?.innerText.includes('| ')")

    def hide_files(self) -> None:
        """Close the list of files beside the notebook, as on a small screen."""
        self.page.keyboard.press("Control+b")
        self.until("!document.querySelector('#jp-left-stack')?.offsetParent")

    def cells(self) -> int:
        return self.page.locator(".jp-Notebook .jp-Cell").count()

    def faults(self, part: str) -> list[str]:
        """What axe finds serious or critical in ``part``, a CSS selector."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, context=part).response["violations"]
        return [
            f"{fault['id']}: {node['html'][:200]}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def screenshot(self, name: str) -> None:
        keep_screenshot(self.page, name)

    def use_theme(self, name: str) -> None:
        self.choose("Settings", "Theme", name)
        self.page.wait_for_timeout(1500)


@contextmanager
def reading(
    browser: Browser, address: str, name: str, width: int = 1300, height: int = 1000, touch: bool = False
) -> Iterator[Reader]:
    """A reader of one notebook; in the end no error may stand in the browser's console."""
    with browser.new_context(viewport={"width": width, "height": height}, has_touch=touch) as context:
        reader = Reader(context.new_page(), address, name)
        yield reader
    assert reader.errors == []
