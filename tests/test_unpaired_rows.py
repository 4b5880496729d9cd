"""The stored rows of ``tests/benchmarks/unpaired.py``, and how that program counts, stores and scores."""

from __future__ import annotations

import ast
import inspect
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import measured
import unpaired

from gan_helpers.data import ImageSet, scale_pixels
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.metrics import absolute_error, at_reader, load_classifier, read_images
from gan_helpers.models import DiscriminatorPair, TranslatorPair
from gan_helpers.training import CYCLEGAN, train_cyclegan


def pictures(n: int, channels: int = 1, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, 32, 32), dtype=torch.uint8, generator=draw)


@pytest.mark.parametrize("name", ["unpaired.csv", "goal.csv"])
def test_stored_rows_are_those_that_the_program_trains(name):
    rows = measured.read_rows(name)
    known = {("glasses", variant) for variant in unpaired.FACES}
    stored = Counter((row["data"], row["variant"]) for row in rows)
    assert stored.keys() <= (known if name == "unpaired.csv" else {("glasses", "recipe"), ("digits", "recipe")})
    assert stored["glasses", "recipe"] == 3
    assert len({(row["data"], row["variant"], row["seed"]) for row in rows}) == len(rows)
    for row in rows:
        seconds, cost = (unpaired.SECONDS, row["variant"]) if name == "unpaired.csv" else unpaired.GOALS[row["data"]]
        assert int(row["seconds"]) == seconds
        assert int(row["steps"]) == measured.steps_for(seconds, "unpaired_costs.csv", cost)


@pytest.mark.parametrize("name", unpaired.FACES)
def test_a_variant_differs_in_one_thing_from_the_row_that_it_is_compared_with(name):
    (variant, against), theirs = unpaired.FACES[name], asdict(unpaired.FACES[unpaired.FACES[name][1]][0])
    changed = {key for key, value in asdict(variant).items() if value != theirs[key]}
    assert len(changed) == (name != against)


def test_notebook_17_reruns_the_variants_as_they_were_run():
    cells = json.loads((COURSE_ROOT / "notebooks/17_translate_without_pairs.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    (text,) = ("".join(c["source"]) for c in cells if "".join(c["source"]).startswith("CHANGES = {"))
    changes, against = (ast.literal_eval(statement.value) for statement in ast.parse(text).body)
    assert list(changes) == list(unpaired.FACES)
    for name, changed in changes.items():
        assert (replace(unpaired.recipe, **changed), against.get(name, "recipe")) == unpaired.FACES[name]


def test_the_recipe_is_the_package_s_own():
    shape, defaults = (3, 32, 32), inspect.signature(train_cyclegan).parameters
    networks = TranslatorPair(shape), DiscriminatorPair(shape)
    assert [n.config for n in unpaired.recipe.networks(shape)] == [n.config for n in networks]
    assert unpaired.recipe.r1 == CYCLEGAN.r1
    assert (unpaired.recipe.cycle, unpaired.recipe.identity) == tuple(
        defaults[k].default for k in ("cycle", "identity")
    )


def test_a_step_costs_what_its_process_computes_and_not_what_it_waits():
    clock, start = measured.StepClock(), time.perf_counter()

    def sleep(run):
        time.sleep(0.05)

    networks = TranslatorPair((1, 32, 32), width=2), DiscriminatorPair((1, 32, 32), width=2)
    run = train_cyclegan(*networks, pictures(160), pictures(40, seed=1), epochs=1, callbacks=[sleep, clock])
    assert len(clock.times) == run.step == 10
    assert 0 < clock.seconds_a_step() < (time.perf_counter() - start) / 9 - 0.04


def test_a_run_has_as_many_steps_as_asked():
    run = unpaired.train(unpaired.Variant(pool=0), *(as_set(pictures(50, seed=s)) for s in (0, 1)), 2, 0)
    assert run.step == 2


def as_set(images: torch.Tensor) -> ImageSet:
    return ImageSet(images, torch.zeros(len(images), dtype=torch.int64), ("all",), "test")


def as_read(images: torch.Tensor) -> ImageSet:
    """Noise, labelled as the classifier reads it."""
    classifier = load_classifier()
    labels = read_images(classifier, at_reader(classifier, scale_pixels(images))).labels
    return ImageSet(images, labels, tuple("0123456789"), "test")


def test_the_judge_of_digits_scores_each_way_against_the_set_that_it_leads_to(monkeypatch):
    """With sets of very different looks, copying keeps what is read, and is as far from the target as the source is."""
    dark, light = pictures(200) // 8, 255 - pictures(200, seed=1) // 8
    judge = unpaired.DigitJudge(*map(as_read, (dark, light)))

    class Copies:
        to_a, to_b = "to a", "to b"

    class Results(Copies):
        """What belongs to the other set, for every picture."""

    a, b = scale_pixels(judge.a.images), scale_pixels(judge.b.images)  # in the order of the judge's lot
    monkeypatch.setattr(unpaired, "apply", lambda network, images: scale_pixels(images))
    copied = judge(Copies)
    assert (copied["agree_a"], copied["agree_b"], copied["cycle"]) == (1, 1, 0)
    assert copied["distance_a"] == pytest.approx(copied["distance_b"], rel=1e-3)
    monkeypatch.setattr(unpaired, "apply", lambda network, images: b if network == "to b" else a)
    swapped = judge(Results)
    assert swapped["distance_a"] < 0.01 * copied["distance_a"]
    assert swapped["distance_b"] < 0.01 * copied["distance_b"]
    assert swapped["cycle"] == pytest.approx(0, abs=1e-6)
    assert absolute_error(a, b) > 1
