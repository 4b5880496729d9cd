"""Small worlds where a GAN can be watched whole: mixtures of Gaussians in the plane, and the Dirac-GAN.

Points lie in [-1, 1], as pixels do, so the course's own networks and loops train on them: a picture of shape (2,).
Notebook 07 trains on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MODE_SHARE = 0.1  # a mode counts as covered from this share of its even part on


# --- mixtures -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mixture:
    """Equally likely round Gaussians in the plane: ``centres`` (K, 2) and one standard deviation ``sigma``."""

    centres: Tensor
    sigma: float

    def sample(self, n: int) -> Tensor:
        """n points, (n, 2)."""
        chosen = torch.randint(len(self.centres), (n,))
        return self.centres[chosen] + self.sigma * torch.randn(n, 2)


def ring(modes: int = 8) -> Mixture:
    """Gaussians on a circle of radius 0.8 with a standard deviation of 0.008: radius 2 and 0.02, drawn smaller.

    Source: Metz et al., *Unrolled Generative Adversarial Networks*, arXiv 1611.02163.
    """
    angle = 2 * math.pi * torch.arange(modes) / modes
    return Mixture(0.8 * torch.stack([angle.cos(), angle.sin()], 1), 0.008)


def grid(side: int = 5) -> Mixture:
    """Gaussians on a square grid 0.4 apart with a standard deviation of 0.01: spacing 2 and 0.05, a fifth as large.

    Source: Lin et al., *PacGAN*, arXiv 1712.04086, where it is 5x5.
    """
    line = 0.4 * (torch.arange(side) - (side - 1) / 2)
    return Mixture(torch.cartesian_prod(line, line), 0.01)


@dataclass(frozen=True)
class ModeReport:
    """How many ``modes`` a sample covers, of how many, and the ``mass`` that lies within three sigma of one."""

    modes: int
    of: int
    mass: float

    def __str__(self) -> str:
        return f"{self.modes} of {self.of} modes, {self.mass:.1%} of the mass within three sigma"


def mode_report(points: Tensor, centres: Tensor, sigma: float) -> ModeReport:
    """What points (N, 2) cover of a mixture with these centres (K, 2).

    A point is good within three sigma of the nearest centre, as in VEEGAN (Srivastava et al., arXiv 1705.07761). There
    one good point covers a mode; here it takes a tenth of the mode's even part, N / K: a stray point is no mode.
    True draws are good with probability 1 - exp(-9/2), 98.9 %: the distance is Rayleigh distributed.
    """
    distance, nearest = torch.cdist(points, centres).min(1)
    good = distance <= 3 * sigma
    counts = torch.bincount(nearest[good], minlength=len(centres))
    covered = int((counts >= MODE_SHARE * len(points) / len(centres)).sum())
    return ModeReport(covered, len(centres), float(good.double().mean()))


# --- the Dirac-GAN ------------------------------------------------------------------------------------
# The data are one point, 0. G makes one point, theta. D is linear: D(x) = psi x. Equilibrium: both are 0.
# Source: Mescheder et al., *Which Training Methods for GANs do actually Converge?*, arXiv 1801.04406, section 2.


def dirac_path(
    rate: float, steps: int, gamma: float = 0.0, alternating: bool = False, start: Sequence[float] = (1.0, 0.0)
) -> Tensor:
    """(theta, psi) after each of so many gradient steps of the minimax game, with R1 of weight gamma: (steps + 1, 2).

    Simultaneous steps use the same (theta, psi); alternating ones let G see D's new psi.
    """
    theta, psi = torch.tensor(start, dtype=torch.float64)
    path = [torch.stack([theta, psi])]
    for _ in range(steps):
        new_psi = psi - rate * (theta * torch.sigmoid(psi * theta) + gamma * psi)  # down D's loss
        judge = new_psi if alternating else psi
        theta, psi = theta + rate * judge * torch.sigmoid(judge * theta), new_psi  # down G's
        path.append(torch.stack([theta, psi]))
    return torch.stack(path)


def dirac_eigenvalues(gamma: float = 0.0) -> Tensor:
    """Those of the flow's Jacobian at the equilibrium, -gamma / 2 +- sqrt(gamma^2 / 4 - 1 / 4): complex (2,).

    Source: the paper's sections 2 and 3, with f'(0) = 1/2.
    """
    root = torch.tensor(gamma**2 / 4 - 1 / 4, dtype=torch.complex128).sqrt()
    return torch.stack([-gamma / 2 + root, -gamma / 2 - root])
