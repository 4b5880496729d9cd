"""Small worlds where a GAN can be watched whole: mixtures of Gaussians in the plane, and the Dirac-GAN.

Points lie in [-1, 1], as pixels do, so the course's own networks and loops train on them: a picture of shape (2,).
Notebook 07 trains on them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from gan_helpers.figures import DATA, GENERATOR, Picture, plot
from gan_helpers.losses import fake_loss, saturating_generator_loss
from gan_helpers.networks import Discriminator, Generator, Network, generate
from gan_helpers.runs import Run

MODE_SHARE = 0.1  # a mode counts as covered from this share of its even part on
ARROWS = 17  # of D's gradient, in each direction


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


def point_pair(
    width: int = 128, depths: tuple[int, int] = (5, 3), latent_dim: int = 2
) -> tuple[Generator, Discriminator]:
    """A generator and a discriminator of points (N, 2) with so many hidden layers each, no dropout, no batch norm.

    G is the deeper one: between two modes its map must be steep, and slopes multiply from layer to layer.
    """
    g_widths, d_widths = ((width,) * depth for depth in depths)
    return Generator(latent_dim, (2,), g_widths, dropout=0.0), Discriminator((2,), d_widths, dropout=0.0)


# --- pictures of D's field ----------------------------------------------------------------------------


def field(discriminator: Network, side: int, limit: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """D on a square lattice of side x side points: points (side, side, 2), logits and gradients of the same grid."""
    line = torch.linspace(-limit, limit, side)
    points = torch.stack(torch.meshgrid(line, line, indexing="xy"), 2).flatten(0, 1).requires_grad_()  # (side^2, 2)
    logits = discriminator(points)
    (gradient,) = torch.autograd.grad(logits.sum(), points)
    return tuple(values.detach().unflatten(0, (side, side)) for values in (points, logits, gradient))


def draw_field(axes: Axes, discriminator: Network, fake: Tensor, real: Tensor, title: str) -> None:
    """What D says (colour), where its gradient points (arrows), real points in grey and generated ones in blue."""
    _, logits, _ = field(discriminator, 120)
    colours = {"cmap": "RdYlBu", "vmin": 0, "vmax": 1, "alpha": 0.55, "origin": "lower"}
    axes.imshow(logits.sigmoid().numpy(), extent=(-1, 1, -1, 1), interpolation="bilinear", **colours)
    points, _, gradient = field(discriminator, ARROWS, 0.94)
    arrows = gradient / gradient.norm(dim=2, keepdim=True).clamp(min=1e-12)  # the direction alone
    axes.quiver(*points.unbind(2), *arrows.unbind(2), color="#555555", scale=32, width=0.003)
    axes.scatter(*real.T, s=3, color=DATA, linewidths=0, alpha=0.6)
    axes.scatter(*fake.T, s=5, color=GENERATOR, linewidths=0, alpha=0.8)
    axes.set(title=title, xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[])
    axes.grid(False)


@plot
def plot_fields(panels: Mapping[str, tuple[Network, Tensor]], real: Tensor, width: float = 3.9) -> tuple[Figure, str]:
    """One panel a title: D's field, under generated points (N, 2) and real ones (M, 2)."""
    figure = Figure(figsize=(width * len(panels), width + 0.3))
    for axes, (title, (discriminator, fake)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        draw_field(axes, discriminator, fake, real, title)
    return figure, (
        f"{', '.join(panels)}: real points in grey, generated ones in blue, on the field of D, blue where it says "
        "real and red where it says generated, with arrows along its gradient"
    )


class FieldLapse:
    """A callback that draws a run at steps that grow by a factor; ``frames`` are uint8 (3, H, W) for ``animate``."""

    def __init__(self, latents: Tensor, real: Tensor, factor: float = 1.3, size: float = 2.8) -> None:
        self.latents, self.real, self.factor, self.size = latents, real, factor, size
        self.frames: list[Tensor] = []
        self.steps: list[int] = []

    def __call__(self, run: Run) -> None:
        if self.steps and run.step < self.factor * self.steps[-1]:
            return
        with torch.random.fork_rng([]):
            panel = {f"step {run.step:,}": (run.discriminator, generate(run.average, self.latents))}
            self.frames.append(pixels(plot_fields(panel, self.real, self.size)))
        self.steps.append(run.step)


def pixels(picture: Picture) -> Tensor:
    """A PNG picture as uint8 (3, H, W)."""
    image = Image.open(io.BytesIO(picture.content)).convert("RGB")
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


# --- the Dirac-GAN ------------------------------------------------------------------------------------
# The data are one point, 0. G makes one point, theta. D is linear: D(x) = psi x. Equilibrium: both are 0.
# Source: Mescheder et al., *Which Training Methods for GANs do actually Converge?*, arXiv 1801.04406, section 2.


def dirac_path(
    rate: float, steps: int, gamma: float = 0.0, alternating: bool = False, start: Sequence[float] = (1.0, 0.0)
) -> Tensor:
    """(theta, psi) after each of so many gradient steps of the minimax game, with R1 of weight gamma: (steps + 1, 2).

    D descends its loss on the generated point (that on the real point 0 is constant) plus gamma / 2 psi^2, G its
    saturating loss. Simultaneous steps use the same (theta, psi); alternating ones let G see D's new psi.
    """
    state = torch.tensor(start, dtype=torch.float64)
    path = [state]
    for _ in range(steps):
        theta, psi = (number.clone().requires_grad_() for number in state)
        (d_slope,) = torch.autograd.grad(fake_loss(psi * theta.detach()) + gamma / 2 * psi**2, psi)
        new_psi = psi - rate * d_slope
        judge = (new_psi if alternating else psi).detach()
        (g_slope,) = torch.autograd.grad(saturating_generator_loss(judge * theta), theta)
        state = torch.stack([theta - rate * g_slope, new_psi]).detach()
        path.append(state)
    return torch.stack(path)


def dirac_eigenvalues(gamma: float = 0.0) -> Tensor:
    """Those of the flow's Jacobian at the equilibrium, -gamma / 2 +- sqrt(gamma^2 / 4 - 1 / 4): complex (2,).

    Source: the paper's sections 2 and 3, with f'(0) = 1/2.
    """
    root = torch.tensor(gamma**2 / 4 - 1 / 4, dtype=torch.complex128).sqrt()
    return torch.stack([-gamma / 2 + root, -gamma / 2 - root])


def dirac_step_matrix(rate: float, gamma: float = 0.0, alternating: bool = False) -> Tensor:
    """One step near the equilibrium as a matrix on (theta, psi), float64 (2, 2)."""
    pull = rate / 2
    d_step = torch.tensor([[1, 0], [-pull, 1 - rate * gamma]], dtype=torch.float64)
    g_step = torch.tensor([[1, pull], [0, 1]], dtype=torch.float64)
    return g_step @ d_step if alternating else g_step + d_step - torch.eye(2)
