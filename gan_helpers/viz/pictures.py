"""Pictures of the course: sheets, animations, and how a plot becomes one. ``plots`` draws the plots.

Functions return a ``Picture``: PNG, JPEG or GIF bytes that a notebook shows, with a sentence that says what
is seen for readers who cannot see it. Nothing here keeps state, so figures never pile up in memory.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from html import escape
from math import ceil
from pathlib import Path
from typing import ParamSpec

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gan_helpers.checkpoints import write_atomically
from gan_helpers.data.sets import unscale_pixels

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
    """Encoded pixels and what they show. The last expression of a cell displays it.

    It is HTML: the one form in which JupyterLab, Colab, GitHub and exported pages show a picture with its alt text.
    An ``image/png`` beside it would be preferred by none of them, and store the pixels a second time.
    """

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
        return {"text/html": image_tag(self.content, self.kind, self.alt, self.width), "text/plain": self.alt}


def image_tag(content: bytes, kind: str, alt: str, width: int | None = None) -> str:
    """A picture's bytes as an <img> that holds them; ``width`` in pixels enlarges it without smoothing."""
    size = "" if width is None else f'width="{width}" style="image-rendering: pixelated" '
    encoded = base64.b64encode(content).decode()
    return f'<img {size}alt="{escape(alt)}" src="data:image/{kind};base64,{encoded}">'


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


def sample_sheet(samples: Tensor, frames: int = 4, side: int = 112) -> Tensor:
    """What a generator makes on one sheet, uint8 (1 or 3, height, width), whatever it makes.

    Pictures (N, C, H, W) in rows; of clips (N, T, H, W) a row each, of ``frames`` moments; of points (N, 2) a map.

    Raises:
        ValueError: samples of another shape.
    """
    if samples.ndim == 4 and samples.shape[1] in (1, 3):
        return tile(samples)
    if samples.ndim == 4:
        moments = torch.linspace(0, samples.shape[1] - 1, min(frames, samples.shape[1])).round().long()
        rows = samples[: ceil(side / 28), moments.to(samples.device)]  # (N, frames, H, W)
        return tile(rows.flatten(0, 1).unsqueeze(1), columns=len(moments))
    if samples.ndim == 2 and samples.shape[1] == 2:
        return _point_map(samples.detach().cpu(), side)
    raise ValueError(
        f"samples of shape {tuple(samples.shape)} are no picture: "
        "pictures are (N, C, H, W) with C = 1 or 3, clips (N, T, H, W), points (N, 2)"
    )


def _point_map(points: Tensor, side: int) -> Tensor:
    """Points (N, 2) as dots of 2x2 pixels on white, x to the right, y up, 0 in the middle."""
    reach = max(1.0, ceil(float(points.nan_to_num().abs().max())))
    x, y = ((points.nan_to_num() / reach + 1) / 2 * (side - 2)).round().long().T
    sheet = torch.full((1, side, side), 255, dtype=torch.uint8)
    for i in (0, 1):
        for j in (0, 1):
            sheet[0, side - 2 - y + i, x + j] = 0
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


def show_images(
    images: Tensor,
    columns: int | None = None,
    zoom: int = 2,
    alt: str = "",
    quality: int = 0,
    rows: Sequence[str] = (),
) -> Picture:
    """A sheet of images (N, C, H, W), without axes: a PNG, or with ``quality`` 1 to 95 a JPEG, smaller in colour.

    ``rows`` labels each row of the sheet, at its left; a label may have several lines. Without ``columns`` the
    images are then spread evenly over the rows.

    Raises:
        ValueError: another number of labels than of rows.
    """
    if rows and columns is None:
        columns = ceil(len(images) / len(rows))
    sheet = to_pil(tile(images, columns), zoom)
    if rows:
        count = ceil(len(images) / columns)
        if len(rows) != count:
            raise ValueError(f"{len(rows)} labels in rows for a sheet of {count} rows: give one label a row")
        sheet = _label_rows(sheet, rows)
    options = {"format": "jpeg", "quality": quality} if quality else {"format": "png", "compress_level": 9}
    buffer = io.BytesIO()
    sheet.save(buffer, **options)
    named = f", in rows: {', '.join(' '.join(row.split()) for row in rows)}" if rows else ""
    return Picture(buffer.getvalue(), alt or f"a sheet of {len(images)} pictures{named}")


def _label_rows(sheet: Image.Image, rows: Sequence[str], size: int = 15) -> Image.Image:
    """The sheet with a white margin at its left that holds a line of black text, or a few, beside each row."""
    font = ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
    measure = ImageDraw.Draw(sheet)
    margin = ceil(max(measure.multiline_textbbox((0, 0), row, font)[2] for row in rows)) + 12
    page = Image.new(sheet.mode, (margin + sheet.width, sheet.height), "white")
    page.paste(sheet, (margin, 0))
    draw = ImageDraw.Draw(page)
    for i, row in enumerate(rows):
        middle = (i + 0.5) * sheet.height / len(rows)
        draw.multiline_text((margin - 8, middle), row, "black", font, anchor="rm", align="right")
    return page


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
        # A third of the size in full colour; k-means, as a median cut alone may turn black captions to a dark red.
        pixels.quantize(128, kmeans=1, dither=Image.Dither.NONE).save(buffer, "png")
        return Picture(buffer.getvalue(), alt)

    return styled
