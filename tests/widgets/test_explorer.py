"""The explorer without a browser: widgets are set and clicked from code, and the pictures compared."""

from __future__ import annotations

import base64
import copy
import io
import sys
import threading
import time
from datetime import datetime, timezone

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gan_helpers import environment
from gan_helpers.checkpoints import Network, load_tensors
from gan_helpers.data.sets import unscale_pixels
from gan_helpers.latent.inversion import Found
from gan_helpers.latent.paths import slerp
from gan_helpers.latent.points import plane_map, random_points, save_latents
from gan_helpers.models.dense import Generator
from gan_helpers.models.sampling import generate, sample_latents
from gan_helpers.viz.pictures import show_images
from gan_helpers.widgets import search
from gan_helpers.widgets.explorer import Explorer, explore, render_latents


class TwoClasses(Network):
    """A conditional generator of 8x8 pictures: the class shifts them."""

    def __init__(self, latent_dim: int = 6, classes: int = 2) -> None:
        super().__init__()
        self.map, self.shift = nn.Linear(latent_dim, 64), nn.Embedding(classes, 64)

    def forward(self, latents, labels):
        return torch.tanh(self.map(latents) + 3 * self.shift(labels)).unflatten(1, (1, 8, 8))


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(6, (1, 8, 8), widths=(32,), dropout=0.0)


@pytest.fixture
def view(generator) -> Explorer:
    return explore(generator)


@pytest.fixture
def conditional() -> Explorer:
    torch.manual_seed(0)
    return explore(TwoClasses())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the explorer saves, for a test."""
    monkeypatch.setattr(environment, "COURSE_ROOT", tmp_path)
    return environment.outputs_folder() / "explorer"


def find(view: Explorer, css: str) -> list[widgets.Widget]:
    """The widgets with a CSS class, as a browser test would find them, in the order of the page."""
    found, waiting = [], [view.widget]
    while waiting:
        widget = waiting.pop(0)
        found += [widget] if css in widget._dom_classes else []
        waiting = [*getattr(widget, "children", ()), *waiting]
    return found


def click(view: Explorer, css: str, index: int = 0) -> None:
    find(view, css)[index].click()


def open_tab(view: Explorer, title: str) -> None:
    view.tabs.value = [panel.title for panel in view.panels].index(title)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def upload(button: widgets.FileUpload, name: str, content: bytes) -> None:
    """What a browser's upload does to the widget, in either version of ipywidgets."""
    if isinstance(button.value, dict):
        button.set_trait("value", {name: {"metadata": {"name": name}, "content": content}})
    else:
        facts = {"name": name, "size": len(content), "type": "", "last_modified": datetime.now(timezone.utc)}
        button.value = ({**facts, "content": memoryview(content)},)


def png_file(brightness: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(brightness.astype(np.uint8)).save(buffer, "png")
    return buffer.getvalue()


# --- the picture and its sliders ----------------------------------------------------------------------


def test_a_rendered_frame_holds_the_generators_pixels(generator):
    latents = sample_latents(generator, 1)
    found = pixels(render_latents(generator, latents, zoom=4))
    assert (found[::4, ::4] == unscale_pixels(generate(generator, latents))[0, 0].numpy()).all()


def test_moving_a_slider_changes_the_picture_and_moving_back_restores_it(view):
    before = view.image.value
    for slider in view.sliders:
        slider.value = 3.0
        assert view.image.value != before
        slider.value = 0.0
        assert view.image.value == before


def test_a_move_of_the_page_is_answered_by_the_picture_and_its_words_alone(view, monkeypatch):
    sent = []

    def note(comm, kind: str, data: dict, buffers: list, **_: object) -> None:
        sent.append((comm.comm_id, sum(map(len, buffers or []))))

    monkeypatch.setattr("comm.DummyComm.publish_msg", note)
    for value in (0.5, 0.55):  # what JupyterLab sends while a slider is dragged
        state = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        view.sliders[0]._handle_msg({"content": {"data": state}, "buffers": []})
    assert [comm for comm, _ in sent] == [view.image.model_id, view.said.model_id] * 2
    assert max(size for _, size in sent) < 8 * 8 + 200  # as many pixels as the generator makes, not as the page shows


def test_the_latents_are_start_plus_directions_plus_single_numbers(generator):
    directions = torch.eye(6)[:2]
    view = explore(generator, directions, start=torch.full((1, 6), 0.5), names=["a", "b"])
    view.sliders[1].value = 2.0
    assert torch.allclose(view.latents, torch.tensor([[0.5, 2.5, 0.5, 0.5, 0.5, 0.5]]))
    assert "your own start, b at +2.00" in view.said.value
    open_tab(view, "Single numbers")
    view.single.sliders[1].value = -1.0
    view.single.sliders[4].value = 0.25
    assert torch.allclose(view.latents, torch.tensor([[0.5, 1.5, 0.5, 0.5, 0.75, 0.5]]))
    assert "z1 moved by -1.00, z4 moved by +0.25" in view.said.value
    assert view.image.value == render_latents(generator, view.latents, zoom=1)


def test_surprise_goes_elsewhere_and_can_be_repeated(view):
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


def test_a_typed_seed_goes_where_surprise_went(view):
    view.surprise(seed=7)
    wanted = view.image.value
    click(view, "gan-surprise")
    (field,) = find(view, "gan-seed")
    assert field.value == 8
    field.value = 7
    assert view.image.value == wanted
    assert "seed 7" in view.said.value
    field.value = -(10**25)  # whatever is typed
    assert view.image.value != wanted


def test_it_opens_at_the_seed_that_it_is_given(generator):
    view = explore(generator, seed=22)
    assert torch.equal(view.latents, random_points(generator, 22))
    assert "seed 22" in view.said.value
    assert find(view, "gan-seed")[0].value == 22
    view.surprise()
    assert torch.equal(view.latents, random_points(generator, 23))
    view.undo()
    assert (view.seed, find(view, "gan-seed")[0].value) == (22, 22)


def test_each_tab_has_its_own_reset(view):
    open_tab(view, "Single numbers")
    view.sliders[0].value = view.single.sliders[3].value = 1.0
    directions, single = find(view, "gan-reset")
    single.click()
    assert (view.sliders[0].value, view.single.sliders[3].value) == (1.0, 0.0)
    view.single.sliders[3].value = 1.0
    directions.click()
    assert (view.sliders[0].value, view.single.sliders[3].value) == (0.0, 1.0)
    view.reset()
    assert torch.equal(view.latents, view.start)


def test_single_numbers_are_built_when_their_tab_is_opened(view):
    before = view.image.value
    assert view.single.sliders == []
    open_tab(view, "Single numbers")
    assert len(view.single.sliders) == 6
    assert view.image.value == before


def test_undo_goes_back_move_by_move(view):
    """A slider's successive moves are one; so are its value, its text and its picture."""
    shown = [(view.image.value, view.said.value)]
    view.sliders[0].value = 1.0
    view.sliders[0].value = 2.0
    shown.append((view.image.value, view.said.value))
    view.sliders[1].value = -1.0
    shown.append((view.image.value, view.said.value))
    view.surprise(seed=5)
    for expected in reversed(shown):
        click(view, "gan-undo")
        assert (view.image.value, view.said.value) == expected
    assert [view.sliders[i].value for i in (0, 1)] == [0, 0]
    click(view, "gan-undo")
    assert "nothing to undo" in view.said.value


def test_undo_brings_single_numbers_and_seed_back(view):
    open_tab(view, "Single numbers")
    view.single.sliders[2].value = 1.5
    expected = view.image.value
    view.surprise(seed=9)
    assert view.single.sliders[2].value == 0
    assert torch.equal(view.latents, random_points(view.generator, 9))
    view.undo()
    assert (view.single.sliders[2].value, view.seed, find(view, "gan-seed")[0].value) == (1.5, 0, 0)
    assert view.image.value == expected


def test_a_wrong_start_or_direction_is_refused(generator):
    with pytest.raises(ValueError, match=r"takes \(N, 6\)"):
        explore(generator, torch.eye(5))
    with pytest.raises(ValueError, match=r"takes \(N, 6\)"):
        explore(generator, start=torch.zeros(1, 5))
    with pytest.raises(ValueError, match="give one start"):
        explore(generator, start=torch.zeros(2, 6))
    with pytest.raises(ValueError, match="a name a direction"):
        explore(generator, torch.eye(6), names=["one"])


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 6, 12), (3, 12, 6)])
def test_colours_and_any_shape(shape):
    view = explore(Generator(4, shape, widths=(8,), dropout=0.0))
    picture = Image.open(io.BytesIO(view.image.value))
    assert picture.width * shape[1] == picture.height * shape[2]
    assert picture.mode == ("RGB" if shape[0] == 3 else "L")
    open_tab(view, "Map")
    view.favourites.keep()
    assert Image.open(io.BytesIO(view.map.image.value)).width % (9 * shape[2]) == 0


def test_the_explorer_shows_training_and_does_not_disturb_it():
    """It sees the weights as they are now, and the generator's mode stays as the trainer set it."""
    torch.manual_seed(0)
    generator = Generator(6, (1, 8, 8), widths=(16,), dropout=0.5, batch_norm=True).train()
    view = explore(generator)
    before = view.image.value
    assert generator.training
    with torch.no_grad():
        for weight in generator.parameters():
            weight.mul_(-1)
    modes = []
    hook = generator.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    view.surprise(seed=0)
    assert modes == []  # not even for a moment was the trainer's module used
    hook.remove()
    assert view.image.value != before
    assert view.image.value == render_latents(copy.deepcopy(generator), view.latents, zoom=1)


def test_callbacks_from_two_threads_end_in_a_consistent_picture(view):
    def drag(slider: widgets.FloatSlider) -> None:
        for i in range(100):
            slider.value = (i % 40) / 10

    threads = [threading.Thread(target=drag, args=(slider,)) for slider in view.sliders[:2]]
    for thread in threads:
        thread.start()
    for i in range(30):
        view.surprise(seed=i)
    for thread in threads:
        thread.join()
    assert view.image.value == render_latents(view.generator, view.latents, zoom=1)


def test_the_explorer_displays_as_a_widget(view, monkeypatch):
    """ipywidgets 8 describes a widget, 7 only shows it: of either one output is left, with the live view in it."""
    view_type = "application/vnd.jupyter.widget-view+json"
    bundle = view._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"].startswith("6 latent sliders")
    assert bundle[view_type]["model_id"] == view.widget.model_id

    class Version7:
        model_id = "abc"

    monkeypatch.setattr(view, "widget", Version7())
    seven = view._repr_mimebundle_()  # an empty one would print the explorer's address below it
    assert seven == {"text/plain": bundle["text/plain"], view_type: {**bundle[view_type], "model_id": "abc"}}


def test_every_control_says_what_it_is(view):
    for panel in view.panels:
        open_tab(view, panel.title)
    view.favourites.keep()
    waiting, seen = [view.widget], 0
    while waiting:
        widget = waiting.pop()
        waiting += getattr(widget, "children", ())
        if isinstance(widget, (widgets.Button, widgets.FloatSlider, widgets.Dropdown, widgets.FileUpload)):
            seen += 1
            assert getattr(widget, "tooltip", "") or widget.description, widget
    assert seen > 100


# --- classes ------------------------------------------------------------------------------------------


def test_a_conditional_generator_has_its_classes(conditional):
    before = conditional.image.value
    (dropdown,) = find(conditional, "gan-class")
    dropdown.value = 1
    assert "class 1" in conditional.said.value
    assert conditional.image.value != before
    expected = generate(conditional.generator, conditional.latents, torch.tensor([1]))
    assert torch.equal(conditional.pictures(conditional.latents), expected)
    conditional.undo()
    assert dropdown.value == 0
    assert conditional.image.value == before


def test_favourites_and_the_morph_know_their_class(conditional):
    click(conditional, "gan-keep")
    conditional.surprise()
    find(conditional, "gan-class")[0].value = 1
    click(conditional, "gan-keep")
    assert [conditional.favourites.at(t).label for t in (0.0, 0.4, 0.6, 1.0)] == [0, 0, 1, 1]
    click(conditional, "gan-go", 0)
    assert conditional.label == 0


def test_labels_are_split_along_with_the_latents():
    torch.manual_seed(0)
    network, latents, labels = TwoClasses(), torch.randn(10, 6), torch.arange(10) % 2
    whole = generate(network, latents, labels)
    assert torch.allclose(generate(network, latents, labels, batch_size=3), whole, atol=1e-6)
    assert not torch.allclose(generate(network, latents, 1 - labels), whole)


# --- favourites and the map ---------------------------------------------------------------------------


def keep_three(view: Explorer) -> list[torch.Tensor]:
    points = []
    for seed in (1, 2, 3):
        view.surprise(seed)
        click(view, "gan-keep")
        points.append(view.latents)
    return points


def test_a_kept_picture_is_come_back_to(view):
    view.sliders[0].value = 1.0
    click(view, "gan-keep")
    kept = view.image.value
    view.surprise()
    click(view, "gan-go")
    assert view.image.value == kept
    assert "favourite 1" in view.said.value


def test_the_morph_follows_arc_or_line(view):
    a, b, c = keep_three(view)
    (way,) = find(view, "gan-morph")
    assert [end.value for end in view.favourites.ends] == [1, 3]
    way.value = 30
    assert torch.allclose(view.latents, slerp(a, c, 0.3), atol=1e-6)
    view.favourites.spherical.value = False
    assert torch.allclose(view.latents, torch.lerp(a, c, 0.3), atol=1e-6)
    view.favourites.ends[1].value = 2
    way.value = 100
    assert torch.allclose(view.latents, b, atol=1e-6)
    assert "100 % of the way from favourite 1 to 2" in view.said.value
    view.undo()  # the whole morph
    assert torch.equal(view.latents, c)


def test_the_morph_waits_for_two_favourites(view):
    (way,), (play,) = find(view, "gan-morph"), find(view, "gan-play")
    assert way.disabled
    assert play.disabled
    way.value = 10
    assert "keep two pictures first" in view.said.value
    keep_three(view)
    assert not way.disabled
    assert not play.disabled


def test_a_click_on_the_map_goes_there(view):
    points = keep_three(view)
    open_tab(view, "Map")
    expected = plane_map(*points)
    cells = find(view, "gan-map-cell")
    assert len(cells) == 81
    assert cells[20].tooltip == "row 3, column 3"
    cells[20].click()
    assert torch.allclose(view.latents, expected[20:21], atol=1e-5)
    assert "row 3, column 3" in view.said.value


def test_the_map_shows_the_pictures_of_its_points(view):
    keep_three(view)
    open_tab(view, "Map")
    sheet = pixels(view.map.image.value)
    zoom = len(sheet) // 72
    small = sheet[::zoom, ::zoom].reshape(9, 8, 9, 8).transpose(0, 2, 1, 3).reshape(81, 8, 8)
    assert (small == unscale_pixels(view.pictures(view.map.points))[:, 0].numpy()).all()


def test_missing_corners_are_random_points_and_give_way_to_favourites(view):
    open_tab(view, "Map")
    assert torch.allclose(view.map.points[8:9], random_points(view.generator, 2), atol=1e-5)
    points = keep_three(view)
    assert torch.allclose(view.map.points[8:9], points[1], atol=1e-5)
    view.map.corners[1].value = 1
    assert torch.allclose(view.map.points[8:9], points[0], atol=1e-5)


def test_a_removed_favourite_is_gone_and_the_others_keep_their_numbers(view):
    points = keep_three(view)
    open_tab(view, "Map")
    (tray,) = find(view, "gan-tray")
    click(view, "gan-remove", 1)
    assert len(tray.children) == 2
    assert "removed favourite 2" in view.said.value
    click(view, "gan-go", 1)
    assert torch.equal(view.latents, points[2])
    assert "favourite 3" in view.said.value
    assert [end.value for end in view.favourites.ends] == [1, 3]
    assert torch.allclose(view.map.points[8:9], points[2], atol=1e-5)  # the second corner had none left
    click(view, "gan-remove", 0)
    click(view, "gan-remove", 0)
    assert view.favourites.way.disabled
    view.favourites.keep()
    assert view.favourites.names() == [("favourite 4", 4)]


MOVES = {
    "a slider": lambda view: setattr(view.sliders[0], "value", 1.0),
    "surprise": lambda view: view.surprise(),
    "undo": lambda view: view.undo(),
    "reset": lambda view: view.reset(),
    "a favourite": lambda view: view.favourites.go(1),
    "the map": lambda view: view.map.go(40),
    "the way": lambda view: setattr(view.favourites.way, "value", 77),
    "a removed favourite": lambda view: view.favourites.remove(1),
}


@pytest.mark.parametrize("move", MOVES)
def test_any_move_ends_a_morph_that_plays(view, move):
    """The page goes on sending what it sent before it heard: that is not followed."""
    keep_three(view)
    open_tab(view, "Map")
    (play,) = find(view, "gan-play")
    play.playing = True
    play.value = 20
    assert "20 % of the way from favourite 1 to 3" in view.said.value
    MOVES[move](view)
    assert play.playing is False
    shown = view.image.value
    play.value = 24
    play.value = 26
    assert view.image.value == shown
    if move != "a removed favourite":
        play.playing = True  # pressed again
        play.value = 30
        assert "30 % of the way" in view.said.value


# --- what cannot be seen ------------------------------------------------------------------------------


def test_every_picture_says_what_is_seen_now(view):
    view.surprise(7)
    view.favourites.keep()
    open_tab(view, "Map")
    open_tab(view, "Find me")
    (thumb,) = (item.children[0] for item in find(view, "gan-tray")[0].children)
    assert view.frontend.alt(thumb) == "favourite 1: seed 7"
    assert "between top left favourite 1, top right seed 2, bottom left seed 3" in view.frontend.alt(view.map.image)
    assert view.frontend.alt(view.finder.yours) == "no picture yet"
    upload(find(view, "gan-upload")[0], "mine.png", png_file(np.arange(64).reshape(8, 8) * 4))
    assert "your picture" in view.frontend.alt(view.finder.yours)
    click(view, "gan-find")
    view.finder.wait()
    assert "nearest found to your picture, mean squared difference 0." in view.frontend.alt(view.finder.found)


def test_without_a_kernel_a_still_picture_stands_in(view):
    html = view._repr_mimebundle_()["text/html"]
    assert 'alt="a generated picture: seed 0"' in html
    still = pixels(base64.b64decode(html.split("base64,")[1].split('"')[0]))
    assert still.shape == (280, 280)  # large enough without the page's style
    assert (still[::35, ::35] == pixels(view.image.value)).all()
    assert "6 latent sliders" in html


def test_exported_html_shows_the_explorer_and_pictures_with_their_alt_texts(view):
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    bundles = [
        view._repr_mimebundle_(),
        show_images(torch.zeros(4, 1, 5, 5), alt="four grey squares")._repr_mimebundle_(),
    ]
    outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in bundles]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("view", outputs=outputs)])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    for alt in ("a generated picture: seed 0", "four grey squares"):
        assert f'<img alt="{alt}" src="data:image/png;base64,' in page
    assert "No description has been provided" not in page


def test_without_anywidget_the_explorer_works(generator, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    view = explore(generator)
    assert view.frontend.widgets == []
    before = view.image.value
    view.sliders[0].value = 2.0
    assert view.image.value != before
    view.favourites.keep()
    upload(find(view, "gan-upload")[0] if find(view, "gan-upload") else view.finder.upload, "a.txt", b"nothing")
    assert "a.txt cannot be read" in view.said.value


# --- find me ------------------------------------------------------------------------------------------


def test_an_uploaded_picture_is_found(view, monkeypatch):
    monkeypatch.setattr(search, "SECONDS", 60.0)
    with torch.no_grad():
        view.generator.layers[-2].bias.sub_(1)  # bright ink on a dark ground, like digits
    open_tab(view, "Find me")
    target = unscale_pixels(generate(view.generator, random_points(view.generator, 50)))[0, 0].numpy()
    (button,) = find(view, "gan-upload")
    upload(button, "mine.png", png_file(target))
    assert "mine.png is ready" in view.said.value
    assert not button.value  # emptied, so that the same file can come again
    shown = []
    view.finder.found.observe(lambda change: shown.append(change["new"]), "value")
    click(view, "gan-find")
    view.finder.wait()
    found = pixels(view.image.value)
    assert np.abs(found.astype(int) - target).mean() < 5
    assert "nearest found" in view.said.value
    assert len(shown) >= 2  # steps were seen
    assert not find(view, "gan-find")[0].disabled


def test_find_without_a_picture_and_bad_uploads_are_said(view):
    open_tab(view, "Find me")
    click(view, "gan-find")
    view.finder.wait()
    assert "draw a picture or upload one first" in view.said.value
    upload(find(view, "gan-upload")[0], "notes.txt", b"not a picture")
    assert "notes.txt cannot be read as a picture" in view.said.value
    assert view.finder.target is None


def test_the_search_is_seen_about_eight_times_a_second(view, monkeypatch):
    now = iter(i / 100 for i in range(10_000))
    monkeypatch.setattr(search.time, "perf_counter", lambda: next(now))
    stages = (Found(i, view.start, 1 / (i + 1), None) for i in range(301))
    monkeypatch.setattr(search, "find_latents", lambda *_, **__: stages)
    view.finder.target = view.pictures(view.start)
    seen = [stage.step for stage in view.finder._stages()]
    assert seen[0] == 0
    assert seen[-1] == 300
    assert 5 <= len(seen) / 3 <= 12


def test_a_cleared_canvas_or_another_press_ends_the_search(view, monkeypatch):
    monkeypatch.setattr(search, "SECONDS", 60.0)
    monkeypatch.setattr(search, "REFRESH", 0.0)
    for end in (lambda: view.finder._aim(None), lambda: click(view, "gan-find")):
        begun = threading.Event()
        stages = (begun.set() or time.sleep(0.01) or Found(i, view.start, 0.5, None) for i in range(10_000))
        monkeypatch.setattr(search, "find_latents", lambda *_, stages=stages, **__: stages)
        open_tab(view, "Find me")
        view.finder.target = view.pictures(view.start)
        before = view.image.value
        click(view, "gan-find")
        assert begun.wait(10)
        assert find(view, "gan-find")[0].description == "Stop"
        end()
        view.finder.wait()
        assert "the search was stopped" in view.said.value
        assert view.image.value == before
        assert find(view, "gan-find")[0].description == "Find"


def test_the_search_looks_in_every_class_and_says_which(conditional, monkeypatch):
    monkeypatch.setattr(search, "SECONDS", 60.0)
    open_tab(conditional, "Find me")
    target = generate(conditional.generator, random_points(conditional.generator, 9), torch.tensor([1]))
    conditional.finder.target = target
    assert conditional.label == 0
    click(conditional, "gan-find")
    conditional.finder.wait()
    assert conditional.label == 1
    assert (conditional.pictures(conditional.latents) - target).pow(2).mean() < 0.01
    assert "class 1" in conditional.finder.note.value


def test_what_the_page_sends_is_taken(view, tmp_path):
    view._heard({"event": "file", "target": "picture", "name": "holiday.jpg"}, [b"broken"])
    assert "holiday.jpg cannot be read as a picture" in view.said.value
    assert view.panels[view.tabs.value] is view.finder
    view._heard({"event": "file", "target": "picture", "name": "two.png"}, [png_file(np.eye(8) * 255)])
    assert "two.png is ready" in view.said.value  # a bad one never blocks the next
    save_latents(tmp_path / "z.safetensors", torch.ones(1, 6))
    content = (tmp_path / "z.safetensors").read_bytes()
    view._heard({"event": "file", "target": "latents", "name": "z.safetensors"}, [content])
    assert torch.equal(view.latents, torch.ones(1, 6))
    view._heard({"event": "refused", "text": "huge.tif is too large"}, [])
    assert "huge.tif is too large" in view.said.value


def test_a_drawing_becomes_the_target(view):
    pytest.importorskip("anywidget")
    from test_canvas import encoded

    open_tab(view, "Find me")
    (canvas,) = find(view, "gan-canvas")
    drawing = Image.new("L", (196, 196))
    drawing.paste(255, (49, 49, 98, 98))
    canvas.picture = encoded(drawing)
    signs = view.finder.target[0, 0].sign()
    assert (signs[2:4, 2:4] == -signs[0, 0]).all()
    assert (signs[:, 4:] == signs[0, 0]).all()
    assert pixels(view.finder.yours.value).std() > 0
    canvas.picture = ""
    assert view.finder.target is None


def test_without_the_canvas_the_upload_remains(view, monkeypatch):
    monkeypatch.setattr(search, "drawing_canvas", lambda shape: None)
    open_tab(view, "Find me")
    assert find(view, "gan-canvas") == []
    assert len(find(view, "gan-upload")) == 1
    assert "pip install anywidget" in view.finder.note.value


# --- files --------------------------------------------------------------------------------------------


def test_picture_walk_and_vector_are_saved_without_overwriting(view, folder):
    keep_three(view)
    open_tab(view, "Save")
    for kind in ("png", "gif", "latents", "png"):
        click(view, f"gan-save-{kind}")
        assert "saved as outputs" in view.said.value
    names = ["latents_1.safetensors", "picture_1.png", "picture_2.png", "walk_1.gif"]
    assert sorted(path.name for path in folder.iterdir()) == names
    zoom = 280 // 8
    saved = pixels((folder / "picture_1.png").read_bytes())[::zoom, ::zoom]
    assert (saved == unscale_pixels(view.pictures(view.latents))[0, 0].numpy()).all()
    assert Image.open(folder / "walk_1.gif").n_frames == 2 * 24 - 2
    assert torch.equal(load_tensors(folder / "latents_1.safetensors")[0]["latents"], view.latents)


def test_a_walk_needs_two_favourites(view, folder):
    click(view, "gan-save-gif")
    assert "keep two pictures first" in view.said.value
    assert not folder.exists()


def test_a_saved_vector_loads_again_from_the_list_and_by_upload(conditional, folder):
    open_tab(conditional, "Save")
    click(conditional, "gan-load-saved")
    assert "save a latent vector first" in conditional.said.value
    find(conditional, "gan-class")[0].value = 1
    conditional.sliders[0].value = 2.0
    saved = conditional.image.value
    click(conditional, "gan-save-latents")
    content = (folder / "latents_1.safetensors").read_bytes()
    for load in (
        lambda: click(conditional, "gan-load-saved"),
        lambda: upload(find(conditional, "gan-load")[0], "mine.safetensors", content),
        lambda: upload(find(conditional, "gan-load")[0], "mine.safetensors", content),  # the same file again
    ):
        find(conditional, "gan-class")[0].value = 0
        conditional.surprise()
        assert conditional.image.value != saved
        load()
        assert conditional.image.value == saved
        assert conditional.label == 1


def test_a_wrong_or_damaged_file_is_said_by_name(view, tmp_path):
    save_latents(tmp_path / "z.safetensors", torch.randn(1, 7))
    content = (tmp_path / "z.safetensors").read_bytes()
    before = view.image.value
    (button,) = find(view, "gan-load")
    upload(button, "no_such.safetensors", b"")
    assert "/" not in view.said.value.replace("</div>", "")  # the reader's name of it, not that of a copy
    upload(button, "other.safetensors", content)
    assert "other.safetensors is for another generator" in view.said.value
    upload(button, "broken.safetensors", content[:-3])
    assert "broken.safetensors is damaged" in view.said.value
    upload(button, "../../evil.safetensors", b"")
    assert "evil.safetensors" in view.said.value
    assert view.image.value == before


def test_a_vector_of_another_generator_of_the_same_width_is_loaded_with_a_word(view, folder):
    click(view, "gan-save-latents")
    click(view, "gan-load-saved")
    assert "another" not in view.said.value
    with torch.no_grad():
        next(view.generator.parameters()).add_(0.1)
    click(view, "gan-load-saved")
    assert "saved with another generator or other weights: the same numbers, another picture" in view.said.value


def test_a_folder_that_cannot_be_written_is_said(view, folder):
    folder.write_text("a file where the folder should be")
    click(view, "gan-save-png")
    assert "cannot write" in view.said.value
