"""The book: every stored output is in it, and it can be read by day and by night, on a desk and on a phone."""

from __future__ import annotations

import functools
import json
import re
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import book
import pytest
from lab import keep_screenshot
from stamp import current_address

from gan_helpers.environment import ASSETS, COURSE_ROOT

NOTEBOOKS = sorted((COURSE_ROOT / "notebooks").glob("*.ipynb"))
ADDRESS = current_address(COURSE_ROOT)
PAGES = ["index", "play", "search", *(f"notebooks/{path.stem}" for path in NOTEBOOKS)]
WIDE, PHONE = 1440, 390  # pixels
HERE = ("http://127.0.0.1", "data:", "blob:")
each = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The book, built once; a warning fails every test."""
    out = tmp_path_factory.mktemp("book")
    assert book.build(out) == 0
    return out


class Page(HTMLParser):
    """What a page holds: its anchors, its links, what it loads, the alt texts of its pictures, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.alts: list[str | None] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        given = dict(pairs)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(given["href"])
        if "src" in given:
            self.loads.append(given["src"])
        if tag == "img":
            self.alts.append(given.get("alt"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@functools.cache
def read(path: Path) -> Page:
    return Page(path)


def page_of(site: Path, notebook: Path) -> Page:
    return read(site / "notebooks" / f"{notebook.stem}.html")


def pages(site: Path) -> list[Page]:
    paths = [*site.glob("*.html"), *site.glob("notebooks/*.html")]
    return [read(path) for path in sorted(paths) if path.name != "playground.html"]


# --- built from the notebooks -------------------------------------------------------------------------


def test_the_front_page_and_next_lead_through_every_notebook_in_order(site):
    route, place = [], "play.html"
    while place:
        following = re.search(r'rel="next"[^>]*href="([^"]+)"', (site / place).read_text(encoding="utf-8"))
        place = following and str((site / place).parent.joinpath(following[1]).resolve().relative_to(site.resolve()))
        route += [place] if place else []
    assert route == [f"notebooks/{path.stem}.html" for path in NOTEBOOKS]
    assert {"play.html", *route} <= set(read(site / "index.html").links)


@each
def test_a_page_can_be_downloaded_and_opened_in_colab(site, notebook):
    copy = site / "_sources" / "notebooks" / notebook.name
    assert copy.read_bytes() == notebook.read_bytes()
    links = page_of(site, notebook).links
    assert f"../_sources/notebooks/{notebook.name}" in links
    colab = f"https://colab.research.google.com/github/{ADDRESS.removeprefix('https://github.com/')}"
    assert links.count(f"{colab}/blob/main/notebooks/{notebook.name}") == 2  # the button, and the notebook's own badge


def pieces(notebook: Path) -> tuple[str, list[str], list[str]]:
    """A notebook's prose, its outputs as HTML, and what it printed."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    prose = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    shown = ["".join(output["data"].get("text/html", "")) for output in outputs if "data" in output]
    return prose, shown, ["".join(output["text"]) for output in outputs if output["output_type"] == "stream"]


@each
def test_a_page_holds_every_stored_output_and_every_alt_text(site, notebook):
    prose, shown, printed = pieces(notebook)
    page = page_of(site, notebook)
    assert [text for text in printed if " ".join(text.split()) not in page.text] == []
    html = page.path.read_text(encoding="utf-8")
    assert [output[:200] for output in shown if output not in html] == []
    alts = re.findall(r"!\[([^\]]*)\]", prose)
    assert [alt for alt in alts if " ".join(alt.replace("\\", "").split()) not in (a or "" for a in page.alts)] == []
    assert None not in page.alts


@each
def test_every_formula_is_drawn_without_a_script(site, notebook):
    prose = re.sub(r"```.*?```|`[^`]*`", "", pieces(notebook)[0], flags=re.DOTALL)
    formulas = len(re.findall(r"\$\$.+?\$\$|\$[^$]+?\$", prose, re.DOTALL))
    html = page_of(site, notebook).path.read_text(encoding="utf-8")
    assert html.count("<math") == formulas
    assert "merror" not in html


def test_every_link_anchor_picture_and_script_inside_is_there(site):
    missing = []
    for page in pages(site):
        for address in page.links + page.loads:
            target, anchor = urldefrag(address)
            if urlsplit(target).scheme:  # elsewhere, or the data itself
                continue
            path = page.path.parent / unquote(urlsplit(target).path) if target else page.path
            if not path.is_file():
                missing.append(f"{page.path.name}: {address}")
            elif anchor and path.suffix == ".html" and unquote(anchor) not in read(path).anchors:
                missing.append(f"{page.path.name}: {address} has no such anchor")
    assert missing == []


def test_nothing_is_loaded_from_elsewhere(site):
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    loads = [address for page in pages(site) for address in page.loads]
    loads += [address for style in styles for address in re.findall(r'(?:url\(|@import )["\']?([^"\')]+)', style)]
    assert len(loads) > 100
    assert [address for address in loads if re.match(r"(https?:)?//", address)] == []


def test_files_that_are_not_in_the_book_are_linked_at_the_stamped_address(site):
    links = read(site / "index.html").links
    assert f"{ADDRESS}/blob/main/.github/CONTRIBUTING.md" in links
    own = [link for link in links if link.startswith(f"{ADDRESS}/blob/main/")]
    assert [link for link in own if not (COURSE_ROOT / link.removeprefix(f"{ADDRESS}/blob/main/")).is_file()] == []


def test_the_playground_lies_at_its_own_address(site):
    assert (site / "playground.html").read_bytes() == (ASSETS / "playground.html").read_bytes()


def small_course(folder: Path, **texts: str) -> Path:
    """A course of notebooks that are one markdown cell each."""
    (folder / "notebooks").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "assets" / "playground.html").write_text("<p>play</p>")
    row = '<p align="center"><a href="x">download that page</a> and open it</p>'
    (folder / "README.md").write_text(f"# Course\n\n{row}\n\n## Two commands\n")
    for name, text in texts.items():
        cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": text}
        notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / "notebooks" / f"{name}.ipynb").write_text(json.dumps(notebook))
    return folder


FIRST, FIFTH = "01_look_at_the_data", "05_sample_new_digits"  # the pages that the book's own pages link to


def test_a_broken_link_a_missing_picture_and_bad_latex_fail_the_build(tmp_path, capfd):
    bad = "[there](99_nowhere.ipynb) ![none](../assets/nothing.png) $\\frac{1}$ [up](#nowhere)"
    course = small_course(tmp_path / "course", **{FIRST: "# 01", FIFTH: f"# 05\n\n{bad}"})
    assert book.build(tmp_path / "out", course) != 0
    said = capfd.readouterr().err
    faults = ("99_nowhere.ipynb", "nothing.png", "\\\\frac{1}", "nowhere")
    assert [fault for fault in faults if fault not in said] == []
    assert FIRST not in said


def test_the_book_is_printed_into_one_file_of_many_pages(tmp_path, browser):
    course = small_course(tmp_path / "course", **{FIRST: "# 01\n\n" + "line\n\n" * 300, FIFTH: "# 05"})
    assert book.print_pdf(tmp_path / "book.pdf", course) == 0
    printed = (tmp_path / "book.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 5


def test_without_a_browser_a_pdf_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="needs a browser to print it: install one of chromium"):
        book.print_pdf(tmp_path / "book.pdf")
    assert not (tmp_path / "book.pdf").exists()


# --- read in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def address(site) -> str:
    """The book as GitHub Pages serves it, on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def read_at(browser):
    """Opens a page by address, colours and width; errors in its console and requests to elsewhere fail the test."""
    opened, errors = [], []

    def open_page(address: str, scheme: str = "light", width: int = WIDE):
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 850})
        opened.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("response", lambda answer: None if answer.ok else errors.append(answer.url))
        page.on("request", lambda asked: errors.append(asked.url) if not asked.url.startswith(HERE) else None)
        page.goto(address)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert errors == []


def too_wide(page) -> int:
    """By how many pixels the page scrolls sideways."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


BROKEN = """() => Promise.all([...document.images].map(picture => {
    picture.loading = 'eager';
    return picture.decode().then(() => '', () => picture.src.slice(0, 80) + picture.alt);
})).then(names => names.filter(name => name))"""


LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (WIDE, PHONE)]
COLOURED = PAGES[3:5]  # in dark and in light; here axe also looks at the colours of code, which takes seconds a page


def serious(page, skipped: list[str]) -> list[str]:
    """What axe finds serious or critical outside of ``skipped``."""
    from axe_playwright_python.sync_playwright import Axe

    parts, still = {"exclude": [[part] for part in skipped]}, {"preload": False}  # it would look for styles elsewhere
    found = Axe().run(page, context=parts, options=still).response
    assert len(found["passes"]) > 10
    bad = [fault for fault in found["violations"] if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {node['html'][:200]}" for fault in bad for node in fault["nodes"]]


@pytest.mark.parametrize(("name", "look"), list(zip(PAGES, cycle(LOOKS))))  # each page once, each look several times
def test_pictures_load_nothing_scrolls_sideways_and_axe_finds_no_serious_fault(name, look, read_at, address):
    scheme, width = look
    page = read_at(f"{address}/{name}.html", scheme, width)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate(BROKEN) == []
    assert too_wide(page) == 0
    keep_screenshot(page, f"book_{Path(name).name}")
    assert serious(page, [] if name in COLOURED else ["math", ".highlight"]) == []
    page.set_viewport_size({"width": WIDE + PHONE - width, "height": 850})
    assert too_wide(page) == 0


def drawn(frame) -> str:
    frame.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return frame.evaluate("() => document.getElementById('picture').toDataURL()")


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_the_playground_acts_inside_the_book(width, read_at, address):
    page = read_at(f"{address}/play.html", width=width)
    frame = page.frames[1]
    slider = frame.locator("#directions-0")
    slider.focus()
    first = drawn(frame)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    moved = drawn(frame)
    assert moved != first
    slider.click(position={"x": 3, "y": 12})  # scrolls to it, where bare coordinates may lie below the window
    assert drawn(frame) not in (first, moved)
    assert float(slider.input_value()) < -1
    assert too_wide(frame) == 0


def test_solutions_are_folded_and_open_by_a_click(read_at, address):
    page = read_at(f"{address}/notebooks/{NOTEBOOKS[0].stem}.html")
    solution = page.locator("article details:has(summary:text-is('Solution'))").first
    code = solution.locator("pre")
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()
    assert "check(" in code.inner_text()
    assert page.get_by_role("heading", name="Further reading").is_visible()  # not folded with it


def test_films_play(read_at, address):
    (stem,) = (path.stem for path in NOTEBOOKS if path.name.startswith("11_"))
    page = read_at(f"{address}/notebooks/{stem}.html")
    films = page.locator("article video")
    assert films.count() > 0
    for film in films.all():
        film.scroll_into_view_if_needed()
        page.wait_for_function("film => film.currentTime > 0.2", arg=film.element_handle(), polling=100)


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
def test_the_reader_chooses_light_or_dark(system, chosen, read_at, address):
    page = read_at(f"{address}/play.html", system)
    theme, ground = "document.documentElement.dataset.theme", "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(theme) == system
    before = page.evaluate(ground)
    for _ in range(3):  # a menu; in older themes a button that goes round: system, light, dark
        if page.evaluate(theme) != chosen:
            page.locator(".theme-switch-button:visible").click()
            for choice in page.locator(f".theme-change-button[data-mode={chosen}]:visible").all():
                choice.click()
    assert page.evaluate(theme) == chosen
    assert page.evaluate(ground) != before


def test_search_finds_a_word(read_at, address):
    page = read_at(f"{address}/search.html?q=eigenvalues")
    results = page.locator("#search-results li a")
    results.first.wait_for()
    assert any("07_train_it_stably" in link.get_attribute("href") for link in results.all())
