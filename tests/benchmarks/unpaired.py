"""CycleGAN with one thing changed a row, on equal seconds: python tests/benchmarks/unpaired.py COMMAND [options]

    cost      measures what a step of each variant costs, all in turn: cost.csv
    faces     trains the variants of FACES on drawn faces without and with glasses: unpaired.csv
    goal      trains the recipe for longer, on faces and on digits, and keeps the pairs in outputs/: goal.csv
    report    prints the medians and ranges of these rows

A row gets as many steps as its seconds hold at what its step costs: CPU seconds of one thread, and of several rounds
the least disturbed one. So its scores are the same on a busy machine. A command goes on where it was stopped: what is
stored is left out, and to train it again, delete its row.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    os.environ |= {"GAN_QUICK": "0", "OMP_NUM_THREADS": "1"}  # before torch is imported

import torch
from torch import Tensor

from gan_helpers.checkpoints import Network, save_network, write_atomically
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

HERE = Path(__file__).parent
SECONDS = 40  # of a core, a row of the table; and a long run:
GOAL_SECONDS = {"glasses": 120, "digits": 30}
ROUNDS, STEPS = 4, 17  # of a measurement of cost: the first step starts the clock, R1 comes at every 8th
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


class StepClock:
    """A callback that notes the CPU seconds of this process after each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, run: Run) -> None:
        self.times.append(time.process_time())

    @property
    def seconds_a_step(self) -> float:
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1)


def train(variant: Variant, a: ImageSet, b: ImageSet, steps: int, seed: int, **options: Any) -> Run:
    torch.manual_seed(seed)
    settings = replace(CYCLEGAN, r1=variant.r1, seed=seed)
    options |= {"cycle": variant.cycle, "identity": variant.identity, "settings": settings}
    return train_cyclegan(*variant.networks(a.shape), a, b, epochs=steps / (len(a) // settings.batch_size), **options)


def cost(options: argparse.Namespace) -> None:
    """Milliseconds a step of every variant, the least of several rounds, in which all take their turn."""
    sets = {data: load_unpaired(data) for data in GOAL_SECONDS}
    variants = [("glasses", name, variant) for name, (variant, _) in FACES.items()] + [("digits", "recipe", recipe)]
    found: dict[tuple[str, str], list[float]] = {}
    for _, (data, name, variant) in product(range(ROUNDS), variants):
        clock = StepClock()
        train(variant, *sets[data], STEPS, 0, callbacks=[clock])
        found.setdefault((data, name), []).append(1000 * clock.seconds_a_step)
    for (data, name), costs in found.items():
        store("cost.csv", {"data": data, "variant": name, "seed": 0, "milliseconds": round(min(costs), 2)})


def steps_in(seconds: float, data: str, variant: str) -> int:
    """How many steps of a variant an undisturbed core makes in these seconds."""
    (row,) = (row for row in read_rows("cost.csv") if (row["data"], row["variant"]) == (data, variant))
    return round(1000 * seconds / float(row["milliseconds"]))


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

IDENTITY = ("data", "variant", "seed")  # what makes two rows the same


def store(name: str, row: Row) -> None:
    """Append a row to a CSV beside this file, whose columns grow where it has others."""
    rows = [*read_rows(name), row]
    columns = list(dict.fromkeys(key for each in rows for key in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(HERE / name, text.getvalue().encode())
    print(row, flush=True)


def read_rows(name: str) -> list[Row]:
    path = HERE / name
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_stored(name: str, *identity: Any) -> bool:
    return any([row[key] for key in IDENTITY] == [*map(str, identity)] for row in read_rows(name))


def face_judge() -> Referee:
    return referee(load_reader(), data_factors("test")[:HELD_OUT])


def faces(options: argparse.Namespace) -> None:
    (a, b), judge = load_unpaired("glasses"), face_judge()
    for name, seed in product(options.only or FACES, options.seeds):
        if not is_stored("unpaired.csv", "glasses", name, seed):
            run = train(FACES[name][0], a, b, steps_in(SECONDS, "glasses", name), seed)
            identity = {"data": "glasses", "variant": name, "seed": seed, "seconds": SECONDS, "steps": run.step}
            store("unpaired.csv", identity | switch_scores(judge, run.average))


def goal(options: argparse.Namespace) -> None:
    for data in options.only or GOAL_SECONDS:
        seconds, (a, b) = GOAL_SECONDS[data], load_unpaired(data)
        judge = face_judge() if data == "glasses" else DigitJudge(*load_unpaired(data, "test"))
        for seed in options.seeds:
            if not is_stored("goal.csv", data, "recipe", seed):
                run = train(recipe, a, b, steps_in(seconds, data, "recipe"), seed)
                identity = {"data": data, "variant": "recipe", "seed": seed, "seconds": seconds, "steps": run.step}
                save_network(outputs_folder() / f"unpaired_{data}_{seed}.safetensors", run.average, **identity)
                scores = switch_scores(judge, run.average) if data == "glasses" else judge(run.average)
                store("goal.csv", identity | scores)


def report(options: argparse.Namespace) -> None:
    """The median over the seeds, and the range, of every score of every variant."""
    for name in ("unpaired.csv", "goal.csv"):
        rows = read_rows(name)
        for data, variant in dict.fromkeys((row["data"], row["variant"]) for row in rows):
            chosen = [row for row in rows if (row["data"], row["variant"]) == (data, variant)]
            print(f"\n{data}, {variant}: seeds {[row['seed'] for row in chosen]}")
            for key in chosen[0]:
                if key not in IDENTITY and chosen[0][key]:
                    values = [float(row[key]) for row in chosen]
                    print(f"    {key:10} {statistics.median(values):.4f}  [{min(values):.4f}, {max(values):.4f}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=[f.__name__ for f in (cost, faces, goal, report)])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=None, help="variants of FACES, or data sets of the goal, by name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    globals()[options.command](options)


if __name__ == "__main__":
    main()
