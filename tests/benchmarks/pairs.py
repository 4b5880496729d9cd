"""Translators of pairs with one thing changed a row, on equal CPU seconds: python tests/benchmarks/pairs.py COMMAND

    costs     measures what a step of each variant costs, all variants in turn: pair_costs.csv
    rows      trains the variants of VARIANTS, one seed after the other: pairs.csv
    report    prints the medians and ranges of that file

A run uses one thread and takes as many steps as cost SECONDS of a core that does nothing else, so that a busy machine
changes no row. ``rows`` goes on where it was stopped: what is stored is left out; to train it again, delete its row.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, replace
from functools import cache, partial
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

from gan_helpers.checkpoints import Network
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

SECONDS, HELD_OUT = 30, 1000
STEPS = 30  # of the measurement of costs
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


def epochs_of(steps: int, pairs: PairSet) -> float:
    return steps / (len(pairs) // PIX2PIX.batch_size)


def seconds_a_step(variant: Variant) -> float:
    """CPU seconds, of this process."""
    pairs = pairs_of("train")
    train(variant, pairs, 0, epochs=epochs_of(STEPS + 1, pairs), callbacks=[clock := StepClock()])
    return clock.seconds_a_step()


def costs(options: argparse.Namespace) -> None:
    store_costs("pair_costs.csv", {name: partial(seconds_a_step, variant) for name, (variant, _) in VARIANTS.items()})


def steps_of(name: str) -> int:
    return steps_for(SECONDS, "pair_costs.csv", name)


def rows(options: argparse.Namespace) -> None:
    """First what real faces score, then every variant that is not stored."""
    if not stored("pairs.csv", variant="real"):
        real = scores(scale_pixels(pairs_of("test").targets))
        store("pairs.csv", [{"variant": "real", "seed": "", "steps": "", **real}])
    pairs = pairs_of("train")
    for seed, name in product(options.seeds, options.only or VARIANTS):
        if not stored("pairs.csv", variant=name, seed=seed):
            run = train(VARIANTS[name][0], pairs, seed, epochs=epochs_of(steps_of(name), pairs))
            row = {"variant": name, "seed": seed, "steps": run.step, **scores(translated(run.average))}
            store("pairs.csv", [row])
            print(row, flush=True)


def translated(translator: Network) -> Tensor:
    return apply(translator, pairs_of("test").inputs)


def report(options: argparse.Namespace) -> None:
    """Of every variant the median over the seeds, and the range."""
    for name in ("real", *VARIANTS):
        chosen = stored("pairs.csv", variant=name)
        print(f"{name}, {len(chosen)} seeds\n{ranges(chosen)}")


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
