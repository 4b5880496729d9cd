"""The explorer's panels for moving: sliders, favourites with the morph between two, and the map through three.

A panel asks the explorer for pictures and sends it to a point; it knows no more of it than ``Stage`` says.
What goes wrong in a callback is said in the explorer's text line, since a traceback would be lost in a log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Protocol

import ipywidgets as widgets
import torch
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

    def moved(self, change: Any) -> None:
        """Show what a slider changed."""

    def reset(self, sliders: Sequence[widgets.FloatSlider]) -> None:
        """Set these sliders to 0."""


def told(stage: Stage, call: Callable[[], None]) -> Callable[..., None]:
    """``call`` as a widget's callback: bad input becomes a sentence in the text line."""

    def callback(*_: Any) -> None:
        try:
            call()
        except (CheckpointError, ValueError, OSError) as error:
            stage.say(str(error))

    return callback


def button(stage: Stage, text: str, css: str, tooltip: str, call: Callable[[], None], icon: str = "") -> widgets.Button:
    """A button that fits its text."""
    made = widgets.Button(description=text, tooltip=tooltip, icon=icon, layout={"width": "auto"})
    made.on_click(told(stage, call))
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
        tooltip = f"set all sliders of the tab {self.title} to 0"
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
        slider = widgets.FloatSlider(description=name, readout_format=".2f", layout=layout, **limits)
        slider.observe(self.stage.moved, names="value")
        return slider


@dataclass(frozen=True)
class Favourite:
    """A picture that was kept."""

    latents: Tensor  # (1, latent_dim)
    label: int | None


class Favourites:
    """The tray of kept pictures, and the morph between two of them."""

    title = "Favourites"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.kept: list[Favourite] = []
        self.changed: list[Callable[[], None]] = []  # called when there is one more
        self.tray = widgets.HBox([widgets.Label("Keep a picture, and it stays here.")]).add_class("gan-tray")
        self.ends = [widgets.Dropdown(description=text, layout={"width": "auto"}) for text in ("morph from", "to")]
        ways = [("the arc (spherical)", True), ("a straight line", False)]
        self.spherical = widgets.Dropdown(description="along", options=ways, layout={"width": "auto"})
        self.way = widgets.IntSlider(description="way, %", disabled=True, layout={"width": "auto"})
        self.play = widgets.Play(max=100, step=2, interval=80, disabled=True).add_class("gan-play")
        widgets.jslink((self.play, "value"), (self.way, "value"))
        for control in (self.way, self.spherical):
            control.observe(told(stage, self.morph), "value")
        rows = [self.tray, *self.ends, self.spherical, self.way.add_class("gan-morph"), self.play]
        self.widget = widgets.VBox(rows)

    def open(self) -> None:
        """Nothing is left to build."""

    def keep(self) -> None:
        """Put the picture that is shown into the tray."""
        kept = Favourite(self.stage.latents, self.stage.label)
        self.kept.append(kept)
        number = len(self.kept)
        thumb = picture(56)
        thumb.value = png_bytes(tile(self.stage.pictures(kept.latents)), zoom=2)
        go = button(self.stage, f"Go to {number}", "gan-go", f"go to favourite {number}", lambda: self.go(number - 1))
        item = widgets.VBox([thumb, go], layout={"align_items": "center"})
        self.tray.children = (*(self.tray.children if number > 1 else ()), item)
        self._offer()
        self.stage.say(f"kept as favourite {number}")

    def go(self, index: int) -> None:
        """Show a kept picture again."""
        kept = self.kept[index]
        self.stage.go(kept.latents, f"favourite {index + 1}", kept.label)

    def names(self) -> list[tuple[str, int]]:
        """Options for a dropdown."""
        return [(f"favourite {i + 1}", i) for i in range(len(self.kept))]

    def at(self, t: float) -> Favourite:
        """The point at t in [0, 1] between the two favourites that are chosen; the class changes half-way."""
        if len(self.kept) < 2:
            raise ValueError("keep two pictures first: press Keep, go elsewhere, press Keep again")
        a, b = (self.kept[end.value] for end in self.ends)
        return Favourite(between(a.latents, b.latents, t, self.spherical.value), (a if t < 0.5 else b).label)

    def morph(self) -> None:
        """Show the point that the slider *way* tells."""
        point = self.at(self.way.value / 100)
        a, b = (end.value + 1 for end in self.ends)
        self.stage.go(point.latents, f"{self.way.value} % of the way from favourite {a} to {b}", point.label, "morph")

    def _offer(self) -> None:
        start = self.ends[0].value or 0
        for end, value in zip(self.ends, (start, len(self.kept) - 1), strict=True):
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
        """Build the buttons when the tab is first opened, since 81 of them take a moment."""
        if not self.corners:
            self._build()
        self.offer()

    def offer(self) -> None:
        """Offer the favourites as corners, and draw. A corner without one is a random point, named by its seed."""
        self._quiet = True  # a dropdown that gets options changes its value more than once
        for i, corner in enumerate(self.corners):
            chosen = i if corner.value in (None, -1) else corner.value
            corner.options = [(f"seed {i + 1}", -1), *self.favourites.names()]
            corner.value = chosen if chosen < len(self.favourites.kept) else -1
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

    def go(self, index: int) -> None:
        """Show the point of a cell, counted row by row."""
        row, column = divmod(index, self.side)
        self.stage.go(self.points[index : index + 1], f"the map's row {row + 1}, column {column + 1}")

    def _corner(self, i: int, value: int) -> Tensor:
        kept = self.favourites.kept
        return kept[value].latents if value >= 0 else random_points(self.stage.generator, seed=i + 1)

    def _build(self) -> None:
        places = ("top left", "top right", "bottom left")
        self.corners = [widgets.Dropdown(description=place, layout={"width": "auto"}) for place in places]
        for corner in self.corners:
            corner.observe(told(self.stage, self.draw), "value")
        # Image and buttons share the one cell of a grid, so the buttons lie on the picture.
        _, height, width = self.stage.shape
        size = {"width": f"{self.pixels}px", "height": f"{self.pixels * height // width}px"}
        self.image = widgets.Image(format="png", layout={"grid_area": "1 / 1 / 2 / 2", **size})
        tracks = f"repeat({self.side}, 1fr)"
        cells = widgets.GridBox(
            [self._cell(i) for i in range(self.side**2)],
            layout={
                "grid_area": "1 / 1 / 2 / 2",
                "grid_template_columns": tracks,
                "grid_template_rows": tracks,
                **size,
            },
        )
        self.widget.children = [*self.corners, widgets.GridBox([self.image, cells], layout=size).add_class("gan-map")]

    def _cell(self, index: int) -> widgets.Button:
        row, column = divmod(index, self.side)
        # One layout and style for all: a third of the models to send.
        shared = {} if index == 0 else {"layout": self._shared.layout, "style": self._shared.style}
        cell = widgets.Button(tooltip=f"row {row + 1}, column {column + 1}", **shared)
        self._shared = cell
        cell.on_click(told(self.stage, lambda: self.go(index)))
        return cell.add_class("gan-map-cell")
