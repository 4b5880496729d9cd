"""DCGAN's networks, and the arithmetic of kernels held against gradients, Fourier transforms and counting."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.metrics.filters import checkerboard_share
from gan_helpers.models.convolutional import (
    BetweenClasses,
    ConvDiscriminator,
    ConvGenerator,
    PhotoDiscriminator,
    PhotoGenerator,
    ResizeConvolution,
    dcgan_pair,
    initialise,
    photo_pair,
    receptive_fields,
    upsampler,
)
from gan_helpers.models.sampling import count_parameters, generate, sample_latents
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.settings import Settings


@pytest.mark.parametrize("side", [16, 32, 64, 128])
@pytest.mark.parametrize("upsampling", ["transposed", "uneven", "resize"])
def test_every_side_comes_out_and_goes_in(side, upsampling):
    generator, discriminator = dcgan_pair((3, side, side), 4, upsampling)
    pictures = generator(sample_latents(generator, 3))
    assert pictures.shape == (3, 3, side, side)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures).shape == (3,)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 32, 64), (3, 8, 8), (32, 32)])
def test_other_shapes_are_refused_with_a_remedy(shape):
    for network in (ConvGenerator, ConvDiscriminator):
        with pytest.raises(ValueError, match=r"one of 16, 32, 64, 128\. Fit a folder's pictures"):
            network(image_shape=shape)


def test_an_unknown_upsampling_is_refused():
    with pytest.raises(ValueError, match="choose 'transposed', 'uneven' or 'resize'"):
        ConvGenerator(upsampling="bilinear")


def test_the_sizes_are_those_of_the_paper():
    generator, discriminator = dcgan_pair((3, 64, 64), 128)  # the paper's figure 1: 1024, 512, 256, 128 channels
    shapes = []
    for layer in generator.layers:
        if isinstance(layer, nn.BatchNorm2d):
            shapes.append(layer.num_features)
    assert shapes == [1024, 512, 256, 128]
    norms = [layer.num_features for layer in discriminator.layers if isinstance(layer, nn.BatchNorm2d)]
    assert norms == [256, 512, 1024]  # none after the first convolution
    by_hand = 64 * 256 * 16 + 256 * 16 + 2 * (256 + 128) + 16 * 256 * 128 + 128 + 16 * 128 * 3 + 3
    assert count_parameters(ConvGenerator(image_shape=(3, 16, 16), width=128)) == by_hand


def test_initialise_draws_what_the_paper_says():
    torch.manual_seed(0)
    for network in (initialise(ConvGenerator(width=64)), initialise(ConvDiscriminator(width=64))):
        for layer in network.modules():
            if hasattr(layer, "weight"):
                centre = 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0
                error = 0.02 / layer.weight.numel() ** 0.5
                assert abs(layer.weight.mean() - centre) < 5 * error
                assert abs(layer.weight.std() - 0.02) < 5 * error
                assert layer.bias.abs().max() == 0


def test_a_generator_survives_the_disk(tmp_path):
    generator = initialise(ConvGenerator(8, (3, 16, 16), 4, "resize")).eval()
    save_network(tmp_path / "g.safetensors", generator)
    again, _ = load_network(tmp_path / "g.safetensors", ConvGenerator)
    latents = sample_latents(generator, 5)
    assert torch.equal(generate(generator, latents), generate(again, latents))


# --- told the class -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_in", "n_out", "height", "width"), [(1, 1, 4, 4), (5, 3, 4, 7), (2, 6, 9, 2)])
def test_a_resize_convolution_repeats_and_convolves_in_one_step(n_in, n_out, height, width):
    layer, maps = ResizeConvolution(n_in, n_out).double(), torch.randn(3, n_in, height, width).double()
    repeated = maps.repeat_interleave(2, 2).repeat_interleave(2, 3).requires_grad_()
    two_steps = F.conv2d(repeated, layer.weight, layer.bias, padding=1)
    assert torch.allclose(layer(maps), two_steps)
    judge = torch.randn_like(two_steps)
    ours, theirs = (torch.autograd.grad((out * judge).sum(), layer.weight)[0] for out in (layer(maps), two_steps))
    assert torch.allclose(ours, theirs)


@pytest.mark.parametrize("side", [16, 32, 64])
def test_photo_pairs_take_every_side_and_class(side):
    generator, discriminator = photo_pair((3, side, side), classes=4, width=4)
    labels = torch.tensor([3, 0, 3])
    pictures = generator(sample_latents(generator, 3), labels)
    assert pictures.shape == (3, 3, side, side)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures, labels).shape == (3,)


@pytest.mark.parametrize("network", [PhotoGenerator, PhotoDiscriminator])
def test_photo_networks_refuse_other_shapes_and_labels(network):
    with pytest.raises(ValueError, match=r"one of 16, 32, 64, 128\. Fit a folder's pictures"):
        network(image_shape=(3, 28, 28))
    rows = torch.zeros(2, 64) if network is PhotoGenerator else torch.zeros(2, 3, 32, 32)
    with pytest.raises(ValueError, match="knows 0 to 3"):
        network(classes=4, width=4)(rows, torch.tensor([0, 4]))


def test_the_logits_of_two_classes_differ_by_a_product_with_the_features():
    _, discriminator = photo_pair((3, 16, 16), classes=3, width=4)
    pictures = torch.rand(6, 3, 16, 16)
    first, last = (discriminator(pictures, torch.full((6,), label)) for label in (0, 2))
    vectors = discriminator.label.weight
    assert torch.allclose(last - first, discriminator.layers(pictures) @ (vectors[2] - vectors[0]), atol=1e-5)


def test_a_photo_generator_draws_each_class_in_its_own_numbers_and_survives_the_disk(tmp_path):
    generator, _ = photo_pair((3, 16, 16), classes=3, width=4)
    nn.init.normal_(generator.norms[1].shift.weight)
    latents, labels = sample_latents(generator, 6), torch.arange(6) % 3
    pictures = generate(generator, latents, labels)
    assert torch.equal(generate(generator, latents), pictures)  # without labels, the classes in turn
    assert not torch.allclose(pictures, generate(generator, latents, (labels + 1) % 3), atol=1e-3)
    save_network(tmp_path / "g.safetensors", generator)
    again, _ = load_network(tmp_path / "g.safetensors", PhotoGenerator)
    assert torch.equal(generate(again, latents, labels), pictures)


def uneven_photo_generator(classes=3):
    """A generator whose classes' rows and statistics are drawn, so that no two classes draw alike."""
    generator = PhotoGenerator(5, classes, (1, 16, 16), width=4).eval()
    for norm in generator.norms:
        for table in (norm.scale, norm.shift):
            nn.init.normal_(table.weight)
        norm.norm.running_mean.normal_()
        norm.norm.running_var.uniform_(0.5, 2)
    return generator


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 5), min_size=3, max_size=3).filter(lambda weights: sum(weights) > 0.01))
def test_a_point_between_classes_is_drawn_with_the_mean_of_their_rows(weights):
    """The oracle is a generator of one class that holds those means as its rows."""
    generator, latents = uneven_photo_generator(), torch.randn(4, 5)
    shares = torch.tensor([weights]) / sum(weights)
    single = PhotoGenerator(5, 1, (1, 16, 16), width=4).eval()
    means = {
        name: shares @ value if name.endswith(("scale.weight", "shift.weight")) else value
        for name, value in generator.state_dict().items()
    }
    single.load_state_dict(means)
    points = torch.cat([latents, torch.tensor([weights]).expand(4, -1)], 1)
    drawn = generate(BetweenClasses(generator), points)
    assert torch.allclose(drawn, generate(single, latents, torch.zeros(4, dtype=torch.int64)), atol=1e-5)


def test_a_weight_of_one_draws_its_class():
    generator, latents, labels = uneven_photo_generator(), torch.randn(6, 5), torch.arange(6) % 3
    between = BetweenClasses(generator)
    drawn = generate(between, torch.cat([latents, F.one_hot(labels, 3).float()], 1))
    assert torch.allclose(drawn, generate(generator, latents, labels), atol=1e-6)
    assert between.config["latent_dim"] == 8


@pytest.mark.parametrize("weights", [(0.0, 0.0, 0.0), (1.0, -0.1, 0.0)])
def test_weights_that_are_no_mixture_are_refused(weights):
    points = torch.cat([torch.randn(2, 5), torch.tensor([weights, (1.0, 0.0, 0.0)])], 1)
    with pytest.raises(ValueError, match="at least 0, and one of them above 0"):
        generate(BetweenClasses(uneven_photo_generator()), points)
    with pytest.raises(ValueError, match=r"takes \(N, 8\)"):
        generate(BetweenClasses(uneven_photo_generator()), torch.randn(2, 5))


def test_the_pair_learns_the_colour_of_its_pictures():
    torch.manual_seed(0)
    colour = torch.tensor([0.6, -0.7, 0.1]).view(3, 1, 1)
    pictures = (colour + 0.05 * torch.randn(128, 3, 16, 16)).clamp(-1, 1)
    pair = dcgan_pair((3, 16, 16), 4)
    latents = sample_latents(pair[0], 32)
    run = train_gan(*pair, pictures, epochs=20, settings=Settings(batch_size=32, ema_decay=0.9))
    found = generate(run.average, latents).mean((0, 2, 3))
    assert (found - colour.flatten()).abs().max() < 0.2


def test_a_resumed_run_ends_as_one_that_was_never_stopped(tmp_path):
    pictures = torch.randint(0, 256, (64, 3, 16, 16), dtype=torch.uint8)

    def train(epochs, **where):
        torch.manual_seed(1)
        return train_gan(*dcgan_pair((3, 16, 16), 8), pictures, epochs, settings=Settings(batch_size=16), **where)

    whole = train(4)
    train(2, checkpoint=tmp_path / "run.safetensors")
    resumed = train(4, checkpoint=tmp_path / "run.safetensors", resume=True)
    for ours, theirs in zip(resumed.generator.parameters(), whole.generator.parameters(), strict=True):
        assert torch.equal(ours, theirs)  # Adam's moments must come back channels last, as the weights are


# --- receptive fields: the oracle is which pixels have a gradient -------------------------------------


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(1, 1, 4, 2, 1)] * 3, [4, 10, 22]),
        ([nn.Conv2d(1, 1, 3, 1, 1), nn.Conv2d(1, 1, 5, 2, 2), nn.Conv2d(1, 1, 3, 3, 1)], [3, 7, 11]),
        ([nn.Conv2d(1, 1, 1)], [1]),
    ],
)
def test_receptive_fields_are_the_pixels_with_a_gradient(layers, expected):
    torch.manual_seed(0)
    assert receptive_fields(layers) == expected
    for depth, field in enumerate(expected, 1):
        image = torch.randn(1, 1, 96, 96, requires_grad=True)
        output = nn.Sequential(*layers[:depth])(image)
        middle = output.shape[-1] // 2
        (gradient,) = torch.autograd.grad(output[0, 0, middle, middle], image)
        rows = (gradient[0, 0] != 0).any(1).nonzero()
        assert rows.max() - rows.min() + 1 == field


def test_the_discriminators_fields():
    discriminator = ConvDiscriminator((3, 64, 64), 2)
    assert receptive_fields(discriminator.layers) == [4, 10, 22, 46]


# --- checkerboards: the oracle is the discrete Fourier transform --------------------------------------


def test_checkerboard_share_is_the_power_at_the_nyquist_frequency():
    images = torch.randn(5, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    power = torch.fft.fft2(images).abs().square()
    alternating = power[..., 4, 0] + power[..., 0, 6] + power[..., 4, 6]
    expected = alternating.sum() / (power.sum() - power[..., 0, 0].sum())
    assert checkerboard_share(images) == pytest.approx(float(expected), rel=1e-5)


def test_checkerboard_share_of_a_board_is_one_and_of_a_wave_zero():
    board = (torch.arange(8) + torch.arange(8)[:, None]) % 2
    assert checkerboard_share(board.expand(1, 3, 8, 8).float()) == pytest.approx(1)
    wave = torch.linspace(0, 2 * torch.pi, 9)[:-1].sin()
    assert checkerboard_share(wave.expand(1, 1, 8, 8)) == pytest.approx(0, abs=1e-12)


def test_upsampling_a_flat_map_shows_which_kernels_leave_a_pattern():
    torch.manual_seed(0)
    flat = torch.ones(1, 8, 16, 16)
    shares = {}
    for kind in ("uneven", "transposed", "resize"):
        layers = nn.Sequential(*upsampler(8, 1, kind))
        nn.init.constant_(next(p for p in layers.parameters() if p.ndim == 4), 0.1)
        inner = layers(flat).detach()[..., 4:-4, 4:-4]  # away from the border
        shares[kind] = checkerboard_share(inner) if kind == "uneven" else 0
        assert (inner.var() < 1e-9) == (kind != "uneven")  # equal weights: 3x3 copies overlap unevenly, 4x4 evenly
    assert shares["uneven"] == pytest.approx(1)
