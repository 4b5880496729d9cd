"""Notebook 02: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import count_parameters

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- count parameters --------------------------------------------------------------------------------


def count_by_building(widths, batch_norm):
    layers = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out) if batch_norm else nn.Identity()]
    return count_parameters(nn.Sequential(*layers[:-1]))


def count_by_index(widths, batch_norm):
    total = 0
    for i in range(len(widths) - 1):
        total += widths[i] * widths[i + 1]
        total += widths[i + 1]
        if batch_norm and i < len(widths) - 2:
            total += 2 * widths[i + 1]
    return total


RIGHT["count parameters"] = [
    count_by_building,
    count_by_index,
    lambda w, norm: sum((w[i - 1] + 1) * w[i] for i in range(1, len(w))) + norm * 2 * sum(w[1:-1]),
    lambda w, norm: float(np.dot(w[:-1], w[1:]) + np.sum(w[1:]) + (2 * np.sum(w[1:-1]) if norm else 0)),
    lambda w, norm: torch.tensor(
        [(w[i] + 1) * w[i + 1] for i in range(len(w) - 1)] + [2 * u for u in w[1:-1]] * norm
    ).sum(),
    lambda w, norm: w[-2] * w[-1] + w[-1] + sum(a * b + (3 if norm else 1) * b for a, b in pairwise(w[:-1])),
]
WRONG["count parameters"] = [
    lambda w, norm: sum(a * b for a, b in pairwise(w)) + 2 * norm * sum(w[1:-1]),
    lambda w, norm: sum(a * b + b for a, b in pairwise(w)),
    lambda w, norm: sum(a * b + b for a, b in pairwise(w)) + 2 * sum(w[1:-1]),
    lambda w, norm: sum(a * b + b for a, b in pairwise(w)) + norm * sum(w[1:-1]),
    lambda w, norm: sum(a * b + b for a, b in pairwise(w)) + 2 * norm * sum(w[1:]),
    lambda w, norm: sum(a * b + b for a, b in pairwise(w)) + 2 * norm * sum(w[:-1]),
    lambda w, norm: sum(a * b + b for a, b in pairwise(w)) + 4 * norm * sum(w[1:-1]),
    lambda w, norm: sum(a * b + a for a, b in pairwise(w)) + 2 * norm * sum(w[1:-1]),
    lambda w, norm: sum(a * b + (3 if norm else 1) * b for a, b in pairwise(w)),
    lambda w, norm: math.prod(w),
    lambda w, norm: 110_849,
    lambda w, norm: sum(a * b + (2 if norm else 1) * b for a, b in pairwise(w)),
    lambda w, norm: len(w),
    lambda w, norm: [a * b + b for a, b in pairwise(w)],
]


# --- leaky relu --------------------------------------------------------------------------------------


def leaky_in_place(x, slope):
    x[x < 0] *= slope
    return x


def leaky_by_masks(x, slope):
    positive = (x > 0).to(x.dtype)
    return positive * x + (1 - positive) * slope * x


def leaky_by_loop(x, slope):
    return torch.stack([v if v > 0 else slope * v for v in x.flatten()]).view(x.shape)


RIGHT["leaky relu"] = [
    leaky_in_place,
    leaky_by_masks,
    leaky_by_loop,
    lambda x, slope: x.clamp(min=0) + slope * x.clamp(max=0),
    lambda x, slope: torch.relu(x) - slope * torch.relu(-x),
    lambda x, slope: (1 + slope) / 2 * x + (1 - slope) / 2 * x.abs(),
    lambda x, slope: torch.max(x, x * slope),
    lambda x, slope: torch.stack([x, slope * x]).amax(0),
    lambda x, slope: x * (slope + (1 - slope) * (x > 0)),
    lambda x, slope: x.masked_fill(x < 0, 0) + slope * x.masked_fill(x > 0, 0),
    lambda x, slope: F.relu(x.double()) + slope * (x.double() - F.relu(x.double())),
]
WRONG["leaky relu"] = [
    lambda x, slope: torch.relu(x),
    lambda x, slope: torch.maximum(x, 0.2 * x),
    lambda x, slope: torch.where(x > 0, x, slope * x),
    lambda x, slope: F.leaky_relu(x, slope),
    lambda x, slope: nn.LeakyReLU(slope)(x),
    lambda x, slope: F.prelu(x, torch.tensor(slope)),
    lambda x, slope: torch.minimum(x, slope * x),
    lambda x, slope: torch.maximum(x, -slope * x),
    lambda x, slope: torch.maximum(x, slope * x).detach(),
    lambda x, slope: np.maximum(x.detach().numpy(), slope * x.detach().numpy()),
    lambda x, slope: torch.tensor([v if v > 0 else slope * v for v in x.flatten().tolist()]).view(x.shape),
    lambda x, slope: x.clamp(min=-slope),
    lambda x, slope: torch.relu(x) + slope * x,
    lambda x, slope: F.elu(x, slope),
    lambda x, slope: torch.relu(x) - slope * torch.relu(-x).detach(),
    lambda x, slope: slope * x,
    lambda x, slope: x * torch.heaviside(x, torch.tensor(0.0)) + slope * x * torch.heaviside(-x, torch.tensor(1.0)),
]


# --- mirrored pair -----------------------------------------------------------------------------------


class OwnGenerator(nn.Module):
    def __init__(self, latent_dim, image_shape, widths, last=nn.Tanh):
        super().__init__()
        self.image_shape, sizes, layers = image_shape, [latent_dim, *widths], []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-1], math.prod(image_shape)), last())

    def forward(self, z):
        return self.net(z).view(len(z), *self.image_shape)


def chain(sizes, *last):
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
    return nn.Sequential(*layers[:-1], *last)


def pair_of_sequentials(latent_dim, image_shape, widths):
    size = math.prod(image_shape)
    generator = chain((latent_dim, *widths, size), nn.Tanh(), nn.Unflatten(1, image_shape))
    discriminator = nn.Sequential(nn.Flatten(), chain((size, *reversed(widths), 1)), nn.Flatten(0))
    return [generator, discriminator]


RIGHT["mirrored pair"] = [
    pair_of_sequentials,
    lambda k, shape, widths: (Generator(k, shape, widths), Discriminator(shape, tuple(reversed(widths)))),
    lambda k, shape, widths: (
        Generator(latent_dim=k, image_shape=shape, widths=widths, batch_norm=True),
        Discriminator(image_shape=shape, widths=widths[::-1], dropout=0.0),
    ),
    lambda k, shape, widths: [Generator(k, shape, widths).eval(), Discriminator(shape, [*widths][::-1]).eval()],
    lambda k, shape, widths: (OwnGenerator(k, shape, widths), Discriminator(shape, widths[::-1])),
    lambda k, shape, widths: (Generator(k, shape, widths, latent="uniform"), Discriminator(shape, widths[::-1])),
]
WRONG["mirrored pair"] = [
    lambda k, shape, widths: (Generator(), Discriminator()),
    lambda k, shape, widths: (Generator(k, shape), Discriminator(shape)),
    lambda k, shape, widths: (Generator(k, shape, widths), Discriminator(shape, widths)),
    lambda k, shape, widths: (Generator(k, shape, widths[::-1]), Discriminator(shape, widths)),
    lambda k, shape, widths: (Discriminator(shape, widths[::-1]), Generator(k, shape, widths)),
    lambda k, shape, widths: Generator(k, shape, widths),
    lambda k, shape, widths: (Generator, Discriminator),
    lambda k, shape, widths: (Generator(k, shape, widths), None),
    lambda k, shape, widths: (Generator(k, widths=widths), Discriminator(shape, widths[::-1])),
    lambda k, shape, widths: (Generator(k, shape, widths), Discriminator(widths=widths[::-1])),
    lambda k, shape, widths: (Generator(image_shape=shape, widths=widths), Discriminator(shape, widths[::-1])),
    lambda k, shape, widths: (OwnGenerator(k, shape, widths, last=nn.Identity), Discriminator(shape, widths[::-1])),
    lambda k, shape, widths: pair_of_sequentials(k, shape, widths)[0],
    lambda k, shape, widths: (
        Generator(k, shape, widths),
        nn.Sequential(nn.Flatten(), chain((math.prod(shape), *widths[::-1], 1))),
    ),
]
