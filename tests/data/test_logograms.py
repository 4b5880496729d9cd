"""Logograms: the same for the same seed, varied, legible, smooth, and cleaned of what is no stroke."""

import re

import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from sklearn.linear_model import LogisticRegression

from gan_helpers.data import draw_logograms
from gan_helpers.data.logograms import WORDS, clean_ink, draw_logograms, enlarge_ink, fog_share, speck_share, specks
from gan_helpers.data.sets import load_images, scale_pixels

LABELS = torch.arange(len(WORDS)).repeat(20)


@pytest.fixture(scope="module")
def signs():
    return draw_logograms(LABELS, seed=0)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_signs_are_black_ink_on_white_paper(size):
    drawn = draw_logograms(LABELS[:24], size=size)
    assert drawn.shape == (24, 1, size, size)
    assert drawn.dtype == torch.uint8
    assert drawn.flatten(1).amin(1).eq(0).all()
    rim = torch.cat([drawn[..., 0], drawn[..., -1], drawn[..., 0, :], drawn[..., -1, :]], 2)
    assert rim.float().mean() > 252  # hardly any tendril reaches the edge
    assert 0.05 < (drawn < 128).float().mean() < 0.2


def test_no_labels_give_no_signs():
    assert draw_logograms(LABELS[:0]).shape == (0, 1, 64, 64)


def test_the_seed_alone_decides_and_the_global_state_is_left_alone(signs):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(draw_logograms(LABELS, seed=0), signs)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.equal(draw_logograms(LABELS, seed=1), signs)


def test_another_size_shows_the_same_signs():
    large, small = (draw_logograms(LABELS[:16], seed=3, size=size).float() / 255 for size in (128, 64))
    off = (F.avg_pool2d(large, 2) - small).square().mean((1, 2, 3))
    others = (small - small.roll(1, 0)).square().mean((1, 2, 3))
    assert (off < 0.1 * others).all()


@pytest.mark.parametrize(
    ("labels", "size", "remedy"),
    [
        (torch.tensor([0, 8]), 64, "0 to 7"),
        (torch.tensor([-1]), 64, "0 to 7"),
        (torch.tensor([1.0]), 64, "long()"),
        (torch.tensor([[1]]), 64, "flatten()"),
        ([1, 2], 64, "torch.as_tensor"),
        (torch.tensor([1]), 31, "32 pixels or more"),
    ],
)
def test_wrong_arguments_are_refused_with_a_remedy(labels, size, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        draw_logograms(labels, size=size)


def test_no_two_signs_of_a_word_are_alike(signs):
    flat = scale_pixels(signs).flatten(1)
    for word in range(len(WORDS)):
        assert torch.pdist(flat[word == LABELS]).min() > 10  # of at most 128


def test_words_can_be_told_apart(signs):
    """A linear model on pictures of 16x16 reads signs that it has not seen."""
    rows = F.avg_pool2d(signs.float() / 255, 4).flatten(1).numpy()
    reader = LogisticRegression(max_iter=300).fit(rows[:120], LABELS[:120].numpy())
    assert reader.score(rows[120:], LABELS[120:].numpy()) > 0.9


def test_ink_is_a_closed_ring_around_paper(signs):
    for sign in signs[:40, 0]:
        places, count = ndimage.label(sign.numpy() > 160)
        assert count > 1
        assert places[32, 32] != places[0, 0]  # no way leads out of the ring


def test_edges_are_smooth(signs):
    """Every fifth pixel of the rim of the ink is grey, in a picture of hard pixels none."""
    dark = signs < 128
    rim = F.max_pool2d(dark.float(), 3, 1, 1).bool() & ~dark
    grey = (signs > 5) & (signs < 250)
    assert (grey & rim).sum() > 0.2 * rim.sum()
    assert signs.unique().numel() > 100  # not only the shares that a grid finer by two gives


def test_a_stroke_is_as_wide_as_it_says():
    x = torch.linspace(-20, 20, 200)
    for radius in (1.0, 2.5, 4.0):
        stroke = draw_logograms._ink(x, torch.zeros(1), torch.tensor(radius), torch.tensor(40 / 200))
        pressed = draw_logograms._press(stroke[None], 64)
        width = (1 - pressed[0, 0, :, 32].float() / 255).sum()
        assert abs(width - 2 * radius) < 0.35


def test_the_data_set_has_all_words_in_both_parts_and_no_sign_twice(monkeypatch):
    monkeypatch.setattr(draw_logograms, "budget", lambda full, quick: {"train": 200, "test": 200})
    train, test = (load_images("draw_logograms", split, size=64) for split in ("train", "test"))
    assert train.shape == test.shape == (1, 64, 64)
    assert train.classes == tuple(WORDS)
    for part in (train, test):
        assert torch.bincount(part.labels).tolist() == [25] * 8
    assert torch.cdist(scale_pixels(train.images).flatten(1), scale_pixels(test.images).flatten(1)).min() > 10
    assert "drawn" in train.source


# --- cleaning -----------------------------------------------------------------------------------------


def framed_by_hand(ink, largest):
    found = torch.zeros_like(ink)
    paper = F.pad(ink, (1,) * 4)
    for side in range(1, largest + 1):
        for y in range(ink.shape[0] - side + 1):
            for x in range(ink.shape[1] - side + 1):
                window = paper[y : y + side + 2, x : x + side + 2].clone()
                window[1:-1, 1:-1] = False
                if not window.any():
                    found[y : y + side, x : x + side] |= ink[y : y + side, x : x + side]
    return found


def test_specks_are_what_a_frame_fits_around():
    torch.manual_seed(0)
    ink = torch.rand(20, 1, 12, 14) < torch.linspace(0.02, 0.5, 20).view(20, 1, 1, 1)
    for largest in (1, 2, 4):
        assert torch.equal(specks(ink, largest)[:, 0], torch.stack([framed_by_hand(i[0], largest) for i in ink]))


def test_what_is_removed_are_whole_small_islands(signs):
    """scipy's connected components: none is cut, none that is removed is large."""
    ink = signs < 128
    lost = specks(ink)
    assert lost.any()
    for picture, gone in zip(ink[:40, 0].numpy(), lost[:40, 0].numpy(), strict=True):
        places, _ = ndimage.label(picture, structure=[[1] * 3] * 3)
        for i, (rows, columns) in enumerate(ndimage.find_objects(places), 1):
            share = gone[places == i].mean()
            assert share in (0, 1)
            if share == 1:
                assert max(rows.stop - rows.start, columns.stop - columns.start) <= 4


def test_cleaning_takes_away_specks_and_fog_and_keeps_the_strokes(signs):
    torch.manual_seed(0)
    real = scale_pixels(signs[:32])
    clean = clean_ink(real)
    dirt = torch.where(torch.rand_like(real) < 0.003, -1.0, real)
    foggy = (dirt - 0.3 * torch.rand_like(real)).clamp(-1, 1)
    cleaned = clean_ink(foggy)
    assert speck_share(cleaned) < 0.1 * speck_share(foggy)
    assert fog_share(cleaned) < 0.35 * fog_share(foggy)
    assert (cleaned - clean).abs().mean() < 0.2 * (foggy - real).abs().mean()


def test_enlarged_ink_is_the_sign_drawn_larger_and_without_specks():
    """Against the same signs drawn at twice the size: closer than repeated pixels are, and with less grey."""
    small, large = (scale_pixels(draw_logograms(LABELS[:16], seed=3, size=size)) for size in (64, 128))
    ours, repeated = enlarge_ink(small, 2), small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    stroke = ~F.max_pool2d((specks(small < 0.5) | specks(large < 0.5)[..., ::2, ::2]).float(), 9, 1, 4).bool()
    there = stroke.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert ((ours - large).abs() * there).mean() < 0.9 * ((repeated - large).abs() * there).mean()
    assert fog_share(ours) < fog_share(repeated)
    dirt = small.clone()
    dirt[:, :, 2, 2] = -1
    assert torch.equal(enlarge_ink(dirt, 2), ours)
