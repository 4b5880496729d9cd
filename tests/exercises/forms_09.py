"""Notebook 09: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- multiplications ---------------------------------------------------------------------------------


def multiplications_by_running(side, c_in, c_out, kernel, stride, padding):
    layer = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    places = layer(torch.zeros(1, c_in, side, side))[0, 0].numel()
    return places * layer.weight.numel()


def multiplications_by_walking(side, c_in, c_out, kernel, stride, padding):
    steps, start = 0, -padding
    while start + kernel <= side + padding:
        steps, start = steps + 1, start + stride
    return steps * steps * kernel * kernel * c_in * c_out


RIGHT["multiplications"] = [
    multiplications_by_running,
    multiplications_by_walking,
    lambda n, a, b, k, s, p: a * b * k * k * len(range(0, n + 2 * p - k + 1, s)) ** 2,
    lambda n, a, b, k, s, p: float(np.floor((n + 2 * p - k) / s + 1) ** 2 * a * b * k**2),
    lambda n, a, b, k, s, p: torch.tensor([a, b, k, k, *[(n + 2 * p - k) // s + 1] * 2]).prod(),
    lambda n, a, b, k, s, p: F.unfold(torch.zeros(1, a, n, n), k, padding=p, stride=s).numel() * b,
]
WRONG["multiplications"] = [
    lambda n, a, b, k, s, p: b * k * k * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * k * k * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + 2 * p - k) // s + 1),
    lambda n, a, b, k, s, p: a * b * k * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k,
    lambda n, a, b, k, s, p: a * b * k * k * n * n,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + 2 * p - k) // s) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * (-(-(n + 2 * p - k) // s) + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + 2 * p - k) / s + 1) ** 2,
    lambda n, a, b, k, s, p: (a * k * k + 1) * b * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: (a * k * k - 1) * b * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * n * n * b * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: (n + 2 * p - k) // s + 1,
]


# --- zeros between -----------------------------------------------------------------------------------


def spread_out(features, stride, extra=0):
    side = (len(features) - 1) * stride + 1 + extra
    spread = torch.zeros(side, side, dtype=features.dtype)
    spread[::stride, ::stride] = features
    return spread


def zeros_by_padding(features, kernel, stride):
    k = len(kernel)
    spread = spread_out(features, stride)[None, None]
    return F.conv2d(spread, torch.rot90(kernel, 2)[None, None], padding=k - 1).squeeze(0).squeeze(0)


def zeros_by_kron(features, kernel, stride):
    corner = torch.zeros(stride, stride)
    corner[0, 0] = 1
    spread = torch.kron(features, corner)
    spread = spread[: len(spread) - stride + 1, : len(spread) - stride + 1]
    spread = nn.ZeroPad2d(len(kernel) - 1)(spread[None, None])
    return torch.conv2d(spread, torch.flip(kernel, dims=[0, 1])[None, None])[0, 0]


def zeros_by_loop(features, kernel, stride):
    m, k = features.shape[0], kernel.shape[0]
    sheet = torch.zeros((m - 1) * stride + 1 + 2 * (k - 1), (m - 1) * stride + 1 + 2 * (k - 1))
    for i in range(m):
        for j in range(m):
            sheet[k - 1 + i * stride, k - 1 + j * stride] = features[i, j]
    turned = kernel[range(k - 1, -1, -1)][:, range(k - 1, -1, -1)]
    return F.conv2d(sheet.view(1, 1, *sheet.shape), turned.view(1, 1, k, k)).view(len(sheet) - k + 1, -1)


def zeros_by_module(features, kernel, stride):
    k = len(kernel)
    layer = nn.Conv2d(1, 1, k, padding=k - 1, bias=False)
    layer.weight.data = kernel.flip((0, 1))[None, None].clone()
    return layer(spread_out(features, stride)[None, None])[0, 0].detach().numpy()


def zeros_with(turn=lambda k: k.flip(0, 1), spread=spread_out, pad=lambda k: k - 1, change=lambda x: x):
    def answer(features, kernel, stride):
        padded = F.pad(spread(change(features), stride), (pad(len(kernel)),) * 4)
        return F.conv2d(padded[None, None], turn(kernel)[None, None])[0, 0]

    return answer


def transposed(features, kernel, stride):
    return F.conv_transpose2d(features[None, None], kernel[None, None], stride=stride)[0, 0]


RIGHT["zeros between"] = [
    zeros_by_padding,
    zeros_by_kron,
    zeros_by_loop,
    zeros_by_module,
    zeros_with(),
    lambda x, kernel, stride: zeros_with()(x.double(), kernel.double(), stride).tolist(),
    zeros_with(turn=lambda k: k.flip(0).T.flip(0).T),
]
WRONG["zeros between"] = [
    transposed,
    zeros_with(turn=lambda k: k),
    zeros_with(turn=lambda k: k.T),
    zeros_with(turn=lambda k: k.flip(0)),
    zeros_with(turn=lambda k: k.flip(1)),
    zeros_with(turn=lambda k: torch.rot90(k)),
    zeros_with(pad=lambda k: 0),
    zeros_with(pad=lambda k: k),
    zeros_with(pad=lambda k: k // 2),
    zeros_with(spread=lambda x, stride: spread_out(x, 2)),
    zeros_with(spread=lambda x, stride: spread_out(x, stride + 1)),
    zeros_with(spread=lambda x, stride: spread_out(x, stride, extra=stride - 1)),
    zeros_with(spread=lambda x, stride: x.repeat_interleave(stride, 0).repeat_interleave(stride, 1)),
    zeros_with(change=lambda x: x.T),
    zeros_with(change=lambda x: x.flip(0)),
    lambda x, kernel, stride: transposed(x, kernel, stride)[1:-1, 1:-1],
    lambda x, kernel, stride: zeros_with()(x, kernel, stride)[None, None],
]


# --- even kernels ------------------------------------------------------------------------------------


def kernels_by_trying(stride, most):
    found = []
    for size in range(1, most + 1):
        row = F.conv_transpose1d(torch.ones(1, 1, 30), torch.ones(1, 1, size), stride=stride)[0, 0]
        middle = row[most + 1 : -most - 1]
        if middle.min() == middle.max():
            found.append(size)
    return found


RIGHT["even kernels"] = [
    kernels_by_trying,
    lambda stride, most: list(range(stride, most + 1, stride)),
    lambda stride, most: {k for k in range(1, most + 1) if not k % stride},
    lambda stride, most: torch.arange(stride, most + 1, stride) if most >= stride else [],
    lambda stride, most: np.arange(1, most + 1)[np.arange(1, most + 1) % stride == 0],
    lambda stride, most: tuple(stride * i for i in range(1, most // stride + 1))[::-1],
    lambda stride, most: (k for k in range(stride, most + 1) if k / stride == k // stride),
    lambda stride, most: filter(lambda k: k % stride == 0, range(1, most + 1)),
    lambda stride, most: range(stride, most + 1, stride),
]
WRONG["even kernels"] = [
    lambda stride, most: list(range(0, most + 1, stride)),
    lambda stride, most: list(range(stride, most, stride)),
    lambda stride, most: list(range(stride, most + 1)),
    lambda stride, most: [stride],
    lambda stride, most: list(range(1, most + 1)),
    lambda stride, most: [k for k in range(1, most + 1) if k % 2 == 0],
    lambda stride, most: [k for k in range(1, most + 1) if stride % k == 0],
    lambda stride, most: [k for k in range(1, most + 1) if k % stride],
    lambda stride, most: [k % stride == 0 for k in range(1, most + 1)],
    lambda stride, most: len(range(stride, most + 1, stride)),
    lambda stride, most: [2, 4, 6],
    lambda stride, most: [],
    lambda stride, most: list(range(stride, most + stride + 1, stride)),
    lambda stride, most: [*range(stride, most + 1, stride)] * 2,
    lambda stride, most: [k / 2 for k in range(stride, most + 1, stride)],
    lambda stride, most: [stride**i for i in range(1, 9) if stride**i <= most],
]
