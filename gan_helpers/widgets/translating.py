"""Translation under the hand: draw a picture, choose one or upload one, and see what a translator makes of it.

As in the explorer, all but the drawing canvas are core widgets that ipywidgets 7.7 and 8 share, callbacks touch neither
torch's global random state nor the translator's mode, and what goes wrong in one is said in the text line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.data.image_folder import MODES, developed
from gan_helpers.data.sets import grey
from gan_helpers.models.sampling import apply
from gan_helpers.viz.pictures import image_tag, png_bytes, tile
from gan_helpers.widgets.canvas import data_url, open_picture, pixel_canvas, read_drawing
from gan_helpers.widgets.explorer import STYLESHEET, twin
from gan_helpers.widgets.frontend import Frontend, shown
from gan_helpers.widgets.panels import button, message, picture, take_upload

WIDTH = 256  # screen pixels of what is translated, and of its translation
SMALL = 128  # of what stands beside them
Prepare = Callable[[Tensor], Tensor]


class Translation:
    """A picture, what the translator sees of it, and what it makes of that.

    Attributes:
        source: what the translator sees, uint8 (1, C, H, W); black before there is a picture.
        translated: what it makes of it, floats (1, C', H, W).
        origin: what the picture is, in words.
        canvas: the drawing canvas; None without a pen, or without anywidget.
        way: the ToggleButtons that choose a direction of a TranslatorPair.
    """

    def __init__(
        self, translators: dict[str, Network], examples: Tensor | None, prepare: Prepare | None, pen: int
    ) -> None:
        self.translators = {name: twin(network) for name, network in translators.items()}
        self.shape = source_shape(next(iter(self.translators.values())))
        self.prepare = prepare or (grey if self.shape[0] == 1 else None)
        self.examples = self._checked(examples)
        self.source = torch.zeros(1, *self.shape, dtype=torch.uint8)
        self.origin = self._begun = ""
        self._lock, self._held = threading.RLock(), False
        self.frontend = Frontend(self._heard)
        self.canvas = pixel_canvas(self.shape, pen, WIDTH) if pen else None
        self.widget = self._build()
        self.note.value = self._hint(pen)
        if len(self.examples):
            self.start_from()
        else:
            self.show(self.source, "")
            self.say(self._hint(pen))

    # --- what is translated ---

    def take(self, images: Tensor, name: str) -> None:
        """Translate a picture uint8 (1, C, H, W) called ``name``, prepared first where the translator needs it.

        Raises:
            ValueError: it cannot be prepared.
        """
        if self.prepare is None or len(images[0]) == 1:
            self.show(images, name)
        else:
            self.show(self._prepared(images, name), name, images)

    def show(self, source: Tensor, name: str, picture: Tensor | None = None) -> None:
        """Translate ``source``, uint8 (1, C, H, W), which was made from ``picture``, if there is one."""
        with self._lock:
            self.source, self.origin, self._begun = source, name, name
            self._place(picture)
            self.translate()

    def translate(self) -> None:
        """Translate what is there, in the way that is chosen, and back if there are two."""
        with self._lock:
            way, *others = sorted(self.translators, key=lambda name: name != self.way.value)
            self.translated = apply(self.translators[way], self.source)
            self.result_label.value = way
            self._put(self.result, self.translated, f"{way}: {self.origin}, translated")
            for other in others:
                back = apply(self.translators[other], self.translated)
                self._put(self.back, back, f"and back: {self.origin}, translated there and back")
            self.say(f"{way}: {self.origin}" if others else self.origin)

    def start_from(self) -> None:
        """Begin, or begin again, with the example that is chosen."""
        i = self.example.value
        self.take(self.examples[i : i + 1], f"picture {i + 1}")

    # --- what comes in ---

    def read_canvas(self) -> None:
        """Translate what is drawn."""
        with self._lock:
            if self._held:  # it was set from here
                return
            size = self.shape[:0:-1]  # width and height
            drawing = read_drawing(self.canvas.picture) or Image.new("L", size)
            if drawing.size != size:
                raise ValueError(f"the drawing has {drawing.size} pixels, not {size}: clear it and draw again")
            self.source = as_tensor(drawing, self.shape[0])
            self._begun = self._begun if self.source.any() else ""
            self.origin = f"your drawing, from {self._begun}" if self._begun else "your drawing"
            self.translate()

    def read_upload(self) -> None:
        """Translate the picture that the button has uploaded by itself."""
        file = take_upload(self.upload)
        if file is not None:
            self.read_file(*file)

    def read_file(self, name: str, content: bytes) -> None:
        """Translate the picture in a file's bytes, cropped to the proportions that the translator takes.

        Raises:
            ValueError: it cannot be read or prepared.
        """
        image = open_picture(content, name)
        try:
            image = developed(image, 3)
        except Exception as error:  # Pillow opens more kinds of pictures than it converts
            raise ValueError(f"{name} cannot be read as a picture ({error}): save it as PNG or JPEG") from error
        self.take(as_tensor(ImageOps.fit(image, self.shape[:0:-1], Image.Resampling.LANCZOS), 3), name)

    def say(self, text: str) -> None:
        """Put a sentence into the text line, which the page reads out to those who cannot see it."""
        self.said.value = f"<div>{escape(text)}</div>"

    # --- the inside ---

    def _checked(self, examples: Tensor | None) -> Tensor:
        """Examples uint8 (N, C, H, W) that can be taken."""
        depth, height, width = self.shape
        if examples is None:
            return torch.zeros(0, *self.shape, dtype=torch.uint8)
        known = {depth, 3} if self.prepare else {depth}
        if examples.dtype != torch.uint8 or examples.ndim != 4 or examples.shape[1] not in known:
            channels = " or ".join(map(str, sorted(known)))
            raise ValueError(
                f"examples are pictures uint8 (N, {channels}, {height}, {width}) for this translator, not "
                f"{examples.dtype} {tuple(examples.shape)}: unscale_pixels(images) makes them of floats in [-1, 1]"
            )
        h, w = examples.shape[2:]
        if (h, w) != (height, width):
            raise ValueError(f"the translator takes {height}x{width}, not examples of {h}x{w}: load them in that size")
        return examples.cpu()

    def _prepared(self, images: Tensor, name: str) -> Tensor:
        try:
            made = self.prepare(images)
        except Exception as error:  # whatever the reader's own function raises
            raise ValueError(f"prepare failed on {name}: {type(error).__name__}: {error}") from error
        if not isinstance(made, Tensor) or made.dtype != torch.uint8 or made.shape != (1, *self.shape):
            what = f"{made.dtype} {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
            raise ValueError(f"prepare made {what} of {name}: this translator takes uint8 {(1, *self.shape)}")
        return made

    def _place(self, picture: Tensor | None) -> None:
        """Show the picture, where it differs from what the translator sees, and that."""
        self.taken_box.layout.display = "none" if picture is None else None
        if picture is not None:
            self._put(self.taken, picture, f"{self.origin}, before it was prepared")
        if self.canvas is None:
            self._put(self.seen, self.source, f"what the translator sees: {self.origin}")
            return
        self._held = True
        try:
            self.canvas.picture = data_url(png_bytes(tile(self.source)))
        finally:
            self._held = False

    def _put(self, image: widgets.Image, pixels: Tensor, text: str) -> None:
        image.value = png_bytes(tile(pixels))  # the page enlarges it
        self.frontend.describe(image, text)

    def _heard(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """What the page sends: a file that was chosen or dropped, or why it was not sent."""
        if content.get("event") == "refused":
            self.say(content["text"])
        if content.get("event") == "file":
            message(self, lambda: self.read_file(content["name"], buffers[0]))()

    def _build(self) -> widgets.Box:
        names = list(self.translators)
        self.way = widgets.ToggleButtons(options=names, style={"button_width": "auto"}).add_class("gan-tabs")
        self.way.add_class("gan-way").observe(message(self, self.translate), "value")
        self.way.layout.display = None if len(names) > 1 else "none"
        self.said = widgets.HTML().add_class("gan-said")
        style = widgets.HTML(f"<style>{STYLESHEET.read_text(encoding='utf-8')}</style>", layout={"display": "none"})
        rows = [self.way, self._pictures(), self.said, self._controls()]
        return widgets.VBox([style, *self.frontend.widgets, *rows]).add_class("gan-explorer")

    def _pictures(self) -> widgets.HBox:
        """The picture, what the translator sees of it or the canvas, the translation, and that translated back."""
        self.taken, self.seen, self.result = picture(SMALL, "gan-thumb"), picture(WIDTH), picture(WIDTH, "gan-thumb")
        self.back, self.result_label = picture(SMALL), widgets.Label()
        self.seen.add_class("gan-seen")
        self.result.add_class("gan-result")
        middle = self.seen
        if self.canvas is not None:
            middle = self.canvas.add_class("gan-canvas")
            self.canvas.observe(message(self, self.read_canvas), "picture")
        self.taken_box = _labelled("the picture", self.taken)
        seen = "the picture" if self.prepare is None else "what it sees"
        seen = seen if self.canvas is None else "draw here"
        source = _labelled(seen, middle).add_class("gan-easel" if self.canvas is not None else "gan-source")
        boxes = [self.taken_box, source, widgets.VBox([self.result_label, self.result])]
        boxes += [_labelled("and back", self.back)] if len(self.translators) > 1 else []
        return widgets.HBox(boxes).add_class("gan-translation")

    def _controls(self) -> widgets.VBox:
        """What to begin with: an example or a file."""
        options = [(f"picture {i + 1}", i) for i in range(len(self.examples))]
        self.example = widgets.Dropdown(description="start from", options=options, layout={"width": "auto"})
        self.example.add_class("gan-example").observe(message(self, self.start_from), "value")
        again = button(self, "Start over", "gan-again", "show the chosen picture again", self.start_from, "undo")
        self.upload = widgets.FileUpload(accept="image/*", description="Upload a picture", layout={"width": "auto"})
        self.upload.add_class("gan-upload").observe(message(self, self.read_upload), "value")
        self.note = widgets.HTML().add_class("gan-note")
        chosen = [self.example, again] if options else []
        return widgets.VBox([widgets.HBox([*chosen, self.upload]).add_class("gan-tray"), self.note])

    def _hint(self, pen: int) -> str:
        ways = ["draw"] * (self.canvas is not None) + ["choose a picture"] * (len(self.examples) > 0)
        text = f"{', '.join([*ways, 'upload one'])} or drop one here.".capitalize()
        if pen and self.canvas is None:
            return f"{text} To draw here, install it: pip install anywidget"
        return text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The widget; and for readers without a kernel the pictures, with a line that says what is missing."""
        text = "a canvas or an upload, and its translation: they need a running kernel"
        pair = [tile(images).expand(3, -1, -1) for images in (self.source, self.translated)]
        zoom = max(1, WIDTH // self.shape[2])
        seen = f"what the translator sees of {self.origin}" if self.prepare else self.origin
        still = image_tag(png_bytes(tile(torch.stack(pair), columns=2), zoom), "png", f"{seen}, and translated")
        return shown(self.widget, f"{still}<br>{text}", text)


def _labelled(text: str, widget: widgets.Widget) -> widgets.VBox:
    return widgets.VBox([widgets.Label(text), widget])


def as_tensor(image: Image.Image, channels: int) -> Tensor:
    """A Pillow image as uint8 (1, C, H, W)."""
    pixels = np.array(image.convert(MODES[channels])).reshape(image.height, image.width, channels)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def source_shape(translator: Network) -> tuple[int, ...]:
    """(C, H, W) of the pictures that a translator takes."""
    shape = getattr(translator, "config", {}).get("image_shape")
    if shape is None:
        raise ValueError(f"{type(translator).__name__} has no image_shape in its config: give a Network with one")
    return (translator.config.get("source_channels") or shape[0], *shape[1:])


def explore_translation(
    translator: Network,
    examples: Tensor | None = None,
    prepare: Prepare | None = None,
    pen: int = 0,
    ways: tuple[str, str] = ("A to B", "B to A"),
) -> Translation:
    """Draw, choose or upload a picture, and see its translation beside it while you draw.

    Args:
        translator: a network from pictures (N, C, H, W) in [-1, 1] to pictures (N, C', H, W), with ``image_shape`` in
            its ``config``, and ``source_channels`` where C is not C'; or a TranslatorPair.
        examples: pictures to begin with, uint8 (N, C, H, W), or (N, 3, H, W) to be prepared; the first one opens.
        prepare: makes what the translator sees, uint8 (1, C, H, W), of a picture, uint8 (1, 3, H, W), such as
            ``edge_map``; by default grey where C is 1, else nothing is changed.
        pen: side in pixels of the square that draws white lines; 0: nothing is drawn.
        ways: what a TranslatorPair's ``to_b`` does, and what its ``to_a`` does.

    Raises:
        ValueError: examples or ``prepare`` do not fit the translator, a negative pen, or twice the same way.
    """
    if pen < 0:
        raise ValueError(f"pen={pen}: choose the side in pixels of the square that draws, or 0 for no drawing")
    if not hasattr(translator, "to_a"):  # not by its class: a notebook defines the pair's anew
        return Translation({"translation": translator}, examples, prepare, pen)
    if len({*ways}) != 2:
        raise ValueError(f"ways={ways}: give two names, of what to_b does and of what to_a does")
    return Translation(dict(zip(ways, (translator.to_b, translator.to_a), strict=True)), examples, prepare, pen)
