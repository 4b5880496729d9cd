"""The exercises of notebook 03: losses and divergences."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _bce_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([-1.0, 2.0]), torch.tensor([0.0, 0.9])
    yield 2 * draw.normal(7), draw.uniform(0, 1, 7)
    yield 2 * draw.normal(6), draw.integers(0, 1, 6).float()
    yield draw.uniform(-1, 1, 1), draw.uniform(0, 1, 1)
    yield torch.tensor([-300.0, -120.0, 95.0, 300.0]), torch.tensor([0.9, 0.0, 1.0, 0.1])
    yield torch.tensor([40.0, -40.0, 20.0, -200.0, 0.0]), torch.tensor([0.0, 1.0, 0.0, 1.0, 0.5])
    yield torch.tensor([5.0, 9.0, -7.0]), torch.tensor([1.0, 1.0, 0.0])  # small losses


@exercise(
    "stable bce",
    "max(l, 0) - l * y + log(1 + exp(-|l|)) never takes the exponential of a large number.",
    _bce_cases,
    {
        "exp of a large positive number is infinite: take it of -|l| alone": lambda x, y: (1 + x.exp()).log() - x * y,
        "the sigmoid of a large logit is exactly 1 in float32, and then log meets 0": (
            lambda x, y: -(y * x.sigmoid().log() + (1 - y) * (1 - x.sigmoid()).log())
        ),
        "that is the mean; one loss for each logit is asked for": F.binary_cross_entropy_with_logits,
        "that is the sum; one loss for each logit is asked for": (
            lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="sum")
        ),
        "you took the label y for 1 - y": lambda x, y: F.softplus(x) - x * (1 - y),
        "the label has no part in it: - l * y is missing": lambda x, y: F.softplus(x),
        "max(l, 0) is missing: that is log(1 + exp(-|l|)) - l * y": lambda x, y: (-x.abs()).exp().log1p() - x * y,
        "with exp(-|l|) the first term is max(l, 0), not l": lambda x, y: x + (-x.abs()).exp().log1p() - x * y,
    },
    forbidden=(
        "softplus", "Softplus", "logsigmoid", "log_sigmoid", "LogSigmoid", "logaddexp", "logsumexp", "log_softmax",
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "BCELoss", "BCEWithLogitsLoss",
        "soft_margin_loss", "SoftMarginLoss", "cross_entropy",
    ),
)  # fmt: skip
def _stable_bce(logits: Tensor, labels: Tensor) -> Tensor:
    return F.softplus(logits) - logits * labels


def _optimum_cases(draw: Draw) -> Iterator[Case]:
    yield 0.3, 0.6, 0.1, 0.2, 2.0
    yield 0.8, 0.1, 0.1, 0.0, 3.0
    yield 0.25, 0.5, 0.0, 0.0, 1.0
    for _ in range(4):
        labels = draw.number(0.05, 0.3), draw.number(0.05, 0.3)
        yield draw.number(0.05, 2), draw.number(0.05, 2), *labels, draw.number(0.2, 0.8) * (1 + 5 * draw.number(0, 1))


def _best_probability(p: float, q: float, s: float, r: float, k: float) -> float:
    return ((1 - s) * p + k * r * q) / (p + k * q)


@exercise(
    "smoothed optimum",
    "only k q counts, never q alone: a D that sees k generated pictures for each real one expects them that often.",
    _optimum_cases,
    {
        "r, the label of generated pictures, has no part in it": lambda p, q, s, r, k: _best_probability(p, q, s, 0, k),
        "that is D's optimum without smoothing": lambda p, q, s, r, k: p / (p + k * q),
        "k has no part in it: that is the optimum for as many generated pictures as real ones": (
            lambda p, q, s, r, k: _best_probability(p, q, s, r, 1)
        ),
        "k weighs the real pictures; it is the generated ones that come k times as often": (
            lambda p, q, s, r, k: _best_probability(p, q, s, r, 1 / k)
        ),
        "k is missing in the denominator: there stand the weights of log d and of log(1 - d), added": (
            lambda p, q, s, r, k: ((1 - s) * p + k * r * q) / (p + q)
        ),
        "k is missing in the numerator: generated pictures pull with the weight k r q": (
            lambda p, q, s, r, k: ((1 - s) * p + r * q) / (p + k * q)
        ),
        "the labels are exchanged: real pictures get 1 - s, generated ones r": (
            lambda p, q, s, r, k: (r * p + (1 - s) * k * q) / (p + k * q)
        ),
        "the denominator is p + k q: what smoothing takes from log d, it gives to log(1 - d)": (
            lambda p, q, s, r, k: ((1 - s) * p + k * r * q) / ((1 - s) * p + k * q)
        ),
        "that is 1 - d, the probability of `generated`": lambda *args: 1 - _best_probability(*args),
        "generated pictures get the label r, not 1 - r": lambda p, q, s, r, k: _best_probability(p, q, s, 1 - r, k),
        "that is the logit; the probability is asked for": (
            lambda p, q, s, r, k: math.log(((1 - s) * p + k * r * q) / (s * p + k * (1 - r) * q))
        ),
    },
)
def _smoothed_optimum(p: float, q: float, s: float, r: float, k: float) -> float:
    return _best_probability(p, q, s, r, k)


def _shares(weights: Tensor) -> Tensor:
    return (weights.double() / weights.double().sum()).float()


def _jsd_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    for n in (3, 8):
        yield _shares(draw.uniform(0.1, 1, n)), _shares(draw.uniform(0.1, 1, n))
    yield torch.tensor([0.25, 0.75, 0.0]), torch.tensor([0.0, 0.5, 0.5])
    yield torch.tensor([0.0, 0.2, 0.8, 0.0]), torch.tensor([0.0, 0.6, 0.3, 0.1])
    yield torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])  # nothing in common: log 2
    yield torch.tensor([0.2, 0.0, 0.8]), torch.tensor([0.2, 0.0, 0.8])


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def _jsd(p: Tensor, q: Tensor) -> Tensor:
    return (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2


@exercise(
    "jensen shannon",
    "0 log 0 counts as 0. Nothing in common gives log 2, the most there is: the plateau on which G cannot learn.",
    _jsd_cases,
    {
        "0 * log 0 is NaN in torch; in the definition it counts as 0": (
            lambda p, q: ((p * (2 * p / (p + q)).log()).sum() + (q * (2 * q / (p + q)).log()).sum()) / 2
        ),
        "that is the sum of the two divergences: take half of it": lambda p, q: 2 * _jsd(p, q),
        "that is KL(p, q): compare both with the mixture m = (p + q) / 2": _kl,
        "that is KL(q, p): compare both with the mixture m = (p + q) / 2": lambda p, q: _kl(q, p),
        "you count in bits; nats are asked for: use the natural logarithm": lambda p, q: _jsd(p, q) / math.log(2),
        "that is the square root, the Jensen-Shannon *distance*": lambda p, q: _jsd(p, q).sqrt(),
        "the mixture is (p + q) / 2, not p + q": lambda p, q: _jsd(p, q) - math.log(2),
        "that is KL(p, m) alone: add KL(q, m), and halve": lambda p, q: _kl(p, (p + q) / 2),
        "the divergence is never negative: the sign is wrong": lambda p, q: -_jsd(p, q),
    },
)
def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    return _jsd(p, q)
