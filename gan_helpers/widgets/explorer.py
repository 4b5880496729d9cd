"""Latent space under the hand: sliders, favourites and morphs, a map, the search for a picture, files.

``render_latents`` is pure: latents to PNG bytes. Around it stand thin widgets, of which ``panels`` and ``search``
hold the larger ones. All but the drawing canvas are core widgets that ipywidgets 7.7 and 8 share, so that Colab shows
what JupyterLab shows. While a cell is running, JupyterLab lets callbacks run beside it in a thread of their own:
so they touch neither torch's global random state nor the generator's mode.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import unscale_pixels
from gan_helpers.latent.points import Position, UndoStack, principal_directions, random_points
from gan_helpers.models.sampling import check_latents, generate
from gan_helpers.viz.pictures import image_tag, png_bytes, tile
from gan_helpers.widgets.frontend import Frontend, shown
from gan_helpers.widgets.panels import Favourites, Map, Sliders, button, message
from gan_helpers.widgets.search import Files, Finder

STYLESHEET = Path(__file__).with_name("explorer.css")
PICTURE_SIDE = 280  # screen pixels of the picture's longer side, or a little less
FIELD = {"layout": {"width": "auto"}, "style": {"description_width": "44px"}}


def render_latents(generator: Network, latents: Tensor, zoom: int | None = None, labels: Tensor | None = None) -> bytes:
    """The pictures of latents (N, latent_dim), side by side, as PNG bytes: one forward pass, no plot.

    ``zoom`` enlarges each pixel, by default until a picture has about 280 of them a side. ``labels`` (N,) are the
    classes for a conditional generator.
    """
    images = unscale_pixels(generate(generator, latents, labels))
    return png_bytes(tile(images, columns=len(latents)), zoom or max(1, PICTURE_SIDE // max(images.shape[2:])))


class Explorer:
    """A generator's pictures, and every way to move through its latent space.

    Attributes:
        sliders: one FloatSlider a direction, in the order of ``directions``.
        image: the ipywidgets Image that shows the picture.
        start: the point (1, latent_dim) that the sliders leave from.
        favourites, map, finder, files: the panels, whose methods do what their buttons do.
    """

    def __init__(
        self,
        generator: Network,
        directions: Tensor,
        names: list[str],
        start: Tensor,
        origin: str = "your own start",
        seed: int = 0,
    ) -> None:
        check_latents(generator, start)
        check_latents(generator, directions)
        if len(start) != 1 or len(names) != len(directions):
            raise ValueError(f"{len(start)} starts and {len(names)} names: give one start, and a name a direction")
        own = next(generator.parameters()).dtype
        directions, start = directions.to(own), start.to(own)
        self.generator, self.directions = twin(generator), directions
        classes = generator.config.get("classes")
        self.classes = self._classes(classes) if isinstance(classes, int) else None
        self._lock, self._held = threading.RLock(), False
        self._visited = UndoStack(Position(start, origin, seed=seed))
        self.frontend = Frontend(self._heard)
        self.shape = tuple(self.pictures(start).shape[1:])
        self.along = Sliders("Directions", self, names, "at")
        self.single = Sliders("Single numbers", self, [f"z{i}" for i in range(start.shape[1])], "moved by")
        self.favourites = Favourites(self)
        self.map = Map(self, self.favourites)
        self.finder, self.files = Finder(self), Files(self, self.favourites)
        self.panels = (self.along, self.single, self.favourites, self.map, self.finder, self.files)
        self.along.open()
        self.widget = self._build()
        self._visited.now = self._read()
        self._show()

    # --- where it is ---

    @property
    def sliders(self) -> list[widgets.FloatSlider]:
        return self.along.sliders

    @property
    def start(self) -> Tensor:
        return self._visited.now.start

    @property
    def seed(self) -> int:
        """The seed that was last asked for."""
        return self._visited.now.seed

    @property
    def label(self) -> int | None:
        """The class, of a conditional generator."""
        return self.classes.value if self.classes else None

    @property
    def latents(self) -> Tensor:
        """Where the sliders stand: (1, latent_dim)."""
        values = self.start.new_tensor([self.along.values])
        point = self.start + values @ self.directions
        return point + point.new_tensor(self.single.values) if self.single.sliders else point

    # --- moving ---

    def go(
        self, latents: Tensor, origin: str, label: int | None = None, kind: str | None = None, seed: int | None = None
    ) -> None:
        """Leave from the point ``latents`` (1, latent_dim); ``origin`` says in words what it is.

        Moves of one ``kind`` that follow each other are undone together.
        """
        check_latents(self.generator, latents)
        latents = latents.to(self.directions.dtype)  # a file's or a cell's own may have another
        label = self.label if label is None else label
        seed = self.seed if seed is None else seed
        if kind != "morph":
            self.favourites.stop()
        with self._lock:
            self._visited.move(Position(latents, origin, seed, label=label), kind)
            self._place(self._visited.now)

    def surprise(self, seed: int | None = None) -> None:
        """Leave from a new random point; the same seed gives the same one."""
        seed = self.seed + 1 if seed is None else seed
        self.go(random_points(self.generator, seed), f"seed {seed}", seed=seed)

    def undo(self) -> None:
        """Back to where it was before the last move."""
        self.favourites.stop()
        with self._lock:
            position = self._visited.undo()
            if position is not None:
                self._place(position)
        if position is None:
            self.say("there is nothing to undo")

    def reset(self, sliders: Sequence[widgets.FloatSlider] | None = None) -> None:
        """The given sliders to 0, by default all of them."""
        self.favourites.stop()
        with self._holding():
            for slider in (*self.along.sliders, *self.single.sliders) if sliders is None else sliders:
                slider.value = 0.0
            self._visited.move(self._read())
        self._show()

    def moved(self, change: Any) -> None:
        """A slider or the class was changed: show it."""
        with self._lock:
            if self._held:
                return
            self.favourites.stop()
            self._visited.move(self._read(), kind=f"control {id(change['owner'])}")
            self._show()

    def pictures(self, latents: Tensor, label: int | None = None) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1], of the class shown or another."""
        return generate(self.generator, latents, self._labels(len(latents), label))

    def say(self, text: str) -> None:
        """Put a sentence into the text line, which the page reads out to those who cannot see it."""
        self.said.value = f"<div>{escape(text)}</div>"

    def where(self) -> str:
        """The point that is shown, in words."""
        named = [] if self.label is None else [f"class {self.label}"]
        return ", ".join([self._visited.now.origin, *named, *self.along.said(), *self.single.said()])

    def describe(self, image: widgets.Image, text: str) -> None:
        """Say what is seen in an image, for those who cannot see it."""
        self.frontend.describe(image, text)

    def open_panel(self, panel: Any) -> None:
        """Bring a panel to the front, as a click on its name does."""
        self.tabs.value = self.panels.index(panel)

    # --- the inside ---

    def _labels(self, n: int, label: int | None = None) -> Tensor | None:
        label = self.label if label is None else label
        return None if label is None else torch.full((n,), label, device=self.start.device)

    def _read(self) -> Position:
        now = self._visited.now
        return replace(now, values=self.along.values, numbers=self.single.values, label=self.label)

    def _place(self, position: Position) -> None:
        with self._holding():
            self.along.place(position.values)
            self.single.place(position.numbers)
            self.seed_field.value = position.seed
            if self.classes:
                self.classes.value = position.label
        self._show()

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """Change several controls and show them once."""
        with self._lock:
            self._held = True
            try:
                yield
            finally:
                self._held = False

    def _show(self) -> None:
        self.image.value = self._png(zoom=1)  # the page enlarges it: all along a drag, a tenth of the pixels to encode
        self.say(self.where())

    def _png(self, zoom: int | None = None) -> bytes:
        return render_latents(self.generator, self.latents, zoom, self._labels(1))

    def _typed(self, change: Any) -> None:
        if not self._held:
            self.surprise(change["new"])

    def _opened(self, change: Any) -> None:
        for i, panel in enumerate(self.panels):
            panel.widget.layout.display = None if i == change["new"] else "none"
        message(self, self.panels[change["new"]].open)()

    def _heard(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """What the page sends: a file that was chosen or dropped, or why it was not sent."""
        if content.get("event") == "refused":
            self.say(content["text"])
        if content.get("event") == "file":
            panel = self.files if content["target"] == "latents" else self.finder
            self.open_panel(panel)
            message(self, lambda: panel.read_file(content["name"], buffers[0]))()

    def _build(self) -> widgets.Box:
        """Picture and panels side by side. A panel's name shows it: a Tab would lose its clicks in a reloaded page."""
        names = [(panel.title, i) for i, panel in enumerate(self.panels)]
        self.tabs = widgets.ToggleButtons(options=names, style={"button_width": "auto"}).add_class("gan-tabs")
        self.tabs.observe(self._opened, "value")
        for panel in self.panels[1:]:
            panel.widget.layout.display = "none"
        right = widgets.VBox([self.tabs, *(panel.widget for panel in self.panels)]).add_class("gan-right")
        columns = widgets.Box([self._left().add_class("gan-left"), right]).add_class("gan-columns")
        style = widgets.HTML(f"<style>{STYLESHEET.read_text(encoding='utf-8')}</style>", layout={"display": "none"})
        return widgets.VBox([style, *self.frontend.widgets, columns]).add_class("gan-explorer")

    def _left(self) -> widgets.VBox:
        """The picture, what it shows, and what concerns it as a whole."""
        _, height, width = self.shape
        side = {"width": "100%", "max_width": f"{PICTURE_SIDE * width // max(height, width)}px"}
        self.image = widgets.Image(format="png", layout=side).add_class("gan-picture")
        self.said = widgets.HTML(layout={"min_height": "3em"}).add_class("gan-said")
        self.seed_field = widgets.IntText(self.seed, description="seed", **FIELD).add_class("gan-seed")
        self.seed_field.observe(self._typed, "value")
        surprise = button(self, "Surprise me", "gan-surprise", "go to a random point", self.surprise, "random")
        undo = button(self, "Undo", "gan-undo", "go back one move", self.undo, "undo")
        keep = button(self, "Keep", "gan-keep", "keep this picture as a favourite", self.favourites.keep, "star")
        fields = [self.seed_field] if self.classes is None else [self.seed_field, self.classes]
        return widgets.VBox([self.image, self.said, *fields, widgets.HBox([surprise, undo, keep])])

    def _classes(self, count: int) -> widgets.Dropdown:
        options = [(f"class {i}", i) for i in range(count)]
        dropdown = widgets.Dropdown(description="class", options=options, value=0, **FIELD).add_class("gan-class")
        dropdown.observe(self._class_changed, "value")
        return dropdown

    def _class_changed(self, change: Any) -> None:
        self.moved(change)
        if not self._held:
            self.map.draw()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The widget; and for readers without a kernel the picture, with a line that says what is missing."""
        text = f"{len(self.sliders)} latent sliders and a picture: they need a running kernel"
        still = image_tag(self._png(), "png", f"a generated picture: {self.where()}")
        return shown(self.widget, f"{still}<br>{text}", text)


def twin(generator: Network) -> Network:
    """The same weights, in evaluation mode for good: what trains the generator beside us keeps its own mode."""
    tensors = chain(generator.parameters(), generator.buffers())
    return copy.deepcopy(generator, {id(tensor): tensor for tensor in tensors}).eval()


def explore(
    generator: Network,
    directions: Tensor | None = None,
    start: Tensor | None = None,
    names: list[str] | None = None,
    seed: int = 0,
) -> Explorer:
    """Every way to explore a generator, conditional ones included: sliders, favourites, a map, *find me*, files.

    ``directions`` (k, latent_dim) get a slider each, by default the principal ones; ``names`` are what they are
    called. ``start`` (1, latent_dim) is where the sliders leave from, by default the random point of ``seed``.
    A generator with ``classes`` in its ``config``, their number, is called with labels (N,) as well.

    Raises:
        ValueError: directions or start are not for this generator.
    """
    directions = principal_directions(generator) if directions is None else directions
    names = names or [f"direction {i + 1}" for i in range(len(directions))]
    if start is None:
        return Explorer(generator, directions, names, random_points(generator, seed), f"seed {seed}", seed)
    return Explorer(generator, directions, names, start)
