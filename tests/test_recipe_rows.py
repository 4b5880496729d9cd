"""The stored rows of ``tests/benchmarks/recipe.py``, and what its report makes of rows."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import recipe

from gan_helpers.environment import COURSE_ROOT
from gan_helpers.training.settings import CLASSIC


def row(name: str, seed: int, seconds: float, frechet: float) -> dict[str, str]:
    moment = 10 * round(seconds / 10)
    return {"recipe": name, "seed": str(seed), "moment": str(moment), "seconds": str(seconds), "frechet": str(frechet)}


def test_times_sooner_is_the_ratio_of_seconds_at_the_classic_best():
    rows = [row("classic", s, t, d) for s in (0, 1, 2) for t, d in ((10, 400), (300, 250 + s), (900, 310))]
    rows += [row("ours", s, t, d) for s in (0, 1, 2) for t, d in ((2, 300), (8 + s, 250), (60, 20))]
    assert recipe.times_sooner(rows) == pytest.approx(300 / 9)  # median of 8, 9 and 10 seconds


def test_a_run_made_again_replaces_its_rows_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "HERE", tmp_path)
    recipe.store("rows.csv", [row("ours", 0, t, 9.0) for t in (10, 20)])
    recipe.store("rows.csv", [row("ours", 1, 10, 8.0)])
    recipe.store("rows.csv", [row("classic", 0, 10, 7.0)])
    recipe.store("rows.csv", [row("ours", 0, 10, 6.0)])
    found = [(r["recipe"], r["seed"], r["frechet"]) for r in recipe.read_rows(tmp_path / "rows.csv")]
    assert found == [("ours", "1", "8.0"), ("classic", "0", "7.0"), ("ours", "0", "6.0")]


def test_rows_are_grouped_by_moment_over_the_seeds():
    rows = [row("ours", s, t + s, 1.0) for s in (0, 1) for t in (10, 20, 30)]
    groups = recipe.by_moment(rows)
    assert [len(group) for group in groups] == [2, 2, 2]
    assert [recipe.median(group, "seconds") for group in groups] == [10.5, 20.5, 30.5]


def test_the_stored_comparison_holds_five_seeds_of_ours_and_two_of_the_classic_recipe():
    rows = recipe.read_rows(recipe.HERE / "recipe.csv")
    seeds = {name: {r["seed"] for r in rows if r["recipe"] == name} for name in ("ours", "classic")}
    assert len(seeds["ours"]) >= 5
    assert len(seeds["classic"]) >= 2


def test_the_stored_levers_are_those_of_the_program():
    rows = recipe.read_rows(recipe.HERE / "levers.csv")
    assert {r["lever"] for r in rows} == set(recipe.LEVERS)


@pytest.mark.parametrize("lever", recipe.LEVERS)
def test_a_lever_differs_in_one_thing_from_the_row_that_it_is_compared_with(lever):
    (ours, name), (against, _) = recipe.LEVERS[lever], recipe.LEVERS[recipe.LEVERS[lever][1]]
    ours_settings, theirs = asdict(ours.settings), asdict(against.settings)
    changed = {key for key in theirs if ours_settings[key] != theirs[key]} - {"penalty_every"}
    changed -= {"unit_gradient"} if "objective" in changed else set()  # Wasserstein's loss comes with its penalty
    assert len(changed) + (ours.pair != against.pair) == (name != lever)


def test_notebook_07_reruns_the_levers_as_they_were_run():
    cells = json.loads((COURSE_ROOT / "notebooks" / "07_train_it_stably.ipynb").read_text(encoding="utf-8"))["cells"]
    (text,) = ("".join(c["source"]) for c in cells if "LEVERS: dict[str, dict] = {" in "".join(c["source"]))
    levers, against = (ast.literal_eval(statement.value) for statement in ast.parse(text).body[:2])
    assert set(levers) == set(recipe.LEVERS)
    for name, changes in levers.items():
        variant, other = recipe.LEVERS[name]
        assert variant.settings == recipe.classic.but(**changes).settings, name
        assert against.get(name, "nothing") == other
    assert asdict(recipe.classic.settings) == asdict(CLASSIC)
