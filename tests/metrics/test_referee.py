"""The referee of translations against translators whose scores are known: identity, the true one, and others."""

from __future__ import annotations

import pytest
import torch

from gan_helpers.data import FACTORS, draw_faces, sample_factors, scale_pixels, set_factor
from gan_helpers.metrics import (
    absolute_error,
    at_reader,
    colourfulness,
    cycle_error,
    load_reader,
    read_share,
    referee,
    roughness,
)
from gan_helpers.models import Classifier

FACTORS_OF = sample_factors(60, seed=7)


@pytest.fixture(scope="module")
def reader():
    return load_reader()


@pytest.fixture(scope="module", params=[32, 64])
def judge(request, reader):
    return referee(reader, FACTORS_OF, request.param)


def table(pictures: torch.Tensor, results: torch.Tensor):
    """A translator that knows what each picture becomes."""

    def look_up(images: torch.Tensor) -> torch.Tensor:
        found = (images[:, None] == pictures).flatten(2).all(2)
        assert found.any(1).all()
        return results[found.int().argmax(1)]

    return look_up


def test_the_two_sides_are_the_same_faces(judge):
    size = judge.without.shape[2]
    for images, value in ((judge.without, 0.0), (judge.having, 1.0)):
        assert torch.equal(images, scale_pixels(draw_faces(set_factor(FACTORS_OF, "glasses", value), size)))


def test_the_true_translators_have_no_fault(judge):
    score = judge.score(table(judge.without, judge.having), table(judge.having, judge.without))
    assert score.adds > 0.95  # the reader itself misses a few
    assert score.removes > 0.95
    assert (score.outside, score.inside, score.cycle) == (0, 0, 0)


def test_translators_that_do_nothing_succeed_at_nothing_but_the_cycle(judge):
    score = judge.score(lambda images: images, lambda images: images)
    assert score.adds < 0.05
    assert score.removes < 0.05
    assert (score.outside, score.cycle) == (0, 0)
    gap = (judge.without - judge.having).abs()
    assert score.inside == pytest.approx(float(gap.sum() / (3 * judge.changed.sum())), rel=1e-4)


def test_a_shift_of_brightness_is_an_error_everywhere(judge):
    score = judge.score(lambda images: images + 0.125, lambda images: images - 0.125)
    assert score.outside == pytest.approx(0.125, abs=1e-5)
    assert score.cycle == pytest.approx(0, abs=1e-6)
    both = judge.score(lambda images: images + 0.125, lambda images: images + 0.125)
    assert both.cycle == pytest.approx(0.25, abs=1e-5)


def test_one_translator_for_both_ways_is_told_apart(judge):
    add = table(judge.without, judge.having)

    def always_add(images: torch.Tensor) -> torch.Tensor:
        return images if (images[:, None] == judge.having).flatten(2).all(2).any(1).all() else add(images)

    score = judge.score(always_add, always_add)
    assert score.adds > 0.95
    assert score.removes < 0.05
    assert score.cycle > 0


def test_a_score_says_what_it_holds(judge):
    text = str(judge.score(lambda images: images, lambda images: images))
    assert text.startswith("adds   0%, removes   0%   error outside 0.000, inside 0.")


def test_other_factors_that_are_there_or_not(reader):
    judge = referee(reader, FACTORS_OF, 64, "hat")
    assert judge.score(table(judge.without, judge.having), table(judge.having, judge.without)).adds > 0.9
    with pytest.raises(ValueError, match="choose one of glasses, beard, earrings, hat"):
        referee(reader, FACTORS_OF, 32, "smile")


# --- measures of pictures -------------------------------------------------------------------------------


def test_errors_by_hand():
    black, white = -torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    assert absolute_error(black, white) == 2
    where = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    where[0, 0, 0, 0] = True
    mixed = black.clone()
    mixed[0, :, 0, 0] = -0.5
    assert absolute_error(mixed, black, where) == 0.5
    assert absolute_error(mixed, black, ~where) == 0
    with pytest.raises(ValueError, match="no pixel"):
        absolute_error(mixed, black, where & ~where)
    with pytest.raises(ValueError, match="compare the same"):
        absolute_error(mixed, black[:1])


@pytest.mark.parametrize("channels", [1, 3])
def test_roughness_by_hand(channels):
    ramp = torch.linspace(-1, 1, 5).expand(2, channels, 7, 5)
    assert roughness(ramp) == pytest.approx(0.5)
    assert roughness(ramp.transpose(2, 3)) == pytest.approx(0.5)
    board = 1 - 2 * ((torch.arange(4)[:, None] + torch.arange(4)) % 2)
    assert roughness(board.float().expand(1, channels, 4, 4)) == 4
    assert roughness(torch.full((1, channels, 4, 4), 0.3)) == 0


def test_colourfulness_is_max_minus_min_and_grey_has_none():
    images = torch.rand(3, 3, 5, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    by_hand = [max(pixel) - min(pixel) for pixel in images.permute(0, 2, 3, 1).reshape(-1, 3).tolist()]
    assert colourfulness(images) == pytest.approx(sum(by_hand) / len(by_hand), rel=1e-5)
    assert colourfulness(images.mean(1, keepdim=True).expand(-1, 3, -1, -1)) == 0


def test_the_reader_reads_all_in_real_faces_less_in_small_ones_and_nothing_in_others(reader):
    factors = sample_factors(300, seed=8)
    large, small = (scale_pixels(draw_faces(factors, size)) for size in (64, 32))
    assert read_share(reader, large, factors) == 1
    assert 0.8 < read_share(reader, small, factors) < 1
    assert read_share(reader, large, factors.flip(0)) == 0
    bald = scale_pixels(draw_faces(set_factor(factors, "hat", 0.0)))
    missing = read_share(reader, bald, factors)
    assert missing == pytest.approx(1 - 1 / len(FACTORS))


def test_pictures_come_to_the_reader_at_its_size(reader):
    flat = torch.full((2, 3, 32, 32), 0.25)
    assert torch.allclose(at_reader(reader, flat), torch.full((2, 3, 64, 64), 0.25))
    fitting = torch.rand(2, 3, 64, 64)
    assert at_reader(reader, fitting) is fitting
    assert at_reader(reader, torch.rand(1, 3, 128, 128)).shape == (1, 3, 64, 64)
    assert at_reader(Classifier((1, 28, 28)), torch.rand(2, 1, 32, 32)).shape == (2, 1, 28, 28)


# --- signals in the cycle -------------------------------------------------------------------------------


def test_a_hidden_signal_breaks_under_noise_and_an_honest_cycle_does_not():
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    faint = 0.01

    def hide(images: torch.Tensor) -> torch.Tensor:
        return 0.3 + faint * images  # a flat grey picture, to the eye

    def find(images: torch.Tensor) -> torch.Tensor:
        return (images - 0.3) / faint

    assert cycle_error(hide, find, images) < 1e-4
    mean_of_noise = 0.02 * (2 / torch.pi) ** 0.5
    assert cycle_error(hide, find, images, 0.02) == pytest.approx(mean_of_noise / faint, rel=0.05)
    same = cycle_error(lambda x: -x, lambda x: -x, images, 0.02)
    assert same == pytest.approx(mean_of_noise, rel=0.05)
    assert cycle_error(hide, find, images, 0.02) == cycle_error(hide, find, images, 0.02)  # the noise has a seed
