"""The exercises of notebook 14: codes drawn at random."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _several_draws_cases(draw: Draw) -> Iterator[Case]:
    yield (torch.tensor([[0.0, -1.0], [-1.0, 2.0], [0.5, 0.5]]),)
    for k, n, level in ((50, 6, -1000), (5, 5, 0), (1, 4, -900), (8, 1, 700), (4, 12, -20)):
        yield (3 * draw.normal(k, n) + level,)


@exercise(
    "several draws",
    "with one draw it is the ELBO, with more it comes nearer to the evidence, never above on average.",
    _several_draws_cases,
    {
        "exp(-1000) is 0 and exp(1000) infinite: take the largest log weight out first": lambda w: (
            w.exp().mean(0).log()
        ),
        "that is the mean of the logs, which is the ELBO again: average the weights, then take the log": (
            lambda w: w.mean(0)
        ),
        "that is the log of the sum: subtract log k, and it is the log of the average": lambda w: w.logsumexp(0),
        "you average over the pictures; average over the draws": lambda w: w.logsumexp(1) - math.log(w.shape[1]),
        "you subtract log N, the pictures; subtract log k, the draws": lambda w: w.logsumexp(0) - math.log(w.shape[1]),
        "you subtract k; subtract its logarithm": lambda w: w.logsumexp(0) - len(w),
        "you divide by k outside the log; inside it is log k, subtracted": lambda w: w.logsumexp(0) / len(w),
        "you add log k; subtract it": lambda w: w.logsumexp(0) + math.log(len(w)),
        "that is the largest log weight; the others count as well": lambda w: w.max(0).values,
        "that is one number for all; each picture has its own": lambda w: (w.logsumexp(0) - math.log(len(w))).mean(),
        "the largest log weight that you took out has to be added again": (
            lambda w: (w - w.max(0).values).exp().mean(0).log()
        ),
    },
)
def _several_draws(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def _all_codes_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [-1.0]])
    for n, k in ((3, 2), (20, 5), (1, 4), (7, 3)):
        yield 2 * draw.normal(n, k) + draw.normal(k), draw.normal(n, k)


def _moments(mean: Tensor, variance: Tensor, correction: int = 0) -> Tensor:
    return torch.stack([mean.mean(0), variance.mean(0) + mean.var(0, correction=correction)])


@exercise(
    "all codes",
    "the spread within each picture's code and the spread between pictures add up. Far from 0 and 1, the prior draws "
    "codes that the decoder never saw.",
    _all_codes_cases,
    {
        "the means differ from picture to picture: their variance is missing": (
            lambda m, s: torch.stack([m.mean(0), s.exp().mean(0)])
        ),
        "that is the variance of the means alone: each picture's own variance is missing": (
            lambda m, s: torch.stack([m.mean(0), m.var(0, correction=0)])
        ),
        "every picture has the weight 1 / N: the variance of the means divides by N, not N - 1": (
            lambda m, s: _moments(m, s.exp(), 1)
        ),
        "those are log variances: take their exp": lambda m, s: _moments(m, s),
        "exp(log_variance / 2) is the standard deviation: the variance is asked for": (
            lambda m, s: _moments(m, (s / 2).exp())
        ),
        "that is the standard deviation; the variance is asked for": (
            lambda m, s: torch.stack([m.mean(0), _moments(m, s.exp())[1].sqrt()])
        ),
        "the mean of exp(log_variance) is not exp of the mean": (
            lambda m, s: torch.stack([m.mean(0), s.mean(0).exp() + m.var(0, correction=0)])
        ),
        "give the logarithm back nowhere: the variance itself is asked for": (
            lambda m, s: torch.stack([m.mean(0), _moments(m, s.exp())[1].log()])
        ),
        "that is the mean square, not the variance: the squared mean is to be taken away": (
            lambda m, s: torch.stack([m.mean(0), (s.exp() + m**2).mean(0)])
        ),
        "first the mean, then the variance": lambda m, s: _moments(m, s.exp()).flip(0),
        "the variance is missing: give two tensors back": lambda m, s: m.mean(0),
        "the mean is missing: give two tensors back": lambda m, s: _moments(m, s.exp())[1],
        "you average over the numbers of a code; average over the pictures": (
            lambda m, s: torch.stack([m.mean(1), s.exp().mean(1) + m.var(1, correction=0)])
        ),
    },
)
def _all_codes(mean: Tensor, log_variance: Tensor) -> Tensor:
    return _moments(mean, log_variance.exp())
