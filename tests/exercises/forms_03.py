"""Notebook 03: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- stable bce --------------------------------------------------------------------------------------


def bce_by_sign(logits, labels):
    loss = torch.empty_like(logits)
    up = logits > 0
    loss[up] = logits[up] + torch.log1p(torch.exp(-logits[up]))
    loss[~up] = torch.log1p(torch.exp(logits[~up]))
    return loss - labels * logits


def bce_by_loop(logits, labels):
    return [max(x, 0.0) - x * y + math.log1p(math.exp(-abs(x))) for x, y in zip(logits.tolist(), labels.tolist())]  # noqa: B905


RIGHT["stable bce"] = [
    bce_by_sign,
    bce_by_loop,
    lambda x, y: torch.relu(x) - x * y + (1 + torch.exp(-torch.abs(x))).log(),
    lambda x, y: x.clamp(min=0) - x * y + (-x.abs()).exp().log1p().double(),
    lambda x, y: (1 - y) * x + torch.log1p(torch.exp(-x.abs())) + torch.clamp(-x, min=0),
    lambda x, y: np.maximum(x.numpy(), 0) - (x * y).numpy() + np.log1p(np.exp(-np.abs(x.numpy()))),
    lambda x, y: x.abs() / 2 + x / 2 - x * y + torch.log1p(torch.exp(-x.abs())),
]
WRONG["stable bce"] = [
    lambda x, y: torch.log(1 + torch.exp(x)) - x * y,
    lambda x, y: F.softplus(x) - x * y,
    lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
    lambda x, y: nn.BCEWithLogitsLoss(reduction="none")(x, y),
    lambda x, y: -(y * F.logsigmoid(x) + (1 - y) * F.logsigmoid(-x)),
    lambda x, y: torch.logaddexp(x, torch.zeros_like(x)) - x * y,
    lambda x, y: np.logaddexp(x.numpy(), 0) - (x * y).numpy(),
    lambda x, y: (x.clamp(min=0) - x * y + torch.log1p(torch.exp(-x.abs()))).mean(),
    lambda x, y: (x.clamp(min=0) - x * y + torch.log1p(torch.exp(-x.abs()))).sum(),
    lambda x, y: x.clamp(min=0) + x * y + torch.log1p(torch.exp(-x.abs())),
    lambda x, y: x.clamp(min=0) - x * (1 - y) + torch.log1p(torch.exp(-x.abs())),
    lambda x, y: x.clamp(min=0) - x * y - torch.log1p(torch.exp(-x.abs())),
    lambda x, y: torch.log(1 + torch.exp(x.clamp(max=50))) - x * y,
    lambda x, y: -(y * (x.sigmoid() + 1e-8).log() + (1 - y) * (1 - x.sigmoid() + 1e-8).log()),
    lambda x, y: x + torch.log1p(torch.exp(-x)) - x * y,
    lambda x, y: x.clamp(min=0) - x * y,
    lambda x, y: torch.log1p(torch.exp(-x.abs())) - x * y,
]


# --- smoothed optimum --------------------------------------------------------------------------------


def optimum_by_search(p, q, s, r, k):
    low, high = 0.0, 1.0  # the slope of a convex function, halved in
    for _ in range(60):
        d = (low + high) / 2
        slope = -((1 - s) * p + k * r * q) / d + (s * p + k * (1 - r) * q) / (1 - d)
        low, high = (low, d) if slope > 0 else (d, high)
    return d


def optimum(p, q, s, r, k):
    return ((1 - s) * p + r * k * q) / (p + k * q)


RIGHT["smoothed optimum"] = [
    optimum_by_search,
    lambda p, q, s, r, k: ((1 - s) * p + r * k * q) / ((1 - s) * p + r * k * q + s * p + (1 - r) * k * q),
    lambda p, q, s, r, k: 1 - (s * p + (1 - r) * k * q) / (p + k * q),
    lambda p, q, s, r, k: torch.tensor(optimum(p, q, s, r, k)),
    lambda p, q, s, r, k: np.float32(optimum(p, q, s, r, k)),
    lambda p, q, s, r, k: [(p - s * p + r * k * q) / (p + k * q)],
    lambda p, q, s, r, k: torch.sigmoid(torch.tensor(((1 - s) * p + r * k * q) / (s * p + (1 - r) * k * q)).log()),
]
WRONG["smoothed optimum"] = [
    lambda p, q, s, r, k: optimum(p, q, s, 0, k),
    lambda p, q, s, r, k: optimum(p, q, 0, 0, k),
    lambda p, q, s, r, k: optimum(p, q, s, r, 1),
    lambda p, q, s, r, k: optimum(p, q, s, r, 1 / k),
    lambda p, q, s, r, k: (r * p + (1 - s) * k * q) / (p + k * q),
    lambda p, q, s, r, k: optimum(p, q, s, 1 - r, k),
    lambda p, q, s, r, k: ((1 - s) * p + r * k * q) / ((1 - s) * p + k * q),
    lambda p, q, s, r, k: ((1 - s) * p + r * k * q) / (p + q),
    lambda p, q, s, r, k: ((1 - s) * p + r * q) / (p + k * q),
    lambda p, q, s, r, k: (1 - s) * p + r * k * q,
    lambda p, q, s, r, k: (1 - s - r) * p / (p + k * q),
    lambda p, q, s, r, k: 1 - optimum(p, q, s, r, k),
    lambda p, q, s, r, k: 0.2889,
    lambda p, q, s, r, k: float("nan"),
    lambda p, q, s, r, k: optimum(p, q, s, -r, k),
    lambda p, q, s, r, k: round(optimum(p, q, s, r, k), 2),
]


# --- jensen shannon ----------------------------------------------------------------------------------


def jsd_by_loop(p, q):
    total = 0.0
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        m = (a + b) / 2
        total += (a * math.log(a / m) if a > 0 else 0) + (b * math.log(b / m) if b > 0 else 0)
    return total / 2


def jsd_by_mask(p, q):
    m = 0.5 * (p + q)

    def kl(a):
        kept = a > 0
        return torch.sum(a[kept] * torch.log(a[kept] / m[kept]))

    return (kl(p) + kl(q)) / 2


def jsd_numpy(p, q):
    p, q = p.numpy().astype(float), q.numpy().astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.nan_to_num(a * np.log(2 * a / (p + q))) for a in (p, q)]
    return sum(parts).sum() / 2


def entropy(p):
    return torch.special.entr(p).sum()


RIGHT["jensen shannon"] = [
    jsd_by_loop,
    jsd_by_mask,
    jsd_numpy,
    lambda p, q: entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2,
    lambda p, q: sum(torch.nan_to_num(a * (a / ((p + q) / 2)).log()).sum() for a in (p, q)) * 0.5,
    lambda p, q: sum((a * (a + 1e-12).log() - a * ((p + q) / 2 + 1e-12).log()).sum() for a in (p, q)).item() / 2,
    lambda p, q: sum(F.kl_div(((p + q) / 2).clamp(min=1e-30).log(), a, reduction="sum") for a in (p, q)) / 2,
]
WRONG["jensen shannon"] = [
    lambda p, q: ((p * (p / ((p + q) / 2)).log()).sum() + (q * (q / ((p + q) / 2)).log()).sum()) / 2,
    lambda p, q: 2 * jsd_by_mask(p, q),
    lambda p, q: jsd_by_mask(p, q) / math.log(2),
    lambda p, q: jsd_by_mask(p, q).sqrt(),
    lambda p, q: -jsd_by_mask(p, q),
    lambda p, q: F.kl_div(q.clamp(min=1e-30).log(), p, reduction="sum"),
    lambda p, q: F.kl_div(((p + q) / 2).clamp(min=1e-30).log(), p, reduction="sum"),
    lambda p, q: sum(F.kl_div(((p + q) / 2).clamp(min=1e-30).log(), a, reduction="mean") for a in (p, q)) / 2,
    lambda p, q: sum(torch.nan_to_num(a * (a / (p + q)).log()).sum() for a in (p, q)) / 2,
    lambda p, q: (p - q).abs().sum() / 2,
    lambda p, q: math.log(2),
    lambda p, q: entropy((p + q) / 2),
    lambda p, q: sum((a * (a + 0.01).log() - a * ((p + q) / 2 + 0.01).log()).sum() for a in (p, q)) / 2,
    lambda p, q: sum(torch.nan_to_num(a * (a / ((p + q) / 2)).log()) for a in (p, q)) / 2,
]
