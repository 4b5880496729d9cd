"""The stored rows of ``tests/benchmarks/pairs.py``, and that notebook 16 trains what they were trained with."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import measured
import pairs as program

from gan_helpers import training
from gan_helpers.data import PairSet
from gan_helpers.environment import COURSE_ROOT

CELLS = json.loads((COURSE_ROOT / "notebooks" / "16_translate_with_pairs.ipynb").read_text(encoding="utf-8"))["cells"]


def cell(start: str) -> str:
    (text,) = (text for c in CELLS if (text := "".join(c["source"])).startswith(start))
    return text


def test_the_stored_rows_are_variants_of_the_program_three_seeds_each():
    rows = measured.read_rows("pairs.csv")
    seeds = {name: {r["seed"] for r in rows if r["variant"] == name} for name in {r["variant"] for r in rows}}
    assert seeds.pop("real") == {""}
    assert {*seeds} == {*program.VARIANTS}
    assert set(map(frozenset, seeds.values())) == {frozenset("012")}
    assert all(int(r["steps"]) == program.steps_of(r["variant"]) for r in rows if r["variant"] != "real")


def test_every_row_that_notebook_16_prints_is_stored():
    names = {row["variant"] for row in measured.read_rows("pairs.csv")}
    loops = [text for c in CELLS if "print(summary(name))" in (text := "".join(c["source"]))]
    asked = {name for text in loops for name in ast.literal_eval(ast.parse(text).body[0].iter)}
    assert len(asked) > 4
    assert asked <= names


@pytest.mark.parametrize("name", program.VARIANTS)
def test_a_variant_differs_in_one_thing_from_the_row_that_it_is_compared_with(name):
    variant, against = program.VARIANTS[name]
    other = program.VARIANTS[against][0]
    assert sum(asdict(variant)[key] != value for key, value in asdict(other).items()) == (name != against)


def test_notebook_16_trains_the_variants_as_they_were_trained():
    rows = ast.literal_eval(ast.parse(cell("ROWS: dict")).body[0].value)
    assert set(rows) == set(program.VARIANTS)
    for name, changes in rows.items():
        assert program.VARIANTS[name][0] == replace(program.Variant(), **changes)


@pytest.mark.parametrize("name", ["both", "R1 on the sum", "patches of 1", "L1 alone, no skips"])
def test_the_notebooks_function_is_the_programs(name):
    """The same weights, bit by bit, after a few steps."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (48, 4, 16, 16), generator=generator, dtype=torch.uint8)
    data = PairSet(images[:, :1], images[:, 1:], "noise")
    scope = {"torch": torch, "device": torch.device("cpu"), "replace": replace, "training": training}
    exec("from gan_helpers.models import *\nfrom gan_helpers.training import *", scope)
    exec(cell("def trained("), scope)
    ours = scope["trained"](data, 3, 5, **ast.literal_eval(ast.parse(cell("ROWS: dict")).body[0].value)[name])
    theirs = program.train(program.VARIANTS[name][0], data, 5, epochs=1)
    assert ours.step == theirs.step == 3
    assert all(
        torch.equal(a, b) for a, b in zip(*(r.average.state_dict().values() for r in (ours, theirs)), strict=True)
    )


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Rows of one seed, and costs of 10 and 20 ms, in files of their own."""
    monkeypatch.setattr(measured, "HERE", tmp_path)
    for name, milliseconds in (("both", 20), ("L1 alone", 10)):
        measured.store("pair_costs.csv", [{"variant": name, "milliseconds": milliseconds}])
    measured.store("pairs.csv", [{"variant": "both", "seed": 0, "steps": 1, "error": 0.1}])


def test_each_variant_gets_the_steps_that_its_seconds_pay_for(files):
    assert [program.steps_of(name) for name in ("both", "L1 alone")] == [50 * program.SECONDS, 100 * program.SECONDS]


def test_what_is_stored_is_left_out_and_new_rows_come_last(files, monkeypatch):
    pairs = PairSet(*[torch.zeros(64, 1, 8, 8, dtype=torch.uint8)] * 2, "")
    monkeypatch.setattr(program, "scores", lambda *_: {"error": 0.3})
    monkeypatch.setattr(program, "pairs_of", lambda *_: pairs)
    monkeypatch.setattr(program, "translated", lambda *_: None)
    monkeypatch.setattr(program, "train", lambda *_, epochs: SimpleNamespace(step=round(4 * epochs), average=None))
    program.rows(SimpleNamespace(seeds=[0, 1], only=["both"]))
    found = [(row["variant"], row["seed"], row["steps"]) for row in measured.read_rows("pairs.csv")]
    assert found[0] == ("both", "0", "1")
    assert found[-1] == ("both", "1", str(50 * program.SECONDS))
    assert len(found) == 3  # and one of real faces


def test_the_cost_of_a_step_is_measured_between_steps(monkeypatch):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(program, "pairs_of", lambda *_: PairSet(*[torch.zeros(64, 1, 8, 8, dtype=torch.uint8)] * 2, ""))
    monkeypatch.setattr(measured.time, "process_time", lambda: next(clock))
    assert program.seconds_a_step(program.Variant(skips=False, adversarial=False)) == 2
