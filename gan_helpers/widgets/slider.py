"""One slider above the picture that it changes: the smallest widget of the course."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from gan_helpers.viz.pictures import Picture, image_tag
from gan_helpers.widgets.frontend import Frontend, shown


class Slider:
    """A slider and the picture that ``draw`` makes of its value. The last expression of a cell shows it.

    Attributes:
        slider: the FloatSlider, whose ``value`` may be set from code as well.
        page: an HTML widget that holds the picture as <img> with its alt text.
    """

    def __init__(self, draw: Callable[[float], Picture], name: str, low: float, high: float) -> None:
        self.draw, self.name = draw, name
        options = {"min": low, "max": high, "step": (high - low) / 60, "layout": {"width": "420px"}}
        self.slider = widgets.FloatSlider((low + high) / 2, description=name, **options)
        self.slider.style.description_width = "initial"
        self.page = widgets.HTML()
        self.frontend = Frontend()  # keeps keys with the slider: else "d d" on it deletes the cell
        self.widget = widgets.VBox([self.slider, self.page, *self.frontend.widgets]).add_class("gan-slider")
        self.slider.observe(self._moved, names="value")
        self._moved()

    def _moved(self, _: Any = None) -> None:
        picture = self.draw(self.slider.value)
        self.page.value = image_tag(picture.content, picture.kind, picture.alt, picture.width)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The widget; and for readers without a kernel the picture, with a line that says what is missing."""
        text = f"one slider, {self.name}, and a picture: they need a running kernel"
        return shown(self.widget, f"{self.page.value}<br>{text}", text)


def slide(draw: Callable[[float], Picture], name: str, low: float = -3.0, high: float = 3.0) -> Slider:
    """A slider from ``low`` to ``high``, in the middle at first, above what ``draw`` makes of its value.

    Raises:
        ValueError: ``low`` is not below ``high``.
    """
    if not low < high:
        raise ValueError(f"a slider from {low} to {high} cannot move: give low < high")
    return Slider(draw, name, low, high)
