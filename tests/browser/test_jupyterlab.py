"""The explorer and the monitor in a real JupyterLab with its default settings: by mouse, by keys, reloaded, small."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from lab import SET_UP, Reader, reading, write_notebook
from PIL import Image

NAME = """() => { const e = document.activeElement, label = e.getAttribute("aria-label") || e.labels?.[0]?.innerText;
    return (label || e.innerText || e.title || e.tagName).trim(); }"""


class Explorer:
    """The last explorer of a page, as a person meets it."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.page = reader, reader.page
        self.root = reader.page.locator(".gan-explorer").last
        self.root.scroll_into_view_if_needed()

    def part(self, name: str):
        return self.root.locator(f".gan-{name}")

    def tab(self, title: str) -> None:
        self.root.get_by_role("button", name=title, exact=True).click()

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

    def seed(self, number: int) -> None:
        self.part("seed").locator("input").fill(str(number))
        self.part("seed").locator("input").press("Enter")
        self.says(f"seed {number}")

    def keep(self, *seeds: int) -> None:
        for number in seeds:
            self.seed(number)
            self.part("keep").click()
            self.says("kept as favourite")

    # --- by keys alone ---

    def focused(self) -> str:
        return self.page.evaluate(NAME)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def has_focus(self, name: str) -> None:
        """Wait until the focus is on what has that name: names and focus follow the kernel's answer."""
        self.page.wait_for_function(f"name => ({NAME})() === name", arg=name, polling=50, timeout=20_000)

    def tab_to(self, name: str, key: str = "Tab") -> None:
        for _ in range(100):
            self.press(key)
            if self.focused() == name:
                return
        raise AssertionError(f"{key} does not lead to {name}, but to {self.focused()}")


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
        explorer.press(*["ArrowLeft"] * 20)

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
    explorer.changed(lambda: explorer.seed(int(number)))
    assert np.abs(explorer.pixels() - found).max() < 2
    for _ in range(2):
        explorer.changed(explorer.part("undo").click)
    explorer.changed(explorer.part("undo").click)
    assert np.abs(explorer.pixels() - first).max() < 2


def test_favourites_are_kept_morphed_mapped_and_removed(explorer):
    explorer.tab("Favourites")
    explorer.keep(11, 12, 13)
    assert explorer.changed(explorer.part("go").first.click).max() > 60
    explorer.says("favourite 1")
    first = explorer.pixels()

    morph = explorer.part("morph").locator(".noUi-handle")
    assert explorer.changed(lambda: explorer.drag(morph, 40)).max() > 20
    assert "% of the way from favourite 1 to 3" in explorer.said()
    play = explorer.part("play").get_by_role("button")
    explorer.changed(play.first.click)  # it moves by itself ...
    explorer.reader.screenshot("explorer_favourites")
    explorer.part("surprise").click()  # ... until another move, which stays
    explorer.says("seed")
    explorer.page.wait_for_timeout(1500)
    assert explorer.said().startswith("seed ")
    assert play.first.get_attribute("aria-label") == "Play the morph"

    explorer.tab("Map")
    cells = explorer.part("map-cell")
    cells.nth(80).wait_for()
    assert explorer.changed(cells.nth(40).click).max() > 20
    explorer.says("row 5, column 5")
    explorer.changed(lambda: (cells.first.focus(), explorer.press("Enter")))
    assert np.abs(explorer.pixels() - first).max() < 2  # the corner is favourite 1
    explorer.reader.screenshot("explorer_map")
    explorer.tab("Favourites")
    explorer.part("remove").nth(1).click()
    explorer.says("removed favourite 2")
    assert explorer.part("go").all_inner_texts() == ["Go to 1", "Go to 3"]


def test_what_is_saved_loads_again(explorer, lab):
    explorer.tab("Save")
    explorer.seed(5)
    before = explorer.pixels()
    for kind in ("png", "gif", "latents"):
        explorer.part(f"save-{kind}").click()
        explorer.says({"png": ".png", "gif": ".gif", "latents": ".safetensors"}[kind])
    files = {path.suffix: path for path in Path(lab[1]).glob("outputs/**/explorer/*")}
    assert set(files) == {".png", ".gif", ".safetensors"}
    for name in ("load-saved", "load"):
        explorer.changed(explorer.part("surprise").click)
        if name == "load":
            with explorer.page.expect_file_chooser() as chooser:
                explorer.part("load").click()
            explorer.changed(lambda chooser=chooser: chooser.value.set_files(files[".safetensors"]))
        else:
            explorer.changed(explorer.part(name).click)
        assert np.abs(explorer.pixels() - before).max() < 2
    explorer.reader.screenshot("explorer_save")


def draw_a_seven(explorer: Explorer) -> None:
    box = explorer.part("canvas").locator("canvas").bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.2 * box["height"], steps=5)
    mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
    mouse.up()
    explorer.page.wait_for_timeout(500)


def test_a_drawn_digit_is_found_and_clear_ends_the_search(explorer):
    explorer.tab("Find me")
    draw_a_seven(explorer)
    explorer.changed(explorer.part("find").click)
    explorer.says("the nearest found to your picture")
    error = float(explorer.said().split()[-1])
    assert error < 0.3  # a random digit differs from it by about 0.5
    explorer.reader.screenshot("explorer_find_me")
    explorer.part("find").click()
    explorer.reader.until("button => button.innerText.includes('Stop')", explorer.part("find"))
    explorer.part("clear").click()
    explorer.says("the search was stopped")


def noise(side: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "png", compress_level=0)
    return buffer.getvalue()


DROP = """([root, name, bytes]) => { const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
    for (const kind of ["dragover", "drop"])
      root.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true})); }"""


def test_bad_and_huge_uploads_never_block_the_next(explorer):
    explorer.tab("Find me")
    files = {"notes.png": b"no picture", "huge.png": noise(2600), "broken.tif": b"II*" + bytes(9_000_000)}
    words = {
        "notes.png": "notes.png cannot be read",
        "huge.png": "huge.png is ready",
        "broken.tif": "broken.tif cannot",
    }
    assert len(files["huge.png"]) > 20e6  # a message of 10 MB would end the connection
    for name, content in files.items():
        with explorer.page.expect_file_chooser() as chooser:
            explorer.part("upload").click()
        chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})
        explorer.says(words[name])
    explorer.tab("Directions")
    explorer.page.evaluate(DROP, [explorer.root.element_handle(), "dropped.png", list(noise(40))])
    explorer.says("dropped.png is ready")
    assert explorer.part("find").is_visible()


def test_keys_stay_with_the_control_that_has_the_focus(explorer):
    cells = explorer.reader.cells()
    explorer.tab("Favourites")
    explorer.keep(1, 2)
    explorer.tab("Directions")
    explorer.root.locator(".noUi-handle").first.focus()
    explorer.press("d", "d", "a", "b", "x")
    explorer.tab("Favourites")
    select = explorer.root.locator("select:visible").first
    select.focus()
    value = select.input_value()
    explorer.press("ArrowDown")
    assert select.input_value() != value
    explorer.part("surprise").focus()
    explorer.press("d", "d", "a")
    explorer.page.wait_for_timeout(500)
    assert explorer.reader.cells() == cells
    assert explorer.focused() == "Surprise me"
    explorer.press("Control+s")  # JupyterLab's own
    explorer.reader.until("!document.querySelector('.jp-mod-dirty')")


def test_the_whole_explorer_by_keys_alone(explorer, tmp_path):
    cells = explorer.reader.cells()
    explorer.part("seed").locator("input").focus()
    explorer.press("Control+a", "4", "2", "Enter")
    explorer.says("seed 42")
    explorer.tab_to("Keep")
    explorer.press("Enter")
    explorer.says("kept as favourite")
    explorer.tab_to("Surprise me", "Shift+Tab")
    explorer.press("Enter")
    explorer.says("seed 43")
    for _ in range(2):
        explorer.tab_to("Keep")
        explorer.press("Enter")
        explorer.says("kept as favourite")
        explorer.tab_to("Surprise me", "Shift+Tab")
        explorer.press("Enter")
        explorer.says("seed")
    explorer.tab_to("Undo")
    explorer.press("Space")
    explorer.says("seed 44")
    explorer.press("Space")
    explorer.says("seed 43")
    explorer.press("Space")
    explorer.says("seed 42")

    explorer.tab_to("Directions")
    explorer.press("Enter")
    explorer.tab_to("direction 1")
    explorer.press(*["ArrowRight"] * 10)
    explorer.says("direction 1 at +0.50")
    explorer.press("Tab")
    explorer.has_focus("direction 2")  # a slider is one stop
    explorer.press("End")
    explorer.says("direction 2 at +4.00")
    explorer.tab_to("Reset")
    explorer.press("Enter")

    explorer.tab_to("Single numbers", "Shift+Tab")
    explorer.press("Enter")
    explorer.part("sliders").nth(1).locator("[aria-label=z5]").wait_for()
    explorer.tab_to("z5")
    explorer.press("PageUp")
    explorer.says("z5 moved by")

    explorer.tab_to("Favourites", "Shift+Tab")
    explorer.press("Enter")
    explorer.tab_to("way, %")
    explorer.press("Home", *["ArrowRight"] * 5)
    explorer.says("5 % of the way")
    explorer.tab_to("Play the morph")
    explorer.changed(lambda: explorer.press("Enter"))
    explorer.has_focus("Pause the morph")
    explorer.press("Enter")
    explorer.tab_to("remove favourite 1", "Shift+Tab")
    explorer.press("Enter")
    explorer.says("removed favourite 1")
    explorer.page.wait_for_timeout(300)
    assert explorer.page.evaluate("document.activeElement.closest('.gan-explorer') !== null")  # the focus is not lost

    explorer.tab_to("Map", "Shift+Tab" if "Go to" in explorer.focused() or "emove" in explorer.focused() else "Tab")
    explorer.press("Enter")
    explorer.part("map-cell").nth(80).wait_for()
    explorer.tab_to("row 1, column 1")
    explorer.press("ArrowRight", "ArrowRight", "ArrowDown", "Enter")
    explorer.says("row 2, column 3")
    explorer.press("Shift+Tab")
    explorer.has_focus("bottom left")  # the map is one stop
    explorer.press("Tab")
    explorer.has_focus("row 2, column 3")

    explorer.tab_to("Find me", "Shift+Tab")
    explorer.press("Enter")
    explorer.part("upload").wait_for()
    explorer.tab_to("Upload a picture")
    (tmp_path / "mine.png").write_bytes(noise(28))
    explorer.has_focus("Upload a picture")
    with explorer.page.expect_file_chooser() as chooser:
        explorer.press("Enter")
    chooser.value.set_files(tmp_path / "mine.png")
    explorer.says("mine.png is ready")
    explorer.tab_to("Find")
    explorer.press("Enter")
    explorer.says("the nearest found")
    explorer.has_focus("Find")

    explorer.tab_to("Save", "Shift+Tab")
    explorer.press("Enter")
    for name in ("Picture (PNG)", "Walk (GIF)", "Latent vector"):
        explorer.tab_to(name)
        explorer.press("Enter")
        explorer.says("saved as")
    explorer.tab_to("Load")
    explorer.press("Enter")
    explorer.says("latents_")
    assert explorer.reader.cells() == cells


def test_every_picture_of_the_notebook_and_of_the_explorer_has_an_alt_text(explorer):
    explorer.part("surprise").click()
    explorer.page.wait_for_timeout(500)
    assert explorer.part("picture").get_attribute("alt") == f"a generated picture: {explorer.said()}"
    alts = explorer.page.eval_on_selector_all(".jp-OutputArea img", "images => images.map(image => image.alt)")
    assert len(alts) > 10
    assert min(map(len, alts)) > 10, alts
    explorer.reader.until(f"document.querySelectorAll('.gan-spoken').item(1).textContent == {explorer.said()!r}")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_axe_finds_no_serious_fault_in_the_explorer(explorer, theme):
    explorer.reader.use_theme(theme)
    for title in ("Directions", "Single numbers", "Favourites", "Map", "Find me", "Save"):
        explorer.tab(title)
        explorer.page.wait_for_timeout(400)
        assert explorer.reader.faults(".gan-explorer:last-of-type") == [], title
    arrow, text = explorer.root.locator("select").first.evaluate(
        "list => { const style = getComputedStyle(list); return [style.backgroundImage, style.color]; }"
    )
    assert text in arrow  # the core widgets' arrow is black in both themes
    explorer.tab("Directions")
    explorer.root.scroll_into_view_if_needed()
    explorer.reader.screenshot(f"explorer_{theme.split()[-1].lower()}")


def beside(explorer: Explorer) -> bool:
    """Is the picture in sight, to the left of the controls?"""
    left, right = (explorer.part(name).bounding_box() for name in ("left", "right"))
    return left["x"] + left["width"] <= right["x"] + 1 and abs(left["y"] - right["y"]) < 5 and left["width"] >= 140


@pytest.mark.parametrize("width", [1440, 1024, 960, 900])  # 960 is 1440 at 150 %
def test_the_picture_stands_beside_its_controls(explorer, width):
    explorer.page.set_viewport_size({"width": width, "height": 800})
    explorer.page.wait_for_timeout(800)
    explorer.root.scroll_into_view_if_needed()
    explorer.reader.screenshot(f"explorer_{width}")
    assert beside(explorer)
    for title in ("Favourites", "Map", "Find me", "Save", "Directions"):
        explorer.tab(title)
        explorer.page.wait_for_timeout(200)
        root = explorer.root.bounding_box()
        right = explorer.part("right").bounding_box()
        assert right["x"] + right["width"] <= root["x"] + root["width"] + 1, title
        assert beside(explorer), title
    explorer.page.set_viewport_size({"width": 1300, "height": 1000})


def test_after_save_and_reload_every_panel_opens_and_the_state_is_there(explorer):
    explorer.seed(77)
    explorer.reader.save_and_reload()
    explorer.reader.until("document.querySelectorAll('.gan-explorer').length == 2")
    again = Explorer(explorer.reader)
    again.says("seed 77")
    for title, part in (("Save", "files"), ("Map", "map"), ("Find me", "finder"), ("Directions", "sliders")):
        again.tab(title)
        again.reader.until("part => part.offsetParent !== null", again.part(part).first)
    handle = again.root.locator(".noUi-handle").first
    assert again.changed(lambda: again.drag(handle, 60)).max() > 40
    again.part("surprise").focus()
    cells = again.reader.cells()
    again.press("d", "d")
    assert again.reader.cells() == cells
    assert again.part("picture").get_attribute("alt").startswith("a generated picture: ")


def test_on_a_phone_the_picture_is_small_and_stays_in_sight(browser, lab):
    view = "explore(load_network(environment.ASSETS / 'weights' / 'mnist_generator.safetensors')[0])"
    write_notebook(lab[1] / "notebooks" / "phone.ipynb", SET_UP, view, "# below\n" + "\n\nfiller" * 60)
    with reading(browser, lab[0], "phone.ipynb", 390, 844, touch=True) as reader:
        reader.hide_files()
        reader.start()
        reader.finish()
        explorer = Explorer(reader)
        reader.page.wait_for_timeout(1000)
        reader.screenshot("explorer_phone")
        assert explorer.part("picture").bounding_box()["width"] <= 160
        assert explorer.part("right").bounding_box()["width"] > 200
        explorer.part("keep").tap()
        explorer.says("kept as favourite 1")
        explorer.tab("Favourites")
        explorer.part("remove").tap()
        explorer.says("removed favourite 1")
        explorer.tab("Map")
        explorer.part("map-cell").nth(80).scroll_into_view_if_needed()
        explorer.page.mouse.move(200, 600)
        explorer.page.mouse.wheel(0, 200)
        explorer.page.wait_for_timeout(500)
        reader.screenshot("explorer_phone_map")
        box, root = explorer.part("picture").bounding_box(), explorer.root.bounding_box()
        assert root["y"] < 60  # its top has gone out of sight
        assert box["y"] >= 60  # the picture has not


SLIDE = """import torch
from gan_helpers.viz import show_images
from gan_helpers.widgets import slide
slide(lambda value: show_images(torch.full((1, 1, 4, 4), value / 3), alt=f"grey {value:.1f}"), "brightness")"""


def test_the_single_slider_moves_its_picture_and_keeps_its_keys(browser, lab):
    write_notebook(lab[1] / "notebooks" / "slider.ipynb", SET_UP, SLIDE, "# below")
    with reading(browser, lab[0], "slider.ipynb") as reader:
        reader.start()
        reader.finish()
        page, handle = reader.page, reader.page.locator(".gan-slider .noUi-handle")
        box, cells = handle.bounding_box(), reader.cells()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 900, box["y"], steps=5)  # past its right end
        page.mouse.up()
        reader.until("document.querySelector('.gan-slider img').alt == 'grey 3.0'")
        handle.focus()
        for key in ("d", "d", "ArrowLeft", "ArrowDown"):
            page.keyboard.press(key)
        reader.until("document.querySelector('.gan-slider img').alt == 'grey 2.8'")
        assert reader.cells() == cells
        assert handle.get_attribute("aria-label") == "brightness"
        reader.screenshot("slider")


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
        assert page.locator(".gan-live").first.get_attribute("alt").startswith("the run in a picture. Paused: step")
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            reader.use_theme(theme)
            monitor.scroll_into_view_if_needed()
            reader.screenshot(f"monitor_{theme.split()[-1].lower()}")
            assert reader.faults(".gan-monitor") == [], theme

        page.locator(".gan-step").first.focus()  # by keys, which JupyterLab must leave alone
        cells = reader.cells()
        page.keyboard.press("d")
        page.keyboard.press("d")
        page.keyboard.press("Enter")
        reader.until(f"status => status.innerText.includes('step {paused + 1:,} ')", page.locator(".gan-status").first)
        assert reader.cells() == cells
        source = page.locator(".gan-live").first.get_attribute("src")
        page.locator(".gan-go").first.click()
        reader.until(f"image => image.src != {source!r}", page.locator(".gan-live").first)
        reader.finish()
        assert step(reader) > paused + 1
        reader.screenshot("monitor_end")


TRAINING = """from gan_helpers.data import load_images
from gan_helpers.widgets.monitor import Monitor
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import sample_latents
from gan_helpers.training.adversarial import train_gan
pair = Generator(16, widths=(64,)), Discriminator(widths=(32,))
monitor = Monitor(sample_latents(pair[0], 16))
run = train_gan(*pair, load_images("strokes")[:2000], seconds=SECONDS, callbacks=[monitor])
monitor.show(run)"""


CHOSEN = "list.selectedOptions[0].text.replace(/\\s/g, ' ')"


def test_a_change_of_rate_can_be_taken_back_and_that_too(browser, lab):
    write_notebook(lab[1] / "notebooks" / "rewind.ipynb", SET_UP, TRAINING.replace("SECONDS", "600"))
    with reading(browser, lab[0], "rewind.ipynb", 1024, 800) as reader:
        page = reader.page
        reader.start()
        page.locator(".gan-pause").wait_for(timeout=60_000)
        page.wait_for_timeout(5000)
        page.locator(".gan-rate-d input").fill("0.01")
        page.locator(".gan-rate-d input").press("Enter")
        past = page.locator(".gan-monitor select")
        reader.until(f"list => {CHOSEN}.includes('before the change')", past)
        chosen = int(re.search(r"step ([\d,]+)", past.evaluate(f"list => {CHOSEN}"))[1].replace(",", ""))
        reader.until("list => ![...list.options].at(-1).text.includes('before')", past)  # a later one is there
        page.locator(".gan-pause").click()
        reader.until("status => status.innerText.startsWith('Paused')", page.locator(".gan-status"))
        late = step(reader)
        assert late > chosen > 1
        page.locator(".gan-rewind").click()
        reader.until(f"status => status.innerText.includes('step {chosen:,} ')", page.locator(".gan-status"))
        assert float(page.locator(".gan-rate-d input").input_value()) == 0.001
        page.locator(".gan-monitor").scroll_into_view_if_needed()
        reader.screenshot("monitor_1024")
        past.select_option(index=past.locator("option").count() - 1)  # one step forward again: nothing was lost
        assert "(later)" in past.evaluate(f"list => {CHOSEN}")
        page.locator(".gan-rewind").click()
        reader.until(f"status => !status.innerText.includes('step {chosen:,} ')", page.locator(".gan-status"))
        assert step(reader) > chosen
        page.locator(".gan-stop").click()
        reader.finish()


def test_a_run_comes_back_by_itself_after_a_reload_while_it_trains(browser, lab):
    write_notebook(lab[1] / "notebooks" / "reload.ipynb", SET_UP, TRAINING.replace("SECONDS", "15"))
    with reading(browser, lab[0], "reload.ipynb") as reader:
        page = reader.page
        reader.start()
        page.locator(".gan-pause").wait_for(timeout=60_000)
        page.wait_for_timeout(4000)
        reader.save_and_reload()
        page.locator(".gan-live").wait_for(timeout=60_000)
        reader.until("status => status.innerText.startsWith('Ended')", page.locator(".gan-status"))
        page.wait_for_timeout(500)
        assert page.locator(".gan-live").is_visible()  # the picture of the end, which the cell's output has lost
        assert page.locator(".gan-live").get_attribute("alt").startswith("the run in a picture. Ended: step")
        reader.screenshot("monitor_reloaded")
