"""The exercises of notebook 01: the pictures and their means."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _rescale_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3), 0.0, 1.0
    yield draw.integers(20, 200, 2, 1, 3, 5).to(torch.uint8), -1.0, 1.0  # neither black nor white
    yield draw.integers(0, 255, 3, 3, 4, 2).to(torch.uint8), -0.5, 2.5
    yield draw.integers(0, 255, 1, 1, 2, 3).to(torch.uint8), 2, 10
    yield torch.tensor([77], dtype=torch.uint8).view(1, 1, 1, 1), -3, -1
    yield draw.integers(0, 255, 2, 1, 2, 2).to(torch.uint8), draw.number(1, 2), draw.number(-2, -1)  # inverted


@exercise(
    "rescale",
    "0 and 255 are fixed by what a pixel can be, not by the picture at hand: a dark picture stays dark.",
    _rescale_cases,
    {
        "you stretch each batch by its own largest pixel; 255 is white, whether it occurs or not": (
            lambda p, low, high: low + p / p.max() * (high - low)
        ),
        "you stretch from the darkest to the brightest pixel of the batch; 0 and 255 are the ends, even if absent": (
            lambda p, low, high: low + (p - p.min()) / (p.max() - p.min()) * (high - low)
        ),
        "you divide by 256: the largest pixel is 255": lambda p, low, high: low + p / 256 * (high - low),
        "the whole numbers overflow: a uint8 times a whole number stays a uint8. Make floats of the pixels first": (
            lambda p, low, high: low + p * (high - low) / 255
        ),
        "0 becomes 0: it should become `low`": lambda p, low, high: p / 255 * (high - low),
        "the width of the range is `high - low`, not `high`": lambda p, low, high: low + p / 255 * high,
        "you took 0 for `high` and 255 for `low`": lambda p, low, high: high + p / 255 * (low - high),
        "that is the range from -1 to 1, whatever `low` and `high` are": lambda p, low, high: p / 127.5 - 1,
        "that is the range from 0 to 1, whatever `low` and `high` are": lambda p, low, high: p / 255,
    },
)
def _rescale(pixels: Tensor, low: float, high: float) -> Tensor:
    return low + pixels.double() / 255 * (high - low)


def _least_ink_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[90, 10], [30, 30], [0, 200]], dtype=torch.uint8).view(3, 1, 1, 2), torch.tensor([2, 0, 1])
    for i, (n, classes, h, w) in enumerate(((40, 2, 4, 3), (60, 10, 5, 5), (90, 4, 3, 7), (80, 7, 6, 2))):
        levels = torch.linspace(40, 90, classes)[draw.order(classes)]
        levels = (
            levels.roll((i % 2 - 1 - int(levels.argmin())) % classes) if i < 2 else levels
        )  # the last class, the first
        lightest, inkiest = int(levels.argmin()), int(levels.argmax())
        # now and then many pictures have the class of least ink: its sum is large
        crowded = lightest if i % 2 else (lightest + 1) % classes
        labels = torch.cat([draw.labels(max(n // 2, 3 * classes), classes), torch.full((n // 2,), crowded)])
        images = levels[labels].view(-1, 1, 1, 1) + draw.uniform(-8, 8, len(labels), 1, h, w)
        images[labels == lightest, :, 0, 0] = 90.0  # and it has bright pixels
        # the class of most ink has mostly black ones, and the lightest picture of all
        images[labels == inkiest] = 255.0 * (draw.uniform(0, 1, len(labels), 1, h, w) < 0.45)[labels == inkiest]
        images[(labels == inkiest).nonzero()[0]] = 1.0
        yield images.to(torch.uint8), labels


def _means_by_class(images: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([images[labels == k].double().mean() for k in range(int(labels.max()) + 1)])


@exercise(
    "least ink",
    "a mean over the class, not a sum: a class with many pictures has much ink in all, and may have little in each.",
    _least_ink_cases,
    {
        "that is the class with the most ink": lambda images, labels: _means_by_class(images, labels).argmax(),
        "you add up the ink of a class: a class of many pictures then has much. Take the mean": (
            lambda images, labels: torch.bincount(labels, images.flatten(1).sum(1).double()).argmin()
        ),
        "that is the class of the one picture with the least ink, not of the class with the lowest mean": (
            lambda images, labels: labels[images.flatten(1).double().mean(1).argmin()]
        ),
        "that is the number of the picture with the least ink; the number of a class is asked for": (
            lambda images, labels: images.flatten(1).double().mean(1).argmin()
        ),
        "those are the mean pixels of the classes: which class has the lowest?": _means_by_class,
        "that is the lowest mean pixel; asked is which class has it": lambda i, y: _means_by_class(i, y).min(),
    },
)
def _least_ink(images: Tensor, labels: Tensor) -> Tensor:
    return _means_by_class(images, labels).argmin()


def _nearest_mean_cases(draw: Draw) -> Iterator[Case]:
    for n, classes, c, h, w in (
        (2, 3, 1, 1, 2),
        (20, 10, 1, 7, 5),
        (1, 4, 3, 4, 4),
        (30, 5, 1, 3, 3),
        (17, 2, 1, 6, 4),
    ):
        means = 128 + 40 * draw.normal(classes, c, h, w) * draw.uniform(0.3, 1.7, classes, 1, 1, 1)
        images = 128 + 50 * draw.normal(40 * n, c, h, w)
        nearest = _distances(images, means).topk(2, largest=False).values
        yield images[nearest[:, 1] > 1.05 * nearest[:, 0]][:n], means  # none half-way between two means


def _distances(images: Tensor, means: Tensor, p: float = 2) -> Tensor:
    return (images.flatten(1)[:, None] - means.flatten(1)).double().norm(p, dim=2)


@exercise(
    "nearest mean",
    "ten averages already read most digits: the classes are far apart on the whole.",
    _nearest_mean_cases,
    {
        "that is the class whose mean is farthest": lambda x, m: _distances(x, m).argmax(1),
        "that is the class with the largest scalar product: a bright mean then wins. Take the distance": (
            lambda x, m: (x.flatten(1) @ m.flatten(1).T).argmax(1)
        ),
        "you add up absolute differences; the Euclidean distance squares them": (
            lambda x, m: _distances(x, m, 1).argmin(1)
        ),
        "you found, for each mean, the nearest picture; asked is the nearest mean for each picture": (
            lambda x, m: _distances(x, m).argmin(0)
        ),
        "those are the distances; asked is the number of the class with the smallest": _distances,
        "that is the smallest distance of each picture; asked is the class it belongs to": (
            lambda x, m: _distances(x, m).min(1).values
        ),
    },
)
def _nearest_mean(images: Tensor, means: Tensor) -> Tensor:
    return _distances(images, means).argmin(1)
