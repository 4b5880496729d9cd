"""The drawing canvas: optional, drawn on in Chromium, and read back as a picture."""

from __future__ import annotations

import base64
import io
import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers.data.edges import grown
from gan_helpers.widgets.canvas import (
    CANVAS_SCRIPT,
    PIXELS_SCRIPT,
    PREFIX,
    data_url,
    drawing_canvas,
    open_picture,
    pixel_canvas,
    read_drawing,
)


def encoded(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return PREFIX + base64.b64encode(buffer.getvalue()).decode()


def test_a_drawing_is_read_back():
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8))
    assert (np.asarray(read_drawing(encoded(image))) == np.asarray(image)).all()
    assert read_drawing("") is None
    assert data_url(base64.b64decode(encoded(image)[len(PREFIX) :])) == encoded(image)


@pytest.mark.parametrize("text", ["hello", PREFIX + "AAAA", "data:image/svg+xml;base64,AAAA"])
def test_what_is_no_drawing_is_refused(text):
    with pytest.raises(ValueError, match="upload a picture|cannot be read"):
        read_drawing(text)


def test_a_truncated_file_is_refused_by_name():
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "png")
    with pytest.raises(ValueError, match=r"holiday\.png cannot be read as a picture"):
        open_picture(buffer.getvalue()[:500], "holiday.png")


def test_there_is_no_canvas_without_its_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    assert drawing_canvas((1, 28, 28)) is None
    assert pixel_canvas((1, 28, 28)) is None


def test_the_canvas_has_the_pictures_proportions():
    pytest.importorskip("anywidget")
    canvas = drawing_canvas((1, 20, 40), width=200)
    assert (canvas.width, canvas.height, canvas.picture) == (200, 100, "")


def test_colab_is_asked_to_show_it(monkeypatch):
    pytest.importorskip("anywidget")
    asked = []
    colab = ModuleType("google.colab")
    colab.output = SimpleNamespace(enable_custom_widget_manager=lambda: asked.append(True))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    drawing_canvas((1, 28, 28))
    assert asked == [True]


# --- the script, in a browser -------------------------------------------------------------------------

PAGE = """<body style="margin:0"><div id="here"></div><script type="module">
const source = @SOURCE@, traits = {picture: "@PICTURE@", width: 140, height: 140};
window.saved = [];
window.model = {get: name => traits[name], set: (name, value) => { traits[name] = value; },
                save_changes: () => window.saved.push(traits.picture)};
const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
module.default.render({model: window.model, el: document.getElementById("here")});
window.ready = true;
</script></body>"""


@pytest.fixture
def show(browser):
    """Show the canvas in a page, with a picture that it held before."""
    pages = []

    def show(picture: str = ""):
        page = browser.new_page()
        pages.append(page)
        source = json.dumps(CANVAS_SCRIPT.read_text(encoding="utf-8"))
        page.set_content(PAGE.replace("@SOURCE@", source).replace("@PICTURE@", picture))
        page.wait_for_function("window.ready")
        return page

    yield show
    for page in pages:
        page.close()


def stroke(page, *points: tuple[int, int]) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def drawn(page) -> np.ndarray:
    return np.asarray(read_drawing(page.evaluate("window.saved.at(-1)")).convert("L"))


def test_a_stroke_is_white_soft_and_two_mnist_pixels_wide(show):
    page = show()
    stroke(page, (20, 71), (120, 71))
    ink = drawn(page)
    assert page.evaluate("window.saved.length") == 1  # only when the pen is lifted
    assert ink.shape == (140, 140)
    assert ink[70, 20:120].min() == 255
    column = ink[:, 70].astype(float) / 255
    assert 9 <= column.sum() <= 16  # 2 of 28 are 10 pixels, and a soft edge
    assert ((column > 0.05) & (column < 0.95)).sum() >= 2
    assert ink[:50].max() == 0
    assert ink[95:].max() == 0


def test_a_touch_is_a_dot_and_clear_wipes(show):
    page = show()
    stroke(page, (40, 40))
    assert drawn(page)[39, 39] == 255
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate("window.saved.at(-1)") == ""
    stroke(page, (100, 100))
    assert drawn(page)[39, 39] == 0
    assert drawn(page)[99, 99] == 255


def test_a_stroke_may_leave_the_canvas_and_ends_there(show):
    page = show()
    stroke(page, (70, 70), (300, 70))
    page.mouse.move(10, 10)
    page.mouse.move(10, 130)  # the pen is up: nothing is drawn
    assert drawn(page)[70, 139] == 255
    assert drawn(page)[100, 10] == 0
    assert page.evaluate("window.saved.length") == 1


def test_a_second_view_shows_what_was_drawn(show):
    page = show(encoded(Image.new("RGB", (140, 140), (90, 90, 90))))
    page.wait_for_function("document.querySelector('canvas').getContext('2d').getImageData(70, 70, 1, 1).data[0] == 90")


# --- the grid of pixels -------------------------------------------------------------------------------

GRID = """<body style="margin:0"><div id="here"></div><script type="module">
const source = @SOURCE@, traits = {picture: "", width: 200, columns: 20, rows: 10, pen: @PEN@};
const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
window.saved = [];
window.heard = [];
window.put = picture => { traits.picture = picture; window.heard.forEach(call => call()); };
module.default.render({el: document.getElementById("here"), model: {
  get: name => traits[name], set: (name, value) => { traits[name] = value; }, off() {},
  save_changes: () => window.saved.push(traits.picture), on: (name, call) => window.heard.push(call)}});
window.ready = true;
</script></body>"""


@pytest.fixture
def grid(browser):
    """A canvas of 20x10 pixels, ten times enlarged, in a page; made with the pen that is asked for."""
    pages = []

    def show(pen: int = 1):
        page = browser.new_page()
        pages.append(page)
        source = json.dumps(PIXELS_SCRIPT.read_text(encoding="utf-8"))
        page.set_content(GRID.replace("@SOURCE@", source).replace("@PEN@", str(pen)))
        page.wait_for_function("window.ready")
        return page

    yield show
    for page in pages:
        page.close()


def through(page, *cells: tuple[int, int]) -> None:
    """One stroke through the middles of these pixels (column, row), in as many moves."""
    stroke_at = [(10 * x + 5, 10 * y + 5) for x, y in cells]
    page.mouse.move(*stroke_at[0])
    page.mouse.down()
    for place in stroke_at[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def lit(page) -> set[tuple[int, int]]:
    """The pixels (column, row) that are white in the last picture sent; the others are black."""
    pixels = drawn(page)
    assert pixels.shape == (10, 20)
    assert {*np.unique(pixels)} <= {0, 255}
    return {(int(x), int(y)) for y, x in zip(*np.nonzero(pixels), strict=True)}


def test_a_stroke_on_the_grid_is_one_pixel_thin_wherever_it_goes(grid):
    page = grid()
    through(page, (1, 1), (2, 1), (2, 2), (3, 2), (3, 3))  # down a stair: each corner is cut
    assert lit(page) == {(1, 1), (2, 2), (3, 3)}
    through(page, (10, 1), (14, 1), (10, 1))  # back on its own way: nothing is lost
    assert lit(page) == {(1, 1), (2, 2), (3, 3), *((x, 1) for x in range(10, 15))}
    through(page, (6, 8), (18, 5))  # a fast move: no gap
    line = {place for place in lit(page) if place[1] >= 5}
    assert sorted(x for x, _ in line) == list(range(6, 19))
    through(page, (0, 9))
    assert (0, 9) in lit(page)  # a touch is a dot


def test_a_pen_of_three_draws_what_growing_a_thin_line_gives(grid):
    ways = [(2, 2), (9, 6), (17, 6), (17, 1)]
    thin, thick = grid(1), grid(3)
    through(thin, *ways)
    through(thick, *ways)
    marked = grown(torch.from_numpy(drawn(thin) > 0)[None, None])[0, 0].numpy()
    assert ((drawn(thick) > 0) == marked).all()


def test_it_erases_undoes_clears_and_takes_pictures_from_python(grid):
    page = grid()
    through(page, (1, 1), (9, 1))
    page.get_by_role("button", name="Erase").click()
    assert page.get_by_role("button", name="Erase").get_attribute("aria-pressed") == "true"
    through(page, (5, 0), (5, 3))
    assert lit(page) == {(x, 1) for x in range(1, 10)} - {(5, 1)}
    page.get_by_role("button", name="Erase").click()
    sent = page.evaluate("saved.length")
    page.evaluate("picture => put(picture)", encoded(Image.new("L", (20, 10), 255)))
    page.wait_for_timeout(200)
    assert page.evaluate("saved.length") == sent  # what came from there is not sent back
    through(page, (0, 0))
    assert len(lit(page)) == 200
    for _ in range(2):  # the dot, the picture
        page.get_by_role("button", name="Undo").click()
        page.wait_for_timeout(100)
    assert lit(page) == {(x, 1) for x in range(1, 10)} - {(5, 1)}
    page.get_by_role("button", name="Clear").click()
    page.wait_for_timeout(100)
    assert lit(page) == set()


def test_the_grid_is_drawn_by_keys(grid):
    page = grid()
    page.locator("canvas").focus()
    page.keyboard.press("Space")  # in the middle
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert lit(page) == {(10, 5), (10, 2), (9, 2), (8, 1)} | ({(8, 2)} & lit(page))  # the bend may be cut
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    assert (9, 9) in lit(page)  # not beyond the rim
