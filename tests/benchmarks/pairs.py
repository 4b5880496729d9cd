"""Translators of pairs with one thing changed a row, on equal CPU seconds: python tests/benchmarks/pairs.py COMMAND

    costs     measures what a step of each variant costs, all variants in turn: pair_costs.csv
    rows      trains the variants of VARIANTS, one seed after the other: pairs.csv
    report    prints the medians and ranges of that file

A run uses one thread and takes as many steps as cost SECONDS of a core that does nothing else, so that a busy machine
changes no row. ``rows`` goes on where it was stopped: what is stored is left out; to train it again, delete its row.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import statistics
import sys
import time
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    os.environ |= {"GAN_QUICK": "0", "OMP_NUM_THREADS": "1"}  # before torch is imported

import torch
from torch import Tensor

from gan_helpers.checkpoints import Network, write_atomically
from gan_helpers.data import PairSet, data_factors, load_pairs, scale_pixels
from gan_helpers.metrics import absolute_error, colourfulness, load_reader, read_share, roughness
from gan_helpers.models import PatchDiscriminator, UNet, apply
from gan_helpers.training import (
    PIX2PIX,
    RegressionSettings,
    Run,
    losses_of,
    patch_loss,
    pix2pix_loss,
    train_on_l1,
    train_pix2pix,
)

ROWS, COSTS = (Path(__file__).with_name(name) for name in ("pairs.csv", "pair_costs.csv"))
SECONDS, HELD_OUT = 30, 1000
STEPS, ROUNDS = 30, 3  # of the measurement of costs
Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """What a translator of pairs is trained with, by names that notebook 16 uses as well."""

    l1: float = 10.0
    adversarial: bool = True
    halvings: int = 2  # of D: patches of 22 pixels
    kernel: int = 4
    summed: bool = False  # R1 on the sum of the patches' logits, not on their mean
    skips: bool = True


both = Variant()
alone = Variant(adversarial=False)

# One thing changed a row, and the row that it differs from in that one thing alone.
VARIANTS: dict[str, tuple[Variant, str]] = {
    "both": (both, "both"),
    "L1 alone": (alone, "both"),
    "adversarial alone": (replace(both, l1=0.0), "both"),
    "L1 alone, no skips": (replace(alone, skips=False), "L1 alone"),
    "R1 on the sum": (replace(both, summed=True), "both"),
    "patches of 1": (replace(both, kernel=1), "both"),
    "patches of 46": (replace(both, halvings=3), "both"),
}


def train(variant: Variant, pairs: PairSet, seed: int, **budget: Any) -> Run:
    """A translator of these pairs; ``budget`` is what ``train_pix2pix`` takes."""
    torch.manual_seed(seed)
    shape, depth = tuple(pairs.targets.shape[1:]), pairs.inputs.shape[1]
    translator = UNet(shape, depth, skips=variant.skips)
    if not variant.adversarial:
        return train_on_l1(translator, pairs, settings=RegressionSettings(seed=seed), **budget)
    discriminator = PatchDiscriminator(shape, depth, halvings=variant.halvings, kernel=variant.kernel)
    settings = replace(PIX2PIX, seed=seed)
    d_loss = losses_of(settings)[0] if variant.summed else patch_loss(settings)
    losses = d_loss, pix2pix_loss(variant.l1)
    return train_pix2pix(translator, discriminator, pairs, settings=settings, losses=losses, **budget)


@cache
def pairs_of(split: str) -> PairSet:
    pairs = load_pairs("edges", split)
    return pairs if split == "train" else pairs[:HELD_OUT]


def scores(faces: Tensor) -> Row:
    """Of faces made of the held-out edges, or of the real ones."""
    measured = {
        "error": absolute_error(faces, scale_pixels(pairs_of("test").targets)),
        "roughness": roughness(faces),
        "colourfulness": colourfulness(faces),
        "read": read_share(load_reader(), faces, data_factors("test")[:HELD_OUT]),
    }
    return {name: round(value, 4) for name, value in measured.items()}


# --- costs and rows -------------------------------------------------------------------------------------


def store(path: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
    print(rows[-1], flush=True)


def read_rows(path: Path = ROWS) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def epochs_of(steps: int, pairs: PairSet) -> float:
    return steps / (len(pairs) // PIX2PIX.batch_size)


def seconds_a_step(variant: Variant) -> float:
    """CPU seconds, of this process."""
    pairs, times = pairs_of("train"), []
    train(
        variant, pairs, 0, epochs=epochs_of(STEPS + 1, pairs), callbacks=[lambda _: times.append(time.process_time())]
    )
    return (times[-1] - times[0]) / STEPS


def costs(options: argparse.Namespace) -> None:
    rounds = [{name: seconds_a_step(variant) for name, (variant, _) in VARIANTS.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(costs[name] for costs in rounds) for name in VARIANTS}
    store(COSTS, [{"variant": name, "milliseconds": round(1000 * cost, 2)} for name, cost in medians.items()])


def steps_of(name: str) -> int:
    """As many as SECONDS pay for."""
    (cost,) = (float(row["milliseconds"]) for row in read_rows(COSTS) if row["variant"] == name)
    return round(1000 * SECONDS / cost)


def rows(options: argparse.Namespace) -> None:
    """First what real faces score, then every variant that is not stored."""
    if not is_stored("real", ""):
        real = scores(scale_pixels(pairs_of("test").targets))
        store(ROWS, [*read_rows(), {"variant": "real", "seed": "", "steps": "", **real}])
    for seed, name in product(options.seeds, options.only or VARIANTS):
        if not is_stored(name, str(seed)):
            pairs = pairs_of("train")
            run = train(VARIANTS[name][0], pairs, seed, epochs=epochs_of(steps_of(name), pairs))
            measured = scores(translated(run.average))
            store(ROWS, [*read_rows(), {"variant": name, "seed": seed, "steps": run.step, **measured}])


def is_stored(name: str, seed: str) -> bool:
    return any((row["variant"], row["seed"]) == (name, seed) for row in read_rows())


def translated(translator: Network) -> Tensor:
    return apply(translator, pairs_of("test").inputs)


def report(options: argparse.Namespace) -> None:
    """Of every variant the median over the seeds, and the range."""
    stored = read_rows()
    for name in dict.fromkeys(row["variant"] for row in stored):
        chosen = [row for row in stored if row["variant"] == name]
        print(f"\n{name}: seeds {[row['seed'] for row in chosen]}")
        for key in ("steps", "error", "roughness", "colourfulness", "read"):
            values = [float(row[key]) for row in chosen if row[key]]
            if values:
                print(f"    {key:13} {statistics.median(values):.4g}  [{min(values):.4g}, {max(values):.4g}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=[f.__name__ for f in (costs, rows, report)])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=None, choices=VARIANTS, help="variants by their names")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    globals()[options.command](options)


if __name__ == "__main__":
    main()
