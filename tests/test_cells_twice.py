"""A reader runs a cell twice: with every code cell run twice in a row, no cell breaks itself or a later one.

That takes as long as all notebooks twice, so it is done only where GAN_TWICE=1 asks for it. .ci/run does, in place of
a plain pass over the notebooks, on drawn digits and without a network; what must not depend on those is compared too.
"""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from gan_helpers.environment import COURSE_ROOT

NOTEBOOKS = sorted((COURSE_ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 300  # for a cell

# The second run draws random numbers of its own; then those that follow the first are put back, so that the cells
# below see the numbers of a single pass, and print what they print in one.
KEEP = """
if "torch" in __import__("sys").modules:
    __import__("builtins")._after_first_run = __import__("torch").get_rng_state(), __import__("random").getstate()
"""
PUT_BACK = """
if hasattr(__import__("builtins"), "_after_first_run"):
    __import__("torch").set_rng_state(_after_first_run[0]), __import__("random").setstate(_after_first_run[1])
"""


def failures(notebook: NotebookNode, folder: Path) -> list[str]:
    """Run the notebook in a fresh kernel, in ``folder``, each code cell twice; what failed, cell by cell."""
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=place)
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
    outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return "".join(output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs)


@pytest.mark.skipif(os.environ.get("GAN_TWICE") != "1", reason="runs all notebooks twice: GAN_TWICE=1 asks for it")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_twice(path):
    found = failures(nbformat.read(path, 4), path.parent)
    assert not found, "\n".join((path.name, *found))


# --- the check itself, on notebooks that are made for it -------------------------------------------------

COUNT = "n = globals().get('n', 0) + 1"


def notebook(*texts: str, tag: str = "", stored: str = "") -> NotebookNode:
    cells = [new_code_cell(text) for text in texts]
    cells[-1].metadata.tags = [tag] if tag else []
    cells[-1].outputs = [new_output("stream", name="stdout", text=stored)] if stored else []
    return new_notebook(cells=cells)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (notebook("items = {'a': 1}", "del items['a']"), r"cell 1, second run: KeyError in line 1: 'a'"),
        (notebook(COUNT, "x = 1\nassert n == 1, n"), r"cell 1, first run: AssertionError in line 2: 2"),
        (notebook("if", "x = 1"), r"cell 0, first run: SyntaxError"),
        (notebook("print(1)", tag="nbval-check-output", stored="2\n"), r"cell 0, first run: printed '1.n', .* '2.n'"),
    ],
    ids=["itself", "a later one", "the first time", "another output"],
)
def test_a_cell_that_breaks_is_named_with_its_error(tmp_path, cells, expected):
    (found,) = failures(cells, tmp_path)
    assert re.match(expected, found), found


def test_the_random_numbers_below_are_those_of_a_single_pass(tmp_path):
    seed, draw = "import random, torch; random.seed(1); torch.manual_seed(1)", "x = random.random(), torch.rand(1)"
    source, own = torch.Generator().manual_seed(1), random.Random(1)
    _, second = own.random(), own.random()
    stored = f"{second} {float(torch.rand(2, generator=source)[1])}\n"
    last = "print(random.random(), float(torch.rand(1)))"
    assert not failures(notebook(seed, draw, last, tag="nbval-check-output", stored=stored), tmp_path)


def test_an_error_that_is_meant_is_none(tmp_path):
    assert not failures(notebook("raise ValueError", tag="raises-exception"), tmp_path)
