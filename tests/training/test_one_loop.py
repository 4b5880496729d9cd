"""The one loop gives the very weights of four loops written out, and takes penalties where there are labels."""

from __future__ import annotations

import copy

import pytest
import torch
import written_out
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gan_helpers.models.autoencoders import VariationalAutoencoder
from gan_helpers.models.conditional import DISCRIMINATORS, ConditionalGenerator, conditional_pair
from gan_helpers.models.dense import Discriminator, Generator, add_minibatch_statistics
from gan_helpers.training.adversarial import adversarial_steps, losses_of, penalty_of, train_gan
from gan_helpers.training.losses import OBJECTIVES, discriminator_loss, on_logits, squared_gradient
from gan_helpers.training.reconstruction import vaegan_loss
from gan_helpers.training.settings import Settings

SHAPE = (1, 6, 6)
drawn = hypothesis_settings(max_examples=20, deadline=None, derandomize=True)
shares = st.floats(0, 0.9)


def batches(labelled: bool = False, steps: int = 5) -> list:
    torch.manual_seed(3)
    images = torch.rand(steps, 16, *SHAPE) * 2 - 1
    return [(x, torch.randint(4, (16,))) for x in images] if labelled else list(images)


def play(loop, networks, *arguments, adam: bool = True, labelled: bool = False) -> tuple[list, dict]:
    """Losses and weights after a few steps of a loop on copies of networks."""
    networks = [copy.deepcopy(network) for network in networks]
    rows = batches(labelled)
    make = torch.optim.Adam if adam else torch.optim.SGD
    optimizers = [make(network.parameters(), 0.01) for network in networks]
    players = [networks[0].decoder if hasattr(networks[0], "decoder") and loop is adversarial_steps else networks[0]]
    torch.manual_seed(4)
    losses = [step[:2] for step in loop(*players, networks[1], rows, *optimizers, *arguments)]
    return losses, {f"{i}/{key}": value for i, n in enumerate(networks) for key, value in n.state_dict().items()}


def assert_same(found: tuple[list, dict], expected: tuple[list, dict]) -> None:
    for ours, theirs in zip(found[0], expected[0], strict=True):
        assert torch.equal(torch.stack(ours), torch.stack(theirs))
    assert found[1].keys() == expected[1].keys()
    for key, value in expected[1].items():
        assert torch.equal(found[1][key], value), key


def plain_pair():
    torch.manual_seed(0)
    generator = Generator(4, SHAPE, widths=(16, 16), dropout=0.1, batch_norm=True)
    return generator, Discriminator(SHAPE, widths=(16, 8), dropout=0.1)


@drawn
@given(smoothing=shares, adam=st.booleans())
def test_the_plain_losses(smoothing, adam):
    losses = losses_of(Settings(label_smoothing=smoothing))
    found = play(adversarial_steps, plain_pair(), *losses, adam=adam)
    assert_same(found, play(written_out.plain, plain_pair(), smoothing, adam=adam))


@drawn
@given(
    objective=st.sampled_from(list(OBJECTIVES)),
    weights=st.tuples(*[st.sampled_from([0.0, 0.1, 2.0])] * 3).filter(any),
    every=st.integers(1, 4),
    start=st.integers(0, 5),
)
def test_every_objective_with_penalties_from_any_step(objective, weights, every, start):
    names = dict(zip(("r1", "r2", "unit_gradient"), weights, strict=True))
    settings = Settings(objective=objective, penalty_every=every, **names)
    found = play(adversarial_steps, plain_pair(), *losses_of(settings), start)
    expected = play(written_out.with_penalty, plain_pair(), objective, penalty_of(settings), every, start)
    assert_same(found, expected)


@drawn
@given(kind=st.sampled_from(list(DISCRIMINATORS)), smoothing=shares, mismatched=shares)
def test_conditional_pairs(kind, smoothing, mismatched):
    torch.manual_seed(0)
    pair = ConditionalGenerator(4, 4, SHAPE, widths=(16,), channels=(3, 2)), DISCRIMINATORS[kind](SHAPE, 4, (2, 3), 8)
    losses = losses_of(Settings(label_smoothing=smoothing, mismatched=mismatched))
    found = play(adversarial_steps, pair, *losses, labelled=True)
    assert_same(found, play(written_out.conditional, pair, smoothing, mismatched, labelled=True))


@drawn
@given(variance=st.floats(0.01, 2), weight=st.floats(0.0001, 1))
def test_an_autoencoder_joined_with_a_discriminator(variance, weight):
    torch.manual_seed(0)
    vae = VariationalAutoencoder(4, SHAPE, widths=(16, 8))
    discriminator = add_minibatch_statistics(Discriminator(SHAPE, widths=(16, 8), dropout=0.0))
    expected = play(written_out.vaegan, (vae, discriminator), variance, weight)
    found = play(joint_steps(variance, weight), (vae, discriminator))
    assert_same(found, expected)


def joint_steps(variance: float, weight: float):
    def steps(vae, discriminator, rows, *optimizers):
        losses = on_logits(discriminator_loss), vaegan_loss(vae, variance, weight)
        return adversarial_steps(vae.decoder, discriminator, rows, *optimizers, *losses)

    return steps


# --- penalties and labels together --------------------------------------------------------------------


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_r1_of_a_conditional_discriminator_is_that_of_each_class(kind):
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS[kind](SHAPE, 4, (2, 3), 8).double().eval()
    images, labels = torch.rand(8, *SHAPE).double() * 2 - 1, torch.arange(8) % 4
    found = squared_gradient(discriminator, images, labels)
    step = 1e-6
    slopes = torch.zeros(8, 36).double()
    for pixel in range(36):  # finite differences of the sum, as minibatch statistics tie the pictures together
        ahead, back = images.clone().flatten(1), images.clone().flatten(1)
        for row in range(8):
            ahead[row, pixel] += step
            back[row, pixel] -= step
            difference = discriminator(ahead.view_as(images), labels) - discriminator(back.view_as(images), labels)
            slopes[row, pixel] = difference.sum() / (2 * step)
            ahead[row, pixel] -= step
            back[row, pixel] += step
    assert torch.allclose(found, slopes.square().sum(1).mean() / 2, rtol=1e-4)


def test_a_conditional_pair_trains_with_r1_and_wrong_labels(tiny_images):
    torch.manual_seed(0)
    pair = conditional_pair(SHAPE, 2)
    settings = Settings(batch_size=16, r1=0.5, mismatched=0.3, penalty_every=2)
    run = train_gan(*pair, tiny_images, epochs=2, settings=settings)
    assert run.step == 16
    assert run.history.rows().isfinite().all()
