"""The exercises of notebook 10: directions and shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _right_angles_cases(draw: Draw) -> Iterator[Case]:
    yield (torch.tensor([[3.0, 0.0], [1.0, -2.0]]),)
    for k, d in ((3, 7), (1, 4), (5, 5), (4, 20), (6, 9)):

        def make(k: int = k, d: int = d) -> tuple[Tensor]:
            sides = draw.integers(0, 1, k, 1) * 2 - 1
            return ((draw.normal(k, d) + 0.7 * draw.normal(1, d)) * sides,)  # far from right angles, to either side

        yield draw.until(make, lambda rows: bool(torch.linalg.svdvals(rows).min() > 0.4))


def _unit(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=1, keepdim=True)


def _one_by_one(rows: Tensor) -> Tensor:
    """Each row without its part along all earlier ones, not yet of length 1."""
    left: list[Tensor] = []
    for row in rows:
        left.append(row - sum((row @ other) / (other @ other) * other for other in left))
    return torch.stack(left)


def _against(rows: Tensor, others: Callable[[int], list[int]]) -> Tensor:
    """Each row without its part along single others as they came, one after the other."""
    found = []
    for i, row in enumerate(rows):
        for j in others(i):
            row = row - (row @ rows[j]) / (rows[j] @ rows[j]) * rows[j]
        found.append(row)
    return _unit(torch.stack(found))


@exercise(
    "right angles",
    "what is left of each direction moves nothing that the earlier ones move: the first keeps all, the last pays most.",
    _right_angles_cases,
    {
        "the lengths are not 1: divide each by its norm": _one_by_one,
        "they have length 1, but are not at right angles": _unit,
        "some directions point the other way: a QR decomposition may turn them round": (
            lambda rows: torch.linalg.qr(rows.T).Q.T
        ),
        "each is at right angles to the one before it, not to all earlier ones": (
            lambda rows: _against(rows, lambda i: list(range(max(i - 1, 0), i)))
        ),
        "you take away the parts along the earlier directions as they came; these are not at right angles to each "
        "other. Take away the parts along what was left of them": lambda rows: _against(rows, lambda i: list(range(i))),
        "you let each direction yield to all others; it should yield to the earlier ones alone": (
            lambda rows: _unit(torch.linalg.pinv(rows).T)
        ),
        "you begin with the last direction; the first is to stay as it is": (
            lambda rows: _unit(_one_by_one(rows.flip(0))).flip(0)
        ),
        "that is a basis of the same space, but not in order: the first direction is to stay as it is": (
            lambda rows: torch.linalg.svd(rows, full_matrices=False).Vh
        ),
        "you bend all of them a little; the first is to stay as it is": (
            lambda rows: (lambda u, s, v: u @ v)(*torch.linalg.svd(rows, full_matrices=False))
        ),
    },
)
def _right_angles(directions: Tensor) -> Tensor:
    return _unit(_one_by_one(directions))


def _true_share_cases(draw: Draw) -> Iterator[Case]:
    for _ in range(4):
        hit, false_alarm, share = draw.number(0.6, 0.98), draw.number(0.02, 0.35), draw.number(0.05, 0.95)
        yield share * hit + (1 - share) * false_alarm, hit, false_alarm
    yield 0.01, 0.9, 0.05  # by chance in the sample
    yield 0.99, 0.9, 0.05
    yield 0.8, 0.8, 0.3
    yield 0.2, 0.7, 0.2
    yield 0.43, 1.0, 0.0


@exercise(
    "true share",
    "seen = share * hit + (1 - share) * false_alarm, solved for the share.",
    _true_share_cases,
    {
        "no share is below 0 or above 1": lambda seen, hit, false: (seen - false) / (hit - false),
        "no share is below 0": lambda seen, hit, false: min(1.0, (seen - false) / (hit - false)),
        "no share is above 1": lambda seen, hit, false: max(0.0, (seen - false) / (hit - false)),
        "that takes the false alarms away, but not the hats that were missed among them: divide by hit - false_alarm": (
            lambda seen, hit, false: min(max((seen - false) / hit, 0), 1)
        ),
        "that corrects for missed hats alone, not for false alarms": lambda seen, hit, false: min(seen / hit, 1),
        "that is what the reader sees: write it as a sum over those with a hat and those without": lambda s, h, f: s,
        "that is the other way round: what the reader sees if `seen` is the true share": (
            lambda seen, hit, false: seen * hit + (1 - seen) * false
        ),
        "that is how sure a single `hat` is": (lambda seen, hit, false: seen * hit / (seen * hit + (1 - seen) * false)),
    },
)
def _true_share(seen: float, hit: float, false_alarm: float) -> float:
    return min(max((seen - false_alarm) / (hit - false_alarm), 0.0), 1.0)
