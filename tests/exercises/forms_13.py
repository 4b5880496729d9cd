"""Notebook 13: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math
import statistics

import numpy as np
import torch
from scipy import ndimage

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- psnr of each ------------------------------------------------------------------------------------


def psnr_by_loop(images, clean):
    found = []
    for a, b in zip(images, clean, strict=True):
        found.append(10 * math.log10(4 / ((a - b) ** 2).mean().item()))
    return found


def psnr_in_place(images, clean):
    images -= clean
    images **= 2
    return -10 * (images.flatten(1).mean(1) / 4).log10_()


RIGHT["psnr of each"] = [
    psnr_by_loop,
    psnr_in_place,
    lambda a, b: 20 * torch.log10(2 / (a - b).pow(2).mean((1, 2, 3)).sqrt()),
    lambda a, b: 10 * np.log10(4 / np.square(a.numpy() - b.numpy()).mean(axis=(1, 2, 3))),
    lambda a, b: torch.stack([-10 * ((x - y).double().square().mean() / 4).log10() for x, y in zip(a, b, strict=True)]),
    lambda a, b: 10 / math.log(10) * torch.log(4 * a[0].numel() / (a - b).square().sum((1, 2, 3))),
    lambda a, b: 20 * math.log10(2) - 10 * (a - b).flatten(1).norm(dim=1).square().div(a[0].numel()).log10(),
]
WRONG["psnr of each"] = [
    lambda a, b: 10 * torch.log10(4 / (a - b).square().mean()),
    lambda a, b: 10 * torch.log10(1 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10(2 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log(4 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 20 * torch.log10(4 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10(2 / (a - b).square().mean((1, 2, 3)).sqrt()),
    lambda a, b: 20 * torch.log10(2 / (a - b).abs().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10((a - b).square().mean((1, 2, 3)) / 4),
    lambda a, b: (10 * torch.log10(4 / (a - b).square().mean((1, 2, 3)))).mean(),
    lambda a, b: 10 * torch.log10(4 / (a - b).square().mean((2, 3))),
    lambda a, b: 10 * torch.log10(4 / (a - b).square().mean(0).flatten(1).mean(1)),
    lambda a, b: 10 * torch.log10(4 / (a - b).square().sum((1, 2, 3))),
    lambda a, b: 10 * torch.log10(4 / (a.clamp_(-1, 1) - b.clamp_(-1, 1)).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10(255**2 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: torch.log10(4 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10((a.amax() - a.amin()) ** 2 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: (a - b).square().mean((1, 2, 3)),
]


# --- median of windows -------------------------------------------------------------------------------


def median_by_loop(image, window):
    h, w = image.shape
    return [
        [statistics.median(image[i : i + window, j : j + window].flatten().tolist()) for j in range(w - window + 1)]
        for i in range(h - window + 1)
    ]


def median_by_shifts(image, window):
    h, w = image.shape[0] - window + 1, image.shape[1] - window + 1
    layers = [image[i : i + h, j : j + w] for i in range(window) for j in range(window)]
    return torch.stack(layers).sort(dim=0).values[window * window // 2]


def median_by_scipy(image, window):
    edge = window // 2
    full = ndimage.median_filter(image.numpy(), window)
    return full[edge : image.shape[0] - edge, edge : image.shape[1] - edge]


def median_by_unfold(image, window):
    columns = torch.nn.functional.unfold(image[None, None], window)[0]
    return columns.median(0).values.view(image.shape[0] - window + 1, image.shape[1] - window + 1)


def windows_of(image, window):
    return image.unfold(0, window, 1).unfold(1, window, 1)


RIGHT["median of windows"] = [
    median_by_loop,
    median_by_shifts,
    median_by_scipy,
    median_by_unfold,
    lambda x, k: np.median(np.lib.stride_tricks.sliding_window_view(x.numpy(), (k, k)), axis=(2, 3)),
    lambda x, k: windows_of(x, k).reshape(x.shape[0] - k + 1, x.shape[1] - k + 1, -1).quantile(0.5, dim=-1),
    lambda x, k: windows_of(x.double(), k).flatten(2).kthvalue(k * k // 2 + 1, dim=2)[0],
    lambda x, k: windows_of(x, k).flatten(2).median(2)[0].clone(),
]
WRONG["median of windows"] = [
    lambda x, k: windows_of(x, k).mean((2, 3)),
    lambda x, k: windows_of(x, k).flatten(2).median(2),
    lambda x, k: windows_of(x, k).median(3).values.median(2).values,
    lambda x, k: windows_of(x, k).median(2).values.median(2).values,
    lambda x, k: windows_of(x, 3).flatten(2).median(2).values,
    lambda x, k: windows_of(x, k).flatten(2).median(2).indices,
    lambda x, k: windows_of(x, k).flatten(2).amax(2),
    lambda x, k: windows_of(x, k).flatten(2).median(2).values.T,
    lambda x, k: windows_of(x, k).flatten(2).median(),
    lambda x, k: x.median(),
    lambda x, k: torch.from_numpy(ndimage.median_filter(x.numpy(), k)),
    lambda x, k: windows_of(x, k).flatten(2).median(2).values.clamp(-1, 1),
    lambda x, k: windows_of(x, k).flatten(2)[..., k * k // 2],
    lambda x, k: windows_of(x, k).flatten(2).sort(2).values[..., k * k // 2 - 1],
    lambda x, k: windows_of(x, k).flatten(2).mode(2).values,
    lambda x, k: x.unfold(0, k, k).unfold(1, k, k).flatten(2).median(2).values,
    lambda x, k: x.unfold(1, k, 1).median(2).values,
]
