"""The exercises of notebook 17: translating without pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, copied, distinct

Translate = Callable[[Tensor], Tensor]


class Mixer(nn.Module):
    """A translator small enough for an exercise: each pixel's channels, mixed, shifted and squashed."""

    def __init__(self, mix: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("mix", mix)
        self.register_buffer("shift", shift)

    def forward(self, images: Tensor) -> Tensor:
        return torch.tanh(torch.einsum("cd,ndhw->nchw", self.mix, images) + self.shift.view(-1, 1, 1))


# --- there and back -----------------------------------------------------------------------------------


def _cycle_cases(draw: Draw) -> Iterator[Case]:
    for n, m, c, h, w in ((2, 2, 1, 2, 2), (1, 4, 3, 3, 2), (5, 2, 2, 4, 4), (3, 7, 3, 2, 5), (6, 1, 1, 1, 3)):
        translators = [Mixer(draw.normal(c, c), draw.away_from(0.3, c)) for _ in "ab"]
        yield *translators, draw.uniform(-1, 1, n, c, h, w), draw.uniform(-1, 1, m, c, h, w)


def _there_and_back(to_a: Translate, to_b: Translate, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return to_a(to_b(a)) - a, to_b(to_a(b)) - b


def _sum_of(measure: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda to_a, to_b, a, b: sum(map(measure, _there_and_back(to_a, to_b, a, b)))


@exercise(
    "cycle loss",
    "each set has its own mean, so 6 pictures of A weigh no more than 1 of B.",
    _cycle_cases,
    {
        "the way from B to A and back is missing": (
            lambda to_a, to_b, a, b: _there_and_back(to_a, to_b, a, b)[0].abs().mean()
        ),
        "the way from A to B and back is missing": (
            lambda to_a, to_b, a, b: _there_and_back(to_a, to_b, a, b)[1].abs().mean()
        ),
        "that is the mean of the two ways; the paper adds them": lambda *x: _sum_of(lambda d: d.abs().mean())(*x) / 2,
        "a picture of A goes to B first: you call the translators in the wrong order": (
            lambda to_a, to_b, a, b: (to_b(to_a(a)) - a).abs().mean() + (to_a(to_b(b)) - b).abs().mean()
        ),
        "those are squares; take absolute differences": _sum_of(lambda d: d.square().mean()),
        "you add all differences up; take the mean of each way": _sum_of(lambda d: d.abs().sum()),
        "that is the way there alone, and it should change the picture": (
            lambda to_a, to_b, a, b: (to_b(a) - a).abs().mean() + (to_a(b) - b).abs().mean()
        ),
        "that is the identity loss: what is of A already, sent to A": (
            lambda to_a, to_b, a, b: (to_a(a) - a).abs().mean() + (to_b(b) - b).abs().mean()
        ),
        "you average over the pictures of both sets together; each set has a mean of its own": (
            lambda *x: torch.cat([d.abs().flatten() for d in _there_and_back(*x)]).mean()
        ),
        "differences of either sign cancel: take their absolute values": _sum_of(lambda d: d.mean()),
        "that is the root of the mean square; take the mean absolute difference": (
            _sum_of(lambda d: d.square().mean().sqrt())
        ),
        "you add the differences of a picture up; take their mean": _sum_of(lambda d: d.abs().flatten(1).sum(1).mean()),
    },
)
def _cycle_loss(to_a: Translate, to_b: Translate, a: Tensor, b: Tensor) -> Tensor:
    return _sum_of(lambda d: d.abs().mean())(to_a, to_b, a, b)


# --- the pool -----------------------------------------------------------------------------------------


def _pool_cases(draw: Draw) -> Iterator[Case]:
    for steps, n, size in ((4, 1, 1), (6, 2, 3), (12, 3, 3), (9, 4, 10), (30, 2, 5)):
        places = torch.stack([draw.order(size)[:n] for _ in range(steps)])
        yield draw.normal(steps, n), places, draw.uniform(0, 1, steps, n) < 0.5, size


def _pool(keep: Callable[[bool, bool], bool], give_old: Callable[[bool, bool], bool]) -> Callable[..., Tensor]:
    """A pool that stores a new picture and gives out an older one when these say so, told the coin and: is it free?"""

    def run(fakes: Tensor, places: Tensor, exchanged: Tensor, size: int) -> Tensor:
        pool: dict[int, Tensor] = {}
        rows = []
        for new, where, coins in zip(fakes, places.tolist(), exchanged.tolist(), strict=True):
            row = []
            for fake, place, coin in zip(new, where, coins, strict=True):
                old, free = pool.get(place, torch.zeros_like(fake)), place not in pool
                row.append(old if give_old(coin, free) else fake)
                if keep(coin, free):
                    pool[place] = fake
            rows.append(torch.stack(row))
        return torch.stack(rows)

    return run


def _swaps(coin: bool, free: bool) -> bool:
    return coin and not free


@exercise(
    "what D sees",
    "so about half of what D sees was made in this very step, once the pool is full.",
    _pool_cases,
    {
        "D never sees an older picture": lambda fakes, *_: fakes,
        "you took `exchanged` the other way round": _pool(
            lambda coin, free: not coin or free, lambda c, f: not c and not f
        ),
        "a free place has no older picture to give": _pool(lambda coin, free: coin or free, lambda coin, free: coin),
        "where no picture is exchanged, the older one stays in its place": _pool(lambda *_: True, _swaps),
        "a new picture is stored too when only its place is exchanged": _pool(lambda coin, free: free, _swaps),
        "D sees the older picture only where it is exchanged": _pool(
            lambda coin, free: coin or free, lambda coin, free: not free
        ),
        "a free place takes the new picture, and a picture that is not exchanged stays outside": _pool(
            lambda coin, free: coin, _swaps
        ),
    },
)
def _what_d_sees(fakes: Tensor, places: Tensor, exchanged: Tensor, size: int) -> Tensor:
    return _pool(lambda coin, free: coin or free, _swaps)(fakes, places, exchanged, size)


# --- error outside the mask ---------------------------------------------------------------------------


def _outside_cases(draw: Draw) -> Iterator[Case]:
    for n, c, h, w in ((1, 1, 2, 2), (3, 3, 4, 5), (5, 2, 3, 3), (2, 3, 6, 4), (7, 1, 4, 4)):

        def make(n: int = n, h: int = h, w: int = w) -> tuple[Tensor]:
            share = draw.uniform(0.2, 0.8, n, 1, 1, 1)
            return (draw.uniform(0, 1, n, 1, h, w) < share,)

        changed = draw.until(make, lambda mask: bool((~mask).flatten(1).any(1).all() and mask.flatten(1).any(1).all()))[
            0
        ]
        truth = draw.uniform(-1, 1, n, c, h, w)
        scale = draw.uniform(0.05, 0.3, n, 1, 1, 1) + changed
        yield truth + scale * draw.away_from(0.2, n, c, h, w), truth, changed


def _over(images: Tensor, truth: Tensor, where: Tensor, power: int = 1) -> Tensor:
    """The mean of the absolute differences to a power, where the mask is True, for each picture."""
    where = where.expand_as(images).flatten(1)
    return ((images - truth).abs() ** power).flatten(1).mul(where).sum(1) / where.sum(1)


@exercise(
    "error outside",
    "a picture whose glasses are large has few pixels outside: all the same it has one number, as each other.",
    _outside_cases,
    {
        "that is the error inside the mask: `changed` is True where the truth differs": lambda x, t, m: _over(x, t, m),
        "you take all pixels; leave those out where `changed` is True": (
            lambda x, t, m: _over(x, t, torch.ones_like(m))
        ),
        "you divide by all pixels; divide by those that you counted": (
            lambda x, t, m: ((x - t).abs() * ~m).flatten(1).mean(1)
        ),
        "the mask has one channel, the picture more: divide by all numbers that you added up": (
            lambda x, t, m: ((x - t).abs() * ~m).flatten(1).sum(1) / (~m).flatten(1).sum(1)
        ),
        "those are squares; take absolute differences": lambda x, t, m: _over(x, t, ~m, 2),
        "that is the root of the mean square; take the mean absolute difference": (
            lambda x, t, m: _over(x, t, ~m, 2).sqrt()
        ),
        "that is one number for all pictures; each has its own": (
            lambda x, t, m: (x - t).abs()[(~m).expand_as(x)].mean()
        ),
        "that is the mean of what is asked for: leave one number for each picture": lambda x, t, m: _over(
            x, t, ~m
        ).mean(),
        "you add the differences up; take their mean": lambda x, t, m: ((x - t).abs() * ~m).flatten(1).sum(1),
        "differences of either sign cancel: take their absolute values": (
            lambda x, t, m: ((x - t) * ~m).flatten(1).sum(1) / (~m).expand_as(x).flatten(1).sum(1)
        ),
        "that is the largest difference; take the mean": lambda x, t, m: ((x - t).abs() * ~m).flatten(1).amax(1),
        "the channels of a picture belong together": (
            lambda x, t, m: ((x - t).abs() * ~m).sum((2, 3)) / (~m).sum((2, 3))
        ),
        "you use the mask of the first picture for all": lambda x, t, m: _over(x, t, ~m[:1].expand_as(m)),
    },
)
def _error_outside(images: Tensor, truth: Tensor, changed: Tensor) -> Tensor:
    return _over(images, truth, ~changed)


# --- a wrong translator that no loss of the two minds -------------------------------------------------


@effect(
    "cheat the losses",
    "D cannot tell, and there and back nothing is lost: only the identity loss minds that the numbers have changed.",
)
def _cheat(answer: Any, draw: Draw) -> None:
    numbers = draw.uniform(-1, 1, 2001)
    moved = _moved(answer, numbers)
    for k in (0, 1000, 2000):
        _same_alone(answer, numbers[k : k + 1], moved[k])
    _undetected(moved)
    back = _moved(answer, moved.float())
    worst = int((back - numbers).abs().argmax())
    if (back - numbers).abs().max() > 1e-3:
        way = " to ".join(f"{float(x[worst]):.4g}" for x in (numbers, moved, back))
        raise Hint(f"the cycle loss minds: there and back leads from {way}.")
    if (moved - numbers).abs().mean() < 0.4:
        change = float((moved - numbers).abs().mean())
        raise Hint(f"the numbers change by {change:.3g} on average, and 0.4 is asked for.")


def _moved(answer: Any, numbers: Tensor) -> Tensor:
    moved = as_tensor(call(answer, copied(numbers), names=("numbers",))).double()
    if moved.shape != numbers.shape:
        raise Hint(f"for numbers of shape {tuple(numbers.shape)} you give {tuple(moved.shape)}: keep the shape.")
    if not moved.isfinite().all():
        raise Hint("some of what you give back is no finite number.")
    return moved


def _same_alone(answer: Any, number: Tensor, expected: Tensor) -> None:
    """A translator sees one picture at a time: what becomes of a number must not hang on the others, or on chance."""
    alone = _moved(answer, number)[0]
    if (alone - expected).abs() > 1e-4:
        pair = " and ".join(distinct(float(expected), float(alone)))
        raise Hint(
            f"{float(number):.4g} becomes {pair}, among others and alone: each number is to be translated by itself, "
            "and always in the same way."
        )


def _undetected(moved: Tensor) -> None:
    """What a D that is as good as can be sees: are the numbers spread evenly from -1 to 1?"""
    if moved.abs().max() > 1 + 1e-4:
        raise Hint(
            f"D minds: {float(moved[moved.abs().argmax()]):.4g} is not from -1 to 1, where all real numbers are."
        )
    shares = torch.histc(moved, 8, -1, 1) / len(moved)
    worst = int((shares - 1 / 8).abs().argmax())
    if (shares[worst] - 1 / 8).abs() > 0.05:
        low = -1 + worst / 4
        raise Hint(
            f"D minds: {float(shares[worst]):.0%} of your numbers lie from {low:g} to {low + 0.25:g}, "
            "where 12.5% of the real ones do."
        )


# --- signals that a cycle hides -------------------------------------------------------------------------


def _greyed(images: Tensor) -> Tensor:
    return images.mean(1, keepdim=True).expand_as(images)


def _steps(images: Tensor) -> Tensor:
    """Rounded to quarters."""
    return (4 * images).round() / 4


Cycle = tuple[str, bool, Translate, Translate]  # what it does, does it hide a signal, there, and back

CYCLES: tuple[Cycle, ...] = (
    ("pictures inverted, and inverted again", False, lambda x: -x, lambda x: -x),
    ("pictures greyed with a hundredth of the colours left, and that enlarged", True,
     lambda x: _steps(_greyed(x)) + 0.01 * x, lambda x: 100 * (x - _steps(x))),
    ("pictures greyed, and given back as they are, grey", False, _greyed, lambda x: x),
    ("contrast halved, and doubled again", False, lambda x: 0.5 * x, lambda x: 2 * x),
    ("pictures that become almost black, and light again", True,
     lambda x: 0.02 * x - 0.95, lambda x: (x + 0.95) / 0.02),
    ("red and blue exchanged, and back", False, lambda x: x.flip(1), lambda x: x.flip(1)),
    ("pictures of one colour, which are given back as noise-free grey", False,
     lambda x: torch.full_like(x, 0.5), lambda x: torch.zeros_like(x)),
    ("pictures turned upside down with a faint copy upright, and that enlarged", True,
     lambda x: _steps(x.flip(2)) + 0.015 * x, lambda x: (x - _steps(x)) / 0.015),
)  # fmt: skip


@effect(
    "hidden signal",
    "what can be seen survives a little noise. A signal too faint to be seen drowns in it, and the way back with it.",
)
def _hidden_signal(answer: Any, draw: Draw) -> None:
    for what, hides, there, back in CYCLES:
        images = draw.uniform(-0.98, 0.98, 6, 3, 8, 8)
        found = as_tensor(call(answer, there, back, images.clone(), names=("there", "back", "images")))
        if found.numel() != 1 or float(found) not in (0.0, 1.0):
            raise Hint("give True or False back.")
        if bool(found) != hides:
            raise Hint(f"for {what}, you say {bool(found)}. {_evidence(there, back, images)}")


def _evidence(there: Translate, back: Translate, images: Tensor) -> str:
    halfway = there(images)
    noise = 0.05 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    clean, noisy = (float((back(x) - images).abs().mean()) for x in (halfway, halfway + noise))
    return f"Noise of 0.05 half-way takes the cycle error from {clean:.3f} to {noisy:.3f}."
