"""What the programs in ``tests/benchmarks/`` share: rows in files, and what a step costs."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import measured


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "HERE", tmp_path)


def test_rows_are_appended_columns_grow_and_what_is_there_is_known():
    run = {"data": "glasses", "variant": "recipe", "seed": 0}
    assert measured.read_rows("rows.csv") == measured.stored("rows.csv", **run) == []
    measured.store("rows.csv", [{**run, "adds": 0.5}])
    measured.store("rows.csv", [{"data": "digits", "variant": "recipe", "seed": 1, "agree": 0.7}])
    assert [(row["adds"], row["agree"]) for row in measured.read_rows("rows.csv")] == [("0.5", ""), ("", "0.7")]
    assert len(measured.stored("rows.csv", **run)) == 1
    assert measured.stored("rows.csv", **run | {"seed": 1}) == []


def test_a_run_made_again_takes_the_place_of_its_rows_alone():
    for seed, score in ((0, 1.0), (1, 2.0), (0, 3.0)):
        measured.store("rows.csv", [{"variant": "a", "seed": seed, "moment": m, "score": score} for m in (10, 20)])
    found = [(row["seed"], row["moment"], row["score"]) for row in measured.read_rows("rows.csv")]
    assert found == [("1", "10", "2.0"), ("1", "20", "2.0"), ("0", "10", "3.0"), ("0", "20", "3.0")]


def test_two_at_once_lose_no_row():
    def fill(seed: int) -> None:
        for variant in "abcdefgh":
            measured.store("rows.csv", [{"variant": variant, "seed": seed}])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(4)))
    assert len(measured.read_rows("rows.csv")) == 4 * 8


def test_a_half_written_file_never_replaces_a_good_one(monkeypatch):
    measured.store("rows.csv", [{"variant": "a", "score": 1}])
    monkeypatch.setattr(measured, "write_atomically", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        measured.store("rows.csv", [{"variant": "b", "score": 2}])
    assert [row["variant"] for row in measured.read_rows("rows.csv")] == ["a"]


def test_ranges_give_median_least_and_most_of_what_was_measured():
    rows = [{"variant": "a", "seed": s, "error": e, "read": ""} for s, e in enumerate(("0.1", "0.4", "0.2"))]
    assert measured.ranges(rows).split() == ["error", "0.2", "[0.1,", "0.4]"]


def test_costs_are_medians_of_rounds_in_turn():
    asked, found = [], iter([0.03, 0.05, 0.05, 0.04, 0.02, 0.09])

    def measure(name):
        asked.append(name)
        return next(found)

    measured.store_costs("costs.csv", {name: lambda name=name: measure(name) for name in "ab"})
    assert asked == ["a", "b"] * 3
    costs = measured.read_rows("costs.csv")
    assert costs == [{"variant": "a", "milliseconds": "30.0"}, {"variant": "b", "milliseconds": "50.0"}]
    assert [measured.steps_for(60, "costs.csv", name) for name in "ab"] == [2000, 1200]


def test_a_step_costs_the_time_between_the_ends_of_steps(monkeypatch):
    times = iter([5.0, 5.5, 6.0, 9.0])
    monkeypatch.setattr(measured.time, "process_time", lambda: next(times))
    clock = measured.StepClock()
    for _ in range(4):
        clock(None)
    assert clock.seconds_a_step() == pytest.approx(4 / 3)
