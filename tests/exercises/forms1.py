"""Notebooks 01 to 04: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import count_parameters
from gan_helpers.training.losses import discriminator_loss, fake_loss, generator_loss, real_loss

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- rescale ------------------------------------------------------------------------------------------


def rescale_in_place(pixels, low, high):
    out = pixels.double()
    out /= 255
    out *= high - low
    out += low
    return out


def rescale_table(pixels, low, high):
    return torch.linspace(low, high, 256)[pixels.long()]


def rescale_loop(pixels, low, high):
    flat = [low + (high - low) * value / 255.0 for value in pixels.flatten().tolist()]
    return torch.tensor(flat).view(pixels.shape)


RIGHT["rescale"] = [
    lambda p, low, high: low + p.float() * ((high - low) / 255),
    lambda p, low, high: torch.lerp(torch.tensor(float(low)), torch.tensor(float(high)), p / 255),
    lambda p, low, high: np.interp(p.numpy(), [0, 255], [low, high]),
    lambda p, low, high: p.half() / 255 * (high - low) + low,
    lambda p, low, high: (p / 255) * high + (1 - p / 255) * low,
    lambda p, low, high: (p.numpy().astype(np.float64) * (high - low) / 255 + low).astype(np.float32),
    rescale_in_place,
    rescale_table,
    rescale_loop,
]
WRONG["rescale"] = [
    lambda p, low, high: p / 127.5 - 1,
    lambda p, low, high: p / 255,
    lambda p, low, high: low + p * (high - low) / 255,  # a uint8 times a whole number wraps around
    lambda p, low, high: low + p.float() / p.max() * (high - low),
    lambda p, low, high: low + p.float() / 256 * (high - low),
    lambda p, low, high: (low + p.float() / 255 * (high - low)).clamp(0, 1),
    lambda p, low, high: (low + p.float() / 255 * (high - low)).round(),
    lambda p, low, high: (low + p.float() / 255 * (high - low)).clamp(low, high),  # empty where high < low
    lambda p, low, high: high - p.float() / 255 * (high - low),
    lambda p, low, high: p.float() / 255 * (high - low),
    lambda p, low, high: low + p.float() / 255 * high,
    lambda p, low, high: (low + p.float() / 255 * (high - low)).flatten(),
    lambda p, low, high: low + p.float() / 255 * abs(high - low),
    lambda p, low, high: (low + p.float() / 255 * (high - low)).to(torch.int64),
]


# --- least ink ----------------------------------------------------------------------------------------


def ink_by_index_add(images, labels):
    n = int(labels.max()) + 1
    total = torch.zeros(n).index_add_(0, labels, images.float().mean((1, 2, 3)))
    return (total / torch.bincount(labels)).argmin()


def ink_in_numpy(images, labels):
    images, labels = images.numpy(), labels.numpy()
    return min(np.unique(labels), key=lambda k: images[labels == k].mean())


def ink_by_loop(images, labels):
    inks = {}
    for image, label in zip(images, labels.tolist(), strict=True):
        inks.setdefault(label, []).append(image.double().mean().item())
    return min(inks, key=lambda label: sum(inks[label]) / len(inks[label]))


RIGHT["least ink"] = [
    ink_by_index_add,
    ink_in_numpy,
    ink_by_loop,
    lambda x, y: torch.stack([x[y == k].float().mean() for k in y.unique()]).argmin().item(),
    lambda x, y: np.argmin([x[y == k].numpy().mean() for k in range(y.max() + 1)]),
    lambda x, y: [float(x[y == k].to(torch.float64).mean()) for k in range(int(y.max()) + 1)].index(
        min(float(x[y == k].to(torch.float64).mean()) for k in range(int(y.max()) + 1))
    ),
    lambda x, y: (F.one_hot(y).T.double() @ x.flatten(1).double()).mean(1).div(torch.bincount(y)).argmin()[None],
]
WRONG["least ink"] = [
    lambda x, y: 1,
    lambda x, y: torch.stack([x[y == k].float().mean() for k in y.unique()]).argmax(),
    lambda x, y: torch.stack([x[y == k].float().sum() for k in y.unique()]).argmin(),
    lambda x, y: torch.stack([x[y == k].float().mean() for k in y.unique()]).min(),
    lambda x, y: x.float().mean((1, 2, 3)).argmin(),
    lambda x, y: y[x.float().mean((1, 2, 3)).argmin()],
    lambda x, y: torch.stack([x[y == k].float().amax() for k in y.unique()]).argmin(),
    lambda x, y: torch.stack([x[y == k].float().median() for k in y.unique()]).argmin(),
    lambda x, y: torch.stack([(x[y == k] > 0).float().mean() for k in y.unique()]).argmin(),
    lambda x, y: torch.stack([x[y == k].float().mean() for k in range(int(y.max()))]).argmin(),
    lambda x, y: torch.stack([x[y == k].float().mean() for k in range(1, int(y.max()) + 1)]).argmin() + 1,
    lambda x, y: y.mode().values,
    lambda x, y: torch.bincount(y).argmin(),
    lambda x, y: torch.stack([x[y == k].float().mean() for k in y.unique()]),
    lambda x, y: torch.stack([x[y == k].mean() for k in y.unique()]).argmin(),
    lambda x, y: torch.stack([x[y == k].float().mean() for k in y.unique()]).argmin() + 1,
    lambda x, y: torch.stack([x[y == k][0].float().mean() for k in y.unique()]).argmin(),
]


# --- nearest mean -------------------------------------------------------------------------------------


def nearest_by_loop(images, means):
    found = []
    for image in images:
        best, least = None, float("inf")
        for label, mean in enumerate(means):
            if (gap := ((image - mean) ** 2).sum().item()) < least:
                best, least = label, gap
        found.append(best)
    return found


def nearest_by_expansion(images, means):
    x, m = images.flatten(1).double(), means.flatten(1).double()
    return (x.square().sum(1, keepdim=True) - 2 * x @ m.T + m.square().sum(1)).argmin(dim=-1)


RIGHT["nearest mean"] = [
    nearest_by_loop,
    nearest_by_expansion,
    lambda x, m: (x[:, None] - m[None]).pow(2).mean((2, 3, 4)).argmin(1),
    lambda x, m: np.array([np.argmin([np.linalg.norm(a - b) for b in m.numpy()]) for a in x.numpy()]),
    lambda x, m: torch.cdist(x.view(len(x), -1), m.view(len(m), -1)).topk(1, largest=False).indices.squeeze(1),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).min(1).indices.float(),
    lambda x, m: (-torch.cdist(x.flatten(1), m.flatten(1))).softmax(1).argmax(1),
    lambda x, m: [F.mse_loss(a.expand_as(m), m, reduction="none").flatten(1).sum(1).argmin() for a in x],
]
WRONG["nearest mean"] = [
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).argmax(1),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).argmin(0),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).min(1),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).min(1).values,
    lambda x, m: (x.flatten(1) @ m.flatten(1).T).argmax(1),
    lambda x, m: F.cosine_similarity(x.flatten(1)[:, None], m.flatten(1), dim=2).argmax(1),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1), p=1).argmin(1),
    lambda x, m: (x.mean((1, 2, 3))[:, None] - m.mean((1, 2, 3))).abs().argmin(1),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).argmin(),
    lambda x, m: (x[:, None] - m).sum((2, 3, 4)).square().argmin(1),
    lambda x, m: torch.zeros(len(x)),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).argmin(1, keepdim=True),
    lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).argmin(1) + 1,
]


# --- count parameters ---------------------------------------------------------------------------------


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


# --- leaky relu ---------------------------------------------------------------------------------------


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


# --- mirrored pair ------------------------------------------------------------------------------------


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


# --- stable bce ---------------------------------------------------------------------------------------


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


# --- smoothed optimum ---------------------------------------------------------------------------------


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


# --- jensen shannon -----------------------------------------------------------------------------------


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


# --- discriminator step -------------------------------------------------------------------------------


def d_step(loss_of, zero=True, steps=1, give=lambda loss: loss, before=lambda *_: None, after=lambda *_: None):
    def answer(generator, discriminator, optimizer, real, z, smoothing):
        before(generator, discriminator, optimizer)
        loss = loss_of(generator, discriminator, real, z, smoothing)
        if zero:
            optimizer.zero_grad()
        loss.backward()
        for _ in range(steps):
            optimizer.step()
        after(generator, discriminator, optimizer)
        return give(loss)

    return answer


def usual(g, d, real, z, s):
    return discriminator_loss(d(real), d(g(z).detach()), s)


def by_softplus(g, d, real, z, s):
    with torch.no_grad():
        fake = g(z)
    x, y = d(real), d(fake)
    return (F.softplus(-x) + s * x).mean() + F.softplus(y).mean()


def in_one_pass(g, d, real, z, s):
    logits = d(torch.cat([real, g(z).detach()]))
    labels = torch.cat([torch.full((len(real),), 1 - s), torch.zeros(len(z))])
    return 2 * F.binary_cross_entropy_with_logits(logits, labels)


def d_step_in_two_backwards(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    d_optimizer.zero_grad(set_to_none=False)
    on_real = real_loss(discriminator(real_images), smoothing)
    on_real.backward()
    on_fake = fake_loss(discriminator(generator(latents).detach()))
    on_fake.backward()
    d_optimizer.step()
    return (on_real + on_fake).item()


def d_step_with_closure(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    def closure():
        d_optimizer.zero_grad()
        loss = usual(generator, discriminator, real_images, latents, smoothing)
        loss.backward()
        return loss

    return d_optimizer.step(closure)


def d_step_frozen_generator(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    generator.requires_grad_(False)
    loss = discriminator_loss(discriminator(real_images), discriminator(generator(latents)), smoothing)
    discriminator.zero_grad()
    loss.backward()
    d_optimizer.step()
    generator.requires_grad_(True)
    return loss.detach().numpy()


def d_step_by_grad(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    loss = discriminator_loss(discriminator(real_images), discriminator(generator(latents)), smoothing)
    weights = list(discriminator.parameters())
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    d_optimizer.step()
    return float(loss.detach())


RIGHT["discriminator step"] = [
    d_step(usual),
    d_step(by_softplus, give=lambda loss: loss.item()),
    d_step(in_one_pass, give=lambda loss: loss.detach()[None]),
    d_step_in_two_backwards,
    d_step_with_closure,
    d_step_frozen_generator,
    d_step_by_grad,
    d_step(usual, before=lambda g, d, o: (g.zero_grad(), d.train())),
]
WRONG["discriminator step"] = [
    d_step(usual, zero=False),
    d_step(usual, zero=False, after=lambda g, d, o: o.zero_grad()),
    d_step(usual, steps=0),
    d_step(usual, steps=2),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z)), s)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z)).detach(), s)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real).detach(), d(g(z).detach()), s)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z).detach()))),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z).detach()), 0.1)),
    d_step(lambda g, d, real, z, s: usual(g, d, real, z, s) / 2),
    d_step(lambda g, d, real, z, s: -usual(g, d, real, z, s)),
    d_step(lambda g, d, real, z, s: generator_loss(d(g(z)))),
    d_step(lambda g, d, real, z, s: fake_loss(d(g(z).detach()))),
    d_step(usual, give=lambda loss: torch.tensor(1.0)),
    d_step(usual, give=lambda loss: None),
    d_step(usual, after=lambda g, d, o: o.zero_grad(), steps=0),
    d_step(usual, after=lambda g, d, o: [p.data.sub_(0.01) for p in g.parameters()]),
    d_step(usual, after=lambda g, d, o: g.eval()),
    d_step(usual, after=lambda g, d, o: g.requires_grad_(False)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(g(z).detach()), d(real), s)),
    lambda g, d, o, real, z, s: usual(g, d, real, z, s),
]


# --- generator step -----------------------------------------------------------------------------------


def g_step(loss_of, **options):
    inner = d_step(lambda g, d, real, z, s: loss_of(g, d, z), **options)
    return lambda generator, discriminator, g_optimizer, latents: inner(
        generator, discriminator, g_optimizer, None, latents, 0
    )


def g_step_frozen(generator, discriminator, g_optimizer, latents):
    discriminator.requires_grad_(False)
    g_optimizer.zero_grad()
    loss = F.softplus(-discriminator(generator(latents))).mean()
    loss.backward()
    g_optimizer.step()
    discriminator.requires_grad_(True)
    return loss.item()


def g_step_by_grad(generator, discriminator, g_optimizer, latents):
    logits = discriminator(generator(latents))
    loss = F.binary_cross_entropy_with_logits(logits, torch.ones(len(latents)))
    for weight, slope in zip(
        generator.parameters(), torch.autograd.grad(loss, list(generator.parameters())), strict=True
    ):
        weight.grad = slope
    g_optimizer.step()
    return loss.detach().cpu().numpy()


def g_step_through_pictures(generator, discriminator, g_optimizer, latents):
    pictures = generator(latents)
    seen = pictures.detach().requires_grad_()
    loss = generator_loss(discriminator(seen))
    (pull,) = torch.autograd.grad(loss, seen)
    g_optimizer.zero_grad()
    pictures.backward(pull)
    g_optimizer.step()
    return [loss]


def g_step_into_g_alone(generator, discriminator, g_optimizer, latents):
    loss = real_loss(discriminator(generator(latents)))
    g_optimizer.zero_grad()
    loss.backward(inputs=list(generator.parameters()))
    g_optimizer.step()
    return np.float64(loss.item())


def g_step_through_a_copy(generator, discriminator, g_optimizer, latents):
    loss = -F.logsigmoid(copy.deepcopy(discriminator)(generator(latents))).mean()
    generator.zero_grad()
    loss.backward()
    g_optimizer.step()
    return loss


def frozen(loss_of, **options):
    return g_step(
        loss_of,
        before=lambda g, d, o: d.requires_grad_(False),
        after=lambda g, d, o: d.requires_grad_(True),
        **options,
    )


RIGHT["generator step"] = [
    frozen(lambda g, d, z: generator_loss(d(g(z)))),
    frozen(lambda g, d, z: nn.BCELoss()(d(g(z)).sigmoid(), torch.ones(len(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: d.zero_grad()),
    g_step_frozen,
    g_step_by_grad,
    g_step_through_pictures,
    g_step_into_g_alone,
    g_step_through_a_copy,
]
WRONG["generator step"] = [
    g_step(lambda g, d, z: generator_loss(d(g(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z))), before=lambda g, d, o: d.zero_grad()),
    frozen(lambda g, d, z: generator_loss(d(g(z))), zero=False),
    frozen(lambda g, d, z: fake_loss(d(g(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z))), zero=False),
    g_step(lambda g, d, z: generator_loss(d(g(z))), steps=0),
    g_step(lambda g, d, z: generator_loss(d(g(z))), steps=2),
    g_step(lambda g, d, z: fake_loss(d(g(z)))),
    g_step(lambda g, d, z: -fake_loss(d(g(z)))),
    g_step(lambda g, d, z: -generator_loss(d(g(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z).detach()))),
    g_step(lambda g, d, z: real_loss(d(g(z)), 0.1)),
    g_step(lambda g, d, z: -d(g(z)).mean()),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: d.requires_grad_(False)),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: torch.optim.SGD(d.parameters(), 0.1).step()),
    g_step(lambda g, d, z: generator_loss(d(g(z))), give=lambda loss: loss * 2),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: d.eval()),
    g_step(lambda g, d, z: generator_loss(d(g(z))) / 2),
    lambda g, d, o, z: generator_loss(d(g(z))),
]


# --- average weights ----------------------------------------------------------------------------------


def average_in_place(average, state, decay):
    for name in average:
        if average[name].dtype.is_floating_point:
            average[name].mul_(decay).add_(state[name], alpha=1 - decay)
        else:
            average[name].copy_(state[name])
    return average


def average_by_lerp(average, state, decay):
    found = {}
    for name, value in state.items():
        found[name] = torch.lerp(value, average[name], decay) if value.dtype == torch.float32 else value
    return found


def average_numpy(average, state, decay):
    return {
        k: decay * a.numpy() + (1 - decay) * state[k].numpy() if a.is_floating_point() else int(state[k])
        for k, a in average.items()
    }


def average_copy(average, state, decay):
    result = copy.deepcopy(state)
    for name in result:
        if "num_batches" not in name:
            result[name] = result[name] + decay * (average[name] - result[name])
    return result


def blend(average, state, decay, whole=lambda a, b: b, floats=lambda a, b, d: d * a + (1 - d) * b):
    return {
        k: floats(average[k], state[k], decay) if state[k].is_floating_point() else whole(average[k], state[k])
        for k in state
    }


def average_spoiling(average, state, decay):
    for name in state:
        if state[name].is_floating_point():
            state[name].mul_(1 - decay).add_(decay * average[name])
    return state


RIGHT["average weights"] = [
    average_in_place,
    average_by_lerp,
    average_numpy,
    average_copy,
    blend,
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: d * x.double() + (1 - d) * y.double()),
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: x + (1 - d) * (y - x), whole=lambda x, y: y.float()),
]
WRONG["average weights"] = [
    lambda a, s, d: blend(a, s, 1 - d),
    lambda a, s, d: blend(a, s, d, whole=lambda x, y: x),
    lambda a, s, d: blend(a, s, d, whole=lambda x, y: d * x + (1 - d) * y),
    lambda a, s, d: blend(a, s, d, whole=lambda x, y: (d * x + (1 - d) * y).long()),
    lambda a, s, d: blend(a, s, 0.9),
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: d * x + y),
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: d * x - (1 - d) * y),
    lambda a, s, d: {k: v for k, v in blend(a, s, d).items() if "num" not in k and "running" not in k},
    lambda a, s, d: {k: v if "running" in k else blend(a, s, d)[k] for k, v in s.items()},
    lambda a, s, d: a,
    lambda a, s, d: s,
    lambda a, s, d: list(blend(a, s, d).values()),
    average_spoiling,
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: (x + y) / 2),
    lambda a, s, d: {f"average.{k}": v for k, v in blend(a, s, d).items()},
]
