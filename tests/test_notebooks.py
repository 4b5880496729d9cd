"""What every notebook must hold, read from its file: the skeleton, honest outputs, and no drift from the package."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import statistics
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from stamp import current_address

from gan_helpers import environment
from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.data import PairSet
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.exercises import check
from gan_helpers.exercises.judging import EXERCISES
from gan_helpers.models import Generator, count_parameters

NOTEBOOKS = sorted((COURSE_ROOT / "notebooks").glob("*.ipynb"))
TAGS = {"bootstrap", "defines", "nbval-check-output", "raises-exception"}
HEADINGS = ("## Try it", "## In practice", "## Further reading")
MOST_BYTES, MOST_LINES, MEDIAN_LINES = 1_500_000, 25, 6

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@cache
def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for cell in cells(path, "markdown"))


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def text_outputs(cell: dict) -> str:
    parts = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        parts += [
            output.get("text", ""),
            data.get("text/plain", ""),
            re.sub(r"<[^>]*>", "", "".join(data.get("text/html", ""))),
        ]
    return "\n".join("".join(part) for part in parts)


def test_there_are_notebooks_numbered_from_01():
    """Without a gap, but for 16 and 17, on translation, which are still to be written."""
    numbers = [int(path.name[:2]) for path in NOTEBOOKS]
    assert numbers == [number for number in range(1, max(numbers) + 1) if number not in {16, 17} - {*numbers}]
    assert len(numbers) >= 5


# --- the file -----------------------------------------------------------------------------------------


@each
def test_kernel_size_and_no_widget_state(path):
    notebook = read(path)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook["metadata"]
    assert path.stat().st_size < MOST_BYTES


@each
def test_outputs_come_from_one_run_without_errors(path):
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell["outputs"]:
            assert output["output_type"] != "error", source(cell)
            assert output.get("name") != "stderr", source(cell)


@each
def test_outputs_come_from_a_full_run_and_name_no_machine(path):
    text = "\n".join(text_outputs(cell) for cell in cells(path, "code"))
    assert "full run" in text
    assert not re.search(r"/(tmp|work|root|home|Users)/", text)


@each
def test_stored_pictures_are_pictures(path):
    html = "".join("".join(o.get("data", {}).get("text/html", "")) for c in cells(path, "code") for o in c["outputs"])
    pictures = re.findall(r'src="data:image/(?:png|jpeg);base64,([^"]*)"', html)
    assert len(pictures) >= 2
    for encoded in pictures:
        low, high = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("L").getextrema()
        assert low < high


@each
def test_stored_pictures_say_what_they_show_and_are_not_compared(path):
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            data = output.get("data", {})
            assert not any(kind.startswith("image/") for kind in data)  # it would have no alt text in JupyterLab
            tags_of_pictures = re.findall(r"<(?:img|video) [^>]*>", "".join(data.get("text/html", "")))
            for tag in tags_of_pictures:
                assert len(re.search(r'(?:alt|aria-label)="([^"]*)"', tag)[1]) > 10, source(cell)
            assert not (tags_of_pictures and "nbval-check-output" in tags(cell)), source(
                cell
            )  # bytes would be compared


@each
def test_tags_are_known_and_enough_outputs_are_compared(path):
    used = [tags(cell) for cell in cells(path, "code")]
    assert set().union(*used) <= TAGS
    compared = [cell for cell in cells(path, "code") if "nbval-check-output" in tags(cell) and cell["outputs"]]
    assert len(compared) >= 3
    assert "NBVAL_" not in "".join(source(cell) for cell in cells(path, "code"))


@each
def test_cells_are_short(path):
    texts = [source(cell) for cell in cells(path, "code")]
    lines = [text.count("\n") + 1 for text in texts if "environment.set_up(" not in text]  # imports are a list
    assert max(lines) <= MOST_LINES
    assert statistics.median(text.count("\n") + 1 for text in texts) <= MEDIAN_LINES


# --- the skeleton -------------------------------------------------------------------------------------


@each
def test_skeleton(path):
    first, second = (source(cell) for cell in read(path)["cells"][:2])
    assert re.match(rf"# {path.name[:2]} · [A-Z]\w+ ", first)
    assert "colab-badge.svg" in first
    assert re.search(r"!\[.{20,}\]\(\.\./assets/", first)
    for promise in ("**You will do**", "**You will learn**", "**You need**"):
        assert promise in second
    assert re.search(r"\*\*Run time:\*\* about .*(second|minute|\ds|\d s|min).* on two CPU cores", second)
    text = prose(path)
    positions = [text.index(heading) for heading in HEADINGS]
    assert positions == sorted(positions)
    assert "**Predict, then run:**" in text
    assert re.search(r"arXiv \d{4}\.\d{4,5}", text[positions[2] :])
    assert re.search(r"\]\(\d\d_\w+\.ipynb\)\s*$", text)


@each
def test_the_bootstrap_cell_is_the_same_everywhere(path):
    (cell,) = (cell for cell in cells(path, "code") if "bootstrap" in tags(cell))
    (model,) = (cell for cell in cells(NOTEBOOKS[0], "code") if "bootstrap" in tags(cell))
    assert source(cell) == source(model)
    assert f'REPOSITORY = "{current_address(COURSE_ROOT)}"' in source(cell)


@each
def test_the_badge_opens_this_very_notebook(path):
    owner = current_address(COURSE_ROOT).removeprefix("https://github.com/")
    assert f"colab.research.google.com/github/{owner}/blob/main/notebooks/{path.name})" in prose(path)


@each
def test_pictures_and_links_in_prose_exist_and_have_alt_text(path):
    text = prose(path)
    for alt, target in re.findall(r"!\[(.*?)\]\((.+?)\)", text):
        assert len(alt) > 10
        if not target.startswith("http"):
            assert (path.parent / target).is_file(), target
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)", text):
        if not target.startswith("http") and ".svg" not in target:
            assert (path.parent / target).is_file(), target
    assert "<img" not in text


@each
def test_formulas_use_no_macros_and_are_closed(path):
    text = prose(path)
    for macro in (r"\newcommand", r"\def\\", r"\DeclareMathOperator", r"\operatorname"):
        assert macro not in text
    without_code = re.sub(r"`[^`]*`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    assert without_code.count("$") % 2 == 0


# --- numbers ------------------------------------------------------------------------------------------


def numbers(text: str) -> list[str]:
    """Decimals, percentages and numbers with thousands separators: what only a measurement can supply."""
    return re.findall(r"(?<![\w.,-])-?\d[\d,]*\.\d+|\d{1,3}(?:,\d{3})+|\d+(?= ?%)", text)


def agrees(stated: str, found: list[float]) -> bool:
    """Is the stated number one of those found, rounded as it is stated (a percentage may be a share)?"""
    value = float(stated.replace(",", ""))
    step = 0.5 * 10.0 ** -len(stated.partition(".")[2])
    return any(abs(value - scale * other) <= step * 1.001 for other in found for scale in (1, -1, 100))


@each
def test_the_numbers_in_the_text_are_the_numbers_in_the_outputs(path):
    code = cells(path, "code")
    known = "\n".join([source(cell) for cell in code] + [text_outputs(cell) for cell in code])
    found = [float(n.replace(",", "")) for n in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", known) if n.strip(",-")]
    text = re.sub(
        r"arXiv \d+\.\d+|```.*?```|\$\$.*?\$\$|\*\*Run time[^\n]*|\[!\[[^\n]*", "", prose(path), flags=re.DOTALL
    )
    missing = [number for number in numbers(text) if not agrees(number, found)]
    assert missing == []


# --- code ---------------------------------------------------------------------------------------------


def definitions() -> dict[str, ast.AST]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (COURSE_ROOT / "gan_helpers").rglob("*.py")]
    return {
        node.name: node for tree in trees for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }


@each
def test_what_a_notebook_defines_is_what_the_package_holds(path):
    ours = definitions()
    for cell in cells(path, "code"):
        nodes = ast.parse(source(cell)).body if "defines" in tags(cell) else []
        for node in nodes:
            assert ast.dump(node) == ast.dump(ours[node.name]), f"{node.name} differs from gan_helpers"
        assert nodes or "defines" not in tags(cell)


def test_what_the_course_teaches_is_shown_in_full():
    taught = {"Discriminator", "Generator", "real_loss", "fake_loss", "discriminator_loss", "generator_loss"}
    taught |= {"frechet_distance", "covered", "bootstrap", "penalised"}
    taught |= {"kernel_distance", "class_divergence", "classifier_score", "memorisation"}
    taught |= {
        "saturating_generator_loss",
        "adversarial_steps",
        "update_average",
        "scale_pixels",
        "unscale_pixels",
        "slerp",
    }
    shown = {
        node.name
        for path in NOTEBOOKS
        for cell in cells(path, "code")
        if "defines" in tags(cell)
        for node in ast.parse(source(cell)).body
    }
    assert taught <= shown


def exercises() -> list:
    """(notebook, exercise cell, the solution folded below it)."""
    found = []
    for path in NOTEBOOKS:
        all_cells = read(path)["cells"]
        for cell, after in pairwise(all_cells):
            if cell["cell_type"] == "code" and re.search(r"^check\(", source(cell), re.MULTILINE):
                name = re.search(r'check\("(.+?)"', source(cell))[1]
                found.append(pytest.param(path, cell, after, id=f"{path.stem}-{name}"))
    return found


@each
def test_every_notebook_has_two_exercises(path):
    assert sum(param.values[0] == path for param in exercises()) >= 2


def test_every_exercise_is_asked_somewhere():
    asked = {re.search(r'check\("(.+?)"', source(param.values[1]))[1] for param in exercises()}
    assert asked == set(EXERCISES)


@pytest.mark.parametrize(("path", "cell", "after"), exercises())
def test_exercises_start_unanswered_and_their_solutions_are_right(path, cell, after):
    assert "not answered yet" in text_outputs(cell)
    solution = re.search(
        r"<details>\s*<summary>.*?</summary>\s*```python\n(.*?)```\s*</details>", source(after), re.DOTALL
    )
    assert solution, "no folded solution below the exercise"
    verdicts = []

    def record(name: str, answer: object) -> None:
        verdicts.append(check(name, answer))

    for code in (source(cell), solution[1]):
        exec(compile(code, str(path), "exec"), {**solution_scope(path), "check": record})
    assert [verdict.state for verdict in verdicts] == ["not answered yet", "right"], verdicts


def solution_scope(path: Path) -> dict[str, object]:
    """The names that a notebook imports, in whichever cell, and those that it defines for the package."""
    scope: dict[str, object] = {}
    nodes = [node for cell in cells(path, "code") for node in ast.parse(source(cell)).body]
    imports = [ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    defines = [source(cell) for cell in cells(path, "code") if "defines" in tags(cell)]
    for code in (*imports, *defines):
        exec(compile(code, str(path), "exec"), scope)
    return scope


def test_notebook_05_says_whose_generator_it_loads_how_good_it_is_and_how_to_go_back(tmp_path, monkeypatch, capsys):
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith("05"))
    sources = [source(cell) for cell in read(path)["cells"]]
    index = next(i for i, text in enumerate(sources) if "own = environment.outputs_folder()" in text)
    monkeypatch.setattr(environment, "outputs_folder", lambda: tmp_path)
    names = {"environment": environment, "load_network": load_network, "count_parameters": count_parameters}

    def said(code: str) -> str:
        exec(code, names | {"device": torch.device("cpu")})
        return capsys.readouterr().out

    assert re.match(r"shipped with [\d,]+ parameters,\n.*certain: 0\.\d+", said(sources[index]))
    stopped = Generator(4, (1, 28, 28), (8,))
    save_network(tmp_path / "mnist_generator.safetensors", stopped, data="strokes", steps=3, sure=0.12)
    own = said(sources[index])
    assert own.startswith("yours, from notebook 04, with")
    assert "trained on strokes for 3 steps, certain: 0.12" in own
    (line,) = re.findall(r"`(path = shipped)` goes back", sources[index - 1])
    assert said(re.sub(r"^path = .*", line, sources[index], flags=re.MULTILINE)).startswith("shipped with")


# --- trainings on a reader's own folder ---------------------------------------------------------------


def notebook_scope(number: str) -> tuple[Path, dict[str, object]]:
    """A notebook, and what its cells import and define, without running them."""
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith(number))
    scope = solution_scope(path) | {"device": torch.device("cpu"), "SIDE": 32, "folder": None}
    nodes = [node for cell in cells(path, "code") for node in ast.parse(source(cell)).body]
    functions = [ast.unparse(node) for node in nodes if isinstance(node, ast.FunctionDef)]
    exec(compile("\n".join(["from __future__ import annotations", *functions]), str(path), "exec"), scope)
    return path, scope


def test_notebook_16_trains_for_the_steps_asked_and_says_how_many_pairs_that_takes():
    _, scope = notebook_scope("16")
    images = torch.zeros(40, 3, 32, 32, dtype=torch.uint8)
    pairs = PairSet(images, images, "black")
    for adversarial in (True, False):
        assert scope["trained"](pairs, 7, adversarial=adversarial).step == 7
        with pytest.raises(ValueError, match="a batch of 16 from 15 pictures: choose 2 to 15"):
            scope["trained"](pairs[:15], 7, adversarial=adversarial)


@pytest.mark.parametrize(("number", "rows"), [("16", 3), ("17", 4)])
def test_the_cell_for_own_pictures_trains_on_them_and_shows_them(number, rows, tmp_path, monkeypatch, capsys):
    """On 22 pictures a side: flat, a different shade each, so that those held out can be known again."""
    monkeypatch.setenv("GAN_QUICK", "1")
    for side, channel in {"reds": 0, "tints": 2}.items():
        (tmp_path / side).mkdir()
        for i in range(22):
            pixels = np.full((40, 40, 3), 10 * i + 5, dtype=np.uint8)
            pixels[..., channel] = 255
            Image.fromarray(pixels).save(tmp_path / side / f"{i:02}.png")
    path, scope = notebook_scope(number)
    (cell,) = (source(cell) for cell in cells(path, "code") if re.search("^OWN = None", source(cell), re.MULTILINE))
    exec(compile(cell.replace("OWN = None", f"OWN = {str(tmp_path)!r}"), str(path), "exec"), scope)
    told = capsys.readouterr().out
    assert "reds to tints: 20 pairs" in told if number == "16" else "tints, train: 20 pictures" in told
    first, _, third, *_ = shown = [*getattr(scope["rows"], "values", lambda: scope["rows"])()]
    assert len(shown) == rows
    assert ((first[:, :, 9, 9] + 1) * 127.5).round().tolist() == [[255, 95, 95], [255, 195, 195]]
    assert ((third[:, :, 9, 9] + 1) * 127.5).round().tolist() == [[95, 95, 255], [195, 195, 255]]
