"""The exercises of notebook 15: runs that went wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _history_cases(draw: Draw) -> Iterator[Case]:
    yield (draw.normal(9, 4),)  # nothing wrong
    for steps, columns, first, bad in (
        (12, 2, 5, (math.nan,)),
        (30, 4, 17, (math.inf, math.nan)),
        (8, 3, 1, (-math.inf, math.nan)),
        (20, 4, 20, (math.inf,)),
        (25, 2, 3, (-math.inf,)),
        (40, 3, 11, (math.nan, math.inf)),
    ):
        losses = draw.normal(steps, columns)
        losses[first - 1, draw.integer(1, columns - 1)] = bad[0]  # never in the first column alone
        losses[first:, :] = torch.where(draw.uniform(0, 1, steps - first, columns) < 0.7, bad[-1], 1.0)
        yield (losses,)


def _steps_with(bad: Tensor) -> Tensor:
    """1-based numbers of the steps in which any is bad, (n,), with a 0 behind them."""
    return torch.cat([bad.any(1).nonzero()[:, 0] + 1, torch.zeros(1, dtype=torch.int64)])


@exercise(
    "first bad step",
    "the first NaN names the batch to look at; all that comes after it is only the echo.",
    _history_cases,
    {
        "steps count from 1": lambda x: (_steps_with(~x.isfinite())[0] - 1).clamp(min=0),
        "infinite losses are as bad as NaN": lambda x: _steps_with(x.isnan())[0],
        "NaN is as bad as an infinite loss": lambda x: _steps_with(x.isinf())[0],
        "look at every column, not at the first alone": lambda x: _steps_with(~x[:, :1].isfinite())[0],
        "that is the last bad step; asked is the first": lambda x: _steps_with(~x.isfinite()).max(),
        "that is how many steps are bad": lambda x: (~x.isfinite()).any(1).sum(),
        "one bad column is enough": lambda x: _steps_with((~x.isfinite()).all(1, keepdim=True))[0],
        "where nothing is bad the answer is 0": lambda x: (
            _steps_with(~x.isfinite())[0] if not x.isfinite().all() else len(x)
        ),
    },
)
def _first_bad_step(losses: Tensor) -> Tensor:
    return _steps_with(~losses.isfinite())[0]


def _copy_cases(draw: Draw) -> Iterator[Case]:
    for n, m, k, size, copies in ((6, 5, 8, 3, 2), (10, 4, 12, 2, 0), (9, 7, 5, 4, 9), (60, 6, 20, 2, 5)):

        def make(
            n: int = n, m: int = m, k: int = k, size: int = size, copies: int = copies
        ) -> tuple[Tensor, Tensor, Tensor]:
            train = draw.normal(k, size)
            near = train[draw.integers(0, k - 1, copies)] + 0.01 * draw.normal(copies, size)
            fake = torch.cat([near, 2 * draw.normal(n - copies, size)])[draw.order(n)]
            return fake, 2 * draw.normal(m, size), train

        yield draw.until(make, _no_tie)


def _nearest(points: Tensor, others: Tensor) -> Tensor:
    return (points[:, None] - others[None]).norm(dim=2).min(1).values


def _no_tie(fake: Tensor, held_out: Tensor, train: Tensor) -> bool:
    limit = _nearest(held_out, train).min()
    return bool((_nearest(fake, train) - limit).abs().min() > 0.01)


@exercise(
    "copied share",
    "held-out pictures say how near is near: no fresh picture in the sample came so close.",
    _copy_cases,
    {
        "that is their number; asked is the share": lambda f, h, t: (
            (_nearest(f, t) < _nearest(h, t).min()).double().sum()
        ),
        "that is the share of those that are no copies": lambda f, h, t: (
            (_nearest(f, t) >= _nearest(h, t).min()).double().mean()
        ),
        "the limit is the nearest held-out picture, not their mean": lambda f, h, t: (
            (_nearest(f, t) < _nearest(h, t).mean()).double().mean()
        ),
        "the limit is the nearest held-out picture, not the farthest": lambda f, h, t: (
            (_nearest(f, t) < _nearest(h, t).max()).double().mean()
        ),
        "copies are of training pictures: measure to those, not to the held-out ones": lambda f, h, t: (
            (_nearest(f, h) < _nearest(t, h).min()).double().mean()
        ),
        "seek the nearest training picture of each generated one, not the other way round": lambda f, h, t: (
            (_nearest(t, f) < _nearest(t, h).min()).double().mean()
        ),
    },
)
def _copied_share(fake: Tensor, held_out: Tensor, train: Tensor) -> Tensor:
    return (_nearest(fake, train) < _nearest(held_out, train).min()).double().mean()
