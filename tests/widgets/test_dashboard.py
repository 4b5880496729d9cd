"""The monitor's picture: read back pixel by pixel, and held against numbers computed another way."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from gan_helpers.data.sets import unscale_pixels
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import generate, sample_latents
from gan_helpers.training.runs import History, Run, start_run
from gan_helpers.training.settings import Settings
from gan_helpers.viz.pictures import DATA, GENERATOR
from gan_helpers.widgets import dashboard
from gan_helpers.widgets.dashboard import (
    BOTTOM,
    HEIGHT,
    PROBABILITY,
    SCORES,
    SHEET_SIDE,
    TOP,
    WIDTH,
    columns,
    live_frame,
    render_run,
    ticks,
)

LATENTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(2))


def run_with(rows: torch.Tensor, shape: tuple[int, int, int] = (1, 28, 28)) -> Run:
    torch.manual_seed(0)
    pair = {"generator": Generator(4, shape, widths=(8,)), "discriminator": Discriminator(shape, widths=(8,))}
    run = start_run(pair, Settings(16))
    run.history, run.step, run.seconds = History(rows), len(rows), 0.01 * len(rows)
    return run


def pixels(run: Run) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(render_run(run, LATENTS).content)).convert("RGB")).astype(int)


def nearest_row(column: np.ndarray, colour: str) -> int:
    return int(np.abs(column - np.array(ImageColor.getrgb(colour))).sum(1).argmin())


@pytest.mark.parametrize("level", [0.2, 0.5, 0.75])
def test_a_curve_stands_at_its_value(level):
    run = run_with(torch.tensor([[1.0, 1.0, level, 0.9]]).repeat(40, 1))
    area = pixels(run)[TOP:BOTTOM, PROBABILITY : PROBABILITY + 220]
    for x in (0, 100, 219):
        assert nearest_row(area[:, x], DATA) == pytest.approx((1 - level) * (BOTTOM - TOP), abs=1.5)
        assert nearest_row(area[:, x], GENERATOR) == pytest.approx(0.1 * (BOTTOM - TOP), abs=1.5)


def test_a_rising_curve_rises():
    level = torch.linspace(0, 1, 3000)
    run = run_with(torch.stack([level, level, level, torch.zeros(3000)], 1))
    area = pixels(run)[TOP:BOTTOM, PROBABILITY : PROBABILITY + 220]
    rows = [nearest_row(area[:, x], DATA) for x in (10, 110, 210)]
    assert rows == pytest.approx([200 * (1 - (x + 0.5) / 220) for x in (10, 110, 210)], abs=2)


@pytest.mark.parametrize("length", [0, 1, 7, 219, 220, 221, 5000])
def test_stretches_agree_with_a_plain_loop(length):
    rows = torch.rand(length, 4)
    size = max(1, -(-length // 220))
    filled = rows.numpy().tolist() + ([rows[-1].tolist()] * (-length % size) if length else [])
    parts = [np.array(filled[i : i + size]) for i in range(0, len(filled), size)]
    for found, reduce in zip(columns(History(rows), 220), (np.mean, np.min, np.max), strict=True):
        assert len(found) == len(parts) <= 220
        assert np.allclose(found.numpy(), np.array([reduce(part, 0) for part in parts]).reshape(-1, 4), atol=1e-6)


def test_a_long_history_costs_no_more_than_a_short_one(monkeypatch):
    monkeypatch.setattr(dashboard, "MOST_ROWS", 1000)
    rows = torch.rand(12_345, 4)
    means, _, _ = columns(History(rows), 50)
    thinned = rows[::13]
    assert torch.allclose(means[0], thinned[:19].mean(0))  # 950 rows in 50 stretches


def test_scores_are_counted_where_they_are():
    run = run_with(torch.rand(5, 4))
    run.logits = torch.full((64,), 3.0), torch.cat([torch.full((48,), -3.0), torch.zeros(16)])
    area = pixels(run)[TOP:BOTTOM, SCORES : SCORES + 164]
    grey, blue = (np.abs(area - np.array(ImageColor.getrgb(c))).sum(2) < 40 for c in (DATA, GENERATOR))
    assert grey[:, 100:].any(1).argmax() < 3  # the tallest bar reaches the top
    assert not grey[: BOTTOM - TOP - 3, :60].any()
    heights = [BOTTOM - TOP - blue[:, part].any(1).argmax() for part in (slice(0, 40), slice(70, 95))]
    assert heights == pytest.approx([150, 50], abs=3)  # 48 and 16 of 64


def test_the_samples_are_the_generators_own_pixels():
    run = run_with(torch.rand(3, 4))
    sheet = pixels(run)[46 : 46 + SHEET_SIDE, WIDTH - SHEET_SIDE - 10 : WIDTH - 10, 0]
    expected = unscale_pixels(generate(run.average, LATENTS))[:, 0].numpy()
    assert (sheet[0:56:2, 0:56:2] == expected[0]).all()
    assert (sheet[181:237:2, 61:117:2] == expected[13]).all()


@pytest.mark.parametrize(
    "rows",
    [
        torch.empty(0, 4),
        torch.rand(1, 4),
        torch.full((20, 4), float("nan")),
        torch.tensor([[float("inf"), -1e30, 0.0, 1.0]] * 9),
        torch.randn(50, 4) - 40,  # Wasserstein losses are below 0
    ],
    ids=["empty", "one", "nan", "huge", "negative"],
)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 2, 2), (3, 300, 300)])
def test_any_history_and_any_pictures_can_be_drawn(rows, shape):
    run = run_with(rows, shape)
    run.logits = torch.full((8,), 2.0), torch.full((8,), float("nan"))
    assert pixels(run).shape == (HEIGHT, WIDTH, 3)
    with Image.open(io.BytesIO(live_frame(run, LATENTS, "paused"))) as frame:
        assert frame.format == "JPEG"
        assert frame.size == (WIDTH, HEIGHT)


def test_the_live_frame_looks_like_the_picture_that_is_kept():
    run = run_with(torch.rand(300, 4))
    live = np.asarray(Image.open(io.BytesIO(live_frame(run, LATENTS)))).astype(int)
    assert np.abs(live - pixels(run)).mean() < 3


@pytest.mark.parametrize("span", [(0, 1), (0, 1.37), (-45.0, -38.0), (0, 100_000), (0, 3e-5), (-2, 1e9)])
def test_ticks_are_few_round_and_inside(span):
    found = ticks(*span, most=4)
    assert 2 <= len(found) <= 5
    assert all(span[0] <= tick <= span[1] + 1e-9 * abs(span[1]) for tick in found)
    step = found[1] - found[0]
    assert float(f"{step:.0e}") == pytest.approx(step)  # one digit
    assert f"{step:e}"[0] in "125"


def test_the_description_says_what_is_seen():
    run = run_with(torch.tensor([[1.25, 0.75, 0.6, 0.4]] * 1200))
    run.last_step, run.steps_an_epoch = 2400, 100
    alt = render_run(run, LATENTS).alt
    for part in ("step 1,200 of 2,400", "epoch 12.0", "1,600 pictures a second", "0:12 spent", "0:12 left"):
        assert part in alt
    for part in ("16 samples", "D's loss 1.250", "D(G(z)) 0.40"):
        assert part in alt


def test_the_time_left_follows_the_budget_that_ends_first():
    run = run_with(torch.rand(100, 4))  # one second
    run.last_step, run.last_second = 1000, 5.0
    assert run.share == 0.2
    assert "0:04 left" in dashboard.progress(run)


def test_sample_latents_are_not_drawn_anew():
    run = run_with(torch.rand(5, 4))
    sample_latents(run.average, 3)
    state = torch.get_rng_state()
    render_run(run, LATENTS)
    assert torch.equal(state, torch.get_rng_state())
