from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gan_helpers.networks import (
    Discriminator,
    Generator,
    Network,
    count_parameters,
    generate,
    recommended_pair,
    sample_latents,
)


def test_the_classic_networks_have_the_published_sizes():
    assert count_parameters(Generator()) == 114_800
    assert count_parameters(Discriminator()) == 110_849


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 5, 7)])
def test_shapes_and_ranges(shape):
    generator, discriminator = Generator(8, shape, widths=(16, 32)), Discriminator(shape)
    pictures = generator(sample_latents(generator, 5))
    assert pictures.shape == (5, *shape)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures).shape == (5,)


def test_the_last_layers_are_a_logit_and_a_tanh():
    assert isinstance(Discriminator().layers[-1], nn.Linear)
    assert isinstance(Generator().layers[-1], nn.Tanh)


@pytest.mark.parametrize("shape", [(4, 7), (8,), (4, 8, 1)])
def test_latents_of_the_wrong_shape_are_refused_with_a_remedy(shape):
    with pytest.raises(ValueError, match=r"takes \(N, 8\): draw them with sample_latents"):
        Generator(8)(torch.zeros(shape))


def test_latents_are_normal_or_uniform():
    normal, uniform = Generator(50, latent="normal"), Generator(50, latent="uniform")
    torch.manual_seed(0)
    z, u = sample_latents(normal, 2000), sample_latents(uniform, 2000)
    assert float(z.std()) == pytest.approx(1, abs=0.02)
    assert z.abs().max() > 3
    assert float(u.std()) == pytest.approx(3**-0.5, abs=0.02)
    assert u.abs().max() <= 1


def test_config_is_enough_to_build_the_network_again():
    network = Generator(7, widths=(5,), batch_norm=True)
    twin = Generator(**network.config)
    assert network.config["latent_dim"] == 7
    assert network.config["dropout"] == 0.3  # a default is remembered too
    assert [p.shape for p in network.parameters()] == [p.shape for p in twin.parameters()]
    assert copy.deepcopy(network).config == network.config


def test_a_class_of_the_same_name_does_not_replace_ours():
    type("Generator", (Network,), {})
    assert Network.known["Generator"] is Generator


def test_generate_is_repeatable_and_leaves_the_mode_alone(tiny_pair):
    generator, _ = tiny_pair
    generator.train()
    latents = torch.randn(6, 4)
    whole = generate(generator, latents, batch_size=4)
    assert generator.training
    assert torch.allclose(whole[:1], generate(generator, latents[:1]), atol=1e-6)  # the rest of a batch plays no part
    assert not torch.allclose(generator(latents), whole)  # in training mode it does


def test_the_recommended_pair_fits_any_pictures():
    generator, discriminator = recommended_pair((3, 16, 16))
    assert discriminator(generator(sample_latents(generator, 4))).shape == (4,)
