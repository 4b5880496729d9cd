"""Every plot of the course, in one style. Notebooks import them: how one is drawn is not what they teach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from math import ceil
from typing import Any

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.data.faces import FACTORS
from gan_helpers.metrics.distances import Estimate
from gan_helpers.metrics.scorecards import ROWS, ScoreCard
from gan_helpers.models.sampling import generate
from gan_helpers.training.runs import History
from gan_helpers.viz.pictures import DATA, DISCRIMINATOR, GENERATOR, PALETTE, plot, tile

FRAME = "#B0B4B8"  # a light grey: seen on white and beside black


def _panels(count: int = 1, width: float = 4.2, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * count, height))
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _colours(first: Sequence[str]) -> list[str]:
    """The given colours, then those of the palette that are not among them."""
    return [*first, *(colour for colour in PALETTE if colour not in first)]


@plot
def plot_lines(
    x: Tensor | Sequence[float],
    curves: Mapping[str, Tensor | Sequence[float]],
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    log: str = "",
    points: Mapping[str, tuple[float | Sequence[float], float | Sequence[float]]] | None = None,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    colours: Sequence[str] = (),
) -> tuple[Figure, str]:
    """Named curves over one x axis; ``log`` is "", "x", "y" or "xy"; ``points`` are named dots, one or several.

    ``bands`` shades from the first to the second row of numbers, behind the curve of the same name. ``colours`` are
    those of the first curves, such as DATA for real pictures and GENERATOR for generated ones.
    """
    figure, (axes,) = _panels(width=7.4, height=3.4)
    axes.set_prop_cycle(color=_colours(colours))
    for (name, y), style in zip(curves.items(), ["-", "--", "-.", ":"] * len(curves), strict=False):
        (line,) = axes.plot(x, y, style, label=name, linewidth=2)
        if name in (bands or {}):
            axes.fill_between(x, *bands[name], color=line.get_color(), alpha=0.2, linewidth=0)
    for name, (px, py) in (points or {}).items():
        axes.plot(px, py, "o", color="black", label=name)
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    axes.set_xscale("log" if "x" in log else "linear")
    axes.set_yscale("log" if "y" in log else "linear")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))  # beside the lines, never over them
    return figure, f"{title or 'curves'}: {', '.join(curves)} over {x_label or 'x'}"


@plot
def plot_bars(
    names: Sequence[str],
    values: Sequence[float] | Mapping[str, Sequence[float]],
    y_label: str = "",
    title: str = "",
    colours: Sequence[str] = (DATA,),
) -> tuple[Figure, str]:
    """One bar a name, with its value on top; of a mapping, a group of bars a name, one for each key.

    ``colours`` are those of the first keys: grey for real pictures, so give () where there are none.
    """
    groups = values if isinstance(values, Mapping) else {"": values}
    figure, (axes,) = _panels(width=6.4 if len(groups) == 1 else 9.0)
    width = 0.8 / len(groups)
    for i, ((key, row), colour) in enumerate(zip(groups.items(), _colours(colours), strict=False)):
        places = [place + (i - (len(groups) - 1) / 2) * width for place in range(len(names))]
        bars = axes.bar(places, [float(value) for value in row], width, color=colour, label=key)
        axes.bar_label(bars, fmt="%.4g" if len(groups) == 1 else "%.3g", fontsize=9)
    axes.set_xticks(range(len(names)), list(map(str, names)))
    axes.set(ylabel=y_label, title=title)
    axes.grid(False, axis="x")
    if len(groups) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure, f"{title or y_label}: bars for {', '.join(map(str, names))}"


@plot
def plot_histograms(
    groups: Mapping[str, Tensor],
    bins: int = 50,
    x_label: str = "",
    title: str = "",
    log: bool = False,
    colours: Sequence[str] = (),
) -> tuple[Figure, str]:
    """Histograms of several named groups of numbers over the same bins; ``colours`` are those of the first groups."""
    figure, (axes,) = _panels(width=6.4)
    axes.set_prop_cycle(color=_colours(colours))
    low = min(float(values.min()) for values in groups.values())
    high = max(float(values.max()) for values in groups.values())
    for name, values in groups.items():
        axes.hist(values.flatten().tolist(), bins, range=(low, high), alpha=0.6, label=name, density=True, log=log)
    axes.set(xlabel=x_label, ylabel="density", title=title)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure, f"{title}: histograms of {', '.join(groups)} over {x_label}"


@plot
def plot_points(
    groups: Mapping[str, Tensor], radii: Mapping[str, Tensor] | None = None, title: str = ""
) -> tuple[Figure, str]:
    """Named clouds of 2-D points (N, 2), the first in the data's grey; ``radii`` (N,) draws balls around a cloud."""
    figure, (axes,) = _panels(width=5.6, height=3.8)
    for (name, points), colour in zip(groups.items(), _colours((DATA,)), strict=False):
        size = 50 if len(points) < 50 else 6
        axes.scatter(*points.T.tolist(), s=size, color=colour, label=name, linewidths=0, alpha=0.9)
        for centre, radius in zip(points.tolist(), (radii or {}).get(name, torch.empty(0)).tolist(), strict=False):
            axes.add_patch(Circle(centre, radius, facecolor=(colour, 0.08), edgecolor=(colour, 0.6)))
    axes.set(title=title)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1 if size > 6 else 3)
    return (
        figure,
        f"{title or 'points'}: {', '.join(groups)}{', with balls around ' + ', '.join(radii) if radii else ''}",
    )


@plot
def plot_pixel_values(image: Tensor, title: str = "") -> tuple[Figure, str]:
    """One grey image (1, H, W), uint8, with each pixel's number written on it."""
    figure, (axes,) = _panels(width=9, height=9)
    axes.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=255)
    for (y, x), value in zip(torch.cartesian_prod(*map(torch.arange, image[0].shape)), image.flatten(), strict=True):
        if value > 0:
            axes.text(x, y, int(value), ha="center", va="center", fontsize=7, color="w" if value < 128 else "k")
    axes.set(title=title, xlabel="column", ylabel="row")
    axes.grid(False)
    return figure, f"one picture with the value of each of its {image.numel()} pixels written on it"


@plot
def plot_labelled_images(
    images: Tensor, titles: Sequence[str], columns: int = 5, width: float = 1.5, signed: bool = False
) -> tuple[Figure, str]:
    """Images (N, C, H, W) with a caption over each; ``signed`` shows differences, blue below 0 and red above.

    Each has a thin grey frame: a white picture could not be told from the page.
    """
    rows = ceil(len(images) / columns)
    figure = Figure(figsize=(width * columns, (width + 0.25) * rows))
    for axes in (panels := figure.subplots(rows, columns, squeeze=False).flatten()):
        axes.axis("off")  # where there is no picture
    limit = float(images.abs().max()) if signed else None
    for axes, image, title in zip(panels, images, titles, strict=False):
        pixels = {"vmin": 0, "vmax": 255} if image.dtype == torch.uint8 else {}
        style = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "gray", **pixels}
        picture = image[0] if len(image) == 1 else tile(image[None]).permute(1, 2, 0)
        axes.imshow(picture.detach().cpu().numpy(), **style)
        axes.axis("on")
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        axes.spines[:].set(visible=True, color=FRAME, linewidth=0.8)
        axes.set_title(title, fontsize=9)
    return figure, f"{len(images)} pictures, captioned {', '.join(titles)}"


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
    figure, (losses, scores) = _panels(2)
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


SCORE_TITLES = ROWS | {
    "frechet": "Fréchet distance\n(lower is better)",
    "sure": "read with certainty",
    "classes": "classes found",
    "divergence": "KL of classes, nats\n(lower is better)",
    "memorisation": "distance to training\npictures, held-out = 1",
}
SCORE_SCALES = {"frechet": {"linthresh": 1.0}, "divergence": {"linthresh": 0.001}}  # logarithmic from here on


@plot
def plot_score_card(card: ScoreCard) -> tuple[Figure, str]:
    """One panel a measure, one row a set of pictures with its interval and number; a dashed line for real pictures."""
    names = list(card)
    figure = Figure(figsize=(10.5, 1.8 + 0.5 * len(names)))
    panels = figure.subplots(2, 4, sharey=True).flatten()
    for axes, (key, title) in zip(panels, SCORE_TITLES.items(), strict=True):
        axes.axvline(_interval(getattr(card["real"], key))[0], color=DATA, linestyle="--", linewidth=1)
        for row, name in enumerate(names):
            (value, *ends), colour = _interval(getattr(card[name], key)), DATA if name == "real" else GENERATOR
            axes.plot(ends, [row, row], color=colour, linewidth=2)
            axes.plot(value, row, "o", color=colour, markersize=5)
            number = f"{value:.3g}" if value < 1000 else f"{value:.0f}"
            axes.text(1.03, row, number, transform=axes.get_yaxis_transform(), fontsize=8, va="center")
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=9)
        axes.set_xscale("symlog" if key in SCORE_SCALES else "linear", **SCORE_SCALES.get(key, {}))
        if key in ("precision", "recall", "sure"):
            axes.set_xlim(-0.05, 1.05)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    return figure, f"score card: {', '.join(ROWS.values())} of {', '.join(names)}, each with its 95 % interval"


def _interval(measured: Estimate | int) -> tuple[float, float, float]:
    """Value, lower and upper end; a count has no interval."""
    return (measured,) * 3 if isinstance(measured, int) else (measured.value, measured.low, measured.high)


# --- maps ---------------------------------------------------------------------------------------------


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


# --- the plane of a two-dimensional code --------------------------------------------------------------


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


@plot
def plot_paths(groups: Mapping[str, Tensor], field: float, margin: float = 0.0) -> tuple[Figure, str]:
    """A panel for each named group of paths (N, T, 2), (x, y) in pixels of a square field, y downwards.

    A ring marks where a path begins, a dot each later moment; the dashed square lies ``margin`` inside the field.
    """
    figure = Figure(figsize=(3.1 * len(groups), 3.4))
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for axes, (name, paths) in zip(panels, groups.items(), strict=True):
        for path, colour in zip(paths.detach().cpu(), cycle(PALETTE[:6]), strict=False):
            axes.plot(*path.T.tolist(), ".-", color=colour, markersize=4, linewidth=1)
            axes.plot(*path[0].tolist(), "o", color=colour, markersize=8, fillstyle="none")
        inner = field - 2 * margin
        axes.add_patch(Rectangle((margin, margin), inner, inner, fill=False, color=DATA, linestyle="--"))
        axes.set(title=name, xlim=(0, field), ylim=(field, 0), aspect="equal")
        axes.grid(False)
    counts = ", ".join(f"{len(paths)} {name}" for name, paths in groups.items())
    return figure, f"paths in a square field, a panel each: {counts}"


@plot
def plot_effects(effects: Tensor, moved: Sequence[str], title: str = "") -> tuple[Figure, str]:
    """effects (D, F) of ``measure_effects``: a row for each direction, a column a factor, purple up, orange down."""
    figure = Figure(figsize=(9.5, 1.9 + 0.3 * len(moved)))
    axes = figure.subplots()
    colours = mpl.colormaps["PuOr"].resampled(25)  # few enough for a small file
    shown = axes.imshow(effects.cpu().numpy(), cmap=colours, vmin=-1.5, vmax=1.5, aspect="auto")
    axes.set_xticks(range(len(FACTORS)), FACTORS, rotation=60, ha="right", fontsize=9)
    axes.set_yticks(range(len(moved)), moved, fontsize=9)
    axes.set(ylabel="direction", title=title)
    axes.grid(False)
    figure.colorbar(shown, label="change, standard deviations")
    return figure, f"{title}: a matrix of {len(moved)} directions by {len(FACTORS)} factors"


@plot
def plot_by_factor(values: Mapping[str, Sequence[float]], title: str = "") -> tuple[Figure, str]:
    """Named rows of 25 numbers, 0 to 1, one for each of ``FACTORS``, as dots over the factors."""
    figure = Figure(figsize=(9.5, 3.4))
    axes = figure.subplots()
    for (name, row), mark in zip(values.items(), "osD^v", strict=False):
        axes.plot(range(len(FACTORS)), list(map(float, row)), mark, label=name, markersize=6)
    axes.set_xticks(range(len(FACTORS)), FACTORS, rotation=60, ha="right", fontsize=9)
    axes.set(ylim=(-0.05, 1.05))
    axes.set_title(title, loc="left")
    figure.legend(loc="outside upper right", ncols=len(values))
    return figure, f"{title}: {', '.join(values)} for each of {len(FACTORS)} factors"
