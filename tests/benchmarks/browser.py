"""Speed of the sliders as a reader sees it, in JupyterLab and headless Chromium: python tests/benchmarks/browser.py

A key press on a slider of notebook 05, until the new picture is decoded; a slider moved 60 times in a second, until
the last picture stands; and *Find me*, from the press to the picture. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]
if __name__ == "__main__":
    os.environ["GAN_QUICK"] = "1"  # the notebook is only the way to its explorer

from lab import Reader, jupyterlab
from playwright.sync_api import Locator, sync_playwright

NOTEBOOK = "05_sample_new_digits.ipynb"
PRESS = """root => {
    const handle = root.querySelector('.noUi-handle'), image = root.querySelector('.gan-picture');
    const press = (key) => handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    const change = () => new Promise(done => {
        const watch = new MutationObserver(() => { watch.disconnect(); done(image.decode()); });
        watch.observe(image, {attributes: true, attributeFilter: ['src']});
    });
"""
KEY_PRESSES = (
    "async "
    + PRESS
    + """
    const times = [];
    for (let i = 0; i < 100; i++) {
        const changed = change(), start = performance.now();
        press(i % 40 < 20 ? 'ArrowRight' : 'ArrowLeft');
        await changed;
        times.push(performance.now() - start);
        await new Promise(done => setTimeout(done, 50));
    }
    return times;
}"""
)
MOVES = (
    "async "
    + PRESS
    + """
    let last = 0, moved = 0, frames = 0;
    new MutationObserver(() => { last = performance.now(); frames++; }).observe(image, {attributeFilter: ['src']});
    const began = performance.now();
    for (let i = 0; i < 60; i++) {
        press(i % 40 < 20 ? 'ArrowRight' : 'ArrowLeft');
        moved = performance.now();
        await new Promise(done => setTimeout(done, 1000 / 60));
    }
    await new Promise(done => setTimeout(done, 2000));
    return {late: last - moved, rate: frames / (last - began) * 1000};
}"""
)

FIND = """async root => {
    const said = root.querySelector('.gan-said'), image = root.querySelector('.gan-picture');
    const found = () => said.textContent.includes('the nearest found');
    const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));
    const start = performance.now();
    root.querySelector('.gan-find').click();
    while (found()) await wait(5);  // what an earlier search said
    while (!found()) await wait(5);
    await image.decode();
    return (performance.now() - start) / 1000;
}"""


def draw_a_seven(root: Locator) -> None:
    """A stroke to the right, and one down, on the canvas of *Find me*."""
    box, mouse = root.locator(".gan-canvas canvas").bounding_box(), root.page.mouse
    points = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ((0.3, 0.2), (0.7, 0.2), (0.45, 0.8))
    ]
    mouse.move(*points[0])
    mouse.down()
    for point in points[1:]:
        mouse.move(*point, steps=8)
    mouse.up()


def searches(root: Locator, count: int = 5) -> list[float]:
    """Seconds from the press on *Find* until the picture that was found stands in the explorer."""
    root.get_by_role("button", name="Find me", exact=True).click()
    draw_a_seven(root)
    root.page.wait_for_timeout(500)
    seconds = []
    for _ in range(count):
        seconds.append(root.evaluate(FIND))
        root.locator(".gan-surprise").click()
        root.page.wait_for_timeout(300)
    return seconds


def main() -> None:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        reader = Reader(browser.new_page(viewport={"width": 1300, "height": 1000}), address, NOTEBOOK)
        reader.start()
        reader.finish()
        root = reader.page.locator(".gan-explorer").last
        root.scroll_into_view_if_needed()
        times = sorted(root.evaluate(KEY_PRESSES))
        late = [root.evaluate(MOVES) for _ in range(3)]
        found = searches(root)
        browser.close()
    slowest = statistics.quantiles(times, n=20)[-1]
    print(f"key press to picture: median {statistics.median(times):.0f} ms, 95th percentile {slowest:.0f} ms")
    print(f"60 moves in a second: the last is on the screen after {max(one['late'] for one in late):.0f} ms at most,")
    print(f"and {min(one['rate'] for one in late):.0f} pictures a second at least are shown on the way")
    print(f"Find me: {min(found):.2f} to {max(found):.2f} s from the press to the picture, over {len(found)} searches")
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
