"""The exercises of notebook 11: films and their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise
from gan_helpers.latent.paths import slerp


def _film_cases(draw: Draw) -> Iterator[Case]:
    for k, d, frames in ((2, 3, 2), (4, 12, 3), (3, 6, 5), (5, 8, 1), (2, 20, 7)):
        yield draw.normal(k, d), frames


def _way(corners: Tensor, places: list[float], walk: Callable[..., Tensor] = slerp) -> Tensor:
    """The points at places counted in legs: 1.5 is half-way from the second corner to the third."""
    legs = [min(int(place), len(corners) - 2) for place in places]
    return torch.stack([walk(corners[i], corners[i + 1], p - i) for i, p in zip(legs, places, strict=True)])


def _forth(corners: Tensor, frames: int) -> list[float]:
    return [i / frames for i in range((len(corners) - 1) * frames + 1)]


def _forth_and_back(corners: Tensor, frames: int, walk: Callable[..., Tensor] = slerp, ends: int = 0) -> Tensor:
    forth = _forth(corners, frames)
    back = {0: forth[-2:0:-1], 1: forth[::-1], 2: forth[-2::-1], 3: forth[:0:-1]}[ends]
    return _way(corners, forth + back, walk)


def _with_every_end(corners: Tensor, frames: int) -> Tensor:
    stops = [*corners, *corners.flip(0)[1:]]
    return torch.stack([slerp(a, b, i / frames) for a, b in pairwise(stops) for i in range(frames + 1)])


@exercise(
    "there and back",
    "the two turning points are shown once each, so the loop plays without a frame that stands still.",
    _film_cases,
    {
        "straight lines: in the middle of a leg z is too short. Take slerp(a, b, t)": (
            lambda c, n: _forth_and_back(c, n, torch.lerp)
        ),
        "both turning points are there twice": lambda c, n: _forth_and_back(c, n, ends=1),
        "the film ends where it begins: the first frame comes twice when it is played again": (
            lambda c, n: _forth_and_back(c, n, ends=2)
        ),
        "the far turning point is there twice": lambda c, n: _forth_and_back(c, n, ends=3),
        "the way back is missing": lambda c, n: _way(c, _forth(c, n)),
        "the way back is missing, and so is the last corner": lambda c, n: _way(c, _forth(c, n)[:-1]),
        "that way goes on from the last corner to the first; asked is the same way back": (
            lambda c, n: _way(torch.cat([c, c[:1]]), [i / n for i in range(len(c) * n)])
        ),
        "the inner corners are there twice: a leg leaves out its end, which is the next leg's start": _with_every_end,
    },
)
def _there_and_back(corners: Tensor, frames: int) -> Tensor:
    return _forth_and_back(corners, frames)


def _open_film_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([1.0, 3.0]), 3
    for frames, n in ((4, 4), (9, 20), (6, 2), (1, 5), (15, 7)):
        yield draw.uniform(0.2, 3, frames), n


def _moments(distances: Tensor, wanted: np.ndarray) -> Tensor:
    """The moments at which shares of the whole way are reached."""
    travelled = np.concatenate([[0.0], np.cumsum(np.asarray(distances, dtype=np.float64))])
    return torch.from_numpy(np.interp(wanted * travelled[-1], travelled, np.arange(len(travelled))))


def _travelled(distances: Tensor, n: int) -> Tensor:
    way = np.concatenate([[0.0], np.cumsum(np.asarray(distances, dtype=np.float64))])
    return torch.from_numpy(np.interp(np.linspace(0, len(distances), n), np.arange(len(way)), way))


@exercise(
    "open film",
    "the way travelled, read backwards: from equal shares of the way to the moments when they are reached.",
    _open_film_cases,
    {
        "that is a loop: it leaves out the end. Here the first and the last frame are both shown": (
            lambda d, n: _moments(d, np.arange(n) / n)
        ),
        "those moments are evenly spaced, whatever the distances": lambda d, n: torch.linspace(0, len(d), n),
        "that is the way travelled at even moments; asked are the moments at even shares of the way: the inverse": (
            _travelled
        ),
        "that is the inverse of what is asked, scaled to frames": lambda d, n: _travelled(d, n) * len(d) / d.sum(),
        "you round to whole frames; a moment may lie between two": lambda d, n: _moments(
            d, np.linspace(0, 1, n)
        ).round(),
        "you give shares of the film; count in frames": lambda d, n: _moments(d, np.linspace(0, 1, n)) / len(d),
        "you give the way travelled at each frame shown; asked is the moment": (
            lambda d, n: torch.linspace(0, 1, n) * d.sum()
        ),
        "the film begins at moment 0, not 1": lambda d, n: _moments(d, np.linspace(0, 1, n)) + 1,
        "the way begins at 0: put a 0 before the sums": (
            lambda d, n: np.interp(np.linspace(0, 1, n) * float(d.sum()), np.cumsum(d.numpy()), np.arange(len(d)))
        ),
    },
)
def _open_film(distances: Tensor, n: int) -> Tensor:
    return _moments(distances, np.linspace(0, 1, n))


def _swap_cases(draw: Draw) -> Iterator[Case]:
    for n, d, motion in ((2, 3, 1), (3, 7, 2), (4, 6, 3), (1, 5, 2), (5, 9, 8)):
        yield draw.normal(n, d), motion


def _crossed(latents: Tensor, motion_dim: int, first: bool = True) -> Tensor:
    n = len(latents)
    slow, fast = torch.arange(n * n) // n, torch.arange(n * n) % n
    content, motion = (slow, fast) if first else (fast, slow)
    return torch.cat([latents[content, :-motion_dim], latents[motion, -motion_dim:]], 1)


@exercise(
    "swap codes",
    "a row is one digit on all ways, a column one way for all digits: two codes, apart.",
    _swap_cases,
    {
        "that is one digit a column: in a row the content stays and the motion changes": (
            lambda z, motion_dim: _crossed(z, motion_dim, first=False)
        ),
        "whole vectors are repeated, row by row: split each into content and motion first": (
            lambda z, motion_dim: z.repeat_interleave(len(z), 0)
        ),
        "whole vectors are repeated, one after the other: split each into content and motion first": (
            lambda z, motion_dim: z.repeat(len(z), 1)
        ),
        "you took the *first* motion_dim numbers for the motion code": (
            lambda z, motion_dim: torch.cat([_crossed(z, z.shape[1] - motion_dim, first=False)], 1)
        ),
        "the content code has to stay in front, as `generate` expects it": (lambda z, m: _crossed(z, m).roll(m, 1)),
        "that is one list of N vectors, with shifted motion codes; asked are all N * N pairs": (
            lambda z, m: torch.cat([z[:, :-m], z.roll(1, 0)[:, -m:]], 1)
        ),
        "give one long list, row after row: flatten the first two axes": (
            lambda z, m: _crossed(z, m).view(len(z), len(z), -1)
        ),
    },
)
def _swap_codes(latents: Tensor, motion_dim: int) -> Tensor:
    return _crossed(latents, motion_dim)
