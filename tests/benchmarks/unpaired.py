"""CycleGAN with one thing changed a row, on equal seconds: python tests/benchmarks/unpaired.py COMMAND [options]

    costs     measures what a step of each variant costs, all in turn: unpaired_costs.csv
    faces     trains the variants of FACES on drawn faces without and with glasses: unpaired.csv
    goal      trains the recipe for longer, on faces and on digits, and keeps the pairs in outputs/: goal.csv
    report    prints the medians and ranges of these rows

A row gets as many steps as its seconds pay for at what its step costs, in CPU seconds of one thread. So its scores are
the same on a busy machine. A command goes on where it was stopped: what is
stored is left out, and to train it again, delete its row.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    os.environ |= {"GAN_QUICK": "0", "OMP_NUM_THREADS": "1"}  # before torch is imported

import torch
from measured import StepClock, ranges, steps_for, store, store_costs, stored
from torch import Tensor

from gan_helpers.checkpoints import Network, save_network
from gan_helpers.data import ImageSet, data_factors, load_unpaired, scale_pixels
from gan_helpers.environment import outputs_folder
from gan_helpers.metrics import (
    Reading,
    Referee,
    absolute_error,
    at_reader,
    frechet_distance,
    load_classifier,
    load_reader,
    read_images,
    referee,
)
from gan_helpers.models import DiscriminatorPair, TranslatorPair, apply
from gan_helpers.training import CYCLEGAN, Run, train_cyclegan

SECONDS = 40  # of a core, a row of the table; and a long run:
GOALS = {"glasses": (120, "recipe"), "digits": (30, "recipe on digits")}  # seconds, and whose cost a step has
STEPS = 17  # of a measurement of cost: the first starts the clock, and R1 comes at every 8th
HELD_OUT = 2000
Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """What a training of CycleGAN is made of."""

    residual: bool = True
    halvings: int = 3  # of D: patches of 46 pixels
    pool: int = 50
    cycle: float = 5.0
    identity: float = 2.0
    r1: float = 0.1

    def networks(self, shape: tuple[int, ...]) -> tuple[TranslatorPair, DiscriminatorPair]:
        translators = TranslatorPair(shape, residual=self.residual)
        return translators, DiscriminatorPair(shape, halvings=self.halvings, pool=self.pool)


recipe = Variant()
plain = Variant(residual=False)

# One thing changed a row, and the row that it differs from in that one thing alone.
FACES: dict[str, tuple[Variant, str]] = {
    "recipe": (recipe, "recipe"),
    "no cycle loss": (replace(recipe, cycle=0.0), "recipe"),
    "no identity loss": (replace(recipe, identity=0.0), "recipe"),
    "no pool": (replace(recipe, pool=0), "recipe"),
    "plain output": (plain, "recipe"),
    "plain, no identity loss": (replace(plain, identity=0.0), "plain output"),
    "plain, adversarial alone": (replace(plain, identity=0.0, cycle=0.0), "plain, no identity loss"),
    "patches of 22": (replace(recipe, halvings=2), "recipe"),
}


def train(variant: Variant, a: ImageSet, b: ImageSet, steps: int, seed: int, **options: Any) -> Run:
    torch.manual_seed(seed)
    settings = replace(CYCLEGAN, r1=variant.r1, seed=seed)
    options |= {"cycle": variant.cycle, "identity": variant.identity, "settings": settings}
    return train_cyclegan(*variant.networks(a.shape), a, b, epochs=steps / (len(a) // settings.batch_size), **options)


def costs(options: argparse.Namespace) -> None:
    measured = {name: partial(seconds_a_step, variant, "glasses") for name, (variant, _) in FACES.items()}
    store_costs("unpaired_costs.csv", measured | {"recipe on digits": partial(seconds_a_step, recipe, "digits")})


def seconds_a_step(variant: Variant, data: str) -> float:
    """CPU seconds of this process."""
    train(variant, *load_unpaired(data), STEPS, 0, callbacks=[clock := StepClock()])
    return clock.seconds_a_step()


# --- scores -------------------------------------------------------------------------------------------


def switch_scores(judge: Referee, pair: Network) -> Row:
    """On held-out faces, and the error of there and back."""
    score = judge.score(lambda x: apply(pair.to_b, x), lambda x: apply(pair.to_a, x))
    return {name: round(value, 4) for name, value in asdict(score).items()}


def some(images: ImageSet) -> ImageSet:
    """Drawn by lot: the first pictures of MNIST's test set are easier to read than the last."""
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:HELD_OUT]]


class DigitJudge:
    """Held-out digits of both kinds, and what the classifier of MNIST reads in their translations."""

    def __init__(self, a: ImageSet, b: ImageSet) -> None:
        self.a, self.b, self.classifier = some(a), some(b), load_classifier()
        self.real_a, self.real_b = self.read(scale_pixels(self.a.images)), self.read(scale_pixels(self.b.images))

    def read(self, images: Tensor) -> Reading:
        """At the 28x28 that the classifier was trained on."""
        return read_images(self.classifier, at_reader(self.classifier, images).clamp(-1, 1))

    def __call__(self, pair: Network) -> Row:
        a, b = scale_pixels(self.a.images), scale_pixels(self.b.images)
        to_b, to_a = apply(pair.to_b, a), apply(pair.to_a, b)
        as_b, as_a = self.read(to_b), self.read(to_a)
        scores = {
            "agree_b": float((as_b.labels == self.a.labels).float().mean()),
            "agree_a": float((as_a.labels == self.b.labels).float().mean()),
            "distance_b": frechet_distance(as_b.features, self.real_b.features),
            "distance_a": frechet_distance(as_a.features, self.real_a.features),
            "cycle": (absolute_error(apply(pair.to_a, to_b), a) + absolute_error(apply(pair.to_b, to_a), b)) / 2,
        }
        return {name: round(value, 4) for name, value in scores.items()}


# --- rows ---------------------------------------------------------------------------------------------


def face_judge() -> Referee:
    return referee(load_reader(), data_factors("test")[:HELD_OUT])


def faces(options: argparse.Namespace) -> None:
    (a, b), judge = load_unpaired("glasses"), face_judge()
    for name, seed in product(options.only or FACES, options.seeds):
        run_is = {"data": "glasses", "variant": name, "seed": seed}
        if not stored("unpaired.csv", **run_is):
            run = train(FACES[name][0], a, b, steps_for(SECONDS, "unpaired_costs.csv", name), seed)
            row = {**run_is, "seconds": SECONDS, "steps": run.step, **switch_scores(judge, run.average)}
            store("unpaired.csv", [row])
            print(row, flush=True)


def goal(options: argparse.Namespace) -> None:
    for data in options.only or GOALS:
        (seconds, cost), (a, b) = GOALS[data], load_unpaired(data)
        judge = partial(switch_scores, face_judge()) if data == "glasses" else DigitJudge(*load_unpaired(data, "test"))
        for seed in options.seeds:
            run_is = {"data": data, "variant": "recipe", "seed": seed}
            if not stored("goal.csv", **run_is):
                run = train(recipe, a, b, steps_for(seconds, "unpaired_costs.csv", cost), seed)
                facts = {**run_is, "seconds": seconds, "steps": run.step}
                save_network(outputs_folder() / f"unpaired_{data}_{seed}.safetensors", run.average, **facts)
                store("goal.csv", [row := {**facts, **judge(run.average)}])
                print(row, flush=True)


def report(options: argparse.Namespace) -> None:
    """The median over the seeds, and the range, of every score of every variant."""
    for name, variants in (("unpaired.csv", FACES), ("goal.csv", ("recipe",))):
        for data, variant in product(GOALS, variants):
            if chosen := stored(name, data=data, variant=variant):
                print(f"{data}, {variant}, {len(chosen)} seeds\n{ranges(chosen)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=[f.__name__ for f in (costs, faces, goal, report)])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=None, help="variants of FACES, or data sets of the goal, by name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    globals()[options.command](options)


if __name__ == "__main__":
    main()
