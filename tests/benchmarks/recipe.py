"""Recipes side by side in quality against CPU seconds: python tests/benchmarks/recipe.py COMMAND [options]

    levers    trains notebook 07's first recipe with one thing changed at a time, 4,500 steps each: levers.csv
    search    trains what follows from them, with the variants of SEARCH, one seed for 7,500 steps: search.csv
    compare   trains the classic recipe and ours, one seed after the other: recipe.csv
    few       trains the first recipe on 500 digits, with and without R1 and DiffAugment, 2,400 steps each: few.csv
    costs     measures what a step of each of these costs, side by side, on an idle machine: costs.csv
    finals    prints the whole score card of the generators that compare saved in outputs/
    report    prints the comparison and redraws assets/quality_against_seconds.png

All runs use one thread and stop after so many steps, because on a busy machine a CPU second holds fewer of them. The
seconds of the comparison are these steps at the price in ``costs.csv``, scoring left out. The classic recipe is
charged what its plain loop costs a step (``DataLoader``, ``ToTensor``, Adam as it comes).

A program goes on where it was stopped: what has all its rows of a seed is left out, and to train it again, delete
them. Two processes may fill a file at once: ``levers --seeds 0 1`` and ``levers --seeds 2``.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    os.environ |= {"GAN_QUICK": "0", "OMP_NUM_THREADS": "1"}  # before torch is imported

import torch
from matplotlib.figure import Figure
from measured import Row, read_rows, store, store_costs, stored
from speed import STEPS, plain_steps
from torch import Tensor

from gan_helpers.checkpoints import Network, load_network, save_network
from gan_helpers.data.sets import ImageSet, load_images, scale_pixels
from gan_helpers.environment import ASSETS, machine, outputs_folder
from gan_helpers.metrics.distances import (
    class_coverage,
    class_divergence,
    class_shares,
    covered,
    frechet_distance,
    memorisation,
    nearest_distances,
    sure_share,
)
from gan_helpers.metrics.readers import load_classifier, read_images
from gan_helpers.metrics.scorecards import Reference, score_card
from gan_helpers.models.dense import (
    Discriminator,
    Generator,
    add_minibatch_statistics,
    add_spectral_norm,
    recommended_pair,
)
from gan_helpers.models.mixed import MixedDiscriminator, stable_pair
from gan_helpers.models.sampling import apply, generate, sample_latents
from gan_helpers.training.adversarial import losses_of, train_gan
from gan_helpers.training.augmenting import diff_augment
from gan_helpers.training.losses import DLoss, GLoss, seen_through
from gan_helpers.training.runs import Run, TrainingDiverged
from gan_helpers.training.settings import CLASSIC, NON_SATURATING, STABLE, Settings
from gan_helpers.viz.pictures import DATA, DISCRIMINATOR, GENERATOR, plot

SAMPLES = 10_000
# All moments are steps, which are the same on every machine, busy or idle.
MOMENTS = (100, 150, 200, 250, 300, 400, 800, 1200, 2400, 4800, 7200, 12_000, 24_000, 36_000)
LEVER_MOMENTS = (1500, 4500)
FEW, FEW_MOMENTS = 500, (100, 300, 600, 900, 1200, 1800, 2400)  # pictures, steps
SEARCH_MOMENTS = (500, 1000, 1500, 2500, 3500, 4500, 6000, 7500)
CLASSIC_EPOCHS = (1, 3, 5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90, 100)


Pair = Callable[[], tuple[Network, Network]]


@dataclass(frozen=True)
class Variant:
    """Settings, what builds a pair of networks, and what D sees every picture through, if anything."""

    settings: Settings
    pair: Pair
    change: Callable[[Tensor], Tensor] | None = None

    def but(self, **changes: Any) -> Variant:
        """The same with some settings changed."""
        return replace(self, settings=replace(self.settings, **changes))

    def networks(self, seed: int) -> tuple[Network, Network]:
        torch.manual_seed(seed)
        return self.pair()

    def losses(self) -> tuple[DLoss, GLoss]:
        losses = losses_of(self.settings)
        return seen_through(self.change, *losses) if self.change else losses


def watched(pair: Pair, change: Callable[[Network], Network]) -> Pair:
    """The same pair with a change to D."""

    def build() -> tuple[Network, Network]:
        generator, discriminator = pair()
        return generator, change(discriminator)

    return build


def channels_last(network: Network) -> Network:
    """As ``stable_pair`` lays out the weights: faster, and no other numbers."""
    return network.to(memory_format=torch.channels_last)


classic = Variant(CLASSIC, lambda: (Generator(latent="uniform"), Discriminator()))
ours = Variant(STABLE, stable_pair)
start = Variant(NON_SATURATING, stable_pair)

RECIPES = {"classic": classic, "ours": ours}

slower = start.but(g_lr=1e-3, d_lr=1e-3)
undamped = start.but(r1=0.0)
batch_unseen = watched(stable_pair, lambda _: channels_last(MixedDiscriminator(statistics=False)))
dense = watched(recommended_pair, add_minibatch_statistics)

# The first recipe with one thing changed a row, and the row that it differs from in that one thing alone.
LEVERS: dict[str, tuple[Variant, str]] = {
    "start": (start, "start"),
    "rates 0.001": (slower, "start"),
    "rates that stay": (start.but(lr_decay_from=0), "start"),
    "betas (0.9, 0.999)": (start.but(betas=(0.9, 0.999)), "start"),
    "no R1": (undamped, "start"),
    "no minibatch statistics": (replace(start, pair=batch_unseen), "start"),
    "relativistic": (start.but(objective="relativistic"), "start"),
    "spectral norm": (replace(undamped, pair=watched(stable_pair, add_spectral_norm)), "no R1"),
    "dense networks": (replace(slower, pair=dense), "rates 0.001"),
}


class Enough(Exception):
    """The last moment has come."""


class Snapshots:
    """A callback that copies the generator's average and D after so many steps, and stops after the last of them."""

    def __init__(self, moments: Sequence[int]) -> None:
        self.moments = list(moments)
        self.taken: list[tuple[int, float, Network, Network]] = []  # with the CPU seconds so far
        self.start = time.process_time()

    def __call__(self, run: Run) -> None:
        if run.step == self.moments[0]:
            networks = copy.deepcopy(run.average), copy.deepcopy(run.discriminator)
            self.taken.append((self.moments.pop(0), time.process_time() - self.start, *networks))
            if not self.moments:
                raise Enough


def train(variant: Variant, seed: int, data: ImageSet, snapshots: Snapshots) -> None:
    """Until the last moment."""
    generator, discriminator = variant.networks(seed)
    options = {"settings": replace(variant.settings, seed=seed), "losses": variant.losses(), "callbacks": [snapshots]}
    with suppress(Enough):
        train_gan(generator, discriminator, data, epochs=1e6, **options)


class Scorer:
    """Numbers of one generator, all against the same real pictures."""

    def __init__(self, test: ImageSet, train_set: ImageSet) -> None:
        self.classifier = load_classifier()
        self.real = read_images(self.classifier, test.images[:SAMPLES])
        self.shares = class_shares(train_set.labels, len(train_set.classes))

    def __call__(self, generator: Network, seed: int) -> dict[str, float]:
        torch.manual_seed(10_000 + seed)
        fake = read_images(self.classifier, generate(generator, sample_latents(generator, SAMPLES)))
        return {
            "frechet": round(frechet_distance(fake.features, self.real.features), 3),
            "precision": round(float(covered(fake.features, self.real.features).float().mean()), 4),
            "recall": round(float(covered(self.real.features, fake.features).float().mean()), 4),
            "sure": round(sure_share(fake.probabilities).value, 4),
            "classes": class_coverage(fake.labels, len(self.shares)),
            "divergence": round(class_divergence(fake.labels, self.shares).value, 5),
        }

    def pair(self, generator: Network, discriminator: Network, seed: int) -> dict[str, float]:
        """The numbers of a pair at one moment of its training: here the generator's alone."""
        return self(generator, seed)


def plain_step_seconds(data: ImageSet) -> float:
    """CPU seconds of a step of the classic recipe as tutorials write it."""
    start = time.process_time()
    plain_steps(*classic.networks(0), data)
    return (time.process_time() - start) / STEPS


def fill(
    file: str,
    kind: str,
    variants: Mapping[str, Variant],
    moments: Sequence[int],
    options: argparse.Namespace,
    data: ImageSet,
    scorer: Scorer,
    then: Callable[[Row, Network], None] = lambda row, generator: None,
) -> None:
    """Train each variant with each seed, unless a file has its rows; store a row a moment, and pass on the last."""
    for seed, (name, variant) in product(options.seeds, variants.items()):
        run = {kind: name, "seed": seed}
        if options.only not in (None, name) or is_stored(file, moments, **run):
            continue
        try:
            train(variant, seed, data, snapshots := Snapshots(moments))
        except TrainingDiverged as error:
            print(name, seed, error, flush=True)
            continue
        rows = [
            {**run, "moment": step, "seconds": round(seconds, 1), **scorer.pair(*networks, seed)}
            for step, seconds, *networks in snapshots.taken
        ]
        store(file, rows)
        then(rows[-1], snapshots.taken[-1][2])
        print(rows[-1], flush=True)


def is_stored(name: str, moments: Sequence[int], **run: Any) -> bool:
    """Are all moments of a run in this file?"""
    return {int(row["moment"]) for row in stored(name, **run)} >= set(moments)


def compare(options: argparse.Namespace, data: ImageSet, scorer: Scorer) -> None:
    epoch = len(data) // CLASSIC.batch_size
    moments = {
        "classic": [epochs * epoch for epochs in CLASSIC_EPOCHS],
        "ours": [moment for moment in MOMENTS if moment <= options.until],
    }

    def keep(row: Row, generator: Network) -> None:
        facts = {"data": data.source, **row, "steps": row["moment"], "machine": machine()}
        save_network(final_path(row["recipe"], row["seed"]), generator, **facts)

    for name, variant in RECIPES.items():
        fill("recipe.csv", "recipe", {name: variant}, moments[name], options, data, scorer, keep)


def final_path(recipe: str, seed: int) -> Path:
    return outputs_folder() / f"recipe_{recipe}_{seed}.safetensors"


def finals(options: argparse.Namespace, data: ImageSet, scorer: Scorer) -> None:
    """The whole score card, search for copies included, of the last generators that ``compare`` saved."""
    reference = Reference(scorer.classifier, data, load_images(split="test"))
    paths = [path for seed in options.seeds for name in RECIPES if (path := final_path(name, seed)).exists()]
    sets = {}
    for path in paths:
        generator, facts = load_network(path)
        torch.manual_seed(facts["seed"])
        sets[path.stem.removeprefix("recipe_")] = generate(generator, sample_latents(generator, SAMPLES))
    print(score_card(sets, reference))


def levers(options: argparse.Namespace, data: ImageSet, scorer: Scorer) -> None:
    variants = {lever: variant for lever, (variant, _) in LEVERS.items()}
    fill("levers.csv", "lever", variants, LEVER_MOMENTS, options, data, scorer)


# The same on few pictures: is it the weight on D's slope that helps, or what D sees, or both?
REMEDIES: dict[str, Variant] = {
    "nothing": undamped,
    "R1": start,
    "DiffAugment": replace(undamped, change=diff_augment),
    "both": replace(start, change=diff_augment),
}


class FewScorer(Scorer):
    """How a pair does that was trained on few of the pictures: D on those that it knows and on others, G's copies."""

    def __init__(self, test: ImageSet, train_set: ImageSet) -> None:
        super().__init__(test, train_set)
        chosen = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(0))
        self.known, self.held_out = (train_set[part] for part in chosen[: 2 * FEW].split(FEW))

    def pair(self, generator: Network, discriminator: Network, seed: int) -> dict[str, float]:
        torch.manual_seed(10_000 + seed)
        fake = generate(generator, sample_latents(generator, SAMPLES))
        reading = read_images(self.classifier, fake)
        return {
            "frechet": round(frechet_distance(reading.features, self.real.features), 3),
            "sure": round(sure_share(reading.probabilities).value, 4),
            "memorisation": round(self.memorisation(fake), 4),
            **self.logits(discriminator, fake[:FEW]),
        }

    def memorisation(self, fake: Tensor) -> float:
        """Notebook 06's ratio to the distances of held-out pictures."""
        pixels = scale_pixels(self.known.images).flatten(1)
        distances = (nearest_distances(x.flatten(1), pixels) for x in (fake, scale_pixels(self.held_out.images)))
        return memorisation(*distances).value

    def logits(self, discriminator: Network, fake: Tensor) -> dict[str, float]:
        """D's mean logits, in batches as it was trained on, and how often it ranks one set above another.

        0.5 says that it cannot tell the two apart. For ``known_above_held_out`` that is right: both are real.
        """
        sets = {"known": self.known.images, "held_out": self.held_out.images, "fake": fake}
        found = {name: apply(discriminator, images, NON_SATURATING.batch_size) for name, images in sets.items()}
        ranks = {
            "known_above_held_out": ranked_above(found["known"], found["held_out"]),
            "held_out_above_fake": ranked_above(found["held_out"], found["fake"]),
        }
        return {name: round(float(logits.mean()), 3) for name, logits in found.items()} | ranks


def ranked_above(logits: Tensor, others: Tensor) -> float:
    """The share of pairs in which one of logits (N,) is the higher, ties as half: the area under the ROC curve."""
    return round(float((torch.sign(logits[:, None] - others).mean() + 1) / 2), 4)


def few(options: argparse.Namespace, data: ImageSet, scorer: FewScorer) -> None:
    fill("few.csv", "remedy", REMEDIES, FEW_MOMENTS, options, scorer.known, scorer)


def costs(options: argparse.Namespace, data: ImageSet, scorer: Scorer) -> None:
    variants = {lever: variant for lever, (variant, _) in LEVERS.items()} | REMEDIES | {"ours": ours}
    measures = {name: partial(step_seconds, variant, data) for name, variant in variants.items()}
    store_costs("costs.csv", {"classic": partial(plain_step_seconds, data), **measures})


def step_seconds(variant: Variant, data: ImageSet) -> float:
    """CPU seconds of a step, a lazy penalty's share included: 64 steps after the first 8."""
    train(variant, 0, data, snapshots := Snapshots((8, 72)))
    (_, before, *_), (_, after, *_) = snapshots.taken
    return (after - before) / 64


# What the levers lead to, what is then one step away from it, what ships, and what ships without the pairing.
paired = start.but(objective="relativistic")
light = paired.but(r1=0.1)
SEARCH = {
    "relativistic": paired,
    "R1 of 0.3": paired.but(r1=0.3),
    "R1 of 0.1": light,
    "R1 of 0.03": paired.but(r1=0.03),
    "R1 of 0.1, falling from step 4,800": light.but(lr_decay_from=4800),
    "R1 of 0.1, falling from step 1,200": light.but(lr_decay_from=1200),
    "R1 of 0.1, rates 0.0045": light.but(g_lr=4.5e-3, d_lr=4.5e-3),
    "R1 of 0.1, rates 0.006": light.but(g_lr=6e-3, d_lr=6e-3),
    "ours": ours,
    "ours, without pairs": ours.but(objective="non-saturating"),
}


def search(options: argparse.Namespace, data: ImageSet, scorer: Scorer) -> None:
    options.seeds = [0]
    fill("search.csv", "variant", SEARCH, SEARCH_MOMENTS, options, data, scorer)


NAMES = {"classic": "classic recipe", "ours": "our recipe"}


# --- report -------------------------------------------------------------------------------------------


@plot
def quality_against_seconds(rows: list[dict[str, Any]], floor: float) -> tuple[Figure, str]:
    """Every seed as a thin line, the median as a thick one where all seeds have come so far."""
    figure = Figure(figsize=(7.5, 4.2))
    axes = figure.subplots()
    for recipe, colour in (("classic", DISCRIMINATOR), ("ours", GENERATOR)):
        chosen = [row for row in rows if row["recipe"] == recipe]
        for seed in sorted({row["seed"] for row in chosen}):
            points = [(float(row["seconds"]), float(row["frechet"])) for row in chosen if row["seed"] == seed]
            axes.plot(*zip(*points, strict=True), color=colour, alpha=0.3, linewidth=1)
        groups = [group for group in by_moment(chosen) if len(group) == len({row["seed"] for row in chosen})]
        curve = [(median(group, "seconds"), median(group, "frechet")) for group in groups]
        axes.plot(*zip(*curve, strict=True), "o-", color=colour, label=f"{NAMES[recipe]}, median", markersize=3)
    axes.axhline(floor, color=DATA, linestyle="--", label=f"real against real: {floor:.1f}")
    axes.set(xscale="log", yscale="log", xlabel="CPU seconds on one core", ylabel="Fréchet distance")
    axes.legend()
    return figure, "Fréchet distance to the test set over CPU seconds: the classic recipe, ours, and the floor"


def priced_rows() -> list[dict[str, Any]]:
    """The rows of the comparison, each charged for its steps at the price of an idle machine."""
    prices = {row["variant"]: float(row["milliseconds"]) / 1000 for row in read_rows("costs.csv")}
    rows = read_rows("recipe.csv")
    return [{**row, "seconds": round(int(row["moment"]) * prices[row["recipe"]], 1)} for row in rows]


def by_moment(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows of all seeds, grouped by the moment at which they were scored, in order."""
    moments = sorted({float(row["moment"]) for row in rows})
    return [[row for row in rows if float(row["moment"]) == moment] for moment in moments]


def median(rows: list[dict[str, Any]], key: str) -> float:
    return statistics.median(float(row[key]) for row in rows)


def report(options: argparse.Namespace, data: ImageSet, scorer: Scorer) -> None:
    """The side-by-side comparison, from the stored rows alone."""
    rows = priced_rows()
    chosen = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:SAMPLES]  # the first differ more
    floor = frechet_distance(read_images(scorer.classifier, data.images[chosen]).features, scorer.real.features)
    print(f"floor, real training pictures against the test set: {floor:.2f}")
    measures = ("frechet", "precision", "recall", "sure", "divergence")
    for recipe in RECIPES:
        chosen = [row for row in rows if row["recipe"] == recipe]
        print(f"\n{NAMES[recipe]}, medians over seeds")
        print("seeds  seconds  steps  distance  / floor  worst seed  precision  recall  sure   KL")
        for group in by_moment(chosen):
            m = {key: median(group, key) for key in ("seconds", "moment", *measures)}
            worst = max(float(row["frechet"]) for row in group)
            print(
                f"{len(group):5} {m['seconds']:8.0f} {m['moment']:6.0f}  {m['frechet']:8.2f}"
                f" {m['frechet'] / floor:8.2f} {worst:11.2f} {m['precision']:10.3f} {m['recall']:7.3f}"
                f" {m['sure']:6.3f} {m['divergence']:.4f}"
            )
    print(f"\n{times_sooner(rows):.0f} times sooner at the classic recipe's best distance")
    quality_against_seconds(rows, floor).save(ASSETS / "quality_against_seconds.png")


def times_sooner(rows: list[dict[str, Any]]) -> float:
    """The seconds to the classic recipe's best median distance, over ours to the same."""
    curves = {
        recipe: [
            (median(group, "seconds"), median(group, "frechet"))
            for group in by_moment([row for row in rows if row["recipe"] == recipe])
        ]
        for recipe in RECIPES
    }
    seconds, best = min(curves["classic"], key=lambda point: point[1])
    return seconds / next(ours for ours, distance in curves["ours"] if distance <= best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=[f.__name__ for f in (compare, levers, few, costs, search, finals, report)])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--until", type=int, default=MOMENTS[-1], help="steps of our recipe's run")
    parser.add_argument("--only", default=None, help="one recipe, lever or variant by its name")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    data, test = load_images(), load_images(split="test")
    scorer = FewScorer if options.command == "few" else Scorer
    globals()[options.command](options, data, scorer(test, data))


if __name__ == "__main__":
    main()
