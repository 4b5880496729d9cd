"""The score card: every measure of ``evaluation`` for several sets of pictures, beside a floor and a ceiling.

Notebook 06 reads it for a run of your own; ``tests/benchmarks/recipe.py`` for whole trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gan_helpers.classifiers import Reading, read_images
from gan_helpers.datasets import ImageSet, scale_pixels
from gan_helpers.evaluation import (
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
from gan_helpers.figures import DATA, GENERATOR, plot
from gan_helpers.networks import Classifier


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
    """

    def __init__(self, classifier: Classifier, train: ImageSet, test: ImageSet, n: int = 10_000, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.n = min(n, len(test), len(train))
        self.classifier = classifier
        self.test_images = test.images[torch.randperm(len(test), generator=random)[: self.n]]
        self.floor_images = train.images[torch.randperm(len(train), generator=random)[: self.n]]
        self.reading = read_images(classifier, self.test_images)
        self.shares = class_shares(train.labels, len(train.classes)).clamp(min=1e-9)
        self.train_pixels = scale_pixels(train.images).flatten(1)  # (N, C*H*W)
        self.held_out_distances = self.distances(self.test_images)

    def distances(self, images: Tensor) -> Tensor:
        """From each of images (N, C, H, W) to the nearest training picture, in pixel values of [-1, 1]: (N,)."""
        return nearest_distances(scale_pixels(images).flatten(1), self.train_pixels)

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
    """Scores by name; printed, a table with a row for each."""

    def __str__(self) -> str:
        names = [field.name for field in fields(Score)]
        rows = [["", *names]] + [[name, *(str(getattr(score, key)) for key in names)] for name, score in self.items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def score_card(
    sets: Mapping[str, Tensor], reference: Reference, progress: Callable[[str], None] | None = print
) -> ScoreCard:
    """Score each named set of pictures (N, C, H, W), then real against real as the floor."""
    card = ScoreCard()
    for name, images in sets.items():
        card[name] = reference.score(images)
        if progress is not None:
            progress(f"scored {name}: Fréchet distance {card[name].frechet}")
    card["real"] = reference.floor()
    return card


LABELS = {
    "frechet": "Fréchet distance\n(lower is better)",
    "precision": "precision",
    "recall": "recall",
    "sure": "read with certainty",
    "divergence": "KL of the classes, nats\n(lower is better)",
    "classifier": "classifier score",
    "memorisation": "distance to training data,\nheld-out pictures = 1",
}
SCALES = {"frechet": {"linthresh": 1.0}, "divergence": {"linthresh": 0.001}}  # logarithmic from here on


@plot
def plot_score_card(card: ScoreCard) -> tuple[Figure, str]:
    """One panel a measure, one row a set of pictures, with its interval; real pictures in grey, as a line."""
    names = list(card)
    figure = Figure(figsize=(10, 1.2 + 0.55 * len(names) * 2))
    panels = figure.subplots(2, 4, sharey=True).flatten()
    panels[-1].axis("off")
    for axes, (key, label) in zip(panels, LABELS.items(), strict=False):
        axes.axvline(getattr(card["real"], key).value, color=DATA, linestyle="--", linewidth=1)
        for row, name in enumerate(names):
            estimate, colour = getattr(card[name], key), DATA if name == "real" else GENERATOR
            axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=2)
            axes.plot(estimate.value, row, "o", color=colour)
        axes.set_title(label, fontsize=10)
        axes.set_xscale("symlog" if key in SCALES else "linear", **SCALES.get(key, {}))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    return figure, f"score card: {', '.join(LABELS)} of {', '.join(names)}, each with its 95 % interval"
