"""Notebook 01: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- rescale -----------------------------------------------------------------------------------------


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


# --- least ink ---------------------------------------------------------------------------------------


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


# --- nearest mean ------------------------------------------------------------------------------------


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
