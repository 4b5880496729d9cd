"""Every exercise with right and wrong forms of its answer, written in the many styles that readers write.

That the solutions printed in the notebooks are right is tested in test_notebooks.py.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from gan_helpers.exercises import check
from gan_helpers.exercises.judging import EXERCISES

FORMS = [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("forms_*.py"))]  # one a notebook
RIGHT = {name: answers for forms in FORMS for name, answers in forms.RIGHT.items()}
WRONG = {name: answers for forms in FORMS for name, answers in forms.WRONG.items()}


def numbered(forms: dict[str, list]) -> list:
    return [pytest.param(name, a, id=f"{name}-{i}") for name, answers in forms.items() for i, a in enumerate(answers)]


@pytest.mark.parametrize(("name", "answer"), numbered(RIGHT))
@pytest.mark.filterwarnings("ignore")
def test_a_right_form_is_right(name, answer):
    verdict = check(name, answer)
    assert verdict.state == "right", verdict


@pytest.mark.parametrize(("name", "answer"), numbered(WRONG))
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_form_gets_a_hint(name, answer):
    verdict = check(name, answer)
    assert verdict.state == "hint", verdict
    assert "the check itself failed" not in verdict.text


@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_six_right_and_ten_wrong_forms(name):
    assert len(RIGHT[name]) >= 6
    assert len(WRONG[name]) >= 10


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.filterwarnings("ignore")
def test_no_chance_is_in_the_verdict(name, seed):
    assert check(name, RIGHT[name][0], seed).state == "right", check(name, RIGHT[name][0], seed)
