"""The gallery and the animation are what their scripts draw."""

from __future__ import annotations

import io
import json
from itertools import pairwise

import first_digits
import gallery
import headers
import numpy as np
import pytest
import repaired_runs
import scaled_out
import time_lapse
import torch
from PIL import Image

from gan_helpers.data import ImageSet
from gan_helpers.environment import ASSETS, COURSE_ROOT
from gan_helpers.training import STABLE


def test_the_gallery_is_drawn_from_the_shipped_weights(tmp_path):
    gallery.main(["--out", str(tmp_path)])
    drawn = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.png"))
    stored = {"15_repair_a_broken_run", "18_scale_it_out"}  # figures of notebooks, tested below
    shown = {path.relative_to(ASSETS) for path in ASSETS.glob("gallery/*") if path.stem not in stored}
    assert {path for path in drawn if path.parent.name} == shown
    for path in drawn:
        ours, shipped = (np.asarray(Image.open(folder / path), dtype=float) for folder in (tmp_path, ASSETS))
        assert np.abs(ours - shipped).mean() < 2, path.name  # the last bits of a float differ between machines


def test_the_first_digits_are_the_sheet_that_notebook_04_stores(tmp_path):
    out = tmp_path / "sheet.png"
    first_digits.main(["--out", str(out)])
    drawn, shipped = Image.open(out), Image.open(ASSETS / "first_digits.png")
    assert drawn.size == shipped.size  # another run makes other digits, in a sheet of the same kind
    pixels = np.asarray(shipped.convert("L"))
    assert 0.6 < (pixels < 20).mean() < 0.95  # white strokes on black
    assert (pixels > 200).mean() > 0.03


def test_each_header_is_the_picture_that_its_notebook_stores(tmp_path):
    headers.main(["--out", str(tmp_path)])
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    remedy = "run python assets/make/headers.py"
    assert drawn == {path.name: path.read_bytes() for path in (ASSETS / "headers").iterdir()}, remedy
    for name in drawn:
        notebook = COURSE_ROOT / "notebooks" / name.replace(".png", ".ipynb")
        title = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
        assert f"(../assets/headers/{name})" in title


def test_the_repaired_runs_are_the_figure_that_notebook_15_stores(tmp_path):
    out = tmp_path / "figure.png"
    repaired_runs.main(["--out", str(out)])
    shipped = ASSETS / "gallery" / "15_repair_a_broken_run.png"
    assert out.read_bytes() == shipped.read_bytes(), "run assets/make/repaired_runs.py"
    assert Image.open(out).height > 400  # ten rows


def test_the_three_sheets_are_the_figure_that_notebook_18_stores(tmp_path):
    out = tmp_path / "figure.png"
    scaled_out.main(["--out", str(out)])
    assert out.read_bytes() == scaled_out.OUT.read_bytes(), "run assets/make/scaled_out.py"
    assert Image.open(out).width > 800  # three sheets side by side


def test_a_notebook_without_the_sheet_is_named(tmp_path):
    notebook = tmp_path / "empty.ipynb"
    other = {"outputs": [{"data": {"text/html": ['<img alt="another" src="">']}}]}
    notebook.write_text(json.dumps({"cells": [other, {}]}))
    with pytest.raises(ValueError, match=r"empty\.ipynb stores no picture .* run it in full first"):
        first_digits.stored_picture(notebook, first_digits.ALT)


def test_moments_grow_by_a_constant_factor():
    steps = time_lapse.moments(4680)
    assert len(steps) == time_lapse.FRAMES
    assert (steps[0], steps[1], steps[-1]) == (0, 8, 4680)
    ratios = [b / a for a, b in pairwise(steps[15:])]
    assert max(ratios) - min(ratios) < 0.02
    assert time_lapse.moments(3) == [0, 3]


def test_the_animation_is_a_short_film_that_ends_in_digits():
    path = ASSETS / "digits_emerging.gif"
    assert path.stat().st_size < 1_500_000
    film = Image.open(path)
    assert film.n_frames == time_lapse.FRAMES
    first = np.asarray(film.convert("L"), dtype=float)[time_lapse.BAR :]
    film.seek(film.n_frames - 1)
    last = np.asarray(film.convert("L"), dtype=float)[time_lapse.BAR :]
    assert film.info["duration"] == time_lapse.REST
    assert first[first < 250].std() < 20  # grey noise
    assert (last[last < 250] < 20).mean() > 0.6  # white strokes on black


def test_the_script_trains_and_writes_a_frame_for_each_moment(tmp_path, monkeypatch, capsys):
    images = torch.randint(0, 256, (384, 1, 28, 28), dtype=torch.uint8)
    data = ImageSet(images, torch.zeros(384, dtype=torch.int64), ("any",), "made for a test")
    monkeypatch.setattr(time_lapse, "load_images", lambda name: data)
    out = tmp_path / "lapse.gif"
    time_lapse.main(["--epochs", "4", "--out", str(out)])
    film = Image.open(io.BytesIO(out.read_bytes()))
    assert film.n_frames == len(time_lapse.moments(4 * (384 // STABLE.batch_size)))
    assert str(out) in capsys.readouterr().out


def test_an_interrupted_run_writes_nothing(tmp_path, monkeypatch):
    images = torch.randint(0, 256, (256, 1, 28, 28), dtype=torch.uint8)
    data = ImageSet(images, torch.zeros(256, dtype=torch.int64), ("any",), "made for a test")
    full = time_lapse.train_gan

    def interrupted(*arguments, **options):
        run = full(*arguments, **options)
        run.interrupted = True
        return run

    monkeypatch.setattr(time_lapse, "load_images", lambda name: data)
    monkeypatch.setattr(time_lapse, "train_gan", interrupted)
    with pytest.raises(SystemExit, match="nothing was written"):
        time_lapse.main(["--epochs", "1", "--out", str(tmp_path / "lapse.gif")])
    assert list(tmp_path.iterdir()) == []
