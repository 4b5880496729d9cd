"""Forms of the answers to the exercises of notebooks 05 to 07."""

from __future__ import annotations

import cmath
import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from scipy.spatial.distance import cdist
from torch import nn

from gan_helpers.metrics.distances import covered, frechet_distance, nearest_distances
from gan_helpers.training.losses import relativistic_loss, squared_gradient, unit_gradient

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- truncated latents --------------------------------------------------------------------------------


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


# --- moved copies -------------------------------------------------------------------------------------

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


# --- frechet diagonal ---------------------------------------------------------------------------------


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


# --- coverage -----------------------------------------------------------------------------------------


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


# --- fool frechet -------------------------------------------------------------------------------------


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


# --- penalty between ----------------------------------------------------------------------------------


def between(real, fake, t):
    return real + (fake - real) * t.reshape(-1, *[1] * (real.dim() - 1))


def slopes_at(discriminator, points, graph=True):
    points = points.detach().requires_grad_()
    return torch.autograd.grad(discriminator(points).sum(), points, create_graph=graph)[0].flatten(1)


def penalty_one_by_one(discriminator, real, fake, t):
    lengths = []
    for i in range(len(real)):
        point = torch.lerp(real[i], fake[i], t[i])[None].requires_grad_(True)
        (slope,) = torch.autograd.grad(discriminator(point)[0], point, create_graph=True)
        lengths.append((slope * slope).sum())
    return torch.stack(lengths).mean()


def penalty_func(discriminator, real, fake, t):
    def logit(point):
        return discriminator(point[None])[0]

    slopes = torch.func.vmap(torch.func.grad(logit))(between(real, fake, t))
    return slopes.pow(2).flatten(1).sum(1).mean()


def penalty_backward(discriminator, real, fake, t):
    points = between(real, fake, t).requires_grad_()
    discriminator(points).sum().backward(create_graph=True)
    return points.grad.flatten(1).square().sum(1).mean()


RIGHT["penalty between"] = [
    penalty_one_by_one,
    penalty_func,
    lambda d, real, fake, t: 2 * squared_gradient(d, between(real, fake, t)),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t)).norm(dim=1).pow(2).mean(),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t)).square().sum() / len(real),
    lambda d, real, fake, t: torch.einsum("nd,nd->n", s := slopes_at(d, between(real, fake, t)), s).mean(),
    lambda d, real, fake, t: (
        (len(t) * slopes_at(lambda x: d(x) / len(t), between(real, fake, t))).square().sum(1).mean()
    ),
]
WRONG["penalty between"] = [
    penalty_backward,
    lambda d, real, fake, t: squared_gradient(d, between(real, fake, t)),
    lambda d, real, fake, t: 2 * squared_gradient(d, real),
    lambda d, real, fake, t: 2 * squared_gradient(d, between(fake, real, t)),
    lambda d, real, fake, t: unit_gradient(d, real, fake),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t), graph=False).square().sum(1).mean(),
    lambda d, real, fake, t: 2 * squared_gradient(d, between(real, fake, t)).detach(),
    lambda d, real, fake, t: 2 * squared_gradient(d, between(real, fake, t)).item(),
    lambda d, real, fake, t: 2 * squared_gradient(d, between(real, fake, t)).detach().requires_grad_(),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t)).norm(dim=1).mean(),
    lambda d, real, fake, t: (slopes_at(d, between(real, fake, t)).norm(dim=1) - 1).square().mean(),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t)).square().sum(),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t)).square().mean(),
    lambda d, real, fake, t: slopes_at(d, between(real, fake, t)).square().sum(1),
    lambda d, real, fake, t: 2 * squared_gradient(d, (real + fake) / 2),
    lambda d, real, fake, t: d(between(real, fake, t)).square().mean(),
    lambda d, real, fake, t: slopes_at(lambda x: d(x) / len(x), between(real, fake, t)).square().sum(1).mean(),
]


# --- relativistic average -----------------------------------------------------------------------------


def pairing_by_loop(real, fake):
    r, f = real.tolist(), fake.tolist()
    mean_r, mean_f = sum(r) / len(r), sum(f) / len(f)
    first = sum(math.log1p(math.exp(mean_f - x)) for x in r) / len(r)
    return first + sum(math.log1p(math.exp(x - mean_r)) for x in f) / len(f)


RIGHT["relativistic average"] = [
    pairing_by_loop,
    lambda r, f: -F.logsigmoid(r - f.mean()).mean() - F.logsigmoid(-(f - r.mean())).mean(),
    lambda r, f: (
        F.binary_cross_entropy_with_logits(r - f.mean(), torch.ones_like(r))
        + F.binary_cross_entropy_with_logits(f - r.mean(), torch.zeros_like(f))
    ),
    lambda r, f: torch.log(1 + torch.exp(f.mean() - r)).mean() + torch.log(1 + torch.exp(f - r.mean())).mean(),
    lambda r, f: (
        np.logaddexp(0, f.numpy().mean() - r.numpy()).mean() + np.logaddexp(0, f.numpy() - r.numpy().mean()).mean()
    ),
    lambda r, f: (relativistic_loss(r, f.mean()) + relativistic_loss(r.mean(), f)).double().item(),
    lambda r, f: (F.softplus(f.mean() - r).sum() / len(r) + F.softplus(f - r.mean()).sum() / len(f)).reshape(1),
]
WRONG["relativistic average"] = [
    lambda r, f: F.softplus(r.mean() - f).mean() + F.softplus(r - f.mean()).mean(),
    lambda r, f: (F.softplus(f.mean() - r).mean() + F.softplus(f - r.mean()).mean()) / 2,
    lambda r, f: F.softplus(f.mean() - r).mean(),
    lambda r, f: F.softplus(f - r.mean()).mean(),
    lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(),
    lambda r, f: F.softplus(f.mean() - r.mean()) * 2,
    lambda r, f: F.softplus(f - r).mean(),
    lambda r, f: relativistic_loss(r, f),
    lambda r, f: F.softplus(f[None] - r[:, None]).mean(),
    lambda r, f: 2 * F.softplus(f[None] - r[:, None]).mean(),
    lambda r, f: F.softplus(f.mean() - r).sum() + F.softplus(f - r.mean()).sum(),
    lambda r, f: F.softplus(r - f.mean()).mean() + F.softplus(f - r.mean()).mean(),
    lambda r, f: F.relu(f.mean() - r).mean() + F.relu(f - r.mean()).mean(),
    lambda r, f: F.softplus(f.mean() - r) + F.softplus(f - r.mean()),
    lambda r, f: torch.cat([F.softplus(f.mean() - r), F.softplus(f - r.mean())]).mean(),
    lambda r, f: F.softplus(f.median() - r).mean() + F.softplus(f - r.median()).mean(),
]


# --- decay rate ---------------------------------------------------------------------------------------


def rate_by_cases(gamma, slope):
    if gamma <= 2 * slope:
        return gamma / 2
    return gamma / 2 - math.sqrt(gamma * gamma / 4 - slope * slope)


def rate_by_jacobian(gamma, slope):
    matrix = torch.tensor([[0.0, slope], [-slope, -gamma]], dtype=torch.float64)
    return -torch.linalg.eigvals(matrix).real.max()


RIGHT["decay rate"] = [
    rate_by_cases,
    rate_by_jacobian,
    lambda g, s: -max((-g / 2 + sign * cmath.sqrt(g * g / 4 - s * s)).real for sign in (1, -1)),
    lambda g, s: -np.roots([1, g, s * s]).real.max(),
    lambda g, s: g / 2 - torch.tensor(g**2 / 4 - s**2).clamp(min=0).sqrt(),
    lambda g, s: torch.tensor([g / 2 - (max(g**2 - 4 * s**2, 0)) ** 0.5 / 2]),
]
WRONG["decay rate"] = [
    lambda g, s: g / 2,
    lambda g, s: g / 2 + math.sqrt(max(g**2 / 4 - s**2, 0)),
    lambda g, s: math.sqrt(max(g**2 / 4 - s**2, 0)) - g / 2,
    lambda g, s: g / 2 - math.sqrt(max(g**2 / 4 - 0.25, 0)),
    lambda g, s: g / 2 - math.sqrt(g**2 / 4 - s**2),
    lambda g, s: g / 2 - cmath.sqrt(g**2 / 4 - s**2),
    lambda g, s: g / 2 - math.sqrt(abs(g**2 / 4 - s**2)),
    lambda g, s: 2 * s,
    lambda g, s: min(g / 2, s),
    lambda g, s: g,
    lambda g, s: g / 2 - math.sqrt(max(g**2 - s**2, 0)) / 2,
    lambda g, s: float(torch.tensor(g**2 / 4 - s**2).sqrt()),
    lambda g, s: math.exp(-g / 2),
    lambda g, s: -np.roots([1, g, s * s]).real.min(),
]
