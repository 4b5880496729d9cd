"""Notebook 10: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- right angles ------------------------------------------------------------------------------------


def angles_by_qr(directions):
    q, r = torch.linalg.qr(directions.T)
    return (q * r.diagonal().sign()).T


def angles_by_lstsq(directions):
    rows = []
    for i, direction in enumerate(directions.double()):
        earlier = directions[:i].double()
        part = earlier.T @ torch.linalg.lstsq(earlier.T, direction[:, None]).solution[:, 0] if i else 0 * direction
        rows.append(F.normalize(direction - part, dim=0))
    return torch.stack(rows)


def angles_numpy(directions):
    found = np.zeros(directions.shape)
    for i, d in enumerate(directions.numpy().astype(np.float64)):
        rest = d - found[:i].T @ (found[:i] @ d)
        found[i] = rest / np.linalg.norm(rest)
    return found


def angles_in_place(directions):
    for i in range(len(directions)):
        for j in range(i):
            directions[i] -= (directions[i] @ directions[j]) * directions[j]
        directions[i] /= directions[i].norm()
    return directions


def angles_projector(directions):
    keep, rows = torch.eye(directions.shape[1]), []
    for d in directions:
        u = keep @ d
        u = u / u.norm()
        rows.append(u.tolist())
        keep = keep - torch.outer(u, u)
    return rows


def angles_by_cholesky(directions):
    d = directions.double()
    return torch.linalg.solve_triangular(torch.linalg.cholesky(d @ d.T), d, upper=False)


def angles_against(directions, others):
    rows = []
    for i, d in enumerate(directions):
        for j in others(i, len(directions)):
            d = d - (d @ directions[j]) / (directions[j] @ directions[j]) * directions[j]
        rows.append(d / d.norm())
    return torch.stack(rows)


RIGHT["right angles"] = [
    angles_by_qr,
    angles_by_lstsq,
    angles_numpy,
    angles_in_place,
    angles_projector,
    angles_by_cholesky,
]
WRONG["right angles"] = [
    lambda d: torch.linalg.qr(d.T).Q.T,
    lambda d: F.normalize(d, dim=1),
    lambda d: angles_by_qr(d) * d.norm(dim=1, keepdim=True),
    lambda d: angles_against(d, lambda i, k: range(i)),
    lambda d: angles_against(d, lambda i, k: range(max(i - 1, 0), i)),
    lambda d: angles_against(d, lambda i, k: [j for j in range(k) if j != i]),
    lambda d: torch.linalg.svd(d, full_matrices=False).Vh,
    lambda d: torch.linalg.svd(d, full_matrices=False).U @ torch.linalg.svd(d, full_matrices=False).Vh,
    lambda d: angles_by_qr(d.flip(0)).flip(0),
    lambda d: F.normalize(torch.linalg.pinv(d).T, dim=1),
    lambda d: angles_by_qr(d).T,
    lambda d: -angles_by_qr(d),
    lambda d: angles_by_qr(d)[:1],
    lambda d: torch.eye(*d.shape),
    lambda d: F.normalize(d - d.mean(0), dim=1),
    lambda d: torch.linalg.qr(d),
    lambda d: torch.linalg.qr(d.T).Q.T * torch.linalg.qr(d.T).R.sum(1, keepdim=True).sign(),
    lambda d: F.normalize(angles_by_qr(d), dim=0),
]


# --- true share --------------------------------------------------------------------------------------


def share_by_search(seen, hit, false_alarm):
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * hit + (1 - middle) * false_alarm < seen else (low, middle)
    return middle


RIGHT["true share"] = [
    share_by_search,
    lambda seen, hit, false: max(0, min(1, (seen - false) / (hit - false))),
    lambda seen, hit, false: np.clip((seen - false) / (hit - false), 0, 1),
    lambda seen, hit, false: torch.tensor((seen - false) / (hit - false)).clamp(0, 1),
    lambda seen, hit, false: float(sorted([0.0, (false - seen) / (false - hit), 1.0])[1]),
    lambda seen, hit, false: (min(max(seen, false), hit) - false) / (hit - false),
    lambda seen, hit, false: [np.interp(seen, [false, hit], [0, 1])],
]
WRONG["true share"] = [
    lambda seen, hit, false: seen,
    lambda seen, hit, false: (seen - false) / (hit - false),
    lambda seen, hit, false: max(0, (seen - false) / (hit - false)),
    lambda seen, hit, false: min(1, (seen - false) / (hit - false)),
    lambda seen, hit, false: min(max((seen - false) / hit, 0), 1),
    lambda seen, hit, false: min(1, seen / hit),
    lambda seen, hit, false: min(max(seen - false, 0), 1),
    lambda seen, hit, false: min(max((seen - false) / (hit + false), 0), 1),
    lambda seen, hit, false: seen * hit + (1 - seen) * false,
    lambda seen, hit, false: 1 - min(max((seen - false) / (hit - false), 0), 1),
    lambda seen, hit, false: 0.1,
    lambda seen, hit, false: min(abs((seen - false) / (hit - false)), 1),
    lambda seen, hit, false: seen * hit / (seen * hit + (1 - seen) * false),
    lambda seen, hit, false: round(min(max((seen - false) / (hit - false), 0), 1), 1),
    lambda seen, hit, false: f"{seen:.1%}",
]
