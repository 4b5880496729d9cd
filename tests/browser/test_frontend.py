"""``frontend.js`` in a page by itself, with a button and a model that notes what is sent."""

from __future__ import annotations

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
