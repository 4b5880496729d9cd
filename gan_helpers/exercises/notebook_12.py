"""The exercises of notebook 12: principal components."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _components_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([5.0, 3.0, 1.0, 1.0]), 0.75
    yield torch.tensor([4.0, 4.0, 1.0, 1.0]), 0.3
    yield torch.tensor([2.0]), 0.9
    for n, share in ((6, 0.5), (12, 0.9), (30, 0.95), (9, 0.7), (40, 0.99)):

        def make(n: int = n, share: float = share) -> tuple[Tensor, float]:
            return draw.uniform(0.02, 1, n).pow(2).sort(descending=True).values, round(
                share + draw.number(-0.03, 0.005), 3
            )

        yield draw.until(make, _clear_of_the_share)


def _held(variances: Tensor) -> Tensor:
    return variances.double().cumsum(0) / variances.double().sum()


def _clear_of_the_share(variances: Tensor, share: float) -> bool:
    """No number of components holds the share so exactly that rounding decides."""
    return bool((_held(variances) - share).abs().min() > 1e-3)


@exercise(
    "enough components",
    "the variances left out are the error, so their sum says when to stop.",
    _components_cases,
    {
        "one more is needed: that many hold less than the share": lambda v, share: (_held(v) < share).sum(),
        "one fewer is enough": lambda v, share: (_held(v) < share).sum() + 2,
        "you add up standard deviations; the variances are given already": (
            lambda v, share: (_held(v.sqrt()) < share).sum() + 1
        ),
        "variances are not to be squared": lambda v, share: (_held(v**2) < share).sum() + 1,
        "you begin with the smallest variance": lambda v, share: (_held(v.flip(0)) < share).sum() + 1,
        "that is a share of the number of components, not of the variance": lambda v, share: math.ceil(share * len(v)),
        "you compare sums with the share: divide by the sum of all first": (
            lambda v, share: (v.cumsum(0) < share).sum() + 1
        ),
        "you count single components that are large; add them up": lambda v, share: (v / v.sum() >= share).sum(),
        "that is how many can be left out": lambda v, share: len(v) - (_held(v) < share).sum() - 1,
        "that is the share that is held; asked is how many components hold it": (
            lambda v, share: _held(v)[int((_held(v) < share).sum())]
        ),
    },
)
def _enough_components(variances: Tensor, share: float) -> Tensor:
    return (_held(variances) < share).sum() + 1


def _fill_cases(draw: Draw) -> Iterator[Case]:
    for n, size, k, known in ((1, 4, 1, 3), (5, 9, 2, 6), (3, 20, 4, 12), (8, 6, 3, 5), (2, 12, 1, 4)):

        def make(size: int = size, k: int = k, known: int = known) -> tuple[Tensor, Tensor]:
            axes = torch.linalg.qr(draw.normal(size, k).double()).Q.T.float()
            return axes, draw.order(size) < known

        axes, seen = draw.until(make, lambda axes, seen: bool(torch.linalg.svdvals(axes[:, seen]).min() > 0.35))
        mean = draw.normal(size)
        rows = mean + 2 * draw.normal(n, k) @ axes + 0.3 * draw.normal(n, size)
        yield rows * seen, seen, mean, axes


def _filled(rows: Tensor, seen: Tensor, mean: Tensor, axes: Tensor) -> Tensor:
    codes = (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen])
    return mean + codes @ axes


@exercise(
    "fill in",
    "the pixels that are seen fix the code, and the code draws the others: a model of the whole picture completes it.",
    _fill_cases,
    {
        "the axes are at right angles over all pixels, not over those that are seen: find the code by least squares": (
            lambda rows, seen, mean, axes: mean + (rows - mean)[:, seen] @ axes[:, seen].T @ axes
        ),
        "you encode the whole row, and take what is not seen for black": (
            lambda rows, seen, mean, axes: mean + (rows - mean) @ axes.T @ axes
        ),
        "take the mean away before you look for the code": (
            lambda rows, seen, mean, axes: mean + rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes
        ),
        "add the mean again at the end": lambda rows, seen, mean, axes: _filled(rows, seen, mean, axes) - mean,
        "the mean has no part in it: take it away first, and add it at the end": (
            lambda rows, seen, mean, axes: rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes
        ),
        "those are the codes; decode them": (
            lambda rows, seen, mean, axes: (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen])
        ),
        "the pixels that are seen are rebuilt as well, not copied": (
            lambda rows, seen, mean, axes: torch.where(seen, rows, _filled(rows, seen, mean, axes))
        ),
        "what is not seen becomes the mean": lambda rows, seen, mean, axes: torch.where(seen, rows, mean),
        "you took `seen` the other way round: True is a pixel that is known": (
            lambda rows, seen, mean, axes: _filled(rows, ~seen, mean, axes)
        ),
        "give the whole rows back, not only what was missing": (
            lambda rows, seen, mean, axes: _filled(rows, seen, mean, axes)[:, ~seen]
        ),
    },
)
def _fill_in(rows: Tensor, seen: Tensor, mean: Tensor, axes: Tensor) -> Tensor:
    return _filled(rows, seen, mean, axes)
