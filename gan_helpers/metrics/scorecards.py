"""The score card: every measure of ``distances`` for several sets of pictures, beside a floor and a ceiling.

Notebook 06 reads it for a run of your own; ``tests/benchmarks/recipe.py`` for whole trainings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_helpers.data.sets import ImageSet, scale_pixels
from gan_helpers.metrics.distances import (
    Estimate,
    bootstrap,
    class_coverage,
    class_divergence,
    class_shares,
    classifier_score,
    frechet_distance,
    memorisation,
    nearest_distances,
    precision,
    recall,
    sure_share,
)
from gan_helpers.metrics.readers import Reading, read_images
from gan_helpers.models.classifiers import Classifier

ROWS = {
    "frechet": "Fréchet distance",
    "precision": "precision",
    "recall": "recall",
    "sure": "certain",
    "classes": "classes",
    "divergence": "KL of classes",
    "classifier": "classifier score",
    "memorisation": "memorisation",
}


@dataclass(frozen=True)
class Score:
    """One row of the score card."""

    frechet: Estimate
    precision: Estimate
    recall: Estimate
    sure: Estimate
    classes: int
    divergence: Estimate
    classifier: Estimate
    memorisation: Estimate


class Reference:
    """Real pictures, read once, that sets of generated pictures are scored against.

    Args:
        classifier: reads features and classes.
        train: what the generator learned from; the floor and the search for copies use it.
        test: pictures that no generator saw; every distance is measured to them.
        n: how many pictures of each set are compared; 10,000 is the usual number.
        searched: for how many of them the nearest training picture is sought, which takes most of the time.
    """

    def __init__(
        self,
        classifier: Classifier,
        train: ImageSet,
        test: ImageSet,
        n: int = 10_000,
        searched: int = 10_000,
        seed: int = 0,
    ) -> None:
        device = next(classifier.parameters()).device
        random = torch.Generator().manual_seed(seed)
        self.n = min(n, len(test), len(train))
        self.searched = min(searched, self.n)
        self.classifier = classifier
        self.test_images = test.images[torch.randperm(len(test), generator=random)[: self.n]]
        self.floor_images = train.images[torch.randperm(len(train), generator=random)[: self.n]]
        self.reading = read_images(classifier, self.test_images)
        self.shares = class_shares(train.labels, len(train.classes)).clamp(min=1e-9)
        self.train_images = train.images.to(device)
        self.held_out_distances = self.distances(self.test_images)

    def distances(self, images: Tensor) -> Tensor:
        """From the first of images (N, C, H, W) to the nearest training pictures, in pixel values: (searched,)."""
        learned = scale_pixels(self.train_images).flatten(1)
        return nearest_distances(scale_pixels(images[: self.searched]).flatten(1).to(learned), learned)

    def score(self, images: Tensor) -> Score:
        """Score the first n of images (N, C, H, W); ValueError if there are fewer, since sizes must be equal."""
        if len(images) < self.n:
            raise ValueError(
                f"{len(images)} pictures, but {self.n} are compared: give as many, or build a Reference(n=)"
            )
        images = images[: self.n]
        return self._score(read_images(self.classifier, images), self.distances(images))

    def floor(self) -> Score:
        """What real pictures get: training pictures against the test set; for copies, the test set itself."""
        return self._score(read_images(self.classifier, self.floor_images), self.held_out_distances)

    def _score(self, fake: Reading, distances: Tensor) -> Score:
        real, labels = self.reading, fake.labels
        return Score(
            bootstrap(frechet_distance, fake.features, real.features),
            precision(real.features, fake.features),
            recall(real.features, fake.features),
            sure_share(fake.probabilities),
            class_coverage(labels, len(self.shares)),
            class_divergence(labels, self.shares),
            classifier_score(fake.probabilities),
            memorisation(distances, self.held_out_distances),
        )


class ScoreCard(dict[str, Score]):
    """Scores by name; printed, a table with a column for each and a row for each measure."""

    def __str__(self) -> str:
        rows = [["", *self]]
        for key, label in ROWS.items():
            rows.append([label, *(_cell(getattr(score, key)) for score in self.values())])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _cell(measured: Estimate | int) -> str:
    """ "13.7 ± 1.3": the value and half its interval, up to the last digit that the interval lets one trust."""
    if isinstance(measured, int):
        return str(measured)
    half = (measured.high - measured.low) / 2
    digits = min(3, max(0, -math.floor(math.log10(half / 3)))) if half > 0 else 3
    return f"{measured.value:.{digits}f} ± {half:.{digits}f}"


def score_card(
    sets: Mapping[str, Tensor], reference: Reference, progress: Callable[[str], None] | None = print
) -> ScoreCard:
    """Score each named set of pictures (N, C, H, W), then real against real as the floor, under the name "real"."""
    if "real" in sets:
        raise ValueError('"real" is the name of the floor, which is added to every card: choose another')
    card = ScoreCard()
    for name, images in sets.items():
        card[name] = reference.score(images)
        if progress is not None:
            progress(f"scored {name}: Fréchet distance {card[name].frechet}")
    card["real"] = reference.floor()
    return card
