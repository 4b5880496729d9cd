from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.models import MixedDiscriminator, MixedGenerator, generate, sample_latents, stable_pair

sides = st.integers(3, 33)


@settings(max_examples=20, deadline=None)
@given(colours=st.integers(1, 4), height=sides, width=sides)
def test_any_picture_fits_both_networks(colours, height, width):
    shape = (colours, height, width)
    generator, discriminator = MixedGenerator(5, shape, (8,), (4, 3)), MixedDiscriminator(shape, (3, 4), 6)
    pictures = generator(sample_latents(generator, 3))
    assert pictures.shape == (3, *shape)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures).shape == (3,)


def test_the_cut_picture_is_a_corner_of_the_whole_one():
    torch.manual_seed(0)
    whole, cut = MixedGenerator(5, (1, 12, 16), (8,), (4, 3)), MixedGenerator(5, (1, 10, 13), (8,), (4, 3))
    cut.load_state_dict(whole.state_dict())
    latents = torch.randn(6, 5)
    assert torch.equal(generate(cut, latents), generate(whole, latents)[..., :10, :13])


def test_the_discriminator_sees_the_spread_of_its_batch():
    torch.manual_seed(0)
    discriminator = MixedDiscriminator((1, 8, 8), (3, 4), 6)
    images = torch.rand(5, 1, 8, 8)
    features = images
    for layer in discriminator.layers[:-1]:  # by hand up to the last layer
        features = layer(features)
    spread = (features.var(0, correction=0) + 1e-8).sqrt().mean()
    weight, bias = discriminator.layers[-1][1].weight, discriminator.layers[-1][1].bias
    expected = F.linear(torch.cat([features, spread.expand(5, 1)], 1), weight, bias).squeeze(1)
    assert torch.allclose(discriminator(images), expected)


def test_the_stable_pair_is_saved_and_loaded_whole(tmp_path):
    for network in stable_pair((3, 10, 12)):
        save_network(tmp_path / "network.safetensors", network.eval())
        loaded, _ = load_network(tmp_path / "network.safetensors")
        inputs = torch.randn(4, 64) if "latent_dim" in network.config else torch.rand(4, 3, 10, 12)
        assert torch.allclose(loaded(inputs), network(inputs), atol=1e-6)


def test_large_pictures_bring_a_warning_that_names_the_remedy(recwarn):
    stable_pair((3, 64, 64))
    assert not recwarn
    with pytest.warns(UserWarning, match="million parameters for pictures of 49,152 numbers.*dcgan_pair"):
        stable_pair((3, 128, 128))
