"""Notebook 14: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import special
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- several draws -----------------------------------------------------------------------------------


def draws_by_hand(log_weights):
    largest = log_weights.max(0, keepdim=True).values
    return (largest + torch.log(torch.exp(log_weights - largest).mean(0, keepdim=True)))[0]


def draws_by_loop(log_weights):
    found = []
    for column in log_weights.T.tolist():
        top = max(column)
        found.append(top + math.log(sum(math.exp(w - top) for w in column) / len(column)))
    return found


def draws_by_adding(log_weights):
    total = log_weights[0]
    for row in log_weights[1:]:
        total = torch.logaddexp(total, row)
    return total - math.log(log_weights.shape[0])


RIGHT["several draws"] = [
    draws_by_hand,
    draws_by_loop,
    draws_by_adding,
    lambda w: torch.logsumexp(w - math.log(len(w)), dim=0),
    lambda w: special.logsumexp(w.numpy(), axis=0) - np.log(w.shape[0]),
    lambda w: torch.logsumexp(w.double(), 0) - torch.tensor(float(len(w))).log(),
    lambda w: -((w.log_softmax(0) - w)[0]) - math.log(len(w)),
]
WRONG["several draws"] = [
    lambda w: w.exp().mean(0).log(),
    lambda w: w.mean(0),
    lambda w: w.logsumexp(0),
    lambda w: w.logsumexp(1),
    lambda w: w.logsumexp(1) - math.log(w.shape[1]),
    lambda w: w.logsumexp(0) - math.log(w.shape[1]),
    lambda w: w.logsumexp(0) / len(w),
    lambda w: w.logsumexp(0) + math.log(len(w)),
    lambda w: w.logsumexp(0) - len(w),
    lambda w: w.max(0).values,
    lambda w: w.max(0),
    lambda w: w.logsumexp(0).mean() - math.log(len(w)),
    lambda w: w.logsumexp(0) - math.log2(len(w)),
    lambda w: (w - w.max()).exp().mean(0).log() + w.max() if w.max() < 0 else w.mean(0),
    lambda w: (w.double().exp().mean(0) + 1e-300).log(),
    lambda w: (w - w.max(0).values).exp().mean(0).log(),
    lambda w: w.logsumexp(0) - math.log(50),
]


# --- all codes ---------------------------------------------------------------------------------------


def codes_by_loop(mean, log_variance):
    n, k = mean.shape
    first = [sum(mean[:, j].tolist()) / n for j in range(k)]
    square = [float((log_variance[:, j].exp() + mean[:, j] ** 2).sum()) / n for j in range(k)]
    return first, [b - a * a for a, b in zip(first, square, strict=True)]


def codes_by_library(mean, log_variance):
    parts = Independent(Normal(mean.double(), (log_variance.double() / 2).exp()), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(mean)).double()), parts)
    return mixture.mean, mixture.variance


def within(log_variance):
    return log_variance.exp().mean(0)


RIGHT["all codes"] = [
    codes_by_loop,
    codes_by_library,
    lambda m, s: (m.mean(0), within(s) + m.var(0, unbiased=False)),
    lambda m, s: [m.mean(0), within(s) + (m - m.mean(0)).square().mean(0)],
    lambda m, s: torch.stack([m.mean(0), (s.exp() + m.square()).mean(0) - m.mean(0).square()]),
    lambda m, s: (m.numpy().mean(0), np.exp(s.numpy()).mean(0) + m.numpy().var(0)),
    lambda m, s: (m.double().mean(0), (s / 2).double().exp().square().mean(0) + m.double().std(0, correction=0) ** 2),
]
WRONG["all codes"] = [
    lambda m, s: (m.mean(0), within(s)),
    lambda m, s: (m.mean(0), m.var(0, correction=0)),
    lambda m, s: (m.mean(0), within(s) + m.var(0)),
    lambda m, s: (m.mean(0), s.mean(0) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), (s / 2).exp().mean(0) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), (within(s) + m.var(0, correction=0)).sqrt()),
    lambda m, s: (m.mean(0), (within(s) + m.var(0, correction=0)).log()),
    lambda m, s: (m.mean(0), s.mean(0).exp() + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), (s.exp() + m.square()).mean(0)),
    lambda m, s: (within(s) + m.var(0, correction=0), m.mean(0)),
    lambda m, s: m.mean(0),
    lambda m, s: (m.mean(1), s.exp().mean(1) + m.var(1, correction=0)),
    lambda m, s: (m.mean(), within(s).mean() + m.var(correction=0)),
    lambda m, s: (m.sum(0), within(s) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), within(s) / len(m) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), within(s) + m.std(0, correction=0)),
    lambda m, s: (m, s.exp()),
    lambda m, s: (torch.zeros(m.shape[1]), torch.ones(m.shape[1])),
]
