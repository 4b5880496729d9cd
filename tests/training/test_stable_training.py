"""Other objectives and penalties, alone and through ``train_gan``: what notebook 07 trains with."""

from __future__ import annotations

import copy

import pytest
import torch
from tiny_runs import fresh_pair

from gan_helpers.models.dense import add_minibatch_statistics, add_spectral_norm
from gan_helpers.models.sampling import generate
from gan_helpers.training.adversarial import adversarial_steps, losses_of, penalty_of, train_gan
from gan_helpers.training.losses import OBJECTIVES, discriminator_loss, on_logits, penalised, squared_gradient
from gan_helpers.training.settings import STABLE, Settings

SETTINGS = Settings(batch_size=16, r1=0.5, r2=0.25, objective="relativistic", penalty_every=3)


def steps_of(loop, *arguments) -> tuple[list, dict]:
    networks = fresh_pair()
    optimizers = [torch.optim.SGD(network.parameters(), 0.1) for network in networks]
    torch.manual_seed(3)
    batches = torch.rand(5, 16, 1, 6, 6) * 2 - 1
    rows = [torch.stack(step[:2]) for step in loop(*networks, list(batches), *optimizers, *arguments)]
    return rows, {**networks[0].state_dict(), **networks[1].state_dict()}


def test_the_lazy_penalty_comes_every_few_steps():
    seen = []

    def penalty(discriminator, real, fake):
        seen.append(len(real))
        return torch.zeros(())

    on_scores, g_loss = OBJECTIVES["hinge"]
    lazy = penalised(on_logits(on_scores), penalty, every=2), g_loss
    steps_of(adversarial_steps, *lazy, 0)
    assert seen == [16] * 3  # steps 0, 2 and 4 of 5
    steps_of(adversarial_steps, *lazy, 1)
    assert seen == [16] * 5  # counted from step 1: 2 and 4


def test_a_step_of_d_agrees_with_the_penalised_loss_written_out(tiny_images):
    _, discriminator = (network.eval() for network in fresh_pair())
    generator, _ = (network.eval() for network in fresh_pair())
    d = copy.deepcopy(discriminator)
    x = tiny_images.images[:16].float() / 127.5 - 1
    sgd = [torch.optim.SGD(network.parameters(), 0.1) for network in (generator, discriminator)]
    penalty = penalty_of(Settings(r1=0.3, r2=0.2))
    torch.manual_seed(5)
    frozen = copy.deepcopy(generator)
    losses = penalised(on_logits(discriminator_loss), penalty, every=4), OBJECTIVES["non-saturating"][1]
    next(adversarial_steps(generator, discriminator, [x], *sgd, *losses))
    torch.manual_seed(5)
    fake = frozen(torch.randn(16, 4)).detach()
    loss = discriminator_loss(d(x), d(fake)) + 4 * (0.3 * squared_gradient(d, x) + 0.2 * squared_gradient(d, fake))
    slopes = torch.autograd.grad(loss, list(d.parameters()), allow_unused=True)
    for p, after, slope in zip(d.parameters(), discriminator.parameters(), slopes, strict=True):
        expected = p if slope is None else p - 0.1 * slope
        assert torch.allclose(after, expected, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_moves_generated_pictures_towards_the_real_ones(name):
    bright = torch.rand(64, 1, 6, 6) * 0.4 + 0.4  # mean 0.6, where an untrained generator makes about 0
    settings = Settings(16, 5e-3, 5e-3, objective=name, unit_gradient=1.0, penalty_every=1, ema_decay=0.9)
    run = train_gan(*fresh_pair(), bright, epochs=15, settings=settings)
    assert generate(run.average, torch.randn(100, 4)).mean() > 0.3


@pytest.mark.parametrize("change", [add_minibatch_statistics, add_spectral_norm])
def test_changed_discriminators_train_save_and_resume_bit_identical(change, tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"

    def pair():
        generator, discriminator = fresh_pair()
        return generator, change(discriminator)

    train_gan(*pair(), tiny_images, epochs=1.3, settings=SETTINGS, checkpoint=path)  # stops between two penalties
    resumed = train_gan(*pair(), tiny_images, epochs=3, settings=SETTINGS, checkpoint=path, resume=True)
    whole = train_gan(*pair(), tiny_images, epochs=3, settings=SETTINGS)
    assert torch.equal(resumed.history.rows(), whole.history.rows())
    for name in ("generator", "discriminator", "average"):
        for key, value in getattr(whole, name).state_dict().items():
            assert torch.equal(value, getattr(resumed, name).state_dict()[key]), (name, key)


def test_settings_name_what_is_wrong():
    with pytest.raises(ValueError, match="choose one of non-saturating"):
        Settings(objective="saturating")
    with pytest.raises(ValueError, match="no labels to smooth"):
        Settings(objective="hinge", label_smoothing=0.1)


def test_smoothing_goes_with_a_penalty_where_there_are_labels(tiny_images):
    d_loss, _ = losses_of(Settings(label_smoothing=0.1, r1=1.0))
    _, discriminator = (network.eval() for network in fresh_pair())
    real, fake = torch.rand(2, 8, 1, 6, 6)
    loss, *_, penalty = d_loss(discriminator, real, fake, step=0)
    assert torch.equal(loss, discriminator_loss(discriminator(real), discriminator(fake), 0.1))
    assert torch.equal(penalty, 8 * squared_gradient(discriminator, real))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"betas": (0, 1)}, "two numbers from 0 to below 1"),
        ({"betas": (0.5,)}, "two numbers"),
        ({"g_lr": -1}, "must not be negative"),
        ({"ema_decay": 1.5}, "ema_decay=1.5: it is a share"),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1: it is a share"),
        ({"objective": "hinge", "mismatched": 0.5}, "no labels to smooth or to mismatch"),
    ],
)
def test_numbers_that_no_training_can_use(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


def test_betas_may_be_whole_numbers(tiny_images):
    settings = Settings(16, betas=(0, 0.99))  # torch refuses a mixture
    assert train_gan(*fresh_pair(), tiny_images, epochs=1, settings=settings).step == 8


def test_settings_print_what_is_switched_on():
    assert "r1" not in repr(Settings())
    assert "r1=0.5" in repr(Settings(r1=0.5))
    assert eval(repr(Settings(64, r1=0.5))) == Settings(64, r1=0.5)


def test_the_stable_recipe_runs_on_any_pictures(tiny_images):
    run = train_gan(*fresh_pair(), tiny_images, epochs=1, settings=STABLE)
    assert run.step == len(tiny_images) // STABLE.batch_size
