"""One slider: the picture follows it, and a page without a kernel still shows one."""

from __future__ import annotations

import base64
import re

import pytest
import torch

from gan_helpers.viz import Picture, show_images
from gan_helpers.widgets import slide
from gan_helpers.widgets.frontend import SCRIPT


def grey(value: float) -> Picture:
    return show_images(torch.full((1, 1, 4, 4), value / 2), zoom=1, alt=f"grey {value:.1f}")


def shown(html: str) -> tuple[bytes, str]:
    alt, encoded = re.search(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">', html).groups()
    return base64.b64decode(encoded), alt


def test_the_picture_is_that_of_the_value_and_follows_it():
    view = slide(grey, "brightness", -2, 2)
    assert (view.slider.min, view.slider.max, view.slider.value) == (-2, 2, 0)
    for value in (0.0, 1.0, -2.0):
        view.slider.value = value
        assert shown(view.page.value) == (grey(value).content, f"grey {value:.1f}")


def test_without_a_kernel_a_reader_sees_the_picture_and_a_line_that_says_what_is_missing():
    view = slide(grey, "brightness")
    bundle = view._repr_mimebundle_(include=None, exclude=None)
    if hasattr(view.widget, "_repr_mimebundle_"):  # not with ipywidgets 7
        assert shown(bundle["text/html"])[1] == "grey 0.0"
    assert "brightness" in bundle["text/plain"]
    assert "running kernel" in bundle["text/plain"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == view.widget.model_id


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, -2), (float("nan"), 1)])
def test_a_slider_that_cannot_move_is_refused(low, high):
    with pytest.raises(ValueError, match="give low < high"):
        slide(grey, "brightness", low, high)


def test_the_page_is_told_to_keep_keys_with_the_slider():
    view = slide(grey, "brightness")
    assert set(view.frontend.widgets) <= set(view.widget.children)
    assert "gan-slider" in view.widget._dom_classes
    assert ".gan-slider" in SCRIPT.read_text(encoding="utf-8").split("\nexport default")[0]  # the boxes that it tends
