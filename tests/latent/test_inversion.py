"""From pictures back to z: against least squares, the z that made the picture, and MNIST's own rules."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gan_helpers.checkpoints import Network, load_network
from gan_helpers.data.sets import load_images, scale_pixels
from gan_helpers.environment import ASSETS
from gan_helpers.latent.inversion import find_latents, fit_picture
from gan_helpers.latent.points import random_points
from gan_helpers.models.dense import Generator
from gan_helpers.models.sampling import generate


class LinearGenerator(Network):
    """Pictures that are a linear map of z, so that the nearest is known in closed form."""

    def __init__(self, latent_dim: int = 4, classes: int = 3) -> None:
        super().__init__()
        self.map, self.shift = nn.Linear(latent_dim, 12), nn.Embedding(classes, 12)

    def forward(self, latents, labels=None):
        shift = 0 if labels is None else self.shift(labels)
        return (self.map(latents) + shift).unflatten(1, (1, 3, 4))


@pytest.fixture(scope="module")
def digits() -> Network:
    return load_network(ASSETS / "weights" / "mnist_generator.safetensors")[0]


@pytest.fixture
def linear() -> LinearGenerator:
    torch.manual_seed(0)
    return LinearGenerator()


def nearest_by_least_squares(network: LinearGenerator, target: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    wanted = (target.flatten() - network.map.bias - shift).detach()
    return torch.linalg.lstsq(network.map.weight.detach(), wanted[:, None]).solution.T


# --- the search ---------------------------------------------------------------------------------------


def test_the_search_ends_at_the_least_squares_solution(linear):
    target = torch.randn(1, 1, 3, 4) / 2
    *_, (_, found, error, _) = find_latents(linear, target, pull=0.0, seconds=60)
    expected = nearest_by_least_squares(linear, target, torch.zeros(12))
    assert torch.allclose(found, expected, atol=0.01)
    assert error == pytest.approx((generate(linear, expected) - target).pow(2).mean().item(), abs=1e-4)


def test_the_search_is_within_the_class_that_was_asked_for(linear):
    target, label = torch.randn(1, 1, 3, 4) / 2, torch.tensor([2])
    *_, (_, found, _, _) = find_latents(linear, target, pull=0.0, seconds=60, labels=label)
    expected = nearest_by_least_squares(linear, target, linear.shift(label)[0])
    assert torch.allclose(found, expected, atol=0.01)


def test_among_several_classes_the_one_that_made_the_picture_is_found(linear):
    for label in range(3):
        target = generate(linear, random_points(linear, 5 + label), torch.tensor([label]))
        stages = list(find_latents(linear, target, pull=0.0, seconds=60, labels=torch.arange(3)))
        assert stages[-1].label == label
        assert stages[-1].error < 1e-3
        with_label = generate(linear, stages[-1].latents, torch.tensor([label]))
        assert (with_label - target).pow(2).mean().item() == pytest.approx(stages[-1].error, abs=1e-5)


def test_a_picture_of_the_generators_own_is_found(digits):
    for seed in (11, 12):
        target = generate(digits, random_points(digits, seed))
        *_, (_, found, error, _) = find_latents(digits, target, seconds=60)
        assert error < 0.005  # of a range of 2 * 2; random pictures differ by 0.3
        assert (generate(digits, found) - target).pow(2).mean() == pytest.approx(error, abs=1e-5)


def test_a_drawn_digit_is_found_nearer_than_the_best_random_start(digits):
    targets = scale_pixels(load_images("strokes", split="test").images[:3])
    for target in targets[:, None]:
        errors = [found.error for found in find_latents(digits, target, steps=150, seconds=60)]
        assert errors[-1] < 0.6 * errors[0]
        assert errors == sorted(errors, reverse=True)  # the best so far never gets worse


def test_the_pull_keeps_z_as_long_as_random_ones(linear):
    target = torch.full((1, 1, 3, 4), 30.0)  # far from anything that usual z make
    lengths = [list(find_latents(linear, target, pull=p, seconds=60))[-1].latents.norm() for p in (0.0, 1000.0)]
    assert lengths[1] < 0.5 * lengths[0]
    assert lengths[1] < 6


def test_uniform_latents_stay_in_their_cube():
    torch.manual_seed(0)
    generator = Generator(4, (1, 4, 4), widths=(8,), dropout=0.0, latent="uniform")
    *_, (_, found, _, _) = find_latents(generator, torch.full((1, 1, 4, 4), 9.0), seconds=60, steps=100)
    assert found.abs().max() <= 1


def test_the_search_ends_in_time(digits):
    began = time.perf_counter()
    steps = [found.step for found in find_latents(digits, torch.zeros(1, 1, 28, 28), steps=10**9, seconds=0.5)]
    assert time.perf_counter() - began < 2
    assert steps == list(range(len(steps)))


def test_the_search_leaves_no_trace():
    torch.manual_seed(0)
    generator = Generator(4, (1, 4, 4), widths=(8,), dropout=0.5, batch_norm=True)
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    state = torch.get_rng_state()
    list(find_latents(generator, torch.zeros(1, 1, 4, 4), steps=5))
    assert generator.training
    assert all(p.requires_grad and p.grad is None for p in generator.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_target_of_another_shape_is_refused(linear):
    with pytest.raises(ValueError, match=r"use fit_picture"):
        list(find_latents(linear, torch.zeros(1, 1, 4, 4)))


# --- what a picture becomes ---------------------------------------------------------------------------


def as_drawn_on_paper(digit: torch.Tensor) -> Image.Image:
    """A digit uint8 (1, 28, 28), seven times as large, dark on light grey paper, in a corner of a wide sheet."""
    large = Image.fromarray(digit[0].numpy()).resize((196, 196), Image.Resampling.BICUBIC)
    sheet = Image.new("L", (500, 260), 0)
    sheet.paste(large, (290, 3))
    return sheet.point(lambda value: 230 - value * 0.8)


def test_a_photographed_digit_becomes_what_mnist_would_have_made_of_it():
    for digit in load_images("mnist", split="test").images[:10]:
        found = (fit_picture(as_drawn_on_paper(digit), (1, 28, 28))[0, 0] + 1) / 2
        wanted = digit[0] / 255
        shifts = [found.roll((i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]  # MNIST rounds the centre, too
        errors = [(shifted - wanted).pow(2).mean().item() for shifted in shifts]
        assert min(errors) < 0.01
        ys, xs = torch.nonzero(found > 0.5, as_tuple=True)
        assert 17 <= max(ys.max() - ys.min(), xs.max() - xs.min()) + 1 <= 20
        for axis in (0, 1):
            mass = found.sum(1 - axis)
            assert float((mass * (torch.arange(28) + 0.5)).sum() / mass.sum()) == pytest.approx(14, abs=0.75)


def test_a_picture_of_the_right_size_is_taken_as_it_is():
    digit = load_images("strokes", split="test").images[3]
    found = fit_picture(Image.fromarray(digit[0].numpy()), (1, 28, 28))
    assert torch.allclose(found[0], scale_pixels(digit))
    inverted = fit_picture(Image.fromarray(255 - digit[0].numpy()), (1, 28, 28))
    assert torch.allclose(inverted, found)


def test_ink_gets_the_brightness_that_the_generators_ground_asks_for():
    drawn = Image.new("L", (40, 40), 0)
    drawn.paste(255, (10, 10, 30, 30))  # bright on dark
    for image in (drawn, drawn.point(lambda value: 255 - value)):
        dark, bright = (fit_picture(image, (1, 8, 8), dark_ground=ground) for ground in (True, False))
        assert (dark[0, 0, 0, 0], dark[0, 0, 4, 4]) == (-1, 1)
        assert torch.equal(bright, -dark)


def test_an_empty_drawing_is_refused():
    for brightness in (0, 255):
        with pytest.raises(ValueError, match="nothing is drawn"):
            fit_picture(Image.new("L", (196, 196), brightness), (1, 28, 28))


def test_colours_and_proportions_are_kept():
    image = Image.new("RGB", (60, 40), (255, 0, 102))
    image.paste((0, 255, 0), (0, 0, 10, 40))  # cropped away
    image.paste((0, 0, 255), (50, 0, 60, 40))
    found = fit_picture(image, (3, 10, 10))
    assert found.shape == (1, 3, 10, 10)
    assert torch.allclose(found[0, :, 5, 5], torch.tensor([1.0, -1.0, -0.2]), atol=1e-6)
    assert fit_picture(image, (3, 6, 8)).shape == (1, 3, 6, 8)


def test_a_malformed_camera_entry_does_not_cost_the_picture(monkeypatch):
    def stumble(image):
        raise struct.error("unpack requires a buffer of 8 bytes")

    monkeypatch.setattr("PIL.ImageOps.exif_transpose", stumble)
    assert fit_picture(Image.new("L", (8, 8), 255), (1, 8, 8)).shape == (1, 1, 8, 8)


def test_transparent_and_16_bit_pictures():
    ink = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), (10, 10, 30, 30))  # black ink on nothing
    found = fit_picture(ink, (1, 8, 8))
    assert found[0, 0, 4, 4] == 1
    assert found[0, 0, 0, 0] == -1
    deep = Image.fromarray(np.full((8, 8), 257 * 51, dtype=np.uint16))
    assert torch.allclose(fit_picture(deep, (1, 8, 8)), torch.full((1, 1, 8, 8), 51 / 127.5 - 1), atol=0.01)
