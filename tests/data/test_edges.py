"""Edges against SciPy's Sobel filter, on shapes whose outlines are known, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gan_helpers.data import connected, edge_map, gradients, thinned

drawn = settings(max_examples=25, deadline=None, derandomize=True)


@drawn
@given(seed=st.integers(0, 999), h=st.integers(3, 9), w=st.integers(3, 9), channels=st.sampled_from([1, 3]))
def test_gradients_are_sobels_over_eight(seed, h, w, channels):
    images = torch.rand(2, channels, h, w, generator=torch.Generator().manual_seed(seed))
    right, down = gradients(images)
    for found, axis in ((right, 3), (down, 2)):
        for n in range(2):
            for c in range(channels):
                expected = ndimage.sobel(images[n, c].numpy(), axis - 2, mode="nearest") / 8
                assert np.allclose(found[n, c], expected, atol=1e-6)


@drawn
@given(column=st.integers(2, 12), dark=st.integers(0, 100), step=st.integers(60, 150), turned=st.booleans())
def test_a_straight_border_is_one_line_of_one_pixel(column, dark, step, turned):
    image = torch.full((1, 3, 16, 16), dark, dtype=torch.uint8)
    image[..., column:] = dark + step
    edges = edge_map(image.transpose(2, 3) if turned else image)
    edges = edges.transpose(2, 3) if turned else edges
    assert edges.dtype == torch.uint8
    assert edges.shape == (1, 1, 16, 16)
    assert edges.unique().tolist() == [0, 255]
    assert (edges > 0).sum(3).unique().tolist() == [1]
    assert int((edges[0, 0, 8] > 0).nonzero()) in (column - 1, column)


def test_a_weak_border_counts_only_where_it_continues_a_strong_one():
    image = torch.full((2, 1, 16, 16), 100, dtype=torch.uint8)
    image[:, :, :, 8:] = 120  # a gradient of 20 / 255 / 2: between the two bounds
    image[0, :, :8, 8:] = 160
    both, weak = edge_map(image)[:, 0] > 0
    assert both[:, 7:9].any(1).all()
    assert not weak.any()
    assert not (edge_map(image, low=0.06)[0, 0, 10:] > 0).any()


def test_an_edge_in_a_single_colour_is_found_though_brightness_hides_it():
    image = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    image[0, 0, :, :4], image[0, 1, :, 4:] = 120, 61  # as bright as each other, by BT.601
    assert (edge_map(image)[0, 0] > 0).any(1).all()


def test_a_flat_picture_has_no_edge():
    assert edge_map(torch.full((2, 1, 8, 8), 90, dtype=torch.uint8)).max() == 0


def thinned_by_walking(size: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Pixel by pixel: is any of the two neighbours nearest to the gradient's direction larger?"""
    h, w = size.shape
    kept = np.zeros_like(size)
    for y in range(h):
        for x in range(w):
            angle = np.degrees(np.arctan2(down[y, x], right[y, x])) % 180
            by, bx = ((0, 1), (1, 1), (1, 0), (1, -1))[min(range(5), key=lambda k: abs(angle - 45 * k)) % 4]
            around = [(y + s * by, x + s * bx) for s in (-1, 1)]
            beside = [size[p] if 0 <= p[0] < h and 0 <= p[1] < w else 0 for p in around]
            kept[y, x] = size[y, x] if size[y, x] > max(beside) else 0
    return kept


@drawn
@given(seed=st.integers(0, 999), h=st.integers(2, 7), w=st.integers(2, 7))
def test_thinning_is_what_walking_from_pixel_to_pixel_finds(seed, h, w):
    size, right, down = torch.rand(3, 1, 1, h, w, generator=torch.Generator().manual_seed(seed))
    right, down = 2 * right - 1, 2 * down - 1
    expected = thinned_by_walking(*(x[0, 0].numpy() for x in (size, right, down)))
    assert np.array_equal(thinned(size, right, down)[0, 0].numpy(), expected)


def test_weak_edges_count_where_a_path_joins_them_to_a_strong_one():
    weak = torch.zeros(1, 1, 6, 12, dtype=torch.bool)
    weak[0, 0, 1, :9] = True
    weak[0, 0, 2, 9] = True  # by a corner
    weak[0, 0, 5, :] = True  # alone
    strong = torch.zeros_like(weak)
    strong[0, 0, 1, 0] = True
    expected = weak.clone()
    expected[0, 0, 5] = False
    assert torch.equal(connected(strong, weak), expected)


@pytest.mark.parametrize(
    ("images", "bounds", "remedy"),
    [
        (torch.zeros(1, 3, 8, 8), (0.1, 0.2), "unscale_pixels"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), (0.1, 0.2), r"\(N, C, H, W\)"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), (0.3, 0.2), "0 <= low <= high"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), (-0.1, 0.2), "0 <= low <= high"),
    ],
)
def test_bad_input_names_the_remedy(images, bounds, remedy):
    with pytest.raises(ValueError, match=remedy):
        edge_map(images, *bounds)
