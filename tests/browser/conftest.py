"""Browser tests drive a whole JupyterLab: where GAN_BROWSER=later they are left for a run of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab import jupyterlab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("GAN_BROWSER") != "later":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="GAN_BROWSER=later: pytest tests/browser runs them by themselves"))


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """The address of a JupyterLab, and the folder of its copy of the course."""
    folder = tmp_path_factory.mktemp("jupyterlab")
    with jupyterlab(folder) as address:
        yield address, folder / "course"
