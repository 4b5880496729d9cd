"""The faces' networks, held against layers written out by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.models import FaceDiscriminator, FaceGenerator, count_parameters, face_pair, sample_latents
from gan_helpers.training import FACES, train_gan

sides = st.integers(1, 4).map(lambda n: 8 * n)


@settings(max_examples=15, deadline=None)
@given(colours=st.integers(1, 4), height=sides, width=sides)
def test_any_picture_with_sides_of_eights_fits_both_networks(colours, height, width):
    shape = (colours, height, width)
    generator, discriminator = FaceGenerator(5, shape, (8,), (4, 3, 2)), FaceDiscriminator(shape, (2, 3, 4), 6)
    pictures = generator(sample_latents(generator, 3))
    assert pictures.shape == (3, *shape)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures).shape == (3,)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 64, 60), (3, 4, 8), (64, 64)])
@pytest.mark.parametrize("network", [FaceGenerator, FaceDiscriminator])
def test_other_sides_are_refused_with_a_remedy(network, shape):
    with pytest.raises(ValueError, match=r"multiples of 8\. Fit a folder's pictures with load_images\(folder, size=64"):
        network(image_shape=shape)


def test_the_generator_is_the_product_of_its_layers():
    torch.manual_seed(0)
    generator = FaceGenerator(5, (3, 16, 24), (8, 7), (4, 3, 2)).eval()
    for name, buffer in generator.named_buffers():  # statistics as if it had been trained
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    weights, latents = dict(generator.state_dict()), torch.randn(4, 5)

    def norm(x, i):
        mean, variance = (weights[f"layers.{i}.running_{key}"] for key in ("mean", "var"))
        shape = (1, -1, *[1] * (x.ndim - 2))
        scaled = (x - mean.view(shape)) / (variance.view(shape) + 1e-5).sqrt()
        scaled = scaled * weights[f"layers.{i}.weight"].view(shape) + weights[f"layers.{i}.bias"].view(shape)
        return scaled.maximum(0.2 * scaled)

    x = latents
    for i in (0, 3, 6):
        x = norm(x @ weights[f"layers.{i}.weight"].T + weights[f"layers.{i}.bias"], i + 1)
    x = x.reshape(4, 4, 2, 3)
    for i in (10, 13):
        kernel, bias = weights[f"layers.{i}.weight"], weights[f"layers.{i}.bias"]
        x = norm(F.conv_transpose2d(x, kernel, bias, stride=2, padding=1), i + 1)
    x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    x = F.conv2d(x, weights["layers.17.weight"], weights["layers.17.bias"], padding=1).tanh()
    assert torch.allclose(generator(latents), x, atol=1e-5)


def test_the_last_doubling_leaves_a_flat_area_flat():
    torch.manual_seed(0)
    generator, _ = face_pair((3, 16, 16))
    *_, repeat, convolution, tanh = generator.layers
    flat = torch.randn(2, 16, 1, 1).expand(2, 16, 8, 8)
    inside = tanh(convolution(repeat(flat)))[..., 1:-1, 1:-1]  # the rim sees the padding
    assert inside.flatten(2).std(2).max() < 1e-6
    transposed = torch.nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1)  # what the other doublings use does not
    assert transposed(flat)[..., 2:-2, 2:-2].flatten(2).std(2).min() > 1e-3


def test_the_discriminator_halves_three_times_and_sees_the_spread_of_its_batch():
    torch.manual_seed(0)
    discriminator = FaceDiscriminator((2, 16, 8), (3, 4, 5), 6)
    weights, images = dict(discriminator.state_dict()), torch.rand(5, 2, 16, 8)
    x = images
    for i in (0, 2, 4):
        x = F.conv2d(F.pad(x, (1, 1, 1, 1)), weights[f"layers.{i}.weight"], weights[f"layers.{i}.bias"], stride=2)
        x = x.maximum(0.2 * x)
    assert x.shape == (5, 5, 2, 1)
    x = x.flatten(1) @ weights["layers.7.weight"].T + weights["layers.7.bias"]
    x = x.maximum(0.2 * x)
    x = torch.cat([x, (x.var(0, correction=0) + 1e-8).sqrt().mean().expand(5, 1)], 1)
    expected = x @ weights["layers.9.1.weight"].T + weights["layers.9.1.bias"]
    assert torch.allclose(discriminator(images), expected.squeeze(1), atol=1e-5)


def test_the_pair_is_saved_loaded_and_trains(tmp_path):
    pair = face_pair((3, 16, 16))
    for network in pair:
        save_network(tmp_path / "network.safetensors", network.eval())
        loaded, _ = load_network(tmp_path / "network.safetensors")
        inputs = torch.randn(4, 64) if "latent_dim" in network.config else torch.rand(4, 3, 16, 16)
        assert torch.allclose(loaded(inputs), network(inputs), atol=1e-6)
    run = train_gan(*pair, torch.rand(96, 3, 16, 16), epochs=2, settings=FACES)
    assert run.step == 2 * (96 // FACES.batch_size)
    assert run.history.rows().isfinite().all()


def test_the_sizes_are_those_that_the_notebook_prints():
    generator, discriminator = face_pair()
    linear = sum((n_in + 1 + 2) * n_out for n_in, n_out in ((64, 256), (256, 512), (512, 4096)))  # bias, batch norm
    maps = (64 * 16 + 1 + 2) * 32 + (32 * 16 + 1 + 2) * 16 + (16 * 9 + 1) * 3
    assert count_parameters(generator) == linear + maps
    maps = (3 * 16 + 1) * 16 + (16 * 16 + 1) * 32 + (32 * 16 + 1) * 64
    assert count_parameters(discriminator) == maps + (64 * 64 + 1) * 128 + 129 + 1


def test_pictures_that_make_it_large_bring_a_warning():
    with pytest.warns(UserWarning, match="million parameters for pictures of 196,608 numbers"):
        face_pair((3, 256, 256))
