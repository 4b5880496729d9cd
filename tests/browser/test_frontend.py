"""``frontend.js`` in a page by itself, with a button and a model that notes what is sent."""

from __future__ import annotations

import pytest

from gan_helpers.widgets.frontend import SCRIPT

PAGE = """<div class="gan-explorer"><button class="gan-upload">Upload a picture</button><div id="el"></div></div>"""
START = """() => {
    window.sent = [];
    const model = { get: () => ({}), on() {}, off() {}, send: content => sent.push(content) };
    part.render({ model, el: document.querySelector("#el") });
    window.addEventListener("click", () => setTimeout(gc), true);  // memory is cleaned up while files are chosen
}"""


def test_a_chosen_file_arrives_even_if_memory_is_cleaned_up_meanwhile(browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.on("filechooser", lambda _: None)  # from now on, as in lab.Reader
        page.set_content(PAGE)
        page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8").replace("export default", "window.part ="))
        page.evaluate(START)
        page.wait_for_function("sent.some(message => message.event === 'ready')")
        for i in range(3):
            page.focus(".gan-upload")
            with page.expect_file_chooser(timeout=5000) as chooser:
                page.keyboard.press("Enter")
            name = f"picture{i}.png"
            chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": b"not read here"})
            page.wait_for_function("name => sent.some(message => message.name === name)", arg=name)


SLIDER = """<div class="gan-slider"><div class="widget-slider"><label class="widget-label">brightness</label>
<div class="noUi-handle" tabindex="0"></div></div><div id="el"></div></div>"""
NOTE = "document.addEventListener('keydown', e => { kept = e.target.hasAttribute('data-lm-suppress-shortcuts'); })"


def test_the_single_slider_keeps_plain_keys_and_leaves_others_to_jupyterlab(browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(SLIDER)
        page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8").replace("export default", "window.part ="))
        page.evaluate(START)
        page.evaluate(NOTE)
        page.wait_for_function("sent.some(message => message.event === 'ready')")
        page.focus(".noUi-handle")
        for keys, kept in (("d", True), ("ArrowDown", True), ("Control+s", False)):
            page.keyboard.press(keys)
            assert page.evaluate("kept") is kept, keys
        assert page.locator(".noUi-handle").get_attribute("aria-label") == "brightness"


def cells(side: int = 3) -> str:
    names = [f"row {row + 1}, column {column + 1}" for row in range(side) for column in range(side)]
    return "".join(f'<button class="gan-map-cell" title="{name}"></button>' for name in names)


def slider(name: str) -> str:
    """The markup of a FloatSlider, as ipywidgets 8 makes it."""
    return f"""<div class="widget-slider"><label class="widget-label">{name}</label>
        <div class="noUi-handle" tabindex="0">o</div>
        <div class="widget-readout" contenteditable="true">0.00</div></div>"""


EXPLORER = f"""<button id="before">before</button><div class="gan-explorer">
<img class="gan-picture" src="data:,"><div class="gan-said">seed 22</div>
<img class="gan-alt-7" src="data:,">
{slider("direction 1")}{slider("direction 2")}
<div class="widget-play"><button><i class="fa fa-play"></i></button><button><i class="fa fa-stop"></i></button>
<button><i class="fa fa-retweet"></i></button></div>
<div id="tray"><button id="kept">kept</button><button id="removed">x</button></div>
<div>{cells()}</div><button class="gan-upload">Upload a picture (0)</button><div id="el"></div></div>"""
ATTACH = """() => {
    window.sent = [];
    const model = { get: () => ({"gan-alt-7": "favourite 1: seed 22"}), on() {}, off() {},
                    send: (content, _, buffers) => sent.push({...content, bytes: buffers?.[0].byteLength}) };
    part.render({ model, el: document.querySelector("#el") });
}"""
LABEL = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"


@pytest.fixture
def explorer(browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(EXPLORER)
        page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8").replace("export default", "window.part ="))
        page.evaluate(ATTACH)
        page.wait_for_function("sent.some(message => message.event === 'ready')")
        yield page


def test_sliders_and_icons_have_names_and_a_slider_or_the_map_is_one_stop(explorer):
    explorer.focus("#before")
    stops = []
    for _ in range(9):
        explorer.keyboard.press("Tab")
        stops.append(explorer.evaluate(LABEL))
    icons = ["Play the morph", "Stop, and go to its start", "Repeat"]
    assert stops == ["direction 1", "direction 2", *icons, "kept", "removed", "row 1, column 1", ""]
    assert explorer.inner_text(".gan-upload") == "Upload a picture"


def test_arrow_keys_move_on_the_map_and_not_beyond_it(explorer):
    explorer.focus(".gan-map-cell >> nth=0")
    for keys, place in (("Right", "row 1, column 2"), ("Down", "row 2, column 2"), ("Up", "row 1, column 2")):
        explorer.keyboard.press(f"Arrow{keys}")
        assert explorer.evaluate(LABEL) == place
    for _ in range(3):
        explorer.keyboard.press("ArrowRight")
    assert explorer.evaluate(LABEL) == "row 1, column 3"
    explorer.keyboard.press("Shift+Tab")
    explorer.keyboard.press("Tab")
    assert explorer.evaluate(LABEL) == "row 1, column 3"  # it comes back to where it left


def test_pictures_say_what_they_show_and_one_status_line_stays_and_follows(explorer):
    assert explorer.get_attribute(".gan-picture", "alt") == "a generated picture: seed 22"
    assert explorer.get_attribute(".gan-alt-7", "alt") == "favourite 1: seed 22"
    line = explorer.wait_for_selector("[role=status]", state="attached")
    for text in ("seed 23", "seed 24"):
        explorer.evaluate("text => { document.querySelector('.gan-said').textContent = text; }", text)
        explorer.wait_for_function("([line, text]) => line.isConnected && line.textContent === text", arg=[line, text])
        assert explorer.get_attribute(".gan-picture", "alt") == f"a generated picture: {text}"


@pytest.mark.parametrize("change", ["part.remove()", "part.disabled = true"])
def test_the_focus_goes_to_a_neighbour_when_its_control_goes(explorer, change):
    explorer.focus("#removed")
    explorer.evaluate(f"() => {{ const part = document.querySelector('#removed'); {change}; part.blur(); }}")
    explorer.wait_for_function("document.activeElement.id === 'kept'")


BIG = """async drop => {
    const canvas = new OffscreenCanvas(2400, 1200), pen = canvas.getContext("2d");
    const noise = pen.createImageData(2400, 1200);
    let random = 1;  // what does not compress
    for (let i = 0; i < noise.data.length; i++)
        noise.data[i] = i % 4 === 3 ? 255 : (random = Math.imul(random, 1664525) + 1013904223 | 0) >>> 24;
    pen.putImageData(noise, 0, 0);
    const blob = await canvas.convertToBlob(), data = new DataTransfer();
    data.items.add(new File([blob], "big.png", {type: "image/png"}));
    const root = document.querySelector(".gan-explorer");
    for (const kind of ["dragover", "drop"])
        root.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
    return blob.size;
}"""


def test_a_dropped_picture_is_made_small_before_it_is_sent(explorer):
    assert explorer.evaluate(BIG) > 6_000_000
    explorer.wait_for_function("sent.some(message => message.name === 'big.png')")
    (message,) = explorer.evaluate("sent.filter(message => message.name === 'big.png')")
    assert message["event"] == "file"
    assert message["bytes"] < 4_000_000
