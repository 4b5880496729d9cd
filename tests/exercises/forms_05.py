"""Notebook 05: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math
import random

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist
from torch import nn

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- truncated latents -------------------------------------------------------------------------------


def latents_by_loop(n, latent_dim, limit):
    rows = []
    for _ in range(n):
        row = []
        while len(row) < latent_dim:
            if abs(x := random.gauss(0, 1)) <= limit:
                row.append(x)
        rows.append(row)
    return rows


def latents_from_a_pool(n, latent_dim, limit):
    kept = torch.zeros(0)
    while len(kept) < n * latent_dim:
        drawn = torch.randn(4 * n * latent_dim)
        kept = torch.cat([kept, drawn[drawn.abs() <= limit]])
    return kept[: n * latent_dim].view(n, latent_dim)


def latents_inverse(n, latent_dim, limit):
    edge = torch.special.ndtr(torch.tensor(float(limit)))
    return torch.special.ndtri(1 - edge + (2 * edge - 1) * torch.rand(n, latent_dim, dtype=torch.float64))


def latents_where(n, latent_dim, limit):
    z = torch.randn(n, latent_dim)
    while not bool((z.abs() <= limit).all()):
        z = torch.where(z.abs() > limit, torch.randn_like(z), z)
    return z


def latents_numpy(n, latent_dim, limit):
    z = np.random.default_rng().standard_normal((n, latent_dim))
    while np.any(bad := np.abs(z) > limit):
        z[bad] = np.random.default_rng().standard_normal(bad.sum())
    return z


def latents_each(n, latent_dim, limit):
    z = torch.randn(n, latent_dim)
    for i in range(n):
        for j in range(latent_dim):
            while abs(z[i, j]) > limit:
                z[i, j] = torch.randn(())
    return z


def latents_endless(n, latent_dim, limit):
    while True:
        z = torch.randn(n, latent_dim)
        if (z.abs() <= limit).all():
            return z


def latents_once(n, latent_dim, limit):
    z = torch.randn(n, latent_dim)
    outside = z.abs() > limit
    z[outside] = torch.randn(int(outside.sum()))
    return z


RIGHT["truncated latents"] = [
    latents_by_loop,
    latents_from_a_pool,
    latents_inverse,
    latents_where,
    latents_numpy,
    latents_each,
    lambda n, k, limit: nn.init.trunc_normal_(torch.empty(n, k), a=-limit, b=limit),
    lambda n, k, limit: stats.truncnorm.rvs(-limit, limit, size=(n, k)),
]
WRONG["truncated latents"] = [
    latents_endless,
    latents_once,
    lambda n, k, limit: torch.randn(n, k),
    lambda n, k, limit: torch.randn(n, k).clamp(-limit, limit),
    lambda n, k, limit: latents_once(n, k, limit).clamp(-limit, limit),
    lambda n, k, limit: torch.rand(n, k) * 2 * limit - limit,
    lambda n, k, limit: torch.randn(n, k).tanh() * limit,
    lambda n, k, limit: (z := torch.randn(n, k)) / z.abs().max() * limit,
    lambda n, k, limit: torch.randn(n, k).fmod(limit),
    lambda n, k, limit: torch.randn(n, k) * limit / 5,
    lambda n, k, limit: latents_where(n, k, limit).abs(),
    lambda n, k, limit: latents_where(k, n, limit),
    lambda n, k, limit: latents_where(1, k, limit).expand(n, -1),
    lambda n, k, limit: torch.zeros(n, k),
    lambda n, k, limit: latents_where(n, k, limit / 2),
    lambda n, k, limit: torch.where((z := torch.randn(n, k)).abs() > limit, torch.zeros(()), z),
    lambda n, k, limit: (z := torch.randn(n, k))[z.abs() <= limit],
    lambda n, k, limit: torch.where((z := torch.randn(n, k)).abs() > limit, limit * (2 * torch.rand(n, k) - 1), z),
]


# --- moved copies ------------------------------------------------------------------------------------

MOVES = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]


def moved(pictures, moves=tuple(MOVES)):
    return torch.cat([torch.roll(pictures, move, dims=(-2, -1)) for move in moves])


def copies_by_loop(samples, pictures):
    found = []
    for sample in samples:
        best = math.inf
        for picture in pictures:
            for up, right in MOVES:
                gap = sample - picture.roll(up, 1).roll(right, 2)
                best = min(best, gap.square().sum().sqrt().item())
        found.append(best)
    return found


def copies_numpy(samples, pictures):
    s, p = samples.numpy(), pictures.numpy()
    stacked = np.stack([np.roll(p, move, (2, 3)) for move in MOVES]).reshape(-1, p[0].size)
    return cdist(s.reshape(len(s), -1), stacked).min(axis=1)


def copies_running(samples, pictures):
    least = torch.full((len(samples),), float("inf"))
    for up, right in MOVES:
        d = torch.cdist(samples.flatten(1), pictures.roll((up, right), (2, 3)).flatten(1))
        least = torch.minimum(least, d.amin(1))
    return least


def squares(samples, pictures):
    return (samples[:, None] - pictures).pow(2).sum((2, 3, 4))


def copies(moves, take=lambda d: d.min(1).values, p=2):
    return lambda s, x: take(torch.cdist(s.flatten(1), moved(x, moves).flatten(1), p=p))


RIGHT["moved copies"] = [
    copies_by_loop,
    copies_numpy,
    copies_running,
    copies(MOVES),
    copies(MOVES, take=lambda d: d.double().sort(dim=1).values[:, 0]),
    lambda s, x: torch.stack([squares(s, x.roll(m, (2, 3))).amin(1) for m in MOVES]).amin(0) ** 0.5,
    lambda s, x: torch.stack([squares(s.roll(m, (2, 3)), x) for m in MOVES]).amin((0, 2)).sqrt().double(),
]
WRONG["moved copies"] = [
    copies([(0, 0)]),
    copies([(0, -1), (0, 0), (0, 1)]),
    copies([(-1, 0), (0, 0), (1, 0)]),
    copies([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]),
    copies([(a, b) for a in (0, 1) for b in (0, 1)]),
    copies(MOVES, p=1),
    copies(MOVES, take=lambda d: d.min(1).values ** 2),
    copies(MOVES, take=lambda d: d.min(1)),
    copies(MOVES, take=lambda d: d.argmin(1)),
    copies(MOVES, take=lambda d: d.mean(1)),
    copies(MOVES, take=lambda d: d.min(0).values),
    copies(MOVES, take=lambda d: d.min()),
    copies(MOVES, take=lambda d: d.max(1).values),
    copies([(a, b) for a in (-2, -1, 0, 1, 2) for b in (-2, -1, 0, 1, 2)]),
    copies([(a, a) for a in (-1, 0, 1)]),
    lambda s, x: torch.stack([squares(s, x.roll(m, (2, 3))).amin(1) for m in MOVES]).amin(0) / s[0].numel(),
]
