"""Translators of pairs with one thing changed a row, on equal CPU seconds: python tests/benchmarks/pairs.py COMMAND

    rows      trains the variants of VARIANTS, one seed after the other: pairs.csv
    report    prints the medians and ranges of that file

A run uses one thread and counts the CPU seconds of its process, so that a busy machine changes little. The command goes
on where it was stopped: what is stored is left out, and to train it again, delete its row.
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

FILE = Path(__file__).with_name("pairs.csv")
SECONDS, HELD_OUT = 60, 1000
Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """What a translator of pairs is trained with, by names that notebook 16 uses as well."""

    data: str = "edges"
    l1: float = 10.0
    adversarial: bool = True
    halvings: int = 2  # of D: patches of 22 pixels
    kernel: int = 4
    summed: bool = False  # R1 on the sum of the patches' logits, not on their mean
    skips: bool = True


both = Variant()
alone = Variant(adversarial=False)
photos = Variant("colours")

# One thing changed a row, and the row that it differs from in that one thing alone.
VARIANTS: dict[str, tuple[Variant, str]] = {
    "both": (both, "both"),
    "L1 alone": (alone, "both"),
    "adversarial alone": (replace(both, l1=0.0), "both"),
    "patches of 1": (replace(both, kernel=1), "both"),
    "patches of 10": (replace(both, halvings=1), "both"),
    "patches of 46": (replace(both, halvings=3), "both"),
    "R1 on the sum": (replace(both, summed=True), "both"),
    "L1 alone, no skips": (replace(alone, skips=False), "L1 alone"),
    "photographs, both": (photos, "photographs, both"),
    "photographs, L1 alone": (replace(photos, adversarial=False), "photographs, both"),
}


class CpuClock:
    """A callback by which a run counts the CPU seconds of this process from its first step on."""

    def __init__(self) -> None:
        self.start: float | None = None

    def __call__(self, run: Run) -> None:
        now = time.process_time()
        self.start = now - run.seconds if self.start is None else self.start
        run.seconds = now - self.start


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
def pairs_of(data: str, split: str) -> PairSet:
    pairs = load_pairs(data, split)
    if split == "train":
        return pairs
    return pairs[torch.linspace(0, len(pairs) - 1, HELD_OUT).long()] if data == "colours" else pairs[:HELD_OUT]


def scores(translations: Tensor, data: str) -> Row:
    """Of translations of the held-out inputs; factors can be read off faces alone."""
    measured = {
        "error": absolute_error(translations, scale_pixels(pairs_of(data, "test").targets)),
        "roughness": roughness(translations),
        "colourfulness": colourfulness(translations),
        "read": "",
    }
    if data == "edges":
        measured["read"] = read_share(load_reader(), translations, data_factors("test")[:HELD_OUT])
    return {name: value and round(value, 4) for name, value in measured.items()}


# --- rows ---------------------------------------------------------------------------------------------

IDENTITY = ("variant", "seed")  # what makes two rows the same


def store(row: Row) -> None:
    """Append a row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, row.keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*read_rows(), row])
    write_atomically(FILE, text.getvalue().encode())
    print(row, flush=True)


def read_rows() -> list[Row]:
    if not FILE.exists():
        return []
    with FILE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rows(options: argparse.Namespace) -> None:
    """First what real pictures score, then every variant that is not stored."""
    stored = {tuple(row[key] for key in IDENTITY) for row in read_rows()}
    for name, data in {"real": "edges", "photographs, real": "colours"}.items():
        if (name, "") not in stored:
            real = scores(scale_pixels(pairs_of(data, "test").targets), data)
            store({"variant": name, "seed": "", "seconds": "", "steps": "", **real})
    for seed, name in product(options.seeds, options.only or VARIANTS):
        variant, _ = VARIANTS[name]
        if (name, str(seed)) not in stored:
            run = train(variant, pairs_of(variant.data, "train"), seed, seconds=SECONDS, callbacks=[CpuClock()])
            measured = scores(translated(run.average, variant.data), variant.data)
            store({"variant": name, "seed": seed, "seconds": round(run.seconds, 1), "steps": run.step, **measured})


def translated(translator: Network, data: str) -> Tensor:
    return apply(translator, pairs_of(data, "test").inputs)


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
    parser.add_argument("command", choices=[f.__name__ for f in (rows, report)])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=None, choices=VARIANTS, help="variants by their names")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    globals()[options.command](options)


if __name__ == "__main__":
    main()
