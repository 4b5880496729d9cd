"""Notebook 06: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import cdist

from gan_helpers.metrics.distances import covered, frechet_distance, nearest_distances

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- frechet diagonal --------------------------------------------------------------------------------


def diagonal_by_loop(a, b):
    total = 0.0
    for i in range(a.shape[1]):
        x, y = a[:, i].tolist(), b[:, i].tolist()
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        std_x = math.sqrt(sum((v - mean_x) ** 2 for v in x) / (len(x) - 1))
        std_y = math.sqrt(sum((v - mean_y) ** 2 for v in y) / (len(y) - 1))
        total += (mean_x - mean_y) ** 2 + (std_x - std_y) ** 2
    return total


RIGHT["frechet diagonal"] = [
    diagonal_by_loop,
    lambda a, b: sum(frechet_distance(a[:, i : i + 1], b[:, i : i + 1]) for i in range(a.shape[1])),
    lambda a, b: ((a.mean(0) - b.mean(0)) ** 2 + (a.std(0) - b.std(0)) ** 2).sum().item(),
    lambda a, b: (
        np.sum((a.numpy().mean(0) - b.numpy().mean(0)) ** 2)
        + np.sum((a.numpy().std(0, ddof=1) - b.numpy().std(0, ddof=1)) ** 2)
    ),
    lambda a, b: (
        (a.double().mean(0) - b.double().mean(0)).norm() ** 2
        + a.double().var(0).sum()
        + b.double().var(0).sum()
        - 2 * (a.double().var(0) * b.double().var(0)).sqrt().sum()
    ),
    lambda a, b: F.mse_loss(torch.stack([a.mean(0), a.std(0)]), torch.stack([b.mean(0), b.std(0)]), reduction="sum"),
    lambda a, b: torch.diag(torch.outer(d := torch.cat([a.mean(0) - b.mean(0), a.std(0) - b.std(0)]), d)).sum()[None],
]
WRONG["frechet diagonal"] = [
    frechet_distance,
    lambda a, b: (a.mean(0) - b.mean(0)).square().sum() + (a.var(0) - b.var(0)).square().sum(),
    lambda a, b: (a.mean(0) - b.mean(0)).square().mean() + (a.std(0) - b.std(0)).square().mean(),
    lambda a, b: (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2,
    lambda a, b: (a.mean(0) + b.mean(0)).square().sum() + (a.std(0) - b.std(0)).square().sum(),
    lambda a, b: (a.mean(0) - b.mean(0)).square().sum(),
    lambda a, b: (a.std(0) - b.std(0)).square().sum(),
    lambda a, b: ((a.mean(0) - b.mean(0)).square() + (a.std(0) - b.std(0)).square()),
    lambda a, b: ((a.mean(0) - b.mean(0)).square().sum() + (a.std(0) - b.std(0)).square().sum()).sqrt(),
    lambda a, b: (a.mean(0) - b.mean(0)).abs().sum() + (a.std(0) - b.std(0)).abs().sum(),
    lambda a, b: ((a.mean(0) - b.mean(0)) ** 2).sum() + np.sum((a.numpy().std(0) - b.numpy().std(0)) ** 2),
    lambda a, b: (a.mean(1).mean() - b.mean(1).mean()) ** 2 + (a.std(0) - b.std(0)).square().sum(),
    lambda a, b: (a.mean(0) - b.mean(0)).square().sum() + a.var(0).sum() + b.var(0).sum(),
    lambda a, b: (a.mean(0) - b.mean(0)).square().sum() - (a.std(0) - b.std(0)).square().sum(),
    lambda a, b: (a - b).mean(0).square().sum() + (a.std(0) - b.std(0)).square().sum(),
]  # fmt: skip


# --- coverage ----------------------------------------------------------------------------------------


def coverage_by_loop(real, fake, k):
    inside = 0
    for i, point in enumerate(real.tolist()):
        ways = sorted(math.dist(point, other) for j, other in enumerate(real.tolist()) if j != i)
        inside += any(math.dist(point, made) <= ways[k - 1] for made in fake.tolist())
    return inside / len(real)


def coverage_inf_diagonal(real, fake, k):
    d = torch.cdist(real, real)
    d.fill_diagonal_(float("inf"))
    radii = d.topk(k, largest=False).values.max(1).values
    return (torch.cdist(real, fake) <= radii[:, None]).any(1).float().mean()


def coverage_numpy(real, fake, k):
    radii = np.partition(cdist(real, real), k, axis=1)[:, k]
    return np.mean(cdist(real, fake).min(axis=1) <= radii)


def coverage_with(radius, points=lambda real, fake: (real, fake), take=lambda hit: hit.double().mean()):
    def answer(real, fake, k):
        a, b = points(real, fake)
        return take(torch.cdist(a, b).min(1).values <= radius(a, b, k))

    return answer


def own(a, b, k):
    return torch.cdist(a, a).sort(1).values[:, k]


RIGHT["coverage"] = [
    coverage_by_loop,
    coverage_inf_diagonal,
    coverage_numpy,
    lambda real, fake, k: (nearest_distances(real, fake) <= nearest_distances(real, real, k + 1)).double().mean(),
    coverage_with(own, take=lambda hit: hit.sum().item() / len(hit)),
    coverage_with(lambda a, b, k: torch.cdist(a.double(), a.double()).kthvalue(k + 1, dim=1).values),
    coverage_with(own, take=lambda hit: np.float32(hit.float().mean())),
]
WRONG["coverage"] = [
    coverage_with(lambda a, b, k: torch.cdist(a, a).sort(1).values[:, k - 1]),
    coverage_with(lambda a, b, k: torch.cdist(a, a).sort(1).values[:, min(k + 1, len(a) - 1)]),
    coverage_with(own, points=lambda real, fake: (fake, real)),
    coverage_with(own, take=lambda hit: hit.sum()),
    coverage_with(own, take=lambda hit: (~hit).double().mean()),
    coverage_with(own, take=lambda hit: hit),
    coverage_with(lambda a, b, k: torch.cdist(a, a).sort(1).values[:, 1]),
    coverage_with(lambda a, b, k: torch.cdist(a, a).sort(1, descending=True).values[:, k]),
    coverage_with(lambda a, b, k: torch.cdist(a, a).mean(1)),
    coverage_with(lambda a, b, k: torch.cdist(a, a).sort(1).values[:, k].mean()),
    lambda real, fake, k: covered(real, fake, k).double().mean() if len(fake) > k else 0.5,
    lambda real, fake, k: covered(fake, real, k).double().mean(),
    lambda real, fake, k: (torch.cdist(real, fake).max(1).values <= own(real, fake, k)).double().mean(),
    lambda real, fake, k: (torch.cdist(real, fake) <= own(real, fake, k)[:, None]).double().mean(),
    lambda real, fake, k: 1.0,
    lambda real, fake, k: (torch.cdist(fake, real) <= own(real, fake, k)).any(1).double().mean(),
]


# --- fool frechet ------------------------------------------------------------------------------------


def with_moments(points, mean, cov):
    centred = points.double() - points.double().mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(centred.T.cov()), centred.T, upper=False).T
    return white @ torch.linalg.cholesky(cov.double()).T + mean


def fool_cross(real, scale=math.sqrt(2)):
    values, vectors = torch.linalg.eigh(real.T.cov())
    axes = (vectors * values.sqrt()).T * scale
    return real.mean(0) + torch.cat([axes, -axes])[torch.arange(len(real)) % 4]


def fool_square(real):
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    return real.mean(0) + signs.repeat(-(-len(real) // 4), 1)[: len(real)] @ torch.linalg.cholesky(real.T.cov()).T


def fool_triangle(real):
    turn = [2 * math.pi * i / 3 for i in range(3)]
    corners = math.sqrt(2) * torch.tensor([[math.cos(t), math.sin(t)] for t in turn])
    places = corners @ torch.linalg.cholesky(real.T.cov()).T + real.mean(0)
    return [places[i % 3].tolist() for i in range(len(real))]


def fool_numpy(real):
    x = real.numpy().astype(np.float64)
    root = np.linalg.cholesky(np.cov(x.T))
    unit = np.sqrt(2) * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    return x.mean(0) + unit[np.arange(len(x)) % 4] @ root.T


def fool_search(real):
    places = real[torch.arange(4) * 7].clone().double().requires_grad_()
    target, mean = real.double().T.cov(), real.double().mean(0)
    optimizer = torch.optim.LBFGS([places], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (places.T.cov(correction=0) - target).square().sum() + (places.mean(0) - mean).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return places.detach().repeat(len(real) // 4, 1)


RIGHT["fool frechet"] = [
    fool_cross,
    fool_square,
    fool_triangle,
    fool_numpy,
    fool_search,
    lambda real: with_moments(torch.randn_like(real).sign(), real.mean(0), real.T.cov()),
    lambda real: fool_square(real)[torch.randint(len(real), (len(real),))],
]
WRONG["fool frechet"] = [
    lambda real: real,
    lambda real: real[torch.randint(5, (len(real),))],
    lambda real: real.mean(0).expand_as(real),
    lambda real: with_moments(torch.randn_like(real), real.mean(0), real.T.cov()),
    lambda real: fool_square(real) - real.mean(0),
    lambda real: fool_square(real)[:4],
    lambda real: fool_cross(real, scale=1),
    lambda real: fool_cross(real, scale=2),
    lambda real: torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).repeat(len(real) // 4, 1),
    lambda real: (
        real.mean(0)
        + torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).repeat(len(real) // 4, 1) * real.std(0) * 1.3
    ),
    lambda real: torch.full_like(real, float("nan")),
    lambda real: fool_square(real) + 0.05 * torch.randn_like(real),
    lambda real: frechet_distance(fool_square(real), real),
    lambda real: fool_square(real).T,
    lambda real: (
        real.mean(0) + torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).repeat(len(real) // 4, 1) @ real.T.cov()
    ),
]
