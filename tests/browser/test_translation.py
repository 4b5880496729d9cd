"""A drawing and its translation in a real JupyterLab: by mouse, by keys, by upload, reloaded, on a phone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lab import SET_UP, Reader, reading, write_notebook
from PIL import Image

from gan_helpers.data import draw_faces, edge_map, sample_factors, unscale_pixels
from gan_helpers.models import UNet, apply

SIDE = 32
NETWORK = f"""import torch
from gan_helpers.models import UNet
torch.manual_seed(0)
network = UNet((3, {SIDE}, {SIDE}), source_channels=1, width=6)
for p in network.parameters():
    p.data += 0.1 * torch.randn_like(p)"""
SHOW = f"""from gan_helpers.data import draw_faces, edge_map, sample_factors
from gan_helpers.widgets import explore_translation
explore_translation(network, draw_faces(sample_factors(4, 0), {SIDE}), edge_map, pen=1)"""


def the_network() -> UNet:
    known: dict[str, UNet] = {}
    exec(NETWORK, known)
    return known["network"]


class Easel:
    """The widget, as a person meets it."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.page = reader, reader.page
        self.root = reader.page.locator(".gan-explorer").last
        self.canvas = self.root.locator(".gan-canvas canvas")
        self.canvas.wait_for()
        self.root.scroll_into_view_if_needed()

    def drawn(self) -> torch.Tensor:
        """What stands on the canvas, uint8 (1, 1, H, W)."""
        values = self.canvas.evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 == 0)"
        )
        return torch.tensor(values, dtype=torch.uint8).view(1, 1, SIDE, SIDE)

    def shown(self) -> torch.Tensor:
        """The translation's pixels in the page, uint8 (1, 3, H, W)."""
        values = self.root.locator("img.gan-result").evaluate("""async image => { await image.decode();
            const c = document.createElement("canvas"), pen = c.getContext("2d");
            [c.width, c.height] = [image.naturalWidth, image.naturalHeight]; pen.drawImage(image, 0, 0);
            return Array.from(pen.getImageData(0, 0, c.width, c.height).data).filter((_, i) => i % 4 < 3); }""")
        return torch.tensor(values, dtype=torch.uint8).view(SIDE, SIDE, 3).permute(2, 0, 1)[None]

    def source(self) -> str:
        return self.root.locator("img.gan-result").get_attribute("src")

    def changed(self, action) -> None:
        """Do something, and wait for another translation, and for the last of several."""
        before = self.source()
        action()
        self.reader.until(f"image => image.src != {before!r}", self.root.locator("img.gan-result"))
        self.page.wait_for_timeout(500)

    def says(self, words: str) -> None:
        self.reader.until(f"said => said.innerText.includes({words!r})", self.root.locator(".gan-said"))

    def stroke(self, *cells: tuple[float, float]) -> None:
        box, mouse = self.canvas.bounding_box(), self.page.mouse
        places = [(box["x"] + box["width"] * x / SIDE, box["y"] + box["height"] * y / SIDE) for x, y in cells]
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=8)
        mouse.up()

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()


@pytest.fixture(scope="module")
def easel(browser, lab):
    write_notebook(lab[1] / "notebooks" / "easel.ipynb", SET_UP, NETWORK, SHOW, "# below")
    with reading(browser, lab[0], "easel.ipynb") as reader:
        reader.start()
        reader.finish()
        yield Easel(reader)


def matches(easel: Easel) -> bool:
    """Is what is shown the translation of what is drawn, by the same network here? Two machines' rounding apart."""
    ours = unscale_pixels(apply(the_network(), easel.drawn())).int()
    return bool((ours - easel.shown().int()).abs().max() <= 1)


def test_it_opens_with_the_edges_of_the_first_face(easel):
    assert torch.equal(easel.drawn(), edge_map(draw_faces(sample_factors(1, 0), SIDE)))
    assert matches(easel)
    easel.reader.screenshot("translation")


def test_a_line_by_mouse_is_thin_and_translated_and_can_be_undone_and_erased(easel):
    opened = easel.drawn()
    easel.changed(lambda: easel.press("Clear"))
    assert not easel.drawn().any()
    easel.changed(lambda: easel.stroke((4.5, 4.5), (20.5, 4.5), (28.5, 20.5)))
    line = easel.drawn()[0, 0]
    assert {*line.unique().tolist()} == {0, 255}
    assert (line[4, 5:19] == 255).all()
    count = int((line > 0).sum())
    assert count in (16 + 16, 16 + 16 + 1)  # a pixel a column along, then a pixel a row down; the bend may be cut short
    assert matches(easel)
    easel.says("your drawing")
    easel.changed(lambda: (easel.press("Erase"), easel.stroke((8.5, 2.5), (8.5, 8.5))))
    assert (easel.drawn()[0, 0] > 0).sum() == count - 1
    assert matches(easel)
    easel.press("Erase")
    for _ in range(3):
        easel.changed(lambda: easel.press("Undo"))
    assert torch.equal(easel.drawn(), opened)
    assert matches(easel)


def test_the_translation_follows_while_the_pen_is_down(easel):
    easel.press("Clear")
    box, mouse = easel.canvas.bounding_box(), easel.page.mouse
    mouse.move(box["x"] + 60, box["y"] + 60)
    mouse.down()
    easel.changed(lambda: mouse.move(box["x"] + 120, box["y"] + 120, steps=5))
    easel.changed(lambda: mouse.move(box["x"] + 200, box["y"] + 120, steps=5))
    mouse.up()
    assert matches(easel)


def test_it_is_drawn_by_keys_which_stay_on_the_canvas(easel):
    easel.press("Clear")
    cells = easel.reader.cells()
    easel.root.locator(".gan-clear").focus()
    for _ in range(3):
        easel.page.keyboard.press("Shift+Tab")
    assert easel.page.evaluate("document.activeElement.tagName") == "CANVAS"
    before = easel.drawn()
    easel.changed(lambda: easel.page.keyboard.press("Space"))
    assert (easel.drawn() != before).sum() == 1
    for key in ("ArrowDown", "ArrowDown", *["Shift+ArrowRight"] * 5, "d", "d"):
        easel.page.keyboard.press(key)
    easel.page.wait_for_timeout(500)
    assert (easel.drawn() != before).sum() == 1 + 6
    assert matches(easel)
    assert easel.reader.cells() == cells


def test_a_face_is_chosen_or_uploaded_and_its_edges_can_be_drawn_on(easel, tmp_path):
    easel.changed(lambda: easel.root.locator("select").select_option("picture 3"))
    faces = draw_faces(sample_factors(4, 0), SIDE)
    assert torch.equal(easel.drawn(), edge_map(faces[2:3]))
    pixels = draw_faces(sample_factors(1, 7), 64)[0].permute(1, 2, 0).numpy()
    Image.fromarray(np.pad(pixels, ((0, 0), (9, 9), (0, 0)))).save(tmp_path / "me.png")
    with easel.page.expect_file_chooser() as chooser:
        easel.root.locator(".gan-upload").click()
    easel.changed(lambda: chooser.value.set_files(tmp_path / "me.png"))
    easel.says("me.png")
    assert 40 < (easel.drawn() > 0).sum() < 400
    assert matches(easel)
    easel.reader.screenshot("translation_upload")
    easel.changed(lambda: easel.stroke((2.5, 2.5), (12.5, 2.5)))
    easel.says("your drawing, from me.png")
    with easel.page.expect_file_chooser() as chooser:
        easel.root.locator(".gan-upload").click()
    chooser.value.set_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    easel.says("notes.png cannot be read as a picture")
    assert matches(easel)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_axe_finds_no_serious_fault(easel, theme):
    easel.reader.use_theme(theme)
    assert easel.reader.faults(".gan-explorer") == []
    easel.root.scroll_into_view_if_needed()
    easel.reader.screenshot(f"translation_{theme.split()[-1].lower()}")
    alts = easel.root.locator("img:visible").evaluate_all("images => images.map(image => image.alt)")
    assert min(map(len, alts)) > 10, alts


def test_after_save_and_reload_the_drawing_is_there_and_goes_on(easel):
    easel.changed(lambda: (easel.press("Clear"), easel.stroke((4.5, 20.5), (20.5, 20.5))))
    drawn = easel.drawn()
    easel.reader.save_and_reload()
    again = Easel(easel.reader)
    again.reader.until("part => part.querySelector('.gan-canvas canvas') !== null", again.root)
    again.page.wait_for_timeout(1000)
    assert torch.equal(again.drawn(), drawn)
    again.changed(lambda: again.stroke((4.5, 25.5), (20.5, 25.5)))
    assert (again.drawn() > 0).sum() == 34
    assert matches(again)


def test_a_finger_draws_on_a_phone_and_nothing_is_cut_off(browser, lab):
    write_notebook(lab[1] / "notebooks" / "easel_phone.ipynb", SET_UP, NETWORK, SHOW, "# below\n" + "\n\nfiller" * 60)
    with reading(browser, lab[0], "easel_phone.ipynb", 390, 844, touch=True) as reader:
        reader.hide_files()
        reader.start()
        reader.finish()
        easel = Easel(reader)
        reader.page.wait_for_timeout(1000)
        easel.canvas.scroll_into_view_if_needed()
        root, box = easel.root.bounding_box(), easel.canvas.bounding_box()
        assert box["x"] + box["width"] <= root["x"] + root["width"] + 1
        before = easel.drawn()
        easel.changed(lambda: reader.page.touchscreen.tap(box["x"] + 10, box["y"] + 10))
        assert (easel.drawn() != before).sum() == 1
        assert matches(easel)
        reader.screenshot("translation_phone")
