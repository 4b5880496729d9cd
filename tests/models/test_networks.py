from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gan_helpers.models.classifiers import Classifier
from gan_helpers.models.dense import (
    Discriminator,
    Generator,
    MinibatchStatistics,
    add_minibatch_statistics,
    add_spectral_norm,
    recommended_pair,
)
from gan_helpers.models.mixed import MixedGenerator
from gan_helpers.models.sampling import count_parameters, generate, renew_statistics, sample_latents
from gan_helpers.training.runs import update_average


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


def test_minibatch_statistics_append_the_mean_standard_deviation():
    features = torch.randn(16, 5)
    appended = MinibatchStatistics()(features)
    assert appended.shape == (16, 6)
    assert torch.equal(appended[:, :5], features)
    expected = features.numpy().std(0).mean()  # numpy divides by N, as the paper's code does
    assert appended[:, 5].numpy() == pytest.approx(expected, rel=1e-5)


def test_minibatch_statistics_give_a_repeated_picture_away_and_can_be_differentiated():
    discriminator = add_minibatch_statistics(Discriminator((1, 6, 6), dropout=0.0))
    images = torch.rand(1, 1, 6, 6).expand(8, 1, 6, 6).clone().requires_grad_()
    features = discriminator.layers[:-1](images)
    assert discriminator.layers[-1][0](features)[:, -1].max() < 1e-3
    logits = discriminator(images)
    assert logits.shape == (8,)
    logits.sum().backward()
    assert images.grad.isfinite().all()


def test_spectral_norm_bounds_every_layer_and_so_the_slope():
    torch.manual_seed(0)
    discriminator = add_spectral_norm(Discriminator((1, 6, 6), dropout=0.0))
    for _ in range(100):  # each pass in training mode is a step of the power iteration
        discriminator(torch.randn(2, 1, 6, 6))
    discriminator.eval()
    for layer in discriminator.layers:
        if isinstance(layer, nn.Linear):
            assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1, abs=0.02)
    a, b = torch.randn(50, 1, 6, 6), torch.randn(50, 1, 6, 6)
    slopes = (discriminator(a) - discriminator(b)).abs() / (a - b).flatten(1).norm(dim=1)
    assert slopes.max() <= 1.02


def test_a_classifier_takes_any_size_and_its_head_reads_its_features():
    classifier = Classifier((3, 30, 22), classes=4, channels=(4, 8), width=16).eval()
    images = torch.rand(5, 3, 30, 22)
    assert classifier.features(images).shape == (5, 16)
    assert torch.equal(classifier(images), classifier.head(classifier.features(images)))
    assert classifier(images).shape == (5, 4)


def test_a_dense_pair_for_large_pictures_warns_of_its_size_and_a_small_one_does_not(recwarn):
    recommended_pair((1, 28, 28))
    recommended_pair((3, 32, 32))
    assert not recwarn
    with pytest.warns(UserWarning, match="7[0-9] million parameters for pictures of 49,152 numbers.*dcgan_pair"):
        recommended_pair((3, 128, 128))


def test_renewed_statistics_are_those_of_each_layers_inputs():
    torch.manual_seed(0)
    generator = Generator(4, (1, 3, 3), widths=(6, 5), dropout=0.0, batch_norm=True).eval()
    for norm in (layer for layer in generator.modules() if isinstance(layer, torch.nn.BatchNorm1d)):
        norm.running_mean += 3
        norm.momentum = 0.3
    renew_statistics(generator, batches=50, batch_size=100)
    assert not generator.training
    torch.manual_seed(1)
    features = torch.randn(20_000, 4)
    for layer in generator.layers:  # by hand: what reaches each norm, normalised by what reached the one before
        if isinstance(layer, torch.nn.BatchNorm1d):
            assert layer.momentum == 0.3
            assert torch.allclose(layer.running_mean, features.mean(0), atol=0.06)
            assert torch.allclose(layer.running_var, features.var(0), rtol=0.1)
        features = layer(features)


def test_renewed_statistics_bring_an_average_of_weights_to_what_it_draws_in_training_mode():
    torch.manual_seed(0)
    pair = [MixedGenerator(4, (1, 8, 8), (16,), (8, 4)) for _ in range(2)]
    latents = torch.randn(4000, 4)
    for generator in pair:
        renew_statistics(generator)
    average = copy.deepcopy(pair[0]).eval()
    update_average(average, pair[1], decay=0.5, step=10**6)

    def error() -> float:
        in_training = copy.deepcopy(average).train()(latents)
        return float((generate(average, latents) - in_training).square().mean() / in_training.var())

    before = error()
    renew_statistics(average)
    assert error() < 0.02 < 0.1 < before
