"""A training as curves: losses, what D says, and what came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from math import ceil

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gan_helpers.training.runs import History
from gan_helpers.viz.pictures import DATA, DISCRIMINATOR, GENERATOR, plot, tile
from gan_helpers.viz.plots import panels_of


def smooth(values: Tensor, points: int = 300) -> tuple[Tensor, Tensor]:
    """Means over at most ``points`` equal stretches of a long series: (middle steps, means)."""
    size = max(1, ceil(len(values) / points))
    stretches = values.split(size)
    middles = torch.tensor([i * size + (len(part) + 1) / 2 for i, part in enumerate(stretches)])
    return middles, torch.stack([part.mean() for part in stretches])


@plot
def plot_losses(runs: Mapping[str, Mapping[str, Tensor | Sequence[float]]], log: bool = False) -> tuple[Figure, str]:
    """A panel for each named run with its losses in nats, "D" and "G" or one of them, over training steps.

    Panels share their axes. Long curves are means over a hundred stretches. The dotted line at 2 log 2 is D's loss
    where D gives every picture the probability 0.5. With ``log`` what lies above 2 is drawn on a logarithmic scale.
    """
    figure = Figure(figsize=(max(6.4, 4.2 * len(runs)), 3.4))
    panels = figure.subplots(1, len(runs), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, curves) in zip(panels, runs.items(), strict=True):
        for name, losses in curves.items():
            colour = DISCRIMINATOR if name == "D" else GENERATOR
            values = torch.as_tensor(losses, dtype=torch.float32).cpu()
            axes.plot(*smooth(values, 100), color=colour, label=f"{name}'s loss", linewidth=1.8)
        axes.axhline(2 * math.log(2), color=DATA, linestyle=":", linewidth=1.8, label="2 log 2: D undecided")
        axes.set(title=title, xlabel="step")
        axes.set_yscale("symlog" if log else "linear", **({"linthresh": 2.0} if log else {}))
    panels[0].set_ylabel("loss (nats)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure, f"losses over training steps, with a dotted line at 2 log 2: {'; '.join(runs)}"


def draw_history(history: History, losses: Axes, scores: Axes) -> None:
    """Both losses on one pair of axes; the mean D(x) and D(G(z)) on the other."""
    rows = history.rows()
    names = {"d_loss": "D's loss", "g_loss": "G's loss", "d_real": "D(x), real", "d_fake": "D(G(z)), generated"}
    colours = (DISCRIMINATOR, GENERATOR, DATA, GENERATOR)
    for i, (key, colour) in enumerate(zip(history.columns, colours, strict=True)):
        axes = losses if key.endswith("loss") else scores
        axes.plot(*smooth(rows[:, i]), color=colour, label=names[key], linewidth=1.5)
    losses.set(xlabel="step", title="losses (nats)")
    scores.set(xlabel="step", title="mean probability that D gives", ylim=(-0.03, 1.03))  # 0 and 1 in full
    for axes in (losses, scores):
        axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)  # never over a line


@plot
def plot_history(history: History) -> tuple[Figure, str]:
    """A run's losses, and how real D finds real and generated pictures."""
    figure, (losses, scores) = panels_of(2)
    draw_history(history, losses, scores)
    return figure, "left: both losses over training steps; right: mean D(x) and D(G(z)) over training steps"


@plot
def plot_case(history: History, pictures: Tensor, real: Tensor) -> tuple[Figure, str]:
    """A run as a colleague sends it: both losses, D's mean probabilities, and samples (N, C, H, W) below real ones."""
    figure = Figure(figsize=(11.0, 3.3))
    losses, scores, sheet = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    draw_history(history, losses, scores)
    rows = [tile(part.nan_to_num() if part.is_floating_point() else part, 10) for part in (real, pictures)]
    gap = torch.full((1, 12, rows[0].shape[2]), 255, dtype=torch.uint8)
    sheet.imshow(torch.cat([rows[0], gap, rows[1]], 1)[0].numpy(), cmap="gray", vmin=0, vmax=255)
    middle = rows[0].shape[1] + 12 + rows[1].shape[1] / 2
    sheet.set_yticks([rows[0].shape[1] / 2, middle], ["real", "generated"])
    sheet.set_xticks([])
    sheet.grid(False)
    for spine in sheet.spines.values():
        spine.set_visible(False)
    return figure, (
        "left: both losses over training steps; middle: mean D(x) and D(G(z)); "
        f"right: {len(real)} real pictures above {len(pictures)} generated ones"
    )


@plot
def plot_before_after(pairs: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Figure, str]:
    """A row for each named pair of pictures (N, C, H, W): left those before a repair, right those after it."""
    figure = Figure(figsize=(9.6, 0.6 + 0.42 * len(pairs)))
    panels = figure.subplots(len(pairs), 2, squeeze=False)
    for row, (name, pair) in zip(panels, pairs.items(), strict=True):
        for axes, pictures in zip(row, pair, strict=True):
            axes.imshow(tile(pictures.nan_to_num(), len(pictures))[0].numpy(), cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
        row[0].text(-0.02, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
    for axes, title in zip(panels[0], ("as it came", "after one change"), strict=True):
        axes.set_title(title)
    return figure, f"generated digits before and after the repair of {len(pairs)} runs: {', '.join(pairs)}"
