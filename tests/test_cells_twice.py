"""A reader runs a cell twice: with every code cell run twice in a row, no cell of any notebook breaks itself or a later one.

It takes as long as all notebooks twice, so it runs only where GAN_TWICE=1 asks for it. .ci/run does, in place of a plain
pass over the notebooks, on drawn digits and without a network; so outputs that must not depend on those are compared too.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from gan_helpers.environment import COURSE_ROOT

NOTEBOOKS = sorted((COURSE_ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 300  # for a cell

# The second run draws random numbers of its own; then those that follow the first are put back, so that the cells
# below see the numbers of a single pass, and print what they print in one.
KEEP = """
if "torch" in __import__("sys").modules:
    __import__("builtins").kept = __import__("torch").get_rng_state(), __import__("random").getstate()
"""
PUT_BACK = """
if hasattr(__import__("builtins"), "kept"):
    __import__("torch").set_rng_state(kept[0]), __import__("random").setstate(kept[1])
"""


def failures(notebook: NotebookNode, folder: Path) -> list[str]:
    """Run the notebook in a fresh kernel, in ``folder``, each code cell twice; what failed, cell by cell."""
    client = NotebookClient(notebook, SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    found = []
    with client.setup_kernel():
        for index, cell in enumerate(list(notebook.cells)):
            if cell.cell_type == "code":
                found += [f"cell {index}, {problem}" for problem in _run_twice(client, cell, index)]
    return found


def _run_twice(client: NotebookClient, cell: NotebookNode, index: int) -> list[str]:
    stored, found = printed(cell), []
    try:
        client.execute_cell(cell, index)
        if "nbval-check-output" in cell.metadata.get("tags", []) and printed(cell) != stored:
            found.append(f"first run: printed {printed(cell)!r}, but stored is {stored!r}")
    except CellExecutionError as error:
        return [told("first run", error)]
    client.execute_cell(new_code_cell(KEEP), index, store_history=False)
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        found.append(told("second run", error))
    client.execute_cell(new_code_cell(PUT_BACK), index, store_history=False)
    return found


def told(run: str, error: CellExecutionError) -> str:
    line = re.findall(r"-+> +(\d+) ", re.sub(r"\x1b\[[\d;]*m", "", error.traceback))
    return f"{run}: {error.ename} {f'in line {line[0]}' if line else ''}: {error.evalue}"


def printed(cell: NotebookNode) -> str:
    """Standard output and results, as text."""
    parts = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in cell.outputs]
    return "".join("".join(part) for part in parts)


@pytest.mark.skipif(os.environ.get("GAN_TWICE") != "1", reason="runs all notebooks twice: GAN_TWICE=1 asks for it")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_twice(path):
    assert not failures(nbformat.read(path, 4), path.parent)
