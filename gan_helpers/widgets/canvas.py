"""Squares to draw on with mouse, finger or pen: an extra that needs the library ``anywidget``.

One is smooth and takes the soft, thick strokes of digits; one is a grid of pixels and takes thin lines, as edges are.
Everything works without it, since a picture can be uploaded instead; so it is imported only where a canvas is made.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import traitlets
from PIL import Image

from gan_helpers.widgets.frontend import anywidget_library

CANVAS_SCRIPT = Path(__file__).with_name("canvas.js")
PIXELS_SCRIPT = Path(__file__).with_name("pixels.js")
PREFIX = "data:image/png;base64,"


def drawing_canvas(shape: tuple[int, ...], width: int = 196) -> Any | None:
    """A canvas with the proportions of pictures (C, H, W), ``width`` screen pixels wide; None without anywidget.

    Its trait ``picture`` holds the drawing, white on black, as a PNG data URL: empty at first and after *Clear*,
    and sent each time the pen is lifted. ``read_drawing`` decodes it.
    """
    anywidget = anywidget_library()
    if anywidget is None:
        return None

    class Canvas(anywidget.AnyWidget):
        _esm = CANVAS_SCRIPT.read_text(encoding="utf-8")
        picture = traitlets.Unicode("").tag(sync=True)
        width = traitlets.Int(1).tag(sync=True)
        height = traitlets.Int(1).tag(sync=True)

    return Canvas(width=width, height=round(width * shape[1] / shape[2]))


def pixel_canvas(shape: tuple[int, ...], pen: int = 1, width: int = 256) -> Any | None:
    """A grid of the pixels of pictures (C, H, W) to draw on, ``width`` screen pixels wide; None without anywidget.

    Its trait ``picture`` holds the drawing as a PNG data URL of W x H pixels: empty at first, sent while the reader
    draws, and shown when Python sets it. ``pen`` is the side in pixels of the square that draws; it draws white, or
    black after *Erase*. ``read_drawing`` decodes it.
    """
    anywidget = anywidget_library()
    if anywidget is None:
        return None

    class Pixels(anywidget.AnyWidget):
        _esm = PIXELS_SCRIPT.read_text(encoding="utf-8")
        picture = traitlets.Unicode("").tag(sync=True, echo_update=False)  # drawn in the page, it is there already
        columns = traitlets.Int(1).tag(sync=True)
        rows = traitlets.Int(1).tag(sync=True)
        pen = traitlets.Int(1).tag(sync=True)
        width = traitlets.Int(1).tag(sync=True)

    return Pixels(columns=shape[2], rows=shape[1], pen=pen, width=width)


def data_url(png: bytes) -> str:
    """A PNG's bytes as a canvas takes them; ``read_drawing`` inverts it."""
    return PREFIX + base64.b64encode(png).decode()


def read_drawing(picture: str) -> Image.Image | None:
    """The drawing in a canvas's trait ``picture``; None if there is none.

    Raises:
        ValueError: it is not a PNG data URL.
    """
    if not picture:
        return None
    if not picture.startswith(PREFIX):
        raise ValueError("the drawing did not arrive as a PNG: clear it and draw again, or upload a picture")
    return open_picture(base64.b64decode(picture[len(PREFIX) :]), "the drawing")


def open_picture(content: bytes, name: str) -> Image.Image:
    """The picture in a file's bytes, decoded in full.

    Raises:
        ValueError: it is no picture that Pillow can read; the message calls it ``name``.
    """
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except Exception as error:  # Pillow's readers raise whatever a malformed file makes them stumble over
        raise ValueError(f"{name} cannot be read as a picture: choose a whole PNG or JPEG file") from error
    return image
