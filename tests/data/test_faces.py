"""Drawn faces: what a factor changes and where, held against the geometry that its name promises."""

from __future__ import annotations

import pytest
import torch

from gan_helpers.data.faces import CHANCES, FACTORS, SCALES, data_factors, draw_faces, mix, sample_factors, set_factor
from gan_helpers.data.sets import load_images

PLAIN = torch.cat([torch.full((1, len(SCALES)), 0.5), torch.zeros(1, len(CHANCES))], 1)


def changed(name: str, low: float = 0.0, high: float = 1.0, base: torch.Tensor = PLAIN) -> torch.Tensor:
    """Which pixels differ (64, 64) between a plain face with a factor at low and at high."""
    pair = draw_faces(torch.cat([set_factor(base, name, low), set_factor(base, name, high)])).int()
    return (pair[0] - pair[1]).abs().amax(0) > 2


def test_shape_type_and_range():
    images = draw_faces(sample_factors(5, seed=1), size=32)
    assert images.shape == (5, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert images.float().std() > 20


def test_the_same_seed_gives_the_same_faces_and_leaves_torch_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second, other = (draw_faces(sample_factors(4, seed)) for seed in (7, 7, 8))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_face_does_not_depend_on_its_neighbours():
    factors = sample_factors(70, seed=2)  # more than are drawn at once
    assert torch.equal(draw_faces(factors)[66:], draw_faces(factors[66:]))


def test_factors_have_the_stated_distribution_and_are_independent():
    factors = sample_factors(20_000)
    assert torch.allclose(factors[:, : len(SCALES)].mean(0), torch.tensor(0.5), atol=0.01)
    assert torch.allclose(factors[:, len(SCALES) :].mean(0), torch.tensor(list(CHANCES.values())), atol=0.012)
    off_diagonal = torch.corrcoef(factors.T) - torch.eye(len(FACTORS))
    assert off_diagonal.abs().max() < 0.035  # 5 standard deviations of 1 / sqrt(20,000)


@pytest.mark.parametrize("name", FACTORS)
def test_every_factor_shows(name):
    assert changed(name).sum() >= 8


# the rows and columns (first, last) of 64 that may change
PLACES = {
    "glasses": ((22, 38), (12, 52)),
    "eye colour": ((26, 35), (20, 44)),
    "eye size": ((22, 36), (16, 48)),
    "brow angle": ((18, 32), (14, 50)),
    "brow weight": ((18, 32), (14, 50)),
    "nose": ((27, 41), (26, 38)),
    "smile": ((32, 50), (24, 40)),
    "mouth open": ((34, 52), (24, 40)),
    "earrings": ((32, 42), (10, 54)),
    "beard": ((28, 56), (10, 54)),
    "hat": ((0, 30), (4, 60)),
    "shirt": ((46, 64), (0, 64)),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_factor_changes_its_place_alone(name):
    base = set_factor(PLAIN, "hair volume", 0) if name == "hat" else PLAIN  # a hat presses wide hair down
    rows, columns = (where.any(dim) for where, dim in ((changed(name, base=base), 1), (changed(name, base=base), 0)))
    for found, (first, last) in zip((rows, columns), PLACES[name], strict=True):
        assert first <= found.nonzero().min()
        assert found.nonzero().max() < last


def test_background_changes_behind_the_head_and_nowhere_on_it():
    where = changed("background")
    assert where[:8, :8].all()
    assert where[:8, -8:].all()
    assert not where[28:40, 26:38].any()


def test_a_straight_face_is_its_own_mirror_image_but_for_light_and_nose():
    face = draw_faces(set_factor(PLAIN, "curls", 0))[0].int()
    difference = (face - face.flip(2)).abs().amax(0)
    assert difference[56:].max() <= 1  # shoulders
    assert (difference > 90).float().mean() < 0.01


def test_turning_moves_the_nose_and_tilting_the_head_to_opposite_sides():
    for name in ("turn", "tilt"):
        low, high = (draw_faces(set_factor(PLAIN, name, value)) for value in (0.2, 0.8))
        different = (low.int() - high.flip(3).int()).abs().amax(1)
        assert (different > 90).float().mean() < 0.03  # mirror images, but for light and nose
        assert changed(name).any()


def test_a_smile_lifts_the_corners():
    sad, happy = (draw_faces(set_factor(set_factor(PLAIN, "smile", s), "mouth open", 0))[0].int() for s in (0, 1))
    dark = [(face[1, 36:50, 27:37] < 80).nonzero() for face in (sad, happy)]
    rows = [mouth[(mouth[:, 1] - 4.5).abs() > 3, 0].float().mean() for mouth in dark]  # of the corners
    assert rows[1] < rows[0]


def test_skin_gets_darker_along_its_scale():
    ladder = torch.cat([set_factor(PLAIN, "skin", s) for s in torch.linspace(0, 1, 7).tolist()])
    cheeks = draw_faces(ladder)[:, :, 36:40, 20:24].float().mean((1, 2, 3))
    assert (cheeks.diff() < 0).all()


def test_sizes_show_the_same_face():
    large, small = draw_faces(sample_factors(8), 128), draw_faces(sample_factors(8), 64)
    fitted = torch.nn.functional.avg_pool2d(large.float(), 2)
    assert (fitted - small.float()).abs().mean() < 4


def test_mix_goes_through_the_palette():
    palette = ((0, 0, 0), (255, 0, 0), (255, 255, 255))
    found = mix(palette, torch.tensor([0.0, 0.25, 0.5, 1.0]).view(4, 1, 1)).flatten(1)
    assert torch.allclose(found, torch.tensor([[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [1, 1, 1]]))


@pytest.mark.parametrize(
    ("factors", "size", "remedy"),
    [(torch.zeros(3, 4), 64, "see sample_factors"), (PLAIN + 1, 64, "clamp them"), (PLAIN, 8, "take 16 or more")],
)
def test_bad_input_names_the_remedy(factors, size, remedy):
    with pytest.raises(ValueError, match=remedy):
        draw_faces(factors, size)
    with pytest.raises(ValueError, match="choose one of skin"):
        set_factor(PLAIN, "beads", 1)


def test_the_data_set_holds_what_its_factors_say(monkeypatch):
    monkeypatch.setenv("GAN_QUICK", "1")
    data, factors = load_images("faces", split="test", size=32), data_factors("test")
    assert data.shape == (3, 32, 32)
    assert len(data) == len(factors) == 200
    assert torch.equal(data.images[:5], draw_faces(factors[:5], 32))
    assert [data.classes[label] for label in data.labels[:20]] == [
        "glasses" if on else "no glasses" for on in factors[:20, FACTORS.index("glasses")]
    ]
    assert not torch.equal(data_factors("train")[:200], factors)
