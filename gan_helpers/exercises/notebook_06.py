"""The exercises of notebook 06: distances and coverage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, copied
from gan_helpers.metrics.distances import covered, frechet_distance


def _diagonal_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([[1.0], [2.0]])
    for n, m, f in ((40, 25, 2), (6, 9, 5), (3, 60, 1), (12, 12, 8)):
        mix = draw.normal(f, f)  # correlated features: the full covariance gives another number
        a, b = draw.normal(n, f) @ mix, draw.normal(m, f) @ mix
        yield a + draw.normal(f), b * draw.uniform(0.4, 2.5, f) + draw.normal(f)


def _gaps(a: Tensor, b: Tensor, correction: int = 1) -> tuple[Tensor, Tensor]:
    return a.mean(0) - b.mean(0), a.std(0, correction=correction) - b.std(0, correction=correction)


def _diagonal(a: Tensor, b: Tensor) -> Tensor:
    return sum(gap.square().sum() for gap in _gaps(a, b))


@exercise(
    "frechet diagonal",
    "axis by axis there is no square root of a matrix: spreads are compared like means. It overlooks correlations.",
    _diagonal_cases,
    {
        "you compare variances; the formula compares standard deviations": (
            lambda a, b: _gaps(a, b)[0].square().sum() + (a.var(0) - b.var(0)).square().sum()
        ),
        "the means have no part in it": lambda a, b: _gaps(a, b)[1].square().sum(),
        "the spreads have no part in it": lambda a, b: _gaps(a, b)[0].square().sum(),
        "you average over the features; the trace adds them up": lambda a, b: _diagonal(a, b) / a.shape[1],
        "the differences are squared, not taken absolute": lambda a, b: sum(gap.abs().sum() for gap in _gaps(a, b)),
        "you take one mean and one spread of all numbers; each feature has its own": (
            lambda a, b: (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
        ),
        "you divide by N, as NumPy's std does; torch's divides by N - 1": (
            lambda a, b: sum(gap.square().sum() for gap in _gaps(a, b, 0))
        ),
        "that is the root of the distance, which is left squared": lambda a, b: _diagonal(a, b).sqrt(),
        "that takes the full covariances; asked is the distance of their diagonals": frechet_distance,
        "the sum over features is missing": lambda a, b: sum(gap.square() for gap in _gaps(a, b)),
        "you add the two means, in place of taking their difference": (
            lambda a, b: (a.mean(0) + b.mean(0)).square().sum() + _gaps(a, b)[1].square().sum()
        ),
    },
)
def _frechet_diagonal(a: Tensor, b: Tensor) -> Tensor:
    return _diagonal(a, b)


def _between(points: Tensor, others: Tensor) -> Tensor:
    return (points[:, None] - others).double().norm(dim=2)


def _radii(points: Tensor, k: int) -> Tensor:
    """The distance of each point to its k-th nearest neighbour among the others."""
    return _between(points, points).sort(1).values[:, k]


def _coverage_cases(draw: Draw) -> Iterator[Case]:
    for n, m, f, k in ((5, 3, 1, 1), (40, 30, 2, 3), (25, 60, 4, 5), (30, 1, 3, 2), (12, 20, 2, 1)):

        def make(n: int = n, m: int = m, f: int = f, k: int = k) -> tuple[Tensor, Tensor, int]:
            return draw.normal(n, f), 0.6 * draw.normal(m, f) + 0.8, k

        yield draw.until(make, _clear_edges)


def _clear_edges(real: Tensor, fake: Tensor, k: int) -> bool:
    """No point so near to the edge of a ball that rounding decides; and neither none nor all covered."""
    edges, radii = _between(real, fake).min(1).values, _radii(real, k)
    share = float((edges < radii).double().mean())
    return bool(((edges - radii).abs() > 2e-3 * radii).all()) and 0 < share < 1


def _coverage_of(real: Tensor, fake: Tensor, radii: Tensor) -> Tensor:
    return (_between(real, fake).min(1).values <= radii).double().mean()


@exercise(
    "coverage",
    "the balls are small where real points are dense, and an outlier among the generated points changes nothing.",
    _coverage_cases,
    {
        "the nearest of all is the point itself: take one more": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, k - 1))
        ),
        "the radius is one neighbour too large": lambda real, fake, k: _coverage_of(real, fake, _radii(real, k + 1)),
        "that is recall, with balls around the generated points": lambda r, f, k: covered(r, f, k).double().mean(),
        "that is precision, the share of generated points": lambda r, f, k: covered(f, r, k).double().mean(),
        "that is a number of points; their share is asked for": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, k)) * len(real)
        ),
        "the two sets are exchanged": lambda real, fake, k: _coverage_of(fake, real, _radii(fake, k)),
        "that is the share that is *not* covered": (
            lambda real, fake, k: 1 - _coverage_of(real, fake, _radii(real, k))
        ),
        "the radius is the distance to the nearest, whatever k is": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, 1))
        ),
        "you divide by the number of generated points": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, k)) * len(real) / len(fake)
        ),
    },
)
def _coverage(real: Tensor, fake: Tensor, k: int) -> Tensor:
    return _coverage_of(real, fake, _radii(real, k))


@effect("fool frechet", "four places with the ring's mean and covariance: nothing else enters the formula.")
def _fool_frechet(answer: Any, draw: Draw) -> None:
    for n, width, height, turn in ((2000, 3.0, 1.0, 0.0), (1200, 1.0, 2.0, 0.5), (2400, 2.0, 2.5, 1.2)):
        angle = draw.uniform(0, 2 * math.pi, n)
        ring = torch.stack([width * angle.cos(), height * angle.sin()], 1) + 0.02 * draw.normal(n, 2)
        rotation = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        real = ring @ rotation + draw.uniform(-3, 3, 2)
        found = as_tensor(call(answer, copied(real), names=("real",))).double()
        if found.shape != real.shape:
            raise Hint(
                f"the answer has the shape {tuple(found.shape)}; it should be as many points, {tuple(real.shape)}."
            )
        if not found.isfinite().all():
            raise Hint("some coordinates are not finite numbers.")
        if (places := _count_places(found, 1e-3 * float(real.std()))) > 5:
            many = f"{places}" if places < 100 else "100 or more"
            raise Hint(f"your points lie at {many} different places; five are the most allowed.")
        if (distance := frechet_distance(found, real)) > 0.1:
            raise Hint(
                f"the Fréchet distance is {distance:.3f}, not below 0.1: match the mean and covariance of `real`."
            )


def _count_places(points: Tensor, apart: float) -> int:
    """How many places the points take up, rounding aside; it stops counting at 100."""
    count = 0
    while len(points) and count < 100:
        points, count = points[(points - points[0]).norm(dim=1) > apart], count + 1
    return count
