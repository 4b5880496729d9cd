"""Codes of pictures in the plane, and what a decoder draws there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.models.sampling import generate
from gan_helpers.viz.pictures import DATA, plot, tile


def code_grid(codes: Tensor, side: int = 15, share: float = 0.95) -> Tensor:
    """side * side codes (side^2, 2), row by row from the top, spread over where ``share`` of codes (N, 2) lie."""
    ends = torch.tensor([(1 - share) / 2, (1 + share) / 2], device=codes.device)
    (left, right), (bottom, top) = torch.quantile(codes, ends, dim=0).T.tolist()
    x, y = torch.linspace(left, right, side), torch.linspace(top, bottom, side)
    return torch.cartesian_prod(y, x).flip(1).to(codes.device)


def _apart(places: Iterable[tuple[float, float]], width: float, height: float) -> list[tuple[float, float]]:
    """Each place, or the free one nearest to it, where a box of that size meets no box of those before it."""
    steps = sorted(((i / 4, j / 4) for i in range(-40, 41) for j in range(-40, 41)), key=lambda step: math.hypot(*step))
    free: list[tuple[float, float]] = []
    for x, y in places:
        tried = ((x + i * width, y + j * height) for i, j in steps)
        free.append(next((u, v) for u, v in tried if all(abs(u - a) >= width or abs(v - b) >= height for a, b in free)))
    return free


def _draw_classes(axes: Axes, codes: Tensor, labels: Tensor, **dots: Any) -> None:
    """A dot a code (N, 2), coloured by label (N,); each label near its codes' median, none on another."""
    medians = {}
    for label in labels.unique().tolist():
        chosen = codes[labels == label].cpu()
        axes.scatter(*chosen.T.tolist(), s=4, color=mpl.colormaps["tab10"](label % 10), linewidths=0, **dots)
        medians[label] = tuple(chosen.median(0).values.tolist())
    box = 0.045 * (axes.get_xlim()[1] - axes.get_xlim()[0]), 0.055 * (axes.get_ylim()[1] - axes.get_ylim()[0])
    for label, place in zip(medians, _apart(medians.values(), *box), strict=True):
        style = {"facecolor": "white", "edgecolor": mpl.colormaps["tab10"](label % 10), "pad": 1.5}
        axes.text(*place, str(label), ha="center", va="center", bbox=style)


@plot
def plot_codes(panels: dict[str, Tensor], labels: Tensor) -> tuple[Figure, str]:
    """A panel for each set of codes (N, 2): a dot a picture, coloured by label (N,), its label near the median."""
    figure = Figure(figsize=(5.2 * len(panels), 4.8))
    for axes, (name, codes) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        _draw_classes(axes, codes, labels)
        axes.set(title=name, xlabel="first number of the code", ylabel="second number of the code")
    return figure, f"the codes of {len(labels)} pictures by class: {', '.join(panels)}"


def plane_codes(side: int, reach: float = 3.0) -> Tensor:
    """A square grid of codes from -reach to reach, row by row from the top left: (side * side, 2)."""
    line = torch.linspace(-reach, reach, side)
    return torch.cartesian_prod(line.flip(0), line).flip(1)  # (y, x) -> (x, y)


@plot
def plot_plane(
    decoder: Network, codes: Tensor, labels: Tensor, side: int = 15, reach: float = 3.0
) -> tuple[Figure, str]:
    """What a decoder draws all over the plane; on the same axes where pictures with codes (N, 2) lie, by label."""
    sheet = tile(generate(decoder, plane_codes(side, reach).to(codes.device)), side, gap=0)
    edge = reach * side / (side - 1)  # the grid's outermost codes are the middles of the outermost pictures
    figure = Figure(figsize=(10.5, 5.7))
    drawn, points = figure.subplots(1, 2)
    drawn.imshow(sheet[0].numpy(), cmap=mpl.colormaps["gray"].resampled(24), extent=(-edge, edge, -edge, edge))
    drawn.grid(False)  # few greys, as the picture's palette has to hold the classes' colours as well
    for radius in (1, 2):
        points.add_patch(Circle((0, 0), radius, fill=False, color=DATA, linestyle="--"))
    points.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", title="where the test pictures lie")
    _draw_classes(points, codes, labels, antialiased=False)
    drawn.set(title="what the decoder draws")
    for axes in (drawn, points):
        axes.set(xlabel="first number of the code", ylabel="second number of the code")
    return figure, f"left: {side * side} decoded codes as a map; right: {len(codes)} test pictures on it, by class"
