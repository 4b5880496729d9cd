"""The stored rows of ``tests/benchmarks/recipe.py``, and what its report makes of rows."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import asdict
from itertools import product
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import measured
import recipe

from gan_helpers import models
from gan_helpers.checkpoints import load_network
from gan_helpers.data import ImageSet, scale_pixels
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.models import generate
from gan_helpers.training.augmenting import diff_augment
from gan_helpers.training.runs import TrainingDiverged
from gan_helpers.training.settings import NON_SATURATING, STABLE


def row(name: str, seed: int, seconds: float, frechet: float) -> dict[str, str]:
    moment = 10 * round(seconds / 10)
    return {"recipe": name, "seed": str(seed), "moment": str(moment), "seconds": str(seconds), "frechet": str(frechet)}


def test_times_sooner_is_the_ratio_of_seconds_at_the_classic_best():
    rows = [row("classic", s, t, d) for s in (0, 1, 2) for t, d in ((10, 400), (300, 250 + s), (900, 310))]
    rows += [row("ours", s, t, d) for s in (0, 1, 2) for t, d in ((2, 300), (8 + s, 250), (60, 20))]
    assert recipe.times_sooner(rows) == pytest.approx(300 / 9)  # median of 8, 9 and 10 seconds


def test_rows_are_grouped_by_moment_over_the_seeds():
    rows = [row("ours", s, t + s, 1.0) for s in (0, 1) for t in (10, 20, 30)]
    groups = recipe.by_moment(rows)
    assert [len(group) for group in groups] == [2, 2, 2]
    assert [recipe.median(group, "seconds") for group in groups] == [10.5, 20.5, 30.5]


def test_the_stored_comparison_holds_five_seeds_of_ours_and_two_of_the_classic_recipe():
    rows = measured.read_rows("recipe.csv")
    seeds = {name: {r["seed"] for r in rows if r["recipe"] == name} for name in ("ours", "classic")}
    assert len(seeds["ours"]) >= 5
    assert len(seeds["classic"]) >= 2


# --- levers -------------------------------------------------------------------------------------------


def lever_row(lever: str, seed: int, moment: int, frechet: float = 9.0) -> dict[str, str]:
    return {"lever": lever, "seed": str(seed), "moment": str(moment), "frechet": str(frechet)}


def test_the_stored_levers_hold_every_lever_three_seeds_and_both_moments():
    rows = measured.read_rows("levers.csv")
    runs = Counter((r["lever"], r["seed"], int(r["moment"])) for r in rows)
    assert runs == Counter(product(recipe.LEVERS, "012", recipe.LEVER_MOMENTS))


@pytest.mark.parametrize("lever", recipe.LEVERS)
def test_a_lever_differs_in_one_thing_from_the_row_that_it_is_compared_with(lever):
    (changed, name), (against, _) = recipe.LEVERS[lever], recipe.LEVERS[recipe.LEVERS[lever][1]]
    ours, theirs = asdict(changed.settings), asdict(against.settings)
    settings = {key for key in theirs if ours[key] != theirs[key]}
    rates = {"g_lr", "d_lr"}
    things = len(settings - rates) + bool(settings & rates) + (changed.pair != against.pair)
    assert things == (name != lever)


@pytest.mark.parametrize("lever", recipe.LEVERS)
def test_a_lever_trains_and_its_generator_can_be_scored(lever):
    torch.manual_seed(0)
    data = ImageSet(torch.randint(0, 256, (640, 1, 28, 28), dtype=torch.uint8), torch.zeros(640).long(), ["x"], "drawn")
    snapshots = recipe.Snapshots((1, 3))
    recipe.train(recipe.LEVERS[lever][0], 0, data, snapshots)
    assert [step for step, *_ in snapshots.taken] == [1, 3]
    early, late = (generate(generator, torch.ones(2, 64)) for _, _, generator, _ in snapshots.taken)
    assert not torch.equal(early, late)


def test_finished_levers_are_left_out_and_unfinished_ones_made_again(tmp_path, monkeypatch):
    trained = []

    class Scorer:
        def pair(self, *_: object) -> dict[str, float]:
            return {"frechet": 1.0}

    def train(variant: int, seed: int, data: None, snapshots: recipe.Snapshots) -> None:
        trained.append((variant, seed))
        if (variant, seed) == (3, 1):
            raise TrainingDiverged("nan")
        snapshots.taken = [(moment, 1.0, None, None) for moment in snapshots.moments]

    monkeypatch.setattr(measured, "HERE", tmp_path)
    monkeypatch.setattr(recipe, "LEVERS", {"a": (1, "a"), "b": (2, "a"), "c": (3, "a")})
    monkeypatch.setattr(recipe, "train", train)
    measured.store("levers.csv", [lever_row("a", 0, moment) for moment in recipe.LEVER_MOMENTS])
    measured.store("levers.csv", [lever_row("b", 0, 1500)])  # its last moment is missing
    for _ in range(2):
        recipe.levers(argparse.Namespace(seeds=[0, 1], only=None), None, Scorer())
    assert trained == [(2, 0), (3, 0), (1, 1), (2, 1), (3, 1), (3, 1)]  # what diverged is tried again
    found = {(r["lever"], r["seed"], r["moment"]): r["frechet"] for r in measured.read_rows("levers.csv")}
    assert len(found) == (3 * 2 - 1) * 2
    assert found["a", "0", "4500"] == "9.0"  # kept
    assert found["b", "0", "1500"] == "1.0"  # made again


# --- few pictures -------------------------------------------------------------------------------------


def test_the_stored_rows_on_few_pictures_hold_all_remedies_three_seeds_and_all_moments():
    rows = measured.read_rows("few.csv")
    runs = Counter((r["remedy"], r["seed"], int(r["moment"])) for r in rows)
    assert runs == Counter(product(recipe.REMEDIES, "012", recipe.FEW_MOMENTS))


def test_the_remedies_are_r1_and_a_change_and_nothing_else():
    weights = {name: asdict(variant.settings) for name, variant in recipe.REMEDIES.items()}
    assert {name: settings.pop("r1") for name, settings in weights.items()} == {
        "nothing": 0.0,
        "R1": NON_SATURATING.r1,
        "DiffAugment": 0.0,
        "both": NON_SATURATING.r1,
    }
    assert all(settings == weights["nothing"] for settings in weights.values())
    assert {name for name, variant in recipe.REMEDIES.items() if variant.change is diff_augment} == {
        "DiffAugment",
        "both",
    }
    assert all(variant.pair is models.stable_pair for variant in recipe.REMEDIES.values())


@pytest.fixture
def few_scorer() -> recipe.FewScorer:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (1200, 1, 28, 28), dtype=torch.uint8)
    data = ImageSet(images, torch.arange(1200) % 10, [*"0123456789"], "drawn")
    return recipe.FewScorer(data, data)


def test_known_and_held_out_pictures_are_500_others_each(few_scorer):
    known, held_out = (part.images.flatten(1) for part in (few_scorer.known, few_scorer.held_out))
    assert len(known) == len(held_out) == 500
    assert len(torch.cat([known, held_out]).unique(dim=0)) == 1000


def test_a_copy_of_a_known_picture_is_memorised_and_one_held_out_is_not(few_scorer):
    known, held_out = (scale_pixels(part.images) for part in (few_scorer.known, few_scorer.held_out))
    assert few_scorer.memorisation(known) == pytest.approx(0, abs=1e-3)
    assert few_scorer.memorisation(held_out) == pytest.approx(1)
    assert few_scorer.memorisation(torch.cat([known, held_out])) == pytest.approx(0.5, abs=1e-3)


def test_the_logits_are_d_s_on_each_of_the_three_sets(few_scorer):
    class Brightness(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.none = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images):
            return images.flatten(1).mean(1)

    few_scorer.known.images.fill_(255)
    few_scorer.held_out.images[:100].fill_(255)
    few_scorer.held_out.images[100:].fill_(0)
    found = few_scorer.logits(Brightness(), torch.full((500, 1, 28, 28), -0.5))
    assert [found[name] for name in ("known", "held_out", "fake")] == [1.0, pytest.approx(-0.6), -0.5]
    assert found["known_above_held_out"] == pytest.approx(0.8 + 0.2 / 2)  # a fifth of the held-out ones is as bright
    assert found["held_out_above_fake"] == pytest.approx(0.2)


def test_ranked_above_is_the_share_of_pairs():
    torch.manual_seed(0)
    for n, m in ((3, 5), (40, 7)):
        a, b = torch.randint(6, (n,)).float(), torch.randint(6, (m,)).float()
        pairs = [(x > y) + (x == y) / 2 for x in a.tolist() for y in b.tolist()]
        assert recipe.ranked_above(a, b) == pytest.approx(sum(pairs) / len(pairs), abs=1e-4)


def test_runs_on_few_pictures_are_trained_once(tmp_path, monkeypatch, few_scorer):
    trained = []

    def train(variant, seed, data, snapshots):
        trained.append((variant, seed))
        assert data is few_scorer.known
        snapshots.taken = [(moment, 1.04, *models.stable_pair()) for moment in recipe.FEW_MOMENTS]

    monkeypatch.setattr(measured, "HERE", tmp_path)
    monkeypatch.setattr(recipe, "FEW_MOMENTS", (100, 300))
    monkeypatch.setattr(recipe, "SAMPLES", 600)
    monkeypatch.setattr(recipe, "train", train)
    for seeds in ([0], [0, 1]):
        recipe.few(argparse.Namespace(seeds=seeds, only="R1"), None, few_scorer)
    assert trained == [(recipe.REMEDIES["R1"], 0), (recipe.REMEDIES["R1"], 1)]
    rows = measured.read_rows("few.csv")
    assert [(r["remedy"], r["seed"], r["moment"]) for r in rows] == [("R1", s, m) for s in "01" for m in ("100", "300")]
    assert all(float(r["frechet"]) > 0 for r in rows)


# --- costs --------------------------------------------------------------------------------------------


def test_the_stored_costs_are_of_all_levers_and_remedies():
    rows = measured.read_rows("costs.csv")
    assert sorted(row["variant"] for row in rows) == sorted({*recipe.LEVERS, *recipe.REMEDIES, "ours", "classic"})
    assert all(1 < float(row["milliseconds"]) < 1000 for row in rows)


def test_a_step_costs_the_seconds_between_two_moments_over_its_steps(monkeypatch):
    def train(variant, seed, data, snapshots):
        snapshots.taken = [(moment, 3.0 + 0.02 * moment, None, None) for moment in snapshots.moments]

    monkeypatch.setattr(recipe, "train", train)
    assert recipe.step_seconds(recipe.ours, None) == pytest.approx(0.02)


def test_costs_are_medians_of_three_rounds_in_turn(tmp_path, monkeypatch):
    found = iter([0.03, 0.05, 0.07, 0.05, 0.04, 0.06, 0.02, 0.09, 0.08])
    asked = []

    def step_seconds(variant, data):
        asked.append(variant)
        return next(found)

    monkeypatch.setattr(measured, "HERE", tmp_path)
    monkeypatch.setattr(recipe, "LEVERS", {"a": ("A", "a")})
    monkeypatch.setattr(recipe, "REMEDIES", {"b": "B"})
    monkeypatch.setattr(recipe, "step_seconds", step_seconds)
    monkeypatch.setattr(recipe, "plain_step_seconds", lambda data: 0.01)
    recipe.costs(argparse.Namespace(), None, None)
    assert asked == ["A", "B", recipe.ours] * 3
    rows = measured.read_rows("costs.csv")
    found = {row["variant"]: float(row["milliseconds"]) for row in rows}
    assert found == {"classic": 10.0, "a": 30.0, "b": 50.0, "ours": 70.0}


def cell_of_notebook_07(text: str) -> str:
    cells = json.loads((COURSE_ROOT / "notebooks" / "07_train_it_stably.ipynb").read_text(encoding="utf-8"))["cells"]
    (found,) = (code for cell in cells if f"\n{text}" in (code := "".join(cell["source"])))
    return found


def test_notebook_07_reruns_the_levers_as_they_were_run():
    scope: dict = {}
    exec(cell_of_notebook_07("LEVERS = {"), scope)
    assert set(scope["LEVERS"]) == set(recipe.LEVERS)
    for name, (changes, *_) in scope["LEVERS"].items():
        variant, other = recipe.LEVERS[name]
        assert variant.settings == recipe.start.but(**changes).settings, name
        assert (scope["AGAINST"].get(name, "start") or name) == other
    assert (recipe.start.settings, recipe.ours.settings) == (NON_SATURATING, STABLE)


# --- search and comparison ----------------------------------------------------------------------------


def test_the_stored_search_holds_every_variant_and_all_moments():
    rows = measured.read_rows("search.csv")
    runs = Counter((r["variant"], r["seed"], int(r["moment"])) for r in rows)
    assert runs == Counter(product(recipe.SEARCH, "0", recipe.SEARCH_MOMENTS))
    assert recipe.SEARCH["ours"] is recipe.ours


def test_the_comparison_charges_each_step_its_price(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "HERE", tmp_path)
    measured.store("costs.csv", [{"variant": "classic", "milliseconds": 9.5}])
    measured.store("costs.csv", [{"variant": "ours", "milliseconds": 26.0}])
    for name in ("classic", "ours"):
        measured.store("recipe.csv", [{"recipe": name, "seed": 0, "moment": 200, "seconds": 99.0}])
    assert {r["recipe"]: r["seconds"] for r in recipe.priced_rows()} == {"classic": 1.9, "ours": 5.2}


def test_the_table_of_the_readme_is_that_of_the_rows():
    found = {}
    for group in recipe.by_moment([row for row in recipe.priced_rows() if row["recipe"] == "ours"]):
        distance, precision, recall = (recipe.median(group, key) for key in ("frechet", "precision", "recall"))
        worst = max(float(row["frechet"]) for row in group)
        shown = f"{distance:.1f}", f"{worst:.1f}", f"{precision:.2f}", f"{recall:.2f}"
        found[f"{group[0]['seconds']:.0f}"] = (str(len(group)), *shown)
    text = (COURSE_ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| (\d) " + r"\| ([\d.]+) " * 4 + r"\|$", text, re.MULTILINE)
    assert len(table) == 9
    assert {seconds: tuple(row) for seconds, *row in table}.items() <= found.items()


def test_a_generator_of_the_comparison_is_kept_with_its_numbers(tmp_path, monkeypatch, few_scorer):
    def train(variant, seed, data, snapshots):
        snapshots.taken = [(moment, 1.0, *models.stable_pair()) for moment in snapshots.moments]

    monkeypatch.setattr(measured, "HERE", tmp_path)
    monkeypatch.setattr(recipe, "outputs_folder", lambda: tmp_path)
    monkeypatch.setattr(recipe, "train", train)
    monkeypatch.setattr(recipe, "MOMENTS", (100, 200, 300))
    monkeypatch.setattr(few_scorer, "pair", lambda *_: {"frechet": 2.0})
    recipe.compare(argparse.Namespace(seeds=[4], only="ours", until=200), few_scorer.known, few_scorer)
    assert [r["moment"] for r in measured.read_rows("recipe.csv")] == ["100", "200"]
    _, facts = load_network(recipe.final_path("ours", 4))
    assert {key: facts[key] for key in ("seed", "steps", "frechet")} == {"seed": 4, "steps": 200, "frechet": 2.0}


def test_snapshots_are_taken_after_so_many_steps_and_end_the_run():
    class Counted:
        step, average, discriminator = 0, torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)

    snapshots = recipe.Snapshots((2, 5))
    for Counted.step in range(1, 5):
        snapshots(Counted)
    Counted.step = 5
    with pytest.raises(recipe.Enough):
        snapshots(Counted)
    assert [step for step, *_ in snapshots.taken] == [2, 5]
    assert snapshots.moments == []
