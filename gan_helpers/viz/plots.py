"""Every plot of the course, in one style. Notebooks import them: how one is drawn is not what they teach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from gan_helpers.data.faces import FACTORS
from gan_helpers.metrics.distances import Estimate
from gan_helpers.metrics.scorecards import ROWS, ScoreCard
from gan_helpers.viz.pictures import DATA, GENERATOR, PALETTE, plot, tile

FRAME = "#B0B4B8"  # a light grey: seen on white and beside black


def panels_of(count: int = 1, width: float = 4.2, height: float = 3.0) -> tuple[Figure, list[Axes]]:
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
    figure, (axes,) = panels_of(width=7.4, height=3.4)
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
    figure, (axes,) = panels_of(width=6.4 if len(groups) == 1 else 9.0)
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
    figure, (axes,) = panels_of(width=6.4)
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
    figure, (axes,) = panels_of(width=5.6, height=3.8)
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
    figure, (axes,) = panels_of(width=9, height=9)
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
def plot_by_factor(
    values: Mapping[str, Sequence[float]], title: str = "", colours: Sequence[str] = (), label: str = ""
) -> tuple[Figure, str]:
    """Named rows of 25 numbers, 0 to 1, one for each of ``FACTORS``; ``colours`` are those of the first rows.

    ``label`` says at the vertical axis what the numbers are.
    """
    figure = Figure(figsize=(9.5, 3.4))
    axes = figure.subplots()
    for (name, row), mark, colour in zip(values.items(), "osD^v", _colours(colours), strict=False):
        axes.plot(range(len(FACTORS)), list(map(float, row)), mark, color=colour, label=name, markersize=6)
    axes.set_xticks(range(len(FACTORS)), FACTORS, rotation=60, ha="right", fontsize=9)
    axes.set(ylim=(-0.05, 1.05), ylabel=label)
    axes.set_title(title, loc="left")
    figure.legend(loc="outside upper right", ncols=len(values))
    return figure, f"{title}: {', '.join(values)} for each of {len(FACTORS)} factors"
