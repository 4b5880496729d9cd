"""Notebook 07: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import cmath
import math

import numpy as np
import torch
import torch.nn.functional as F

from gan_helpers.training.losses import relativistic_loss, squared_gradient, unit_gradient

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- penalty between ---------------------------------------------------------------------------------


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


# --- relativistic average ----------------------------------------------------------------------------


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


# --- decay rate --------------------------------------------------------------------------------------


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
