"""A browser plays the films: from a file, and from a notebook's output."""

import pytest
import torch

from gan_helpers.viz.films import film

pytest.importorskip("av")

FRAMES, FPS = 36, 12
STATE = """() => { const v = document.querySelector("video");
    return {ready: v.readyState, duration: v.duration, now: v.currentTime, width: v.videoWidth,
            error: v.error && v.error.message, ended: v.ended}; }"""


@pytest.fixture(scope="module")
def moving():
    """A bar that goes from left to right, black on white."""
    frames = torch.ones(FRAMES, 1, 32, 64)
    for i in range(FRAMES):
        frames[i, :, :, i : i + 8] = -1
    return film(frames, fps=FPS, zoom=2)


@pytest.fixture
def page(browser):
    page = browser.new_page()
    if not page.evaluate("""() => document.createElement("video").canPlayType('video/mp4; codecs="avc1.42E01E"')"""):
        page.close()
        pytest.skip("this browser comes without H.264")
    yield page
    page.close()


def play(page, address):
    page.goto(address)
    page.wait_for_function("() => document.querySelector('video').readyState >= 2", timeout=20_000)
    page.evaluate("() => { const v = document.querySelector('video'); v.loop = true; return v.play(); }")


def test_the_file_plays(page, moving, tmp_path):
    moving.save(tmp_path / "loop.mp4")
    (tmp_path / "page.html").write_text('<video src="loop.mp4" muted></video>', encoding="utf-8")
    play(page, (tmp_path / "page.html").as_uri())
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.3", timeout=20_000)
    state = page.evaluate(STATE)
    assert state["ready"] >= 2
    assert state["error"] is None
    assert state["duration"] == pytest.approx(FRAMES / FPS, abs=0.1)
    assert state["width"] == 128


def test_what_a_notebook_shows_plays_by_itself_and_without_end(page, moving, tmp_path):
    shown = moving._repr_mimebundle_()["text/html"]
    (tmp_path / "page.html").write_text(f"<!doctype html><body>{shown}", encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.2", timeout=20_000)
    page.evaluate("() => { document.querySelector('video').currentTime = 2.9; }")
    page.wait_for_function(
        "() => { const t = document.querySelector('video').currentTime; return t > 0.1 && t < 2; }", timeout=20_000
    )
    state = page.evaluate(STATE)
    assert state["error"] is None
    assert not state["ended"]


def test_its_pixels_are_those_that_went_in(page, moving, tmp_path):
    """Frame 24 of 36, drawn by the browser: the bar covers columns 24 to 31, black, and the rest is white."""
    (tmp_path / "page.html").write_text(f"<canvas></canvas>{moving._repr_mimebundle_()['text/html']}", encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_function("() => document.querySelector('video').readyState >= 2", timeout=20_000)
    row = page.evaluate(
        """at => new Promise(done => { const v = document.querySelector("video"), c = document.querySelector("canvas");
            v.pause(); v.onseeked = () => { c.width = 128; c.height = 64; const g = c.getContext("2d");
            g.drawImage(v, 0, 0); done(Array.from(g.getImageData(0, 32, 128, 1).data)); }; v.currentTime = at; })""",
        (24 + 0.5) / FPS,
    )
    grey = torch.tensor(row).view(128, 4)[:, 0]
    assert grey[50:62].max() < 20
    assert grey[:44].min() > 235
    assert grey[68:].min() > 235
