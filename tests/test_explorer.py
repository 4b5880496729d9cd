"""Sliders move pictures, monitors keep quiet: without a browser, by setting values from code."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers import explorer
from gan_helpers.datasets import unscale_pixels
from gan_helpers.explorer import Monitor, TimeLapse, explore, principal_directions, render_latents
from gan_helpers.networks import Generator, generate, sample_latents
from gan_helpers.runs import Settings
from gan_helpers.training import train_gan


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(6, (1, 8, 8), widths=(32,), dropout=0.0)


def test_a_rendered_frame_holds_the_generators_pixels(generator):
    latents = sample_latents(generator, 1)
    found = np.asarray(Image.open(io.BytesIO(render_latents(generator, latents, zoom=4))))
    assert (found[::4, ::4] == unscale_pixels(generate(generator, latents))[0, 0].numpy()).all()


def test_principal_directions_are_those_of_the_responses_covariance(generator):
    directions = principal_directions(generator, 6)
    weight = generator.layers[0].weight.detach()
    assert torch.allclose(directions @ directions.T, torch.eye(6), atol=1e-5)
    eigenvalues = torch.linalg.eigvalsh(weight @ weight.T).flip(0)[:6]
    assert torch.allclose((weight @ directions.T).pow(2).sum(0), eigenvalues, rtol=1e-4)


def test_moving_a_slider_changes_the_picture_and_moving_back_restores_it(generator):
    view = explore(generator)
    before = view.image.value
    for slider in view.sliders:
        slider.value = 3.0
        assert view.image.value != before
        slider.value = 0.0
        assert view.image.value == before


def test_the_latents_are_start_plus_directions(generator):
    directions = torch.eye(6)[:2]
    view = explore(generator, directions, start=torch.full((1, 6), 0.5), names=["a", "b"])
    view.sliders[1].value = 2.0
    assert torch.allclose(view.latents, torch.tensor([[0.5, 2.5, 0.5, 0.5, 0.5, 0.5]]))
    assert view.image.value == render_latents(generator, view.latents)


def test_surprise_goes_elsewhere_and_can_be_repeated(generator):
    view = explore(generator)
    torch.manual_seed(4)
    expected = torch.rand(2)
    torch.manual_seed(4)
    view.surprise(seed=7)
    assert torch.equal(torch.rand(2), expected)  # the reader's random numbers are untouched
    first = view.image.value
    view.surprise()
    assert view.image.value != first
    view.surprise(seed=7)
    assert view.image.value == first


def test_reset_returns_the_sliders(generator):
    view = explore(generator)
    view.sliders[0].value = 1.0
    view.reset()
    assert all(slider.value == 0 for slider in view.sliders)


def test_the_buttons_are_wired(generator):
    view = explore(generator)
    before = view.image.value
    surprise, reset = view.widget.children[1].children[-1].children
    surprise.click()
    assert view.image.value != before
    moved = view.image.value
    view.sliders[2].value = 2.0
    reset.click()
    assert view.image.value == moved


def test_a_wrong_start_or_direction_is_refused(generator):
    with pytest.raises(ValueError, match=r"takes \(N, 6\)"):
        explore(generator, torch.eye(5))
    with pytest.raises(ValueError, match=r"takes \(N, 6\)"):
        explore(generator, start=torch.zeros(1, 5))


def test_the_explorer_displays_as_a_widget(generator, monkeypatch):
    """ipywidgets 8 returns a bundle of formats, 7 displays by itself: the explorer follows whichever is there."""
    view = explore(generator)
    if hasattr(view.widget, "_repr_mimebundle_"):
        bundle = view._repr_mimebundle_(include=None, exclude=None)
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert bundle["text/plain"].startswith("6 latent sliders")
    shown = []

    class Version7:
        def _ipython_display_(self) -> None:
            shown.append("widget")

    monkeypatch.setattr(view, "widget", Version7())
    assert view._repr_mimebundle_() == {}
    assert shown == ["widget"]


def test_without_a_notebook_the_monitor_prints_at_most_ten_lines(tiny_pair, tiny_images, capsys):
    monitor = Monitor(torch.randn(4, 4), every_seconds=0.0)
    train_gan(*tiny_pair, tiny_images, epochs=10, settings=Settings(16), callbacks=[monitor])
    lines = capsys.readouterr().out.strip().splitlines()
    assert 1 <= len(lines) <= 10
    assert "D's loss" in lines[0]


def test_in_a_notebook_the_monitor_updates_one_picture(tiny_pair, tiny_images, monkeypatch):
    shown = []

    class Handle:
        def update(self, picture: object) -> None:
            shown.append(picture)

    def display(picture: object, display_id: bool) -> Handle:
        shown.append(picture)
        return Handle()

    monkeypatch.setattr(explorer, "_in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    monitor = Monitor(torch.randn(4, 4), every_seconds=1000.0)
    run = train_gan(*tiny_pair, tiny_images, epochs=2, settings=Settings(16), callbacks=[monitor])
    assert len(shown) == 1  # the second refresh was not due
    monitor.show(run)
    assert len(shown) == 2
    assert shown[1].content != shown[0].content
    assert "step 16" in shown[1].alt


def test_watching_does_not_change_the_training(tiny_images):
    from test_training import assert_identical, fresh_pair

    watchers = [Monitor(torch.randn(4, 4), 0.0), TimeLapse(torch.randn(4, 4))]
    watched = train_gan(*fresh_pair(), tiny_images, epochs=2, settings=Settings(16), callbacks=watchers)
    assert_identical(watched, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=Settings(16)))


def test_the_time_lapse_is_dense_at_first_and_thins_out(tiny_pair, tiny_images):
    lapse = TimeLapse(torch.randn(4, 4), growth=1.5)
    train_gan(*tiny_pair, tiny_images, epochs=5, settings=Settings(16), callbacks=[lapse])
    assert lapse.steps[:3] == [1, 2, 3]
    assert all(b >= 1.5 * a for a, b in zip(lapse.steps, lapse.steps[1:], strict=False))
    assert len(lapse.frames) == len(lapse.steps)
    assert not torch.equal(lapse.frames[0], lapse.frames[-1])
