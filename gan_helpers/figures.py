"""Every picture and plot of the course, in one style.

Functions return a ``Picture``: PNG, JPEG or GIF bytes that a notebook shows, with a sentence that says what
is seen for readers who cannot see it. Nothing here keeps state, so figures never pile up in memory.
Notebooks import it from the start: how a plot is drawn is not what they teach.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from math import ceil
from pathlib import Path
from typing import ParamSpec

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image
from torch import Tensor

from gan_helpers.checkpoints import write_atomically
from gan_helpers.datasets import unscale_pixels
from gan_helpers.runs import History

# Colours that colour-blind readers can tell apart (Okabe and Ito); each network has one in every figure.
GENERATOR, DISCRIMINATOR, DATA = "#0072B2", "#D55E00", "#68707A"
PALETTE = (GENERATOR, DISCRIMINATOR, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", DATA)
STYLE = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
}

P = ParamSpec("P")


@dataclass(frozen=True)
class Picture:
    """Encoded pixels and what they show. The last expression of a cell displays it."""

    content: bytes
    alt: str
    width: int | None = None  # in a notebook, in pixels; None shows the picture as large as it is

    @property
    def kind(self) -> str:
        return {b"GIF": "gif", b"\xff\xd8\xff": "jpeg"}.get(self.content[:3], "png")

    def save(self, path: str | Path) -> None:
        """Write the file: all of it or nothing."""
        write_atomically(Path(path), self.content)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        encoded = base64.b64encode(self.content).decode()
        if self.kind != "gif":
            return {f"image/{self.kind}": encoded, "text/plain": self.alt}
        size = "" if self.width is None else f'width="{self.width}" style="image-rendering: pixelated" '
        image = f'<img {size}src="data:image/gif;base64,{encoded}" alt="{self.alt}">'
        return {"text/html": image, "text/plain": self.alt}


# --- pictures made of pixels alone --------------------------------------------------------------------


def tile(images: Tensor, columns: int | None = None, gap: int = 2) -> Tensor:
    """Images (N, C, H, W), uint8 or floats in [-1, 1], in rows on one white sheet: uint8 (C, height, width)."""
    images = unscale_pixels(images.detach().cpu()) if images.is_floating_point() else images.cpu()
    n, c, h, w = images.shape
    columns = columns or ceil(n**0.5)
    sheet = torch.full((c, ceil(n / columns) * (h + gap) - gap, columns * (w + gap) - gap), 255, dtype=torch.uint8)
    for i, image in enumerate(images):
        y, x = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[:, y : y + h, x : x + w] = image
    return sheet


def to_pil(sheet: Tensor, zoom: int = 1) -> Image.Image:
    """uint8 (1 or 3, H, W) as a Pillow image, each pixel enlarged to zoom x zoom."""
    picture = Image.fromarray((sheet[0] if len(sheet) == 1 else sheet.permute(1, 2, 0)).contiguous().numpy())
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)


def png_bytes(sheet: Tensor, zoom: int = 1, effort: int = 1) -> bytes:
    """uint8 (1 or 3, H, W) as a PNG; ``effort`` 1 is fast enough for sliders, 9 small enough to store."""
    buffer = io.BytesIO()
    to_pil(sheet, zoom).save(buffer, "png", compress_level=effort)
    return buffer.getvalue()


def show_images(images: Tensor, columns: int | None = None, zoom: int = 2, alt: str = "", quality: int = 0) -> Picture:
    """A sheet of images (N, C, H, W), without axes: a PNG, or with ``quality`` 1 to 95 a JPEG, smaller in colour."""
    options = {"format": "jpeg", "quality": quality} if quality else {"format": "png", "compress_level": 9}
    buffer = io.BytesIO()
    to_pil(tile(images, columns), zoom).save(buffer, **options)
    return Picture(buffer.getvalue(), alt or f"a sheet of {len(images)} pictures")


def animate(
    frames: Sequence[Tensor],
    zoom: int = 1,
    milliseconds: int = 80,
    rest: int = 1000,
    width: int | None = None,
    alt: str = "",
) -> Picture:
    """Sheets uint8 (C, H, W) as a GIF that runs for ever and stays on its last frame for ``rest`` milliseconds.

    ``zoom`` enlarges the file's pixels, ``width`` what a notebook shows: a sheet of noise does not compress.
    """
    pictures = [to_pil(frame, zoom).quantize(32, dither=Image.Dither.NONE) for frame in frames]  # a third of the size
    buffer = io.BytesIO()
    times = [milliseconds] * (len(pictures) - 1) + [rest]
    pictures[0].save(buffer, "gif", save_all=True, append_images=pictures[1:], duration=times, loop=0)
    return Picture(buffer.getvalue(), alt or f"an animation of {len(frames)} frames", width)


# --- plots --------------------------------------------------------------------------------------------


def plot(draw: Callable[P, tuple[Figure, str]]) -> Callable[P, Picture]:
    """Run a drawing function in the course's style and encode its figure as a Picture."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Picture:
        with mpl.rc_context(STYLE):
            figure, alt = draw(*args, **kwargs)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        buffer = io.BytesIO()
        pixels.quantize(128, dither=Image.Dither.NONE).save(buffer, "png")  # a third of the size in full colour
        return Picture(buffer.getvalue(), alt)

    return styled


def _panels(count: int = 1, width: float = 4.2, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * count, height))
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


@plot
def plot_lines(
    x: Tensor | Sequence[float],
    curves: Mapping[str, Tensor | Sequence[float]],
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    log: str = "",
    points: Mapping[str, tuple[float, float]] | None = None,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> tuple[Figure, str]:
    """Named curves over one x axis; ``log`` is "", "x", "y" or "xy"; ``points`` are named dots.

    ``bands`` shades from the first to the second row of numbers, behind the curve of the same name.
    """
    figure, (axes,) = _panels(width=6.4, height=3.4)
    for (name, y), style in zip(curves.items(), ["-", "--", "-.", ":"] * len(curves), strict=False):
        (line,) = axes.plot(x, y, style, label=name, linewidth=2)
        if name in (bands or {}):
            axes.fill_between(x, *bands[name], color=line.get_color(), alpha=0.2, linewidth=0)
    for name, (px, py) in (points or {}).items():
        axes.plot(px, py, "o", color="black", label=name)
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    axes.set_xscale("log" if "x" in log else "linear")
    axes.set_yscale("log" if "y" in log else "linear")
    axes.legend()
    return figure, f"{title or 'curves'}: {', '.join(curves)} over {x_label or 'x'}"


@plot
def plot_bars(
    names: Sequence[str], values: Sequence[float] | Mapping[str, Sequence[float]], y_label: str = "", title: str = ""
) -> tuple[Figure, str]:
    """One bar a name, with its value on top; of a mapping, a group of bars a name, one for each key."""
    groups = values if isinstance(values, Mapping) else {"": values}
    figure, (axes,) = _panels(width=6.4 if len(groups) == 1 else 9.0)
    width = 0.8 / len(groups)
    for i, ((key, row), colour) in enumerate(zip(groups.items(), (DATA, *PALETTE), strict=False)):
        places = [place + (i - (len(groups) - 1) / 2) * width for place in range(len(names))]
        bars = axes.bar(places, [float(value) for value in row], width, color=colour, label=key)
        axes.bar_label(bars, fmt="%.4g" if len(groups) == 1 else "%.3g", fontsize=9)
    axes.set_xticks(range(len(names)), list(map(str, names)))
    axes.set(ylabel=y_label, title=title)
    axes.grid(False, axis="x")
    if len(groups) > 1:
        axes.legend()
    return figure, f"{title or y_label}: bars for {', '.join(map(str, names))}"


@plot
def plot_histograms(
    groups: Mapping[str, Tensor], bins: int = 50, x_label: str = "", title: str = "", log: bool = False
) -> tuple[Figure, str]:
    """Histograms of several named groups of numbers over the same bins."""
    figure, (axes,) = _panels(width=6.4)
    low = min(float(values.min()) for values in groups.values())
    high = max(float(values.max()) for values in groups.values())
    for name, values in groups.items():
        axes.hist(values.flatten().tolist(), bins, range=(low, high), alpha=0.6, label=name, density=True, log=log)
    axes.set(xlabel=x_label, ylabel="density", title=title)
    axes.legend()
    return figure, f"{title}: histograms of {', '.join(groups)} over {x_label}"


@plot
def plot_points(
    groups: Mapping[str, Tensor], radii: Mapping[str, Tensor] | None = None, title: str = ""
) -> tuple[Figure, str]:
    """Named clouds of 2-D points (N, 2), the first in the data's grey; ``radii`` (N,) draws balls around a cloud."""
    figure, (axes,) = _panels(width=5.6, height=3.8)
    for (name, points), colour in zip(groups.items(), (DATA, *PALETTE), strict=False):
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
    """Images (N, C, H, W) with a caption over each; ``signed`` shows differences, blue below 0 and red above."""
    rows = ceil(len(images) / columns)
    figure = Figure(figsize=(width * columns, (width + 0.25) * rows))
    for axes in (panels := figure.subplots(rows, columns, squeeze=False).flatten()):
        axes.axis("off")
    limit = float(images.abs().max()) if signed else None
    for axes, image, title in zip(panels, images, titles, strict=False):
        pixels = {"vmin": 0, "vmax": 255} if image.dtype == torch.uint8 else {}
        style = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "gray", **pixels}
        picture = image[0] if len(image) == 1 else tile(image[None]).permute(1, 2, 0)
        axes.imshow(picture.detach().cpu().numpy(), **style)
        axes.set_title(title, fontsize=9)
    return figure, f"{len(images)} pictures, captioned {', '.join(titles)}"


def smooth(values: Tensor, points: int = 300) -> tuple[Tensor, Tensor]:
    """Means over at most ``points`` equal stretches of a long series: (middle steps, means)."""
    size = max(1, ceil(len(values) / points))
    stretches = values.split(size)
    middles = torch.tensor([i * size + (len(part) + 1) / 2 for i, part in enumerate(stretches)])
    return middles, torch.stack([part.mean() for part in stretches])


def draw_history(history: History, losses: Axes, scores: Axes) -> None:
    """Both losses on one pair of axes; the mean D(x) and D(G(z)) on the other."""
    rows = history.rows()
    names = {"d_loss": "D's loss", "g_loss": "G's loss", "d_real": "D(x), real", "d_fake": "D(G(z)), generated"}
    colours = (DISCRIMINATOR, GENERATOR, DATA, GENERATOR)
    for i, (key, colour) in enumerate(zip(History.columns, colours, strict=True)):
        axes = losses if key.endswith("loss") else scores
        axes.plot(*smooth(rows[:, i]), color=colour, label=names[key], linewidth=1.5)
    losses.set(xlabel="step", title="losses (nats)")
    scores.set(xlabel="step", title="mean probability that D gives", ylim=(0, 1))
    for axes in (losses, scores):
        axes.legend(fontsize=9)


@plot
def plot_history(history: History) -> tuple[Figure, str]:
    """A run's losses, and how real D finds real and generated pictures."""
    figure, (losses, scores) = _panels(2)
    draw_history(history, losses, scores)
    return figure, "left: both losses over training steps; right: mean D(x) and D(G(z)) over training steps"
