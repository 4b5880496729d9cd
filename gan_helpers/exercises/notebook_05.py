"""The exercises of notebook 05: latent vectors near the middle, copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, distinct


@effect("truncated latents", "what lies outside is drawn again, so the bell keeps its shape up to the limit.")
def _truncated_latents(answer: Any, draw: Draw) -> None:
    for n, latent_dim, limit in ((2, 3, 1.0), (300, 80, 1.0), (125, 80, 0.5), (100, 100, 2.0), (1, 1, 0.3)):
        given = as_tensor(call(answer, n, latent_dim, limit, names=("n", "latent_dim", "limit")))
        found, case = given.double(), f"for n = {n}, latent_dim = {latent_dim} and limit = {limit}"
        if tuple(found.shape) != (n, latent_dim):
            raise Hint(f"{case} the shape is {tuple(found.shape)}; it should be {(n, latent_dim)}.")
        if not found.isfinite().all():
            raise Hint(f"{case} some values are not finite numbers.")
        if (largest := float(found.abs().max())) > limit * (1 + 1e-3):
            raise Hint(f"{case} the largest value is {distinct(largest, limit)[0]}, beyond the limit.")
        if found.numel() > 1000:
            _check_bell(found, limit, case, rounded=given.dtype in (torch.float16, torch.bfloat16))


def _check_bell(found: Tensor, limit: float, case: str, rounded: bool) -> None:
    """Is it a normal distribution cut off at the limit? A right answer fails once in ten million draws."""
    if (found.abs() >= limit * (1 - 1e-6)).double().mean() > 0.01 and not rounded:
        raise Hint(f"{case} values pile up at the limit: draw them again instead of clamping them.")
    if len(found.unique()) < 0.9 * found.numel() and not rounded:
        raise Hint(f"{case} the same numbers occur again and again: draw each of them on its own.")
    if max(_gap(found, limit), _gap(found.abs(), limit, folded=True)) > 3 + 0.6 * rounded or _too_wide(found, limit):
        ours, right = distinct(float(found.square().mean().sqrt()), math.sqrt(_moment(limit, 2)))
        raise Hint(
            f"{case} the values are not those of a bell cut off at the limit: their root mean square is {ours}, that "
            f"of the bell {right}. Draw from the normal distribution, and again only what is outside."
        )


def _moment(limit: float, power: int) -> float:
    """The mean of z ** power for standard normal z between -limit and limit, by a sum over a grid."""
    z = torch.linspace(-limit, limit, 20_001, dtype=torch.float64)
    weights = (-z.square() / 2).exp()
    return float((weights * z**power).sum() / weights.sum())


def _too_wide(values: Tensor, limit: float) -> bool:
    """Is the mean square off by more than five standard errors? Here few wrong values tell most."""
    variance = (_moment(limit, 4) - _moment(limit, 2) ** 2) / values.numel()
    return abs(float(values.square().mean()) - _moment(limit, 2)) > 5 * math.sqrt(variance)


def _gap(values: Tensor, limit: float, folded: bool = False) -> float:
    """Kolmogorov's distance of the values (or of their sizes) from the bell, times the root of their number."""
    values = values.flatten().sort().values
    share = torch.erf(values / math.sqrt(2)) / math.erf(limit / math.sqrt(2))
    below = share if folded else (1 + share) / 2
    return float((below - torch.arange(1, len(values) + 1) / len(values)).abs().max()) * math.sqrt(len(values))


def _moved(pictures: Tensor, moves: list[tuple[int, int]]) -> Tensor:
    return torch.cat([pictures.roll(move, (2, 3)) for move in moves])


AROUND = list(product((-1, 0, 1), repeat=2))


def _all_distances(samples: Tensor, pictures: Tensor, moves: list[tuple[int, int]], p: float = 2) -> Tensor:
    """(N, moves * M), without the rounding of cdist."""
    return (samples.flatten(1)[:, None] - _moved(pictures, moves).flatten(1)).double().norm(p, dim=2)


def _moved_copies_cases(draw: Draw) -> Iterator[Case]:
    for n, m, c, h, w in ((2, 2, 1, 3, 3), (9, 5, 1, 6, 5), (1, 7, 3, 4, 6), (12, 1, 1, 5, 5), (18, 20, 1, 7, 4)):
        pictures = draw.uniform(-1, 1, m, c, h, w)
        moves = [AROUND[(4 * i + 1) % 9] if i % 5 < 4 else (2, 1) for i in range(n)]  # some are moved too far
        chosen = [_moved(pictures[draw.integer(0, m - 1)][None], [move]) for move in moves]
        yield torch.cat(chosen) + 0.15 * draw.normal(n, c, h, w), pictures


def _closest(moves: list[tuple[int, int]], p: float = 2) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda samples, pictures: _all_distances(samples, pictures, moves, p).min(1).values


@exercise(
    "moved copies",
    "a copy that is moved by a pixel is far away pixel by pixel, and a copy all the same.",
    _moved_copies_cases,
    {
        "the pictures are not moved at all": _closest([(0, 0)]),
        "you move them left and right only": _closest([(0, -1), (0, 0), (0, 1)]),
        "you move them up and down only": _closest([(-1, 0), (0, 0), (1, 0)]),
        "the four moves along a diagonal are missing": _closest([move for move in AROUND if 0 in move]),
        "the unmoved pictures are missing": _closest([move for move in AROUND if any(move)]),
        "the moves in one direction are missing: each axis has -1, 0 and 1": _closest([(0, 0), (0, 1), (1, 0), (1, 1)]),
        "you add up absolute differences; the Euclidean distance squares them": _closest(AROUND, 1),
        "that is the squared distance: take the root": lambda s, p: _closest(AROUND)(s, p) ** 2,
        "that is the number of the nearest picture; the distance to it is asked for": (
            lambda s, p: _all_distances(s, p, AROUND).argmin(1) % len(p)
        ),
        "you found, for each picture, the nearest sample; asked is one distance for each sample": (
            lambda s, p: _closest(AROUND)(p, s)
        ),
        "that is the root of the mean square; the distance adds the squares up": (
            lambda s, p: _closest(AROUND)(s, p) / math.sqrt(s[0].numel())
        ),
    },
)
def _moved_copies(samples: Tensor, pictures: Tensor) -> Tensor:
    return _closest(AROUND)(samples, pictures)
