"""Notebooks 04 and 05 in a real JupyterLab: sliders move pictures by mouse and by keys, training pauses and goes on."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from lab import Reader, jupyterlab
from PIL import Image


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jupyterlab")
    with jupyterlab(folder) as address:
        yield address, folder / "course"


@contextmanager
def reading(browser, address: str, name: str):
    """A reader of one notebook; in the end no error may stand in the browser's console."""
    with browser.new_context(viewport={"width": 1300, "height": 1000}) as context:
        reader = Reader(context.new_page(), address, name)
        yield reader
    assert reader.errors == []


class Explorer:
    """The last explorer of a page, as a person sees it."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.page = reader, reader.page
        self.root = reader.page.locator(".gan-explorer").last
        self.root.scroll_into_view_if_needed()

    def part(self, name: str):
        return self.root.locator(f".gan-{name}")

    def tab(self, title: str) -> None:
        self.root.get_by_role("tab", name=title).click()

    def source(self) -> str:
        return self.part("picture").get_attribute("src")

    def pixels(self) -> np.ndarray:
        """What the browser has drawn, not what it was sent."""
        self.reader.until("image => image.complete", self.part("picture"))
        return np.asarray(Image.open(io.BytesIO(self.part("picture").screenshot())).convert("L"), dtype=float)

    def said(self) -> str:
        return self.part("said").inner_text()

    def says(self, words: str) -> None:
        self.reader.until(f"said => said.innerText.includes({words!r})", self.part("said"))

    def changed(self, action) -> np.ndarray:
        """Do something, wait for another picture, and return by how much its pixels differ."""
        before, source = self.pixels(), self.source()
        action()
        self.reader.until(f"image => image.src != {source!r}", self.part("picture"))
        self.page.wait_for_timeout(300)  # the last of several frames
        return np.abs(self.pixels() - before)

    def drag(self, handle, pixels: int) -> None:
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=10)
        self.page.mouse.up()


@pytest.fixture(scope="module")
def explorer(browser, lab):
    """Notebook 05, run from top to bottom: its last explorer."""
    with reading(browser, lab[0], "05_sample_new_digits.ipynb") as reader:
        reader.start()
        reader.finish()
        yield Explorer(reader)


def test_sliders_move_the_picture_by_mouse_and_by_keyboard(explorer):
    handle = explorer.root.locator(".noUi-handle").first
    assert explorer.changed(lambda: explorer.drag(handle, 60)).max() > 60
    said = explorer.said()

    def press() -> None:
        handle.focus()
        for _ in range(20):
            explorer.page.keyboard.press("ArrowLeft")

    assert explorer.changed(press).max() > 60
    assert explorer.said() != said
    assert explorer.changed(explorer.part("reset").first.click).max() > 60
    explorer.reader.screenshot("explorer_directions")

    explorer.tab("Single numbers")
    numbers = explorer.part("sliders").nth(1).locator(".noUi-handle")
    numbers.nth(63).wait_for()
    assert explorer.changed(lambda: explorer.drag(numbers.nth(3), 80)).max() > 20
    explorer.reader.screenshot("explorer_numbers")


def test_a_find_can_be_shared_by_its_seed_and_taken_back(explorer):
    first = explorer.pixels()
    assert explorer.changed(explorer.part("surprise").click).max() > 60
    seed = explorer.part("seed").locator("input")
    number, found = seed.input_value(), explorer.pixels()
    assert explorer.changed(explorer.part("surprise").click).max() > 60

    def type_it() -> None:
        seed.fill(number)
        seed.press("Enter")

    explorer.changed(type_it)
    assert np.abs(explorer.pixels() - found).max() < 2
    for _ in range(2):
        explorer.changed(explorer.part("undo").click)
    explorer.changed(explorer.part("undo").click)
    assert np.abs(explorer.pixels() - first).max() < 2


def keep(explorer: Explorer, seeds: tuple[int, ...]) -> None:
    for seed in seeds:
        explorer.part("seed").locator("input").fill(str(seed))
        explorer.part("seed").locator("input").press("Enter")
        explorer.says(f"seed {seed}")
        explorer.part("keep").click()
        explorer.says("kept as favourite")


def test_favourites_are_kept_morphed_and_mapped(explorer):
    explorer.tab("Favourites")
    keep(explorer, (11, 12, 13))
    assert explorer.changed(explorer.part("go").first.click).max() > 60
    explorer.says("favourite 1")
    first = explorer.pixels()

    morph = explorer.part("morph").locator(".noUi-handle")
    assert explorer.changed(lambda: explorer.drag(morph, 40)).max() > 20
    assert "% of the way from favourite 1 to 3" in explorer.said()
    play = explorer.part("play").get_by_role("button")
    explorer.changed(play.first.click)  # it moves by itself ...
    explorer.reader.screenshot("explorer_favourites")
    play.first.click()  # ... until paused
    explorer.page.wait_for_timeout(500)
    still = explorer.source()
    explorer.page.wait_for_timeout(500)
    assert explorer.source() == still

    explorer.tab("Map")
    cells = explorer.part("map-cell")
    cells.nth(80).wait_for()
    assert explorer.changed(cells.nth(40).click).max() > 20
    explorer.says("row 5, column 5")
    explorer.changed(lambda: (cells.first.focus(), explorer.page.keyboard.press("Enter")))
    assert np.abs(explorer.pixels() - first).max() < 2  # the corner is favourite 1
    explorer.reader.screenshot("explorer_map")


def test_what_is_saved_loads_again(explorer, lab):
    explorer.tab("Save")
    before = explorer.pixels()
    for kind in ("png", "gif", "latents"):
        explorer.part(f"save-{kind}").click()
        explorer.says({"png": ".png", "gif": ".gif", "latents": ".safetensors"}[kind])
    files = {path.suffix: path for path in Path(lab[1]).glob("outputs/**/explorer/*")}
    assert set(files) == {".png", ".gif", ".safetensors"}
    assert Image.open(files[".gif"]).n_frames > 20
    assert np.asarray(Image.open(files[".png"])).std() > 10
    explorer.changed(explorer.part("surprise").click)
    with explorer.page.expect_file_chooser() as chooser:
        explorer.part("load").click()
    explorer.changed(lambda: chooser.value.set_files(files[".safetensors"]))
    assert np.abs(explorer.pixels() - before).max() < 2
    explorer.reader.screenshot("explorer_save")


def test_a_drawn_digit_is_found(explorer):
    explorer.tab("Find me")
    canvas = explorer.part("canvas").locator("canvas")
    box = canvas.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])  # a 7, in two strokes
    mouse.down()
    mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.2 * box["height"], steps=5)
    mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
    mouse.up()
    explorer.page.wait_for_timeout(500)
    explorer.changed(explorer.part("find").click)
    explorer.says("the nearest found to your picture")
    error = float(explorer.said().split()[-1])
    assert error < 0.3  # a random digit differs from it by about 0.5
    explorer.reader.screenshot("explorer_find_me")

    with explorer.page.expect_file_chooser() as chooser:
        explorer.part("upload").click()
    chooser.value.set_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    explorer.says("cannot be read as a picture")


def test_the_explorer_in_the_dark(explorer):
    explorer.reader.use_theme("JupyterLab Dark")
    explorer.tab("Directions")
    explorer.root.scroll_into_view_if_needed()
    explorer.reader.screenshot("explorer_dark")
    colour = "element => getComputedStyle(element).color"
    assert explorer.part("said").evaluate(colour) != "rgb(0, 0, 0)"
    explorer.reader.use_theme("JupyterLab Light")


def step(reader: Reader) -> int:
    """The step that the monitor shows."""
    status = reader.page.locator(".gan-status").first.inner_text()
    return int(re.search(r"step ([\d,]+)", status)[1].replace(",", ""))


def test_training_pauses_steps_and_goes_on_while_its_cell_is_running(browser, lab):
    with reading(browser, lab[0], "04_train_in_alternation.ipynb") as reader:
        page, monitor = reader.page, reader.page.locator(".gan-monitor").first
        reader.start()
        page.locator(".gan-pause").first.click(timeout=120_000)  # as soon as it appears
        reader.until("status => status.innerText.startsWith('Paused')", page.locator(".gan-status").first)
        paused = step(reader)
        page.wait_for_timeout(1000)
        assert step(reader) == paused
        monitor.scroll_into_view_if_needed()
        reader.screenshot("monitor_paused")

        page.locator(".gan-step").first.click()
        reader.until(f"status => status.innerText.includes('step {paused + 1:,} ')", page.locator(".gan-status").first)
        source = page.locator(".gan-live").first.get_attribute("src")
        page.locator(".gan-go").first.click()
        reader.until(f"image => image.src != {source!r}", page.locator(".gan-live").first)
        reader.finish()
        assert step(reader) > paused + 1
        reader.screenshot("monitor_end")
