"""A discriminator of points in the plane as a picture: what it says, where its gradient points, and the points."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.models.sampling import generate
from gan_helpers.training.runs import Run
from gan_helpers.viz.pictures import DATA, GENERATOR, Picture, plot

ARROWS = 17  # of D's gradient, in each direction


# --- pictures of D's field ----------------------------------------------------------------------------


def field(discriminator: Network, side: int, limit: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """D on a square lattice of side x side points: points (side, side, 2), logits and gradients of the same grid."""
    line = torch.linspace(-limit, limit, side)
    points = torch.stack(torch.meshgrid(line, line, indexing="xy"), 2).flatten(0, 1).requires_grad_()  # (side^2, 2)
    logits = discriminator(points)
    (gradient,) = torch.autograd.grad(logits.sum(), points)
    return tuple(values.detach().unflatten(0, (side, side)) for values in (points, logits, gradient))


def draw_field(axes: Axes, discriminator: Network, fake: Tensor, real: Tensor, title: str) -> AxesImage:
    """What D says (colour), where its gradient points (arrows), real points in grey and generated ones in blue.

    Returns what was coloured, for a colour bar.
    """
    _, logits, _ = field(discriminator, 120)
    colours = {"cmap": "RdYlBu", "vmin": 0, "vmax": 1, "alpha": 0.55, "origin": "lower"}
    said = axes.imshow(logits.sigmoid().numpy(), extent=(-1, 1, -1, 1), interpolation="bilinear", **colours)
    points, _, gradient = field(discriminator, ARROWS, 0.94)
    arrows = gradient / gradient.norm(dim=2, keepdim=True).clamp(min=1e-12)  # the direction alone
    axes.quiver(*points.unbind(2), *arrows.unbind(2), color="#555555", scale=32, width=0.003)
    axes.scatter(*real.T, s=3, color=DATA, linewidths=0, alpha=0.6)
    axes.scatter(*fake.T, s=5, color=GENERATOR, linewidths=0, alpha=0.8)
    axes.set(title=title, xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[])
    axes.grid(False)
    return said


@plot
def plot_fields(panels: Mapping[str, tuple[Network, Tensor]], real: Tensor, width: float = 3.9) -> tuple[Figure, str]:
    """One panel a title: D's field, under generated points (N, 2) and real ones (M, 2), and one bar of its colours."""
    figure = Figure(figsize=(width * len(panels) + 0.7, width + 0.3))
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, (discriminator, fake)) in zip(row, panels.items(), strict=True):
        said = draw_field(axes, discriminator, fake, real, title)
    bar = figure.colorbar(said, ax=[*row], ticks=[0, 0.5, 1], fraction=0.15, aspect=18, pad=0.02)
    bar.set_label("probability of real that D gives", fontsize=9)
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
