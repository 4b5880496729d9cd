"""The pair for signs: shapes, what a file holds, and by hand what the last layers of both do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.models import SignDiscriminator, SignGenerator, generate, sample_latents, sign_pair


@settings(max_examples=10, deadline=None)
@given(colours=st.integers(1, 3), height=st.integers(1, 5), width=st.integers(1, 5))
def test_pictures_with_sides_of_eight_fit_both_networks(colours, height, width):
    shape = (colours, 8 * height, 8 * width)
    generator, discriminator = SignGenerator(5, shape, (8,), (4, 3, 2)), SignDiscriminator(shape, (2, 3, 4), 6)
    made = generator(sample_latents(generator, 3))
    assert made.shape == (3, *shape)
    assert made.abs().max() <= 1
    assert discriminator(made).shape == (3,)


def test_other_sides_are_refused_with_the_remedy():
    for network in (SignGenerator, SignDiscriminator):
        with pytest.raises(ValueError, match="choose sides that are multiples of 8"):
            network(image_shape=(1, 20, 24))


def test_each_code_of_the_smallest_maps_reaches_a_patch_of_the_picture_only():
    """Three transposed convolutions of 4x4 and stride 2 spread a cell over 8 + 2 * 7 pixels a side."""
    torch.manual_seed(0)
    generator = SignGenerator(4, (1, 64, 64), (8,), (3, 3, 2)).eval()
    drawing = generator.layers[[type(layer).__name__ for layer in generator.layers].index("Unflatten") + 1 :]
    maps = torch.randn(1, 3, 8, 8)
    changed = maps.clone()
    changed[0, :, 3, 4] += 1
    rows, columns = (drawing(changed) != drawing(maps))[0, 0].nonzero().T
    assert (rows.min(), rows.max()) == (3 * 8 - 7, 4 * 8 + 6)
    assert (columns.min(), columns.max()) == (4 * 8 - 7, 5 * 8 + 6)


def test_the_discriminator_sees_the_spread_of_its_batch():
    torch.manual_seed(0)
    discriminator = SignDiscriminator((1, 16, 16), (2, 3, 4), 6)
    images = torch.rand(5, 1, 16, 16)
    features = images
    for layer in discriminator.layers[:-2]:
        features = layer(features)
    spread = (features.var(0, correction=0) + 1e-8).sqrt().mean()
    last = discriminator.layers[-1]
    expected = F.linear(torch.cat([features, spread.expand(5, 1)], 1), last.weight, last.bias).squeeze(1)
    assert torch.allclose(discriminator(images), expected, atol=1e-6)


def test_the_pair_is_saved_and_loaded_whole(tmp_path):
    generator, discriminator = (network.eval() for network in sign_pair((1, 16, 24)))
    latents, images = torch.randn(4, 64), torch.rand(4, 1, 16, 24)
    for network, inputs in ((generator, latents), (discriminator, images)):
        save_network(tmp_path / "network.safetensors", network)
        loaded, _ = load_network(tmp_path / "network.safetensors")
        assert torch.allclose(loaded(inputs), network(inputs), atol=1e-6)
    assert torch.equal(generate(generator, latents), generator(latents))
