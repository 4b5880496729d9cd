"""A mixture of Gaussians fitted to codes, to draw new codes where the encoder puts those of pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

FLOOR = 1e-4  # of a variance, as a share of the points' largest: a component must not shrink to a point


def fit_mixture(points: Tensor, components: int = 50, steps: int = 20, seed: int = 0) -> MixtureSameFamily:
    """The mixture of Gaussians, each with a covariance of its own, that makes points (N, F) likely, by EM.

    Each step gives every point shares in the components (expectation), then every component the weight, mean and
    covariance of its shares (maximisation); the likelihood rises with each. It starts from the points nearest to
    each of some points drawn at random. ``mixture.sample((n,))`` draws (n, F), ``log_prob`` gives nats.
    Source: Dempster, Laird and Rubin, *Maximum Likelihood from Incomplete Data via the EM Algorithm*, 1977.

    Raises:
        ValueError: not a table of finite numbers, or not at least two points a component.
    """
    if points.ndim != 2 or not points.isfinite().all():
        raise ValueError(f"points of shape {tuple(points.shape)}: give finite numbers (N, F), for codes their means")
    if not 1 <= components <= len(points) // 2:
        raise ValueError(f"{components} components for {len(points)} points: choose 1 to {len(points) // 2}")
    if steps < 1:
        raise ValueError(f"steps={steps} fits nothing: choose 1 at least, better 20")
    random = torch.Generator().manual_seed(seed)
    centres = points[torch.randperm(len(points), generator=random)[:components].to(points.device)]
    nearest = torch.cdist(points, centres).argmin(1)
    mixture = mixture_of(points, torch.nn.functional.one_hot(nearest, components).to(points))
    for _ in range(steps - 1):
        mixture = mixture_of(points, shares_of(mixture, points))
    return mixture


def shares_of(mixture: MixtureSameFamily, points: Tensor) -> Tensor:
    """The chance that each of points (N, F) was drawn from each component, (N, K); rows add up to 1."""
    log_density = mixture.component_distribution.log_prob(points[:, None])  # (N, K)
    return (log_density + mixture.mixture_distribution.logits).softmax(1)


def mixture_of(points: Tensor, shares: Tensor) -> MixtureSameFamily:
    """The most likely mixture of points (N, F) whose shares in the components (N, K) are known."""
    sizes = shares.sum(0).clamp(min=1e-9)  # (K,)
    means = shares.T @ points / sizes[:, None]
    squares = torch.einsum("nk,nf,ng->kfg", shares, points, points) / sizes[:, None, None]
    floor = FLOOR * points.var(0).max() * torch.eye(points.shape[1]).to(points)
    covariances = squares - means[:, :, None] * means[:, None] + floor
    return MixtureSameFamily(Categorical(sizes), MultivariateNormal(means, covariances))
