"""Notebook 12: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math

import numpy as np
import torch

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- enough components -------------------------------------------------------------------------------


def components_by_loop(variances, share):
    total, held = sum(variances.tolist()), 0.0
    for k, variance in enumerate(variances.tolist(), 1):
        held += variance
        if held >= share * total:
            return k
    return len(variances)


def components_by_while(variances, share):
    k = 0
    while variances[:k].sum() / variances.sum() < share:
        k += 1
    return k


RIGHT["enough components"] = [
    components_by_loop,
    components_by_while,
    lambda v, s: int(np.searchsorted(np.cumsum(v.numpy()) / v.numpy().sum(), s)) + 1,
    lambda v, s: (v.cumsum(0) / v.sum() >= s).int().argmax() + 1,
    lambda v, s: next(k for k in range(1, len(v) + 1) if v[:k].sum() >= s * v.sum()),
    lambda v, s: float(len(v) - (v.cumsum(0) >= s * v.sum()).sum() + 1),
    lambda v, s: torch.searchsorted(v.cumsum(0), s * v.sum()) + 1,
    lambda v, s: [min(k for k in range(1, len(v) + 1) if v[k:].sum() <= (1 - s) * v.sum() + 1e-6)],
]
WRONG["enough components"] = [
    lambda v, s: int((v.cumsum(0) / v.sum() < s).sum()),
    lambda v, s: int((v.cumsum(0) / v.sum() < s).sum()) + 2,
    lambda v, s: int((v.cumsum(0) / v.sum() < s).sum()) + 0.7,
    lambda v, s: int((v.sqrt().cumsum(0) / v.sqrt().sum() < s).sum()) + 1,
    lambda v, s: int(((v**2).cumsum(0) / (v**2).sum() < s).sum()) + 1,
    lambda v, s: int((v.flip(0).cumsum(0) / v.sum() < s).sum()) + 1,
    lambda v, s: int((v.cumsum(0) < s).sum()) + 1,
    lambda v, s: math.ceil(s * len(v)),
    lambda v, s: int((v / v.sum() >= s).sum()),
    lambda v, s: int((v.cumsum(0) / v.sum() >= s).sum()),
    lambda v, s: len(v),
    lambda v, s: int((v.cumsum(0) / v.sum() > s).int().argmax()),
    lambda v, s: v.cumsum(0) / v.sum(),
    lambda v, s: int((v.cumsum(0) / v.max() < s).sum()) + 1,
    lambda v, s: (v.cumsum(0) / v.sum() >= s).nonzero(),
]


# --- fill in -----------------------------------------------------------------------------------------


def fill_by_normal_equations(rows, seen, mean, axes):
    known = axes[:, seen]
    codes = torch.linalg.solve(known @ known.T, known @ (rows - mean)[:, seen].T)
    return codes.T @ axes + mean


def fill_row_by_row(rows, seen, mean, axes):
    out = []
    for row in rows.double():
        gap = (row - mean)[seen].double()
        code = torch.linalg.lstsq(axes[:, seen].T.double(), gap[:, None]).solution[:, 0]
        out.append((mean.double() + code @ axes.double()).tolist())
    return out


def fill_numpy(rows, seen, mean, axes):
    rows, seen, mean, axes = (x.numpy() for x in (rows, seen, mean, axes))
    codes, *_ = np.linalg.lstsq(axes[:, seen].T, (rows - mean)[:, seen].T, rcond=None)
    return mean + codes.T @ axes


def fill_masked(rows, seen, mean, axes):
    masked = axes * seen
    codes = (rows - mean) * seen @ torch.linalg.pinv(masked)
    return mean + codes @ axes


def fill_in_place(rows, seen, mean, axes):
    rows -= mean
    codes = rows[:, seen] @ torch.linalg.pinv(axes[:, seen])
    rows[:] = codes @ axes
    rows += mean
    return rows


def fill_by_gradient(rows, seen, mean, axes):
    known, target, codes = (
        axes[:, seen].double(),
        (rows - mean)[:, seen].double(),
        torch.zeros(len(rows), len(axes)).double(),
    )
    step = 1 / torch.linalg.matrix_norm(known @ known.T, 2)
    for _ in range(4000):
        codes -= step * (codes @ known - target) @ known.T
    return mean + codes @ axes.double()


def filled(rows, seen, mean, axes):
    return mean + (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes


RIGHT["fill in"] = [
    fill_by_normal_equations,
    fill_row_by_row,
    fill_numpy,
    fill_masked,
    fill_in_place,
    fill_by_gradient,
    lambda rows, seen, mean, axes: filled(
        *(x.double() if x.is_floating_point() else x for x in (rows, seen, mean, axes))
    ),
]
WRONG["fill in"] = [
    lambda rows, seen, mean, axes: mean + (rows - mean) @ axes.T @ axes,
    lambda rows, seen, mean, axes: mean + (rows - mean)[:, seen] @ axes[:, seen].T @ axes,
    lambda rows, seen, mean, axes: rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes,
    lambda rows, seen, mean, axes: mean + rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes,
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes) - mean,
    lambda rows, seen, mean, axes: torch.where(seen, rows, filled(rows, seen, mean, axes)),
    lambda rows, seen, mean, axes: torch.where(seen, rows, mean),
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes)[:, ~seen],
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes)[:, seen],
    lambda rows, seen, mean, axes: filled(rows, ~seen, mean, axes),
    lambda rows, seen, mean, axes: (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen]),
    lambda rows, seen, mean, axes: filled(rows, torch.ones_like(seen), mean, axes),
    lambda rows, seen, mean, axes: filled(rows, seen, rows.mean(0), axes),
    lambda rows, seen, mean, axes: rows,
    lambda rows, seen, mean, axes: mean.expand_as(rows),
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes[:1]) + 0.01,
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes).clamp(-1, 1),
]
