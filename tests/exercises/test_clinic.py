"""The ten broken runs of notebook 15: each is ill, its remedy heals it, and the commonest wrong remedy does not.

The notebook's own cells are run, changed as a reader changes them, on real digits or drawn ones, whichever are here.
"""

from __future__ import annotations

import ast
import io
import json

import pytest
import torch
from PIL import Image

from gan_helpers.environment import COURSE_ROOT
from gan_helpers.exercises import CASES, before_and_after, cell_of, diagnose, examine, treated
from gan_helpers.training import History

NOTEBOOK = COURSE_ROOT / "notebooks" / "15_repair_a_broken_run.ipynb"
SOURCES = [
    "".join(cell["source"])
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code" and "bootstrap" not in cell["metadata"].get("tags", [])
]
SETUP = SOURCES[: next(i for i, source in enumerate(SOURCES) if "examine(" in source and "import" not in source)]
each_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def scope():
    """What the notebook defines before its first run, on one thread."""
    threads, names = torch.get_num_threads(), {}
    torch.set_num_threads(1)
    for source in SETUP:
        exec(compile(source, str(NOTEBOOK), "exec"), names)
    yield names
    torch.set_num_threads(threads)


def of(visit, part):
    """The finding whose name begins so."""
    return next(finding for finding in visit.findings if finding.name.startswith(part))


def g_is_ahead(visit):
    """Does D find generated pictures at least as real as real ones, or nearly?"""
    real, fake = map(float, of(visit, "D(x)").value.split(" and "))
    return fake > real - 0.1 and fake > 0.55


# --- what the cases do --------------------------------------------------------------------------------

SYMPTOM = {  # what must be seen in the broken run, for the notebook's words to be true
    "still noise": lambda visit: not of(visit, "D(x)").met and not of(visit, "classes").met,
    "G's loss climbs": lambda visit: not of(visit, "D(x)").met,
    "one picture": lambda visit: of(visit, "classes").value == "1 of 10" and g_is_ahead(visit),
    "grey pictures": lambda visit: abs(visit.pictures.median()) < 0.2 and of(visit, "D(x)").met,
    "only ones": lambda visit: not of(visit, "classes").met and of(visit, "D(x)").met,
    "bad average": lambda visit: of(visit, "D(x)").met and not of(visit, "Fréchet").met,
    "wrong digit": lambda visit: of(visit, "classes").met and of(visit, "D(x)").met and not of(visit, "read as").met,
    "my own loop": lambda visit: not of(visit, "Fréchet").met and of(visit, "classes").value == "1 of 10",
    "NaN": lambda visit: not of(visit, "losses").met,
    "too good": lambda visit: not of(visit, "distance to").met,
}


@each_case
def test_the_run_is_ill_as_its_letter_says(name, scope):
    visit = treated(cell_of(name, SOURCES), ("", ""), scope)
    assert not visit.healthy, visit
    assert SYMPTOM[name](visit), visit


@each_case
def test_the_remedy_heals_and_changes_one_line(name, scope):
    cell, (old, new) = cell_of(name, SOURCES), CASES[name].remedy
    assert sum(a != b for a, b in zip(cell.split("\n"), cell.replace(old, new).split("\n"), strict=True)) == 1
    visit = treated(cell, (old, new), scope)
    assert visit.healthy, visit


@each_case
def test_the_commonest_wrong_remedy_does_not(name, scope):
    cell, change = cell_of(name, SOURCES), CASES[name].tempting
    assert change[0] in cell
    visit = treated(cell, change, scope)
    assert not visit.healthy, visit


def test_in_your_own_loop_clearing_gs_gradients_in_time_heals_as_well(scope):
    late = "    g_loss.backward()\n"
    visit = treated(cell_of("my own loop", SOURCES), (late, f"    g_optimizer.zero_grad()\n{late}"), scope)
    assert visit.healthy, visit


def test_a_lower_rate_leaves_the_nan_at_the_same_step(scope):
    cell = cell_of("NaN", SOURCES)
    steps = [of(treated(cell, change, scope), "losses").value for change in (("", ""), CASES["NaN"].tempting)]
    assert steps[0] == steps[1]
    assert steps[0].startswith("NaN from step")


# --- the diagnosis --------------------------------------------------------------------------------------


@each_case
def test_one_cause_and_one_sign_are_right_and_the_others_are_told_why_not(name):
    case = CASES[name]
    for cause in case.causes:
        for sign in case.signs:
            verdict = diagnose(name, cause, sign)
            right = (cause, sign) == (case.cause, case.sign)
            assert verdict.state == ("right" if right else "hint")
            assert len(verdict.text) > 25
    assert len(case.causes) == 4
    assert len(case.signs) == 3


@pytest.mark.parametrize(("cause", "sign"), [("B", 2), (" b ", "2"), ("(b)", "2."), ("b.", 2)])
def test_a_choice_may_be_written_in_many_ways(cause, sign):
    assert diagnose("still noise", cause, sign).state == "right"


@pytest.mark.parametrize(("cause", "sign"), [("e", 2), ("b", 9), (3, 2), ("the rate", "none")])
def test_what_is_no_choice_is_told_the_choices(cause, sign):
    verdict = diagnose("still noise", cause, sign)
    assert verdict.state == "hint"
    assert "choose one of" in verdict.text


@pytest.mark.parametrize("options", [{}, {"cause": "b"}, {"sign": 2}, {"cause": None, "sign": None}])
def test_without_an_answer_the_choices_are_listed(options):
    verdict = diagnose("still noise", **options)
    assert verdict.state == "not answered yet"
    for text in (repr(verdict), verdict._repr_html_()):
        assert "cause d: " in text
        assert "sign 3: " in text


def test_an_unknown_case_names_all():
    with pytest.raises(KeyError, match="there are still noise, .*too good"):
        diagnose("broken")


# --- the judge ------------------------------------------------------------------------------------------


def history(*rows):
    made = History()
    for row in rows:
        made.record(*(torch.tensor(value) for value in row))
    return made


def test_noise_is_ill_and_real_digits_are_healthy(scope):
    even = history((1.4, 0.7, 0.5, 0.5), (1.4, 0.7, 0.5, 0.5))
    real = scope["data"].images[:1000].float() / 127.5 - 1
    assert examine("healthy", even, real).healthy
    assert not examine("healthy", even, torch.rand(1000, 1, 28, 28) * 2 - 1).healthy
    assert not examine("healthy", history((0.0, 9.0, 1.0, 0.0)), real).healthy


def test_copies_are_found(scope):
    even, few = history((1.4, 0.7, 0.5, 0.5)), scope["data"][:100]
    copies = few.images.float().div(127.5).sub(1).repeat(10, 1, 1, 1)
    visit = examine("too good", even, copies, trained_on=few)
    assert of(visit, "distance to").value == "0.00"
    others = scope["data"].images[1000:2000].float() / 127.5 - 1
    assert of(examine("too good", even, others, trained_on=few), "distance to").met


def test_the_first_nan_is_named():
    visit = examine("NaN", history((1, 1, 0.5, 0.5), (1, float("nan"), 0.5, 0.5)), torch.zeros(1000, 1, 28, 28))
    assert str(visit).split("\n")[1] == "✗ losses and pictures NaN from step 2 on (asked: finite)"


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="generate more"):
        examine("NaN", history((1, 1, 0.5, 0.5)), torch.zeros(10, 1, 28, 28))


def test_the_last_cell_of_a_case_is_taken():
    cells = ['examine("NaN", 1)', 'examine("too good", 1)', 'examine("NaN", 2)']
    assert cell_of("NaN", cells) == cells[2]
    with pytest.raises(ValueError, match="has not been run yet"):
        cell_of("one picture", cells)


def test_a_cell_is_run_with_the_change_in_a_scope_of_its_own():
    names = {"x": 1}
    assert treated("x = x + 1\nx * 10", ("+ 1", "+ 2"), names) == 30
    assert treated("x * 10", ("not there", "y"), names) == 10
    assert names["x"] == 1


def test_ill_and_repaired_samples_stand_side_by_side():
    even = history((1.4, 0.7, 0.5, 0.5))
    ill = examine("NaN", even, torch.full((1000, 1, 28, 28), torch.nan))
    picture = before_and_after({"NaN": ill})
    assert Image.open(io.BytesIO(picture.content)).width > 500
    assert picture.alt.endswith("repair of 1 runs: NaN")


@each_case
def test_a_case_stands_in_one_cell_that_ends_with_its_examination(name):
    (cell,) = (source for source in SOURCES if f'examine("{name}"' in source)
    assert ast.unparse(ast.parse(cell).body[-1]).startswith("examine(")
