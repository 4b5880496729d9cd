"""Notebook 15: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math

import numpy as np
import torch

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- first bad step ----------------------------------------------------------------------------------


def first_by_loop(losses):
    for step, row in enumerate(losses.tolist(), 1):
        if not all(map(math.isfinite, row)):
            return step
    return 0


def first_by_numpy(losses):
    bad = ~np.isfinite(losses.numpy()).all(axis=1)
    return int(bad.argmax()) + 1 if bad.any() else 0


def first_by_next(losses):
    return next((i + 1 for i in range(len(losses)) if not bool(losses[i].isfinite().all())), 0)


def first_by_sum(losses):
    sums = losses.double().sum(1)
    bad = (~torch.isfinite(sums)).nonzero()
    return bad[0] + 1 if len(bad) else torch.tensor([0])


def first_by_cumsum(losses):
    fine = losses.isfinite().all(1)
    return 0 if fine.all() else fine.int().cumprod(0).sum() + 1


def first_by_min(losses):
    bad = torch.isnan(losses) | torch.isinf(losses)
    return min([int(step) + 1 for step in bad.nonzero()[:, 0]], default=0)


def first_in_place(losses):
    losses[losses.isfinite()] = 0
    bad = (losses != 0).any(1).nonzero().flatten() + 1
    return float(bad.min()) if bad.numel() else 0.0


RIGHT["first bad step"] = [
    first_by_loop, first_by_numpy, first_by_next, first_by_sum, first_by_cumsum, first_by_min, first_in_place,
]  # fmt: skip
WRONG["first bad step"] = [
    lambda losses: max(0, first_by_loop(losses) - 1),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if row.isnan().any()), 0),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if row.isinf().any()), 0),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if not row[0].isfinite()), 0),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if not row.isfinite().any()), 0),
    lambda losses: (~losses.isfinite()).any(1).sum(),
    lambda losses: (~losses.isfinite()).sum(),
    lambda losses: int((~losses.isfinite()).any(1).int().argmax()) + 1,
    lambda losses: first_by_loop(losses) or None,
    lambda losses: first_by_loop(losses) or len(losses),
    lambda losses: (~losses.isfinite()).any(1),
    lambda losses: len(losses) - first_by_loop(losses),
    lambda losses: [i + 1 for i, row in enumerate(losses) if not row.isfinite().all()],
    lambda losses: first_by_loop(losses.T),
]


# --- copied share ------------------------------------------------------------------------------------


def copied_by_cdist(fake, held_out, train):
    near = torch.cdist(fake.double(), train.double()).amin(1)
    return (near < torch.cdist(held_out.double(), train.double()).min()).double().mean()


def copied_by_loop(fake, held_out, train):
    def nearest(row):
        return min(math.dist(row, other) for other in train.tolist())

    limit = min(map(nearest, held_out.tolist()))
    return sum(nearest(row) < limit for row in fake.tolist()) / len(fake)


def copied_by_numpy(fake, held_out, train):
    f, h, t = (x.numpy() for x in (fake, held_out, train))
    gaps = [np.linalg.norm(x[:, None] - t, axis=2).min(axis=1) for x in (f, h)]
    return np.mean(gaps[0] < gaps[1].min())


def copied_by_squares(fake, held_out, train):
    def squares(rows):
        return ((rows.unsqueeze(1) - train) ** 2).sum(2).min(1)[0]

    return (squares(fake) < squares(held_out).min()).float().mean()


def copied_by_topk(fake, held_out, train):
    near, fresh = (torch.cdist(x, train).topk(1, largest=False).values[:, 0] for x in (fake, held_out))
    return float((near < fresh.min()).sum()) / len(fake)


def copied_by_sort(fake, held_out, train):
    near, fresh = (torch.cdist(x, train).sort(dim=1).values[:, 0] for x in (fake, held_out))
    return [bool(n < fresh.sort().values[0]) for n in near].count(True) / fake.shape[0]


RIGHT["copied share"] = [
    copied_by_cdist, copied_by_loop, copied_by_numpy, copied_by_squares, copied_by_topk, copied_by_sort,
]  # fmt: skip
WRONG["copied share"] = [
    lambda fake, held_out, train: copied_by_loop(fake, held_out, train) * len(fake) + 1,
    lambda fake, held_out, train: 1 - copied_by_loop(fake, held_out, train),
    lambda fake, held_out, train: (
        (torch.cdist(fake, train).amin(1) < torch.cdist(held_out, train).amin(1).mean()).float().mean()
    ),
    lambda fake, held_out, train: (
        (torch.cdist(fake, train).amin(1) < torch.cdist(held_out, train).amin(1).max()).float().mean()
    ),
    lambda fake, held_out, train: (torch.cdist(fake, train) < torch.cdist(held_out, train).min()).float().mean(),
    lambda fake, held_out, train: (
        (torch.cdist(fake, held_out).amin(1) < torch.cdist(train, held_out).min()).float().mean()
    ),
    lambda fake, held_out, train: (
        (torch.cdist(train, fake).amin(1) < torch.cdist(train, held_out).min()).float().mean()
    ),
    lambda fake, held_out, train: torch.cdist(fake, train).amin(1) < torch.cdist(held_out, train).min(),
    lambda fake, held_out, train: torch.cdist(fake, train).amin(1).mean() / torch.cdist(held_out, train).amin(1).mean(),
    lambda fake, held_out, train: copied_by_loop(held_out, fake, train) + 0.5,
    lambda fake, held_out, train: (
        (torch.cdist(fake, train).amax(1) < torch.cdist(held_out, train).amin()).float().mean()
    ),
    lambda fake, held_out, train: (torch.cdist(fake, train).amin(1) == 0).float().mean(),
]
