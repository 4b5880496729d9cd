"""The exercises of notebook 07: penalties, pairings, how fast a path comes home."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, copied, distinct


def _gradient(discriminator: nn.Module, at: Tensor) -> Tensor:
    at = at.detach().clone().requires_grad_()
    return torch.autograd.grad(discriminator(at).sum(), at, create_graph=True)[0].flatten(1)


def _mixed(real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    return torch.lerp(real, fake, t.view(-1, *[1] * (real.ndim - 1)))


def _penalty(discriminator: nn.Module, at: Tensor) -> Tensor:
    return _gradient(discriminator, at).square().sum(1).mean()


PENALTY_MISTAKES: dict[str, Callable[..., Tensor]] = {
    "there is no half in this penalty": lambda d, real, fake, t: _penalty(d, _mixed(real, fake, t)) / 2,
    "you add up over the batch; the mean is asked for": lambda d, r, f, t: _penalty(d, _mixed(r, f, t)) * len(r),
    "the length is squared": lambda d, real, fake, t: _gradient(d, _mixed(real, fake, t)).norm(dim=1).mean(),
    "that pulls the length towards 1; here it goes to 0": (
        lambda d, real, fake, t: (_gradient(d, _mixed(real, fake, t)).norm(dim=1) - 1).square().mean()
    ),
    "that is the gradient at the real pictures, not between": lambda d, real, fake, t: _penalty(d, real),
    "that is the gradient at the generated pictures, not between": lambda d, real, fake, t: _penalty(d, fake),
    "t = 0 is the real picture: real and fake are exchanged": lambda d, r, f, t: _penalty(d, _mixed(f, r, t)),
    "you average over the pixels; a squared length adds them up": (
        lambda d, real, fake, t: _gradient(d, _mixed(real, fake, t)).square().mean()
    ),
    "the gradient of the mean logit is N times too small: add the logits up": (
        lambda d, real, fake, t: _penalty(d, _mixed(real, fake, t)) / len(real) ** 2
    ),
    "that is the middle of each pair, whatever t is": lambda d, r, f, t: _penalty(d, (r + f) / 2),
}


@effect("penalty between", "create_graph keeps the way to D's weights open, so the penalty can teach D to be flat.")
def _penalty_between(answer: Any, draw: Draw) -> None:
    cases = []
    for n, shape in ((4, (3,)), (3, (1, 4, 3)), (6, (2, 3, 3)), (1, (5,))):
        size, mouth = math.prod(shape), nn.Flatten(0)
        discriminator = nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.Tanh(), nn.Linear(6, 1), mouth)
        for weight in discriminator.parameters():
            weight.data = draw.normal(*weight.shape)
        real, fake, t = draw.normal(n, *shape), draw.normal(n, *shape), draw.uniform(0.1, 0.9, n)
        result = call(
            answer, discriminator, *map(copied, (real, fake, t)), names=("discriminator", "real", "fake", "t")
        )
        if any(weight.grad is not None for weight in discriminator.parameters()):
            raise Hint("your code leaves gradients in D's weights: use torch.autograd.grad in place of backward.")
        cases.append(((discriminator, real, fake, t), result))
    values = [as_tensor(result) for _, result in cases]
    expected = [float(_penalty(case[0], _mixed(*case[1:])).detach()) for case, _ in cases]
    if any(value.numel() != 1 for value in values):
        raise Hint(f"the shape is {tuple(values[0].shape)}; the penalty is a single number.")
    if any(not abs(float(a) - b) <= 1e-3 * b for a, b in zip(values, expected, strict=True)):
        named = (text for text, m in PENALTY_MISTAKES.items() if _all_equal(m, cases, values))
        ours, right = distinct(float(values[0]), expected[0])
        raise Hint(next(named, None) or f"for four pairs of points you give {ours}; it should be {right}.")
    for case, result in cases:
        _check_learning(*case, result)


def _all_equal(mistake: Callable[..., Tensor], cases: list, values: list[Tensor]) -> bool:
    made = (float(as_tensor(mistake(*case))) for case, _ in cases)
    return all(abs(a - float(b)) <= 1e-3 * abs(a) for a, b in zip(made, values, strict=True))


def _check_learning(discriminator: nn.Module, real: Tensor, fake: Tensor, t: Tensor, result: Any) -> None:
    """The penalty must be a function of D's weights, with the reference's gradients."""
    weights = list(discriminator.parameters())
    if not isinstance(result, Tensor):
        raise Hint(f"the value is right, but D cannot learn from a {type(result).__name__}: give back the tensor.")
    if not result.requires_grad:
        raise Hint("the value is right, but D cannot learn from it: set create_graph=True, and detach nothing.")
    slopes = torch.autograd.grad(result.sum(), weights, allow_unused=True)
    right = torch.autograd.grad(_penalty(discriminator, _mixed(real, fake, t)), weights, allow_unused=True)
    for slope, wanted, weight in zip(slopes, right, weights, strict=True):
        slope, wanted = (torch.zeros_like(weight) if value is None else value for value in (slope, wanted))
        if not (slope - wanted).norm() <= 1e-2 * wanted.norm() + 1e-6:
            raise Hint(
                "the value is right, but the gradient that it puts on D's weights is not: something is detached."
            )


def _pairs_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([2.0, 0.0, 1.0]), torch.tensor([-1.0, 1.0, 0.5])
    for n, m in ((2, 3), (5, 9), (1, 4), (8, 1)):
        yield 2 * draw.normal(n) + 0.5, 2 * draw.normal(m)


def _one_against_mean(winners: Tensor, losers: Tensor) -> Tensor:
    return F.softplus(losers.mean() - winners).mean()


def _against_means(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake.mean() - real).mean() + F.softplus(fake - real.mean()).mean()


@exercise(
    "relativistic average",
    "only differences count, so D gains nothing from calling everything real; and no pairs are needed.",
    _pairs_cases,
    {
        "that is G's loss: D wants real logits above the mean of the generated ones": lambda r, f: _against_means(f, r),
        "that is half of it: the two means are added up": lambda r, f: _against_means(r, f) / 2,
        "the second part is missing: generated logits against the mean of the real ones": _one_against_mean,
        "the first part is missing: real logits against the mean of the generated ones": (
            lambda r, f: F.softplus(f - r.mean()).mean()
        ),
        "nothing is compared: those are the plain losses": lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(),
        "you compare the means alone: softplus comes before the mean over the batch": (
            lambda r, f: 2 * F.softplus(f.mean() - r.mean())
        ),
        "you compare pair by pair, not with the mean": lambda r, f: F.softplus(f - r).mean(),
        "you compare every pair, not with the mean": lambda r, f: 2 * F.softplus(f[None] - r[:, None]).mean(),
        "you add up over the batch; take the means": (
            lambda r, f: F.softplus(f.mean() - r).sum() + F.softplus(f - r.mean()).sum()
        ),
        "each logit is compared with the mean of its own kind": (
            lambda r, f: F.softplus(r.mean() - r).mean() + F.softplus(f - f.mean()).mean()
        ),
    },
)
def _relativistic_average(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return _against_means(real_logits, fake_logits)


def _decay_cases(draw: Draw) -> Iterator[Case]:
    yield 0.3, 0.5
    yield 2.0, 0.5
    yield 0.0, 0.4
    for _ in range(3):
        slope = draw.number(0.1, 0.9)
        yield round(slope * draw.number(0.3, 1.8), 3), slope  # it turns
        yield round(slope * draw.number(2.2, 6), 3), slope  # it does not


def _root(gamma: float, slope: float) -> float:
    return math.sqrt(max(gamma**2 / 4 - slope**2, 0.0))


@exercise(
    "decay rate",
    "up to gamma = 2 f'(0) it is gamma / 2; beyond, more damping is slower: the slope dies at once, and theta creeps.",
    _decay_cases,
    {
        "that is right while it turns; where it does not, the slower of the two directions counts": lambda g, s: g / 2,
        "that is the faster of the two directions: what is left in the end is the slower": lambda g, s: (
            g / 2 + _root(g, s)
        ),
        "a rate of shrinking is positive: it is minus the largest real part": lambda g, s: _root(g, s) - g / 2,
        "f'(0) is not always one half: use `slope`": lambda g, s: g / 2 - _root(g, 0.5),
        "that is what one unit of time leaves of the distance, not the rate": lambda g, s: math.exp(
            _root(g, s) - g / 2
        ),
        "that is the critical gamma; the rate is asked for": lambda g, s: 2 * s,
        "that is the rate at which it turns": lambda g, s: math.sqrt(max(s**2 - g**2 / 4, 0)),
    },
)
def _decay_rate(gamma: float, slope: float) -> float:
    return gamma / 2 - _root(gamma, slope)
