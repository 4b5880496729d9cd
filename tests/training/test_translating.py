"""pix2pix and CycleGAN through the one loop: against loops written out, resumed bit by bit, and with bad input."""

from __future__ import annotations

import copy
import os
import signal
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from tiny_runs import assert_identical

from gan_helpers.checkpoints import CheckpointError
from gan_helpers.data import PairSet, scale_pixels
from gan_helpers.models import DiscriminatorPair, PatchDiscriminator, TranslatorPair, UNet, apply
from gan_helpers.training import (
    CYCLEGAN,
    PIX2PIX,
    RegressionSettings,
    cyclegan_loss,
    discriminator_loss,
    on_logits,
    patch_loss,
    pix2pix_loss,
    train_cyclegan,
    train_on_l1,
    train_pix2pix,
)
from gan_helpers.widgets import render_run

SHAPE = (3, 8, 8)
P2P, CYC = replace(PIX2PIX, batch_size=4), replace(CYCLEGAN, batch_size=4)


def pictures(n: int, seed: int, channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (n, channels, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


PAIRS = PairSet(pictures(24, 0, channels=1), pictures(24, 1), "made for a test")
A, B = pictures(24, 2), pictures(30, 3)


def unet_and_patches():
    torch.manual_seed(0)
    return UNet(SHAPE, 1, width=4, halvings=1), PatchDiscriminator(SHAPE, 1, width=4, halvings=1)


def two_of_each(pool: int = 10, residual: bool = True):
    torch.manual_seed(0)
    translators = TranslatorPair(SHAPE, width=4, halvings=1, residual=residual)
    return translators, DiscriminatorPair(SHAPE, width=4, halvings=1, pool=pool)


def l1(epochs: float, **options):
    return train_on_l1(unet_and_patches()[0], PAIRS, epochs, settings=RegressionSettings(4), **options)


def pix2pix(epochs: float, **options):
    return train_pix2pix(*unet_and_patches(), PAIRS, epochs, settings=P2P, **options)


def cyclegan(epochs: float, **options):
    return train_cyclegan(*two_of_each(), A, B, epochs, settings=CYC, **options)


each_training = pytest.mark.parametrize("run_for", [l1, pix2pix, cyclegan])


# --- losses ---------------------------------------------------------------------------------------------


def zero_logits(images: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(images), 1, 2, 2)


def test_pix2pix_loss_is_ds_opinion_plus_the_weighted_error():
    targets, fakes = scale_pixels(A[:4]), scale_pixels(A[4:8])
    expected = torch.log(torch.tensor(2.0)) + 7 * (targets - fakes).abs().mean()
    assert torch.isclose(pix2pix_loss(7.0)(zero_logits, targets, fakes, fakes), expected)


@pytest.mark.parametrize(("cycle", "identity"), [(0.0, 0.0), (3.0, 0.0), (0.0, 2.0), (3.0, 2.0)])
def test_cyclegan_loss_of_translators_that_invert_colours(cycle, identity):
    """There and back is then perfect, and what is of A already becomes its negative."""

    def invert(images: torch.Tensor) -> torch.Tensor:
        return -images

    a, b = scale_pixels(A[:4]), scale_pixels(B[:4])
    targets, sources = torch.cat([a, b]), torch.cat([b, a])
    found = cyclegan_loss(invert, cycle, identity)(zero_logits, targets, invert(sources), sources)
    expected = torch.log(torch.tensor(2.0)) + identity * (2 * targets).abs().mean()
    assert torch.isclose(found, expected)
    identical = cyclegan_loss(lambda images: images, cycle, identity)
    assert torch.isclose(identical(zero_logits, targets, sources, sources), torch.log(torch.tensor(2.0)))


def test_r1_is_that_of_the_mean_logit_whatever_the_number_of_patches():
    """Of D(x) = w x, pixel by pixel, the mean logit's gradient is w / n at each of n pixels: its square w² / n."""
    for side in (4, 8):
        patches = PatchDiscriminator((1, side, side), width=1, kernel=1, halvings=1)
        patches.layers = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1))
        weight = float(patches.layers[0].weight.detach().square())
        images = torch.zeros(2, 1, side, side)
        *_, penalty = patch_loss(replace(P2P, r1=0.6, penalty_every=5))(patches, images, images, step=10)
        assert float(penalty.detach()) == pytest.approx(5 * 0.6 * weight / side**2 / 2)
        assert len(patch_loss(replace(P2P, r1=0.6, penalty_every=5))(patches, images, images, step=11)) == 3


def test_without_r1_the_patches_loss_is_the_usual_one():
    _, patches = unet_and_patches()
    arguments = patches, scale_pixels(A[:4]), scale_pixels(A[4:8]), scale_pixels(PAIRS.inputs[:4])
    found, expected = patch_loss(replace(P2P, r1=0.0))(*arguments), on_logits(discriminator_loss)(*arguments)
    assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))


# --- the loops, written out -----------------------------------------------------------------------------


def adam(network, lr=2e-3):
    return torch.optim.Adam(network.parameters(), lr, (0.0, 0.99), fused=True)


def test_pix2pix_is_the_loop_written_out():
    unet, patches = (network.to(memory_format=torch.channels_last) for network in unet_and_patches())
    settings = replace(P2P, r1=0.0, ema_decay=0.0)
    run = train_pix2pix(*unet_and_patches(), PAIRS, 1, l1=3.0, settings=settings)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    g, d = adam(unet), adam(patches)
    for step, chosen in enumerate(order.split(4)):
        for group in (*g.param_groups, *d.param_groups):
            group["lr"] = 2e-3 * min(1, 2 * (1 - step / 6))
        x, y = scale_pixels(PAIRS.inputs[chosen]), scale_pixels(PAIRS.targets[chosen])
        fake = unet(x)
        real_logits, fake_logits = patches(y, x), patches(fake.detach(), x)
        d.zero_grad()
        (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()).backward()
        d.step()
        g.zero_grad()
        (F.softplus(-patches(fake, x)).mean() + 3 * (fake - y).abs().mean()).backward()
        g.step()
    assert_close(run.generator, unet)
    assert_close(run.discriminator, patches)


def test_losses_of_ones_own_take_the_place_of_those_that_are_made():
    settings = replace(P2P, r1=0.1)
    given = patch_loss(settings), pix2pix_loss(3.0)
    ours = train_pix2pix(*unet_and_patches(), PAIRS, 1, l1=99.0, settings=settings, losses=given)
    made = train_pix2pix(*unet_and_patches(), PAIRS, 1, l1=3.0, settings=settings)
    assert all(torch.equal(a, b) for a, b in zip(ours.generator.parameters(), made.generator.parameters(), strict=True))


def test_cyclegan_is_the_loop_with_two_of_each_written_out():
    settings = replace(CYC, r1=0.0, ema_decay=0.0)
    translators, judges = two_of_each(pool=0, residual=False)
    chosen = []

    def look(run):
        chosen.append(torch.get_rng_state())

    run = train_cyclegan(
        *two_of_each(pool=0, residual=False), A, B, 1, cycle=3.0, identity=2.0, settings=settings, callbacks=[look]
    )
    to_a, to_b, d_a, d_b = (copy.deepcopy(n) for n in (translators.to_a, translators.to_b, judges.a, judges.b))
    optimizers = [adam(network) for network in (to_a, to_b, d_a, d_b)]
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for step, of_a in enumerate(order.split(4)):
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] = 2e-3 * min(1, 2 * (1 - step / 6))
            a, b = scale_pixels(A[of_a]), scale_pixels(B[torch.randint(len(B), (4,))])
            fake_a, fake_b = to_a(b), to_b(a)
            for judge, real, fake, optimizer in ((d_a, a, fake_a, optimizers[2]), (d_b, b, fake_b, optimizers[3])):
                loss = F.softplus(-judge(real)).mean() + F.softplus(judge(fake.detach())).mean()
                optimizer.zero_grad()
                (loss / 2).backward()
                optimizer.step()
            loss = F.softplus(-d_a(fake_a)).mean() + F.softplus(-d_b(fake_b)).mean()
            loss = loss + 3 * ((to_a(fake_b) - a).abs().mean() + (to_b(fake_a) - b).abs().mean())
            loss = loss + 2 * ((to_a(a) - a).abs().mean() + (to_b(b) - b).abs().mean())
            for optimizer in optimizers[:2]:
                optimizer.zero_grad()
            (loss / 2).backward()
            for optimizer in optimizers[:2]:
                optimizer.step()
    for found, expected in (
        (run.generator.to_a, to_a),
        (run.generator.to_b, to_b),
        (run.discriminator.a, d_a),
        (run.discriminator.b, d_b),
    ):
        assert_close(found, expected)


def assert_close(found: torch.nn.Module, expected: torch.nn.Module) -> None:
    for (name, x), y in zip(found.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.allclose(x, y, atol=2e-4), (name, (x - y).abs().max())


# --- runs -----------------------------------------------------------------------------------------------


def test_a_translator_learns_to_invert_colours():
    torch.manual_seed(0)
    flat = torch.randint(0, 256, (64, 3, 1, 1), dtype=torch.uint8).repeat(1, 1, 8, 8)
    pairs = PairSet(flat, 255 - flat, "made for a test")
    unet, patches = UNet(SHAPE, width=8, halvings=1), PatchDiscriminator(SHAPE, 3, width=4, halvings=1)
    before = (apply(unet, flat) + scale_pixels(flat)).abs().mean()
    run = train_pix2pix(unet, patches, pairs, 20, settings=P2P)
    assert (apply(run.average, flat) + scale_pixels(flat)).abs().mean() < before / 3


@each_training
def test_a_run_that_was_cut_off_ends_as_the_whole_one(run_for, tmp_path):
    path = tmp_path / "run.safetensors"

    def stop(run):
        run.interrupted = run.step == 7

    whole = run_for(3)
    cut = run_for(3, checkpoint=path, callbacks=[stop])
    assert cut.step == 7
    resumed = run_for(3, checkpoint=path, resume=True)
    if run_for is l1:
        assert torch.equal(resumed.history.rows(), whole.history.rows())
        assert all(map(torch.equal, resumed.average.state_dict().values(), whole.average.state_dict().values()))
    else:
        assert_identical(resumed, whole)  # the pools' pictures are among D's numbers


@each_training
def test_a_stop_button_finishes_the_step(run_for, tmp_path):
    def press(run):
        if run.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    run = run_for(3, checkpoint=tmp_path / "run.safetensors", callbacks=[press])
    assert run.interrupted
    assert run.step in (3, 4)


@each_training
def test_the_average_lags_behind_and_rates_end_near_zero(run_for):
    run = run_for(3)
    assert not torch.equal(run.average.state_dict()[name := next(iter(run.average.state_dict()))],
                           run.generator.state_dict()[name])  # fmt: skip
    assert run.step == 18
    assert run.lrs[0] == pytest.approx(2e-3 * 2 / 18)


def test_a_checkpoint_of_other_pairs_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    pix2pix(1, checkpoint=path)
    other = PairSet(PAIRS.inputs, PAIRS.targets.flip(0), "others")
    with pytest.raises(CheckpointError, match="belongs to another run: its data"):
        train_pix2pix(*unet_and_patches(), other, 1, settings=P2P, checkpoint=path, resume=True)


def test_the_monitor_draws_translations_in_place_of_samples():
    sources = scale_pixels(PAIRS.inputs[:9])
    assert render_run(pix2pix(1), sources).content
    both = torch.cat([scale_pixels(B[:4]), scale_pixels(A[:4])])
    assert render_run(cyclegan(1), both).content


@pytest.mark.parametrize(
    ("train", "remedy"),
    [
        (lambda: train_pix2pix(*unet_and_patches(), PAIRS.reversed(), 1), "build them with image_shape=.1, 8, 8."),
        (lambda: train_on_l1(UNet(SHAPE, width=4, halvings=1), PAIRS, 1), "build the U-Net with source_channels=1"),
        (lambda: train_pix2pix(*unet_and_patches(), PAIRS[:8], 1), "a batch of 16 from 8 pictures: choose 2 to 8"),
        (lambda: train_pix2pix(*unet_and_patches(), PAIRS, settings=P2P), "say how long to train"),
        (lambda: train_cyclegan(*two_of_each(), A, B[:, :1], 1), "grey beside colour"),
        (lambda: train_cyclegan(*two_of_each(), A, B[:0], 1), "second of the two sets is empty"),
        (lambda: train_cyclegan(*two_of_each(), A[..., :4, :4], B[..., :4, :4], 1), "image_shape=.3, 4, 4."),
        (lambda: train_cyclegan(*two_of_each(pool=3), A, B, 1, settings=CYC), "choose pool=4 or more"),
    ],
)
def test_what_cannot_be_trained_on_names_the_remedy(train, remedy):
    with pytest.raises(ValueError, match=remedy):
        train()
