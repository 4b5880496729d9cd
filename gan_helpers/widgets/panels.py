"""The explorer's panels for moving: sliders, favourites with the morph between two, and the map through three.

A panel asks the explorer for pictures and sends it to a point; it knows no more of it than ``Stage`` says.
What goes wrong in a callback is said in the explorer's text line, since a traceback would be lost in a log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Protocol

import ipywidgets as widgets
import torch
import traitlets
from torch import Tensor

from gan_helpers.checkpoints import CheckpointError, Network
from gan_helpers.latent.points import between, is_uniform, plane_map, random_points
from gan_helpers.viz.pictures import png_bytes, tile


class Stage(Protocol):
    """What a panel may ask of the explorer that it belongs to."""

    generator: Network
    latents: Tensor  # where the explorer is, (1, latent_dim)
    label: int | None  # the class, of a conditional generator
    shape: tuple[int, ...]  # of a picture, (C, H, W)

    def pictures(self, latents: Tensor, label: int | None = None) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1], by default of the class shown."""

    def go(self, latents: Tensor, origin: str, label: int | None = None, kind: str | None = None) -> None:
        """Show the point; ``origin`` says in words what it is."""

    def say(self, text: str) -> None:
        """Put a sentence into the text line."""

    def where(self) -> str:
        """The point that is shown, in words."""

    def describe(self, image: widgets.Image, text: str) -> None:
        """Say what is seen in an image, for those who cannot see it."""

    def moved(self, change: Any) -> None:
        """Show what a slider changed."""

    def reset(self, sliders: Sequence[widgets.FloatSlider]) -> None:
        """Set these sliders to 0."""


def message(stage: Stage, call: Callable[[], None]) -> Callable[..., None]:
    """``call`` as a widget's callback: an error in it becomes a message in the text line."""

    def callback(*_: Any) -> None:
        try:
            call()
        except (CheckpointError, ValueError, OSError) as error:
            stage.say(str(error))

    return callback


def button(stage: Stage, text: str, css: str, tooltip: str, call: Callable[[], None], icon: str = "") -> widgets.Button:
    """A button that fits its text."""
    made = widgets.Button(description=text, tooltip=tooltip, icon=icon, layout={"width": "auto"})
    made.on_click(message(stage, call))
    return made.add_class(css)


def picture(pixels: int, css: str = "gan-thumb") -> widgets.Image:
    """An image, ``pixels`` wide on the screen."""
    return widgets.Image(format="png", layout={"width": f"{pixels}px", "flex": "0 0 auto"}).add_class(css)


def take_upload(upload: widgets.FileUpload) -> tuple[str, bytes] | None:
    """Name and content of the file just uploaded, if any. The button is emptied, so the same file can come again."""
    if not upload.value:
        return None
    if isinstance(upload.value, dict):  # ipywidgets 7: by name
        name, file = next(iter(upload.value.items()))
        upload.value.clear()
    else:
        file = upload.value[-1]
        name, upload.value = file["name"], ()
    return name, bytes(file["content"])


class Slider(widgets.FloatSlider):
    """A slider whose moves are not sent back to the page that they came from: a message less for each."""

    value = traitlets.CFloat(0.0).tag(sync=True, echo_update=False)


class Sliders:
    """A panel of sliders with a reset of its own, built when it is first opened."""

    def __init__(self, title: str, stage: Stage, names: Sequence[str], verb: str) -> None:
        self.title, self.stage, self.names, self.verb = title, stage, names, verb
        self.reach = 2.0 if is_uniform(stage.generator) else 4.0
        self.sliders: list[widgets.FloatSlider] = []
        self.widget = widgets.VBox()

    def open(self) -> None:
        """Build the sliders, once."""
        if self.sliders:
            return
        layout = widgets.Layout(width="auto")  # one for all: 64 sliders are many models as it is
        self.sliders = [self._slider(name, layout) for name in self.names]
        tooltip = f"set all sliders of the panel {self.title} to 0"
        reset = button(self.stage, "Reset", "gan-reset", tooltip, lambda: self.stage.reset(self.sliders), "undo")
        rows = widgets.VBox(self.sliders).add_class("gan-sliders")
        self.widget.children = [rows, widgets.HBox([reset])]

    @property
    def values(self) -> tuple[float, ...]:
        """Where the sliders stand; none if they are not built yet."""
        return tuple(slider.value for slider in self.sliders)

    def place(self, values: Sequence[float]) -> None:
        """Set the sliders, those without a value to 0."""
        for slider, value in zip_longest(self.sliders, values, fillvalue=0.0):
            slider.value = value

    def said(self) -> list[str]:
        """The sliders that moved, in words."""
        moved = [f"{slider.description} {self.verb} {slider.value:+.2f}" for slider in self.sliders if slider.value]
        return moved[:6] + [f"and {len(moved) - 6} more"] * (len(moved) > 6)

    def _slider(self, name: str, layout: widgets.Layout) -> widgets.FloatSlider:
        limits = {"min": -self.reach, "max": self.reach, "step": 0.05}
        slider = Slider(description=name, readout_format=".2f", layout=layout, **limits)
        slider.observe(self.stage.moved, names="value")
        return slider


@dataclass(frozen=True, eq=False)
class Favourite:
    """A picture that was kept."""

    latents: Tensor  # (1, latent_dim)
    label: int | None
    item: widgets.Widget | None = None  # what stands for it in the tray


class Favourites:
    """The tray of kept pictures, and the morph between two of them. A picture keeps its number, from 1."""

    title = "Favourites"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.kept: dict[int, Favourite] = {}  # by number
        self.changed: list[Callable[[], None]] = []  # called when there is one more or less
        self._count = 0
        self._empty = widgets.Label("Keep a picture, and it stays here.")
        self.tray = widgets.HBox([self._empty]).add_class("gan-tray")
        self.ends = [widgets.Dropdown(description=text, layout={"width": "auto"}) for text in ("morph from", "to")]
        ways = [("the arc (spherical)", True), ("a straight line", False)]
        self.spherical = widgets.Dropdown(description="along", options=ways, layout={"width": "auto"})
        self.way = widgets.IntSlider(description="way, %", disabled=True, layout={"width": "auto"})
        self.play = widgets.Play(max=100, step=2, interval=80, disabled=True).add_class("gan-play")
        self._follow_play()
        for control in (*self.ends, self.spherical):
            control.observe(message(stage, self.morph_again), "value")
        rows = [self.tray, *self.ends, self.spherical, self.way.add_class("gan-morph"), self.play]
        self.widget = widgets.VBox(rows)

    def open(self) -> None:
        """Nothing is left to build."""

    def keep(self) -> None:
        """Put the picture that is shown into the tray."""
        self._count += 1
        number, latents, label = self._count, self.stage.latents, self.stage.label
        thumb = picture(56)
        thumb.value = png_bytes(tile(self.stage.pictures(latents)), zoom=2)
        self.stage.describe(thumb, f"favourite {number}: {self.stage.where()}")
        go = button(self.stage, f"Go to {number}", "gan-go", f"go to favourite {number}", lambda: self.go(number))
        remove = button(
            self.stage, "", "gan-remove", f"remove favourite {number}", lambda: self.remove(number), "times"
        )
        item = widgets.VBox([thumb, widgets.HBox([go, remove])], layout={"align_items": "center"})
        self.kept[number] = Favourite(latents, label, item)
        self._offer()
        self.stage.say(f"kept as favourite {number}")

    def remove(self, number: int) -> None:
        """Take a picture out of the tray; the others keep their numbers."""
        self.stop()
        del self.kept[number]
        self._offer()
        self.stage.say(f"removed favourite {number}")

    def go(self, number: int) -> None:
        """Show a kept picture again."""
        kept = self.kept[number]
        self.stage.go(kept.latents, f"favourite {number}", kept.label)

    def names(self) -> list[tuple[str, int]]:
        """Options for a dropdown."""
        return [(f"favourite {number}", number) for number in self.kept]

    def at(self, t: float) -> Favourite:
        """The point at t in [0, 1] between the two favourites that are chosen; the class changes half-way."""
        if len(self.kept) < 2:
            raise ValueError("keep two pictures first: press Keep, go elsewhere, press Keep again")
        a, b = (self.kept[end.value] for end in self.ends)
        return Favourite(between(a.latents, b.latents, t, self.spherical.value), (a if t < 0.5 else b).label)

    def morph(self) -> None:
        """Show the point that the slider *way* tells."""
        point = self.at(self.way.value / 100)
        a, b = (end.value for end in self.ends)
        self.stage.go(point.latents, f"{self.way.value} % of the way from favourite {a} to {b}", point.label, "morph")

    def morph_again(self) -> None:
        """Another way between the two, once one has set out on it."""
        if self.way.value and not self._offering and len(self.kept) >= 2:
            self.morph()

    def stop(self) -> None:
        """End a morph that is playing. What the page has sent since then is not followed."""
        self._playing = False
        setattr(self.play, self._playing_trait, False)

    def _follow_play(self) -> None:
        """*Play* moves the slider *way*; a hand on that slider, or any other move, stops it."""
        self._playing = self._ticking = self._offering = False
        self._playing_trait = "playing" if self.play.has_trait("playing") else "_playing"  # ipywidgets 7
        self.play.observe(self._pressed, self._playing_trait)
        self.play.observe(self._ticked, "value")
        self.way.observe(message(self.stage, self._moved), "value")

    def _pressed(self, change: Any) -> None:
        self._playing = self._playing or change["new"]

    def _ticked(self, change: Any) -> None:
        if self._playing:
            with self._during("_ticking"):
                self.way.value = change["new"]

    def _moved(self) -> None:
        if not self._ticking:
            self.stop()
            self.play.value = self.way.value  # pressed again, it goes on from here
        self.morph()

    @contextmanager
    def _during(self, flag: str) -> Iterator[None]:
        setattr(self, flag, True)
        try:
            yield
        finally:
            setattr(self, flag, False)

    def _offer(self) -> None:
        """List what is kept: the morph leads from where it led from to the last."""
        numbers = list(self.kept)
        self.tray.children = [kept.item for kept in self.kept.values()] or [self._empty]
        start = self.ends[0].value if self.ends[0].value in numbers else next(iter(numbers), None)
        with self._during("_offering"):  # a dropdown that gets options changes its value more than once
            for end, value in zip(self.ends, (start, numbers[-1] if numbers else None), strict=True):
                end.options = self.names()
                end.value = value
        self.way.disabled = self.play.disabled = len(self.kept) < 2
        for call in self.changed:
            call()


class Map:
    """Small pictures on the plane through three points; a click on one goes there."""

    title = "Map"

    def __init__(self, stage: Stage, favourites: Favourites, side: int = 9, pixels: int = 360) -> None:
        self.stage, self.favourites, self.side, self.pixels = stage, favourites, side, pixels
        self.points = torch.empty(0)
        self.corners: list[widgets.Dropdown] = []
        self._quiet = False
        self.widget = widgets.VBox()
        favourites.changed.append(self.offer)

    def open(self) -> None:
        """Build the buttons when the panel is first opened, since 81 of them take a moment."""
        if not self.corners:
            self._build()
        self.offer()

    def offer(self) -> None:
        """Offer the favourites as corners, and draw. A corner without one is a random point, named by its seed."""
        numbers = list(self.favourites.kept)
        self._quiet = True  # a dropdown that gets options changes its value more than once
        for i, corner in enumerate(self.corners):
            chosen = corner.value if corner.value in numbers else next(iter(numbers[i:]), 0)
            corner.options = [(f"seed {i + 1}", 0), *self.favourites.names()]
            corner.value = chosen
        self._quiet = False
        self.draw()

    def draw(self) -> None:
        """Make the pictures, and the one image that shows them all."""
        if self._quiet or not self.corners:
            return
        a, b, c = (self._corner(i, corner.value) for i, corner in enumerate(self.corners))
        self.points = plane_map(a, b, c, self.side, keep_length=not is_uniform(self.stage.generator))
        sheet = tile(self.stage.pictures(self.points), columns=self.side, gap=0)
        self.image.value = png_bytes(sheet, zoom=max(1, 2 * self.pixels // sheet.shape[2]))
        named = [f"{corner.description} {corner.label}" for corner in self.corners]
        self.stage.describe(self.image, f"{self.side} rows of {self.side} pictures between {', '.join(named)}")

    def go(self, index: int) -> None:
        """Show the point of a cell, counted row by row."""
        row, column = divmod(index, self.side)
        self.stage.go(self.points[index : index + 1], f"the map's row {row + 1}, column {column + 1}")

    def _corner(self, i: int, value: int) -> Tensor:
        kept = self.favourites.kept
        return kept[value].latents if value else random_points(self.stage.generator, seed=i + 1)

    def _build(self) -> None:
        places = ("top left", "top right", "bottom left")
        self.corners = [widgets.Dropdown(description=place, layout={"width": "auto"}) for place in places]
        for corner in self.corners:
            corner.observe(message(self.stage, self.draw), "value")
        # Image and buttons share the one cell of a grid, so the buttons lie on the picture.
        place = {"grid_area": "1 / 1 / 2 / 2", "width": "100%"}
        self.image = widgets.Image(format="png", layout=place)
        tracks = {f"grid_template_{axis}": f"repeat({self.side}, 1fr)" for axis in ("columns", "rows")}
        cells = widgets.GridBox([self._cell(i) for i in range(self.side**2)], layout={**place, **tracks})
        size = {"width": "100%", "max_width": f"{self.pixels}px"}
        self.widget.children = [*self.corners, widgets.GridBox([self.image, cells], layout=size).add_class("gan-map")]

    def _cell(self, index: int) -> widgets.Button:
        row, column = divmod(index, self.side)
        # One layout and style for all: a third of the models to send.
        shared = {} if index == 0 else {"layout": self._shared.layout, "style": self._shared.style}
        cell = widgets.Button(tooltip=f"row {row + 1}, column {column + 1}", **shared)
        self._shared = cell
        cell.on_click(message(self.stage, lambda: self.go(index)))
        return cell.add_class("gan-map-cell")
