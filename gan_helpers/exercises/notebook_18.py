"""The exercises of notebook 18: several processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, copied, distinct


def _ranks_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[3.0], [0.0]]), torch.tensor([1, 2])
    for ranks, weights in ((3, 4), (2, 6), (5, 1), (4, 9)):
        yield draw.normal(ranks, weights), 3 * draw.order(ranks) + draw.integers(1, 3, ranks)  # no two alike
    yield draw.normal(1, 5), torch.tensor([7])


def _weighted(gradients: Tensor, counts: Tensor) -> Tensor:
    return counts[:, None] * gradients


@exercise(
    "whole gradient",
    "each gradient is a mean, so it counts as often as it has pictures. With equal parts it is the plain mean, DDP's.",
    _ranks_cases,
    {
        "that is the plain mean: a rank with more pictures counts more": lambda g, c: g.mean(0),
        "that is the sum over the ranks": lambda g, c: g.sum(0),
        "divide by the number of all pictures in the end": lambda g, c: _weighted(g, c).sum(0),
        "divide by the number of pictures, not of ranks": lambda g, c: _weighted(g, c).mean(0),
        "multiply by the counts: those gradients are means already, not sums": lambda g, c: g.sum(0) / c.sum(),
        "a rank with more pictures counts more, not less": lambda g, c: (g / c[:, None]).sum(0) / (1 / c).sum(),
        "you divide each mean by its count once more": lambda g, c: (g / c[:, None]).sum(0),
        "that is the gradient of the rank with the most pictures alone": lambda g, c: g[c.argmax()],
        "the ranks are the rows: add up over them, and leave one number for each weight": (
            lambda g, c: _weighted(g, c).sum(1) / c.sum()
        ),
        "that is one number; each weight has its own": lambda g, c: _weighted(g, c).sum() / c.sum(),
        "the counts are weights as they are, not squared": lambda g, c: _weighted(g, c**2).sum(0) / (c**2).sum(),
    },
)
def _whole_gradient(gradients: Tensor, counts: Tensor) -> Tensor:
    return _weighted(gradients, counts).sum(0) / counts.sum()


def _shard_cases(draw: Draw) -> Iterator[Case]:
    for n, rank, count in ((10, 0, 3), (12, 1, 2), (17, 3, 4), (23, 4, 5), (9, 0, 1), (29, 2, 6), (30, 1, 7)):
        yield draw.order(3 * n)[:n], rank, count  # so that places in order are none of its indices


def _even(order: Tensor, count: int) -> Tensor:
    return order[: len(order) // count * count]


@exercise(
    "shard",
    "the ranks' shards share no index, and all are equally long, so all take equally many steps.",
    _shard_cases,
    {
        "some ranks get one more than others: leave out what is too many at the end first": lambda o, r, n: o[r::n],
        "those are runs of neighbours; take every count-th": (
            lambda o, r, n: o[r * (len(o) // n) : (r + 1) * (len(o) // n)]
        ),
        "ranks count from 0": lambda o, r, n: _even(o, n)[max(r - 1, 0) :: n],
        "every process gets the whole order: step by count": lambda o, r, n: o,
        "you start at 0 whatever the rank is: all would see the same": lambda o, r, n: _even(o, n)[::n],
        "you step by the rank": lambda o, r, n: _even(o, n)[n :: max(r, 1)],
        "leave out what is too many at the end of order, not at its beginning": lambda o, r, n: o[len(o) % n :][r::n],
        "those are places in order; give back the indices that stand there": (
            lambda o, r, n: torch.arange(len(o) // n * n)[r::n]
        ),
        "the order is shuffled already: sorting it undoes that": lambda o, r, n: _even(o.sort().values, n)[r::n],
        "you count the ranks from the end": lambda o, r, n: _even(o, n)[n - 1 - r :: n],
        "that is the first of them alone": lambda o, r, n: o[r],
    },
)
def _shard(order: Tensor, rank: int, count: int) -> Tensor:
    return _even(order, count)[rank::count]


def _r1(discriminator: nn.Module, images: Tensor) -> Tensor:
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean() / 2


R1_MISTAKES: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "half of the squared length: R1 has a factor of 1 / 2": lambda d, x: 2 * _r1(d, x),
    "you add up over the batch; the mean is asked for": lambda d, x: len(x) * _r1(d, x),
    "the sum of the logits has to count 0 times, or it changes what is learned": lambda d, x: _r1(d, x) + d(x).sum(),
    "the mean of the logits has to count 0 times, or it changes what is learned": lambda d, x: _r1(d, x) + d(x).mean(),
    "that is 0 times everything: R1 itself has the factor 1": lambda d, x: 0 * d(x).sum(),
    "the gradient of the mean logit is N times too small: add the logits up": lambda d, x: _r1(d, x) / len(x) ** 2,
}


@effect("complete R1", "0 times the logits has the value 0 and the gradient 0, but it has one, in every weight.")
def _complete_r1(answer: Any, draw: Draw) -> None:
    for n, shape in ((4, (3,)), (3, (1, 4, 3)), (6, (2, 3, 3)), (1, (5,))):
        discriminator, images = _small_discriminator(draw, shape), draw.normal(n, *shape)
        result = call(answer, discriminator, copied(images), names=("discriminator", "images"))
        if any(weight.grad is not None for weight in discriminator.parameters()):
            raise Hint("your code leaves gradients in D's weights: use torch.autograd.grad in place of backward.")
        _check_value(discriminator, images, as_tensor(result))
        _check_gradients(discriminator, images, result)


def _small_discriminator(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    size = math.prod(shape)
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.Tanh(), nn.Linear(6, 1), nn.Flatten(0))
    for weight in discriminator.parameters():
        weight.data = draw.normal(*weight.shape)
    return discriminator


def _check_value(discriminator: nn.Module, images: Tensor, value: Tensor) -> None:
    if value.numel() != 1:
        raise Hint(f"the shape is {tuple(value.shape)}; the penalty is a single number.")
    expected = float(_r1(discriminator, images).detach())
    if abs(float(value) - expected) <= 1e-3 * expected:
        return
    made = {text: float(mistake(discriminator, images).detach()) for text, mistake in R1_MISTAKES.items()}
    named = (text for text, wrong in made.items() if abs(float(value) - wrong) <= 1e-3 * abs(wrong))
    ours, right = distinct(float(value), expected)
    raise Hint(next(named, None) or f"for {len(images)} pictures you give {ours}; it should be {right}.")


def _check_gradients(discriminator: nn.Module, images: Tensor, result: Any) -> None:
    """``backward`` must leave R1's gradients, and one, though it be 0, in every weight."""
    if not isinstance(result, Tensor):
        raise Hint(f"the value is right, but D cannot learn from a {type(result).__name__}: give back the tensor.")
    if not result.requires_grad:
        raise Hint("the value is right, but D cannot learn from it: set create_graph=True, and detach nothing.")
    weights = dict(discriminator.named_parameters())
    found = torch.autograd.grad(result.sum(), [*weights.values()], allow_unused=True)
    if missing := [name for name, gradient in zip(weights, found, strict=True) if gradient is None]:
        raise Hint(f"the value is right, but {' and '.join(missing)} gets no gradient, and DDP would wait for it.")
    right = torch.autograd.grad(_r1(discriminator, images), [*weights.values()], allow_unused=True)
    for ours, theirs in zip(found, right, strict=True):
        if not torch.allclose(ours, torch.zeros_like(ours) if theirs is None else theirs, rtol=1e-3, atol=1e-5):
            raise Hint("every weight gets a gradient, but not R1's: what you add must count 0 times.")
