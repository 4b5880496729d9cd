"""Tests run quick, and on real MNIST where $GAN_DATA or data/ holds it."""

from __future__ import annotations

import os
import shutil

os.environ.setdefault("GAN_QUICK", "1")  # before gan_helpers is imported, and inherited by every kernel
if "PYTEST_XDIST_WORKER" in os.environ:  # -n 2: a core each, where two threads each would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from gan_helpers.data.sets import ImageSet
from gan_helpers.models.dense import Discriminator, Generator


@pytest.fixture(autouse=True)
def denormals():
    """A training flushes them for the whole process; Hypothesis refuses to draw floats then."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def tiny_pair() -> tuple[Generator, Discriminator]:
    """Two networks small enough to train in milliseconds, with dropout and batch norm switched on."""
    torch.manual_seed(0)
    generator = Generator(4, (1, 6, 6), widths=(16, 16), dropout=0.1, batch_norm=True)
    return generator, Discriminator((1, 6, 6), widths=(16, 8), dropout=0.1)


@pytest.fixture
def tiny_images() -> ImageSet:
    """128 pictures of 6x6: two classes that differ in brightness."""
    shuffle = torch.Generator().manual_seed(1)
    labels = torch.arange(128) % 2
    images = torch.randint(0, 100, (128, 1, 6, 6), generator=shuffle) + 120 * labels[:, None, None, None]
    return ImageSet(images.to(torch.uint8), labels, ("dark", "bright"), "made for a test")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium. Without one the test is skipped, but fails where GAN_BROWSER=required says so."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None and os.environ.get("GAN_BROWSER") == "required":
        pytest.fail(f"none of {', '.join(names)} is installed")
    if path is None:
        pytest.skip("needs Chromium or Chrome")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--js-flags=--expose-gc"]  # gc(): a test cleans up when the browser might
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()
