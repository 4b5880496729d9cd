"""The bound against closed forms, the joint training step against the plain GAN's, and the shipped files."""

from __future__ import annotations

import copy
import math
import signal
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.optim import SGD

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.environment import ASSETS
from gan_helpers.models.autoencoders import MixedAutoencoder, VariationalAutoencoder, reparameterise, vaegan_pair
from gan_helpers.models.dense import Discriminator
from gan_helpers.models.mixed import MixedDiscriminator, MixedGenerator
from gan_helpers.models.sampling import generate, sample_latents
from gan_helpers.training.adversarial import adversarial_steps, losses_of, train_gan, train_vaegan
from gan_helpers.training.losses import discriminator_loss, on_logits
from gan_helpers.training.reconstruction import elbo, log_normal, minus_elbo, standard_kl, vaegan_loss
from gan_helpers.training.runs import Run, TrainingDiverged
from gan_helpers.training.settings import Settings
from gan_helpers.training.supervised import train_autoencoder
from gan_helpers.viz.codes import plane_codes, plot_plane

SHAPE = (1, 8, 8)


def small_vae() -> VariationalAutoencoder:
    return VariationalAutoencoder(3, SHAPE, widths=(16,))


def pictures(n: int = 256) -> torch.Tensor:
    """Bright bars at one of eight places: easy to learn."""
    images = torch.full((n, *SHAPE), -1.0)
    images[torch.arange(n), 0, :, torch.arange(n) % 8] = 1.0
    return images


# --- the bound ----------------------------------------------------------------------------------------


def test_the_divergence_is_that_of_torch_distributions():
    mean, log_variance = torch.randn(2, 20, 5)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0, 1)).sum(1)
    assert torch.allclose(standard_kl(mean, log_variance), expected, atol=1e-5)


@pytest.mark.parametrize("variance", [0.1, 1.0, 3.0])
def test_the_likelihood_is_that_of_torch_distributions(variance):
    x, mean = torch.randn(2, 6, 1, 4, 4)
    expected = Normal(mean, variance**0.5).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(log_normal(x, mean, variance), expected, rtol=1e-5)


def test_draws_have_the_moments_and_gradients_of_their_gaussian():
    m, s = 0.4, 0.8
    mean = torch.full((200_000,), m, requires_grad=True)
    log_variance = torch.full((200_000,), 2 * math.log(s), requires_grad=True)
    draws = reparameterise(mean, log_variance)
    assert draws.mean().item() == pytest.approx(m, abs=0.01)
    assert draws.std().item() == pytest.approx(s, abs=0.01)
    slopes = torch.autograd.grad(draws.sin().sum(), (mean, log_variance))
    shrink = math.exp(-(s**2) / 2)  # E[sin z] = sin(m) exp(-s^2 / 2)
    assert slopes[0].mean().item() == pytest.approx(math.cos(m) * shrink, abs=0.01)
    assert slopes[1].mean().item() == pytest.approx(-(s**2) / 2 * math.sin(m) * shrink, abs=0.01)


def test_the_bound_and_its_gap_add_up_to_the_evidence_of_a_linear_model():
    torch.manual_seed(3)
    W, b, v, x = torch.randn(4, 2), torch.randn(4), 0.7, torch.randn(4)
    evidence = MultivariateNormal(b, W @ W.T + v * torch.eye(4)).log_prob(x)
    cov = torch.linalg.inv(torch.eye(2) + W.T @ W / v)
    mean, log_variance = torch.tensor([0.3, -0.6]), torch.tensor([-1.0, 0.2])
    q = MultivariateNormal(mean, torch.diag(log_variance.exp()))
    gap = kl_divergence(q, MultivariateNormal(cov @ W.T @ (x - b) / v, cov))
    means, log_variances = mean.expand(200_000, 2), log_variance.expand(200_000, 2)
    bounds = elbo(x.expand(200_000, 4), reparameterise(means, log_variances) @ W.T + b, means, log_variances, v)
    assert bounds.mean().item() == pytest.approx(float(evidence - gap), abs=5 * bounds.std().item() / 200_000**0.5)


# --- the networks -------------------------------------------------------------------------------------


def test_the_decoder_is_a_generator_and_both_halves_survive_a_file(tmp_path):
    vae = small_vae().eval()
    save_network(tmp_path / "vae.safetensors", vae)
    again, _ = load_network(tmp_path / "vae.safetensors", VariationalAutoencoder)
    images = pictures(5)
    assert torch.equal(again(images), vae(images))
    mean, log_variance = again.encode(images)
    assert mean.shape == log_variance.shape == (5, 3)
    assert generate(again.decoder, sample_latents(again.decoder, 4)).shape == (4, *SHAPE)


def test_the_mixed_autoencoder_has_the_encoder_of_the_one_and_the_decoder_of_notebook_07(tmp_path):
    torch.manual_seed(0)
    vae = MixedAutoencoder(3, SHAPE, widths=(16, 8)).eval()
    dense, generator = VariationalAutoencoder(3, SHAPE, widths=(16, 8)), MixedGenerator(3, SHAPE, widths=(8, 16))
    dense.encoder.load_state_dict(vae.encoder.state_dict())
    generator.load_state_dict(vae.decoder.state_dict())
    images, latents = pictures(5), torch.randn(4, 3)
    assert torch.equal(torch.stack(vae.encode(images)), torch.stack(dense.encode(images)))
    assert torch.equal(generate(vae.decoder, latents), generate(generator, latents))
    assert torch.equal(vae(images), generate(generator, dense.encode(images)[0]))
    save_network(tmp_path / "vae.safetensors", vae)
    assert torch.equal(load_network(tmp_path / "vae.safetensors", MixedAutoencoder)[0](images), vae(images))


def test_the_joint_pair_fits_its_pictures_and_each_other():
    vae, discriminator = vaegan_pair((3, 10, 12), latent_dim=4)
    assert (type(vae), type(discriminator)) == (MixedAutoencoder, MixedDiscriminator)
    images = torch.rand(6, 3, 10, 12) * 2 - 1
    assert vae(images).shape == images.shape
    assert vae.encode(images)[0].shape == (6, 4)
    assert discriminator(vae(images)).shape == (6,)


def test_training_raises_the_bound_close_to_the_best_that_is_possible():
    torch.manual_seed(0)
    vae = small_vae()
    run = train_autoencoder(
        vae, pictures(), epochs=150, lr=5e-3, batch_size=64, loss_of=partial(minus_elbo, variance=0.1)
    )
    best = -32 * math.log(2 * math.pi * 0.1)  # perfect rebuilds; telling eight places apart costs about log 8 more
    losses = run.history.column("loss")
    assert losses[0] > 300
    assert best - 4 * math.log(8) < -losses[-10:].mean() < best


# --- joined with a discriminator ----------------------------------------------------------------------


def joint_step(weight: float) -> tuple[VariationalAutoencoder, Discriminator, VariationalAutoencoder]:
    """A VAE and D after one step of plain gradient descent, and the VAE before it."""
    torch.manual_seed(1)
    vae, discriminator = small_vae(), Discriminator(SHAPE, widths=(12, 6), dropout=0.0)
    before = copy.deepcopy(vae)
    optimizers = SGD(vae.parameters(), 0.1), SGD(discriminator.parameters(), 0.1)
    torch.manual_seed(2)
    losses = on_logits(discriminator_loss), vaegan_loss(vae, variance=1.0, weight=weight)
    list(adversarial_steps(vae.decoder, discriminator, [pictures(32)], *optimizers, *losses))
    return vae, discriminator, before


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def close(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.allclose(p, q, atol=1e-6) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_without_the_bound_decoder_and_d_take_the_step_of_a_plain_gan():
    vae, discriminator, before = joint_step(weight=0.0)
    torch.manual_seed(1)
    expected, critic = small_vae(), Discriminator(SHAPE, widths=(12, 6), dropout=0.0)
    optimizers = SGD(expected.decoder.parameters(), 0.1), SGD(critic.parameters(), 0.1)
    torch.manual_seed(2)
    list(adversarial_steps(expected.decoder, critic, [pictures(32)], *optimizers, *losses_of(Settings())))
    assert close(vae.decoder, expected.decoder)
    assert close(discriminator, critic)
    assert equal(vae.encoder, before.encoder)


def test_the_bound_moves_encoder_and_decoder_but_not_d():
    (plain, d_plain, before), (joint, d_joint, _) = joint_step(weight=0.0), joint_step(weight=1.0)
    assert equal(d_plain, d_joint)
    assert not close(joint.encoder, before.encoder)
    assert not close(joint.decoder, plain.decoder)
    assert all(p.requires_grad for p in d_joint.parameters())


def test_the_joint_training_rebuilds_what_it_was_shown_and_returns_the_average():
    torch.manual_seed(0)
    vae, discriminator = small_vae(), Discriminator(SHAPE, widths=(32, 16), dropout=0.0)
    images = pictures(512)
    before = (vae.eval()(images) - images).square().mean().item()
    run = train_vaegan(vae, discriminator, images, epochs=60, variance=0.2, weight=0.1)
    average = run.average
    assert (average(images) - images).square().mean().item() < 0.6 * before
    assert (run.step, len(run.history)) == (480, 480)
    assert not average.training
    assert not equal(average, vae)


@pytest.mark.parametrize("which", ["autoencoder", "average"])
def test_a_decoder_in_use_makes_of_the_prior_what_it_makes_in_training(which):
    """Even where the encoder's codes lie far from the prior's, batch norm's running statistics fit the prior's."""
    torch.manual_seed(0)
    vae, still = small_vae(), Settings(64, g_lr=0, d_lr=0)
    with torch.no_grad():
        vae.encoder.layers[-1].bias[:3] += 5
    run = train_vaegan(vae, Discriminator(SHAPE, widths=(8,)), pictures(512), epochs=20, settings=still)
    decoder = (run.average if which == "average" else vae).decoder
    latents = sample_latents(decoder, 4096)
    with torch.no_grad():
        used, trained = decoder.eval()(latents), decoder.train()(latents)
    assert (used - trained).square().mean() < 0.02 * trained.var(0).mean()


def test_the_joint_training_takes_the_penalty_that_the_settings_ask_for():
    """One step with R1 moves D as the loss and the penalty, written out, do."""

    def d_after(settings: Settings) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        discriminator = Discriminator(SHAPE, widths=(8,), dropout=0.0)
        train_vaegan(small_vae(), discriminator, pictures(64), epochs=1, settings=settings)
        return discriminator.state_dict()

    plain = Settings(64, 0.0, 0.1, betas=(0.0, 0.0))
    without, with_r1 = d_after(plain), d_after(replace(plain, r1=5.0))
    assert not all(torch.equal(without[name], with_r1[name]) for name in without)
    torch.manual_seed(0)
    critic, vae = Discriminator(SHAPE, widths=(8,), dropout=0.0), small_vae()
    torch.manual_seed(0)
    latents = sample_latents(vae.decoder, 64)
    real = pictures(64).requires_grad_()
    real_logits, fake_logits = critic(real), critic(vae.decoder(latents).detach())
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    penalty = 8 * 5.0 * slope.flatten(1).square().sum(1).mean() / 2
    (discriminator_loss(real_logits, fake_logits) + penalty).backward()
    for name, weight in critic.named_parameters():  # Adam without memory steps by the gradient's sign
        assert torch.allclose(with_r1[name], weight - 0.1 * weight.grad.sign(), atol=1e-3)


def joint_run(**options) -> Run:
    torch.manual_seed(0)
    return train_vaegan(small_vae(), Discriminator(SHAPE, widths=(32, 16), dropout=0.0), pictures(512), **options)


def test_an_interrupt_of_the_joint_training_finishes_the_step_and_keeps_what_it_learned(tmp_path):
    def stop(run: Run) -> None:
        if run.step == 3:
            signal.raise_signal(signal.SIGINT)

    before, path = signal.signal(signal.SIGINT, signal.default_int_handler), tmp_path / "run.safetensors"
    run = joint_run(epochs=2, checkpoint=path, callbacks=[stop])
    assert run.interrupted
    assert run.step == len(run.history) == 3
    assert all(p.requires_grad for p in run.discriminator.parameters())
    resumed, whole = joint_run(epochs=2, checkpoint=path, resume=True), joint_run(epochs=2)
    assert equal(resumed.average, whole.average)
    assert torch.equal(resumed.history.rows(), whole.history.rows())
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_a_joint_training_that_diverges_says_so_at_once():
    def poison(run: Run) -> None:
        if run.step == 3:
            run.network.encoder.layers[1].weight.data.fill_(float("nan"))

    with pytest.raises(TrainingDiverged, match="at step 4"):
        joint_run(epochs=80, callbacks=[poison])


def test_an_error_in_the_middle_of_a_step_leaves_d_trainable():
    class Broken(RuntimeError):
        pass

    def fail(*_: object) -> torch.Tensor:
        raise Broken

    vae, discriminator = small_vae(), Discriminator(SHAPE, widths=(12,), dropout=0.0)
    with pytest.raises(Broken):
        train_gan(vae.decoder, discriminator, pictures(512), epochs=1, losses=(on_logits(discriminator_loss), fail))
    assert all(p.requires_grad for p in discriminator.parameters())


def test_a_joint_training_of_no_epochs_is_refused():
    with pytest.raises(ValueError, match="epochs=0 trains nothing"):
        train_vaegan(small_vae(), Discriminator(SHAPE), pictures(512), epochs=0)


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="image_shape"):
        train_vaegan(small_vae(), Discriminator(SHAPE), torch.zeros(300, 1, 9, 9), epochs=1)


# --- the plane ----------------------------------------------------------------------------------------


def test_the_grid_of_codes_reads_like_a_map():
    codes = plane_codes(3, reach=2.0)
    assert codes.tolist() == [[x, y] for y in (2, 0, -2) for x in (-2, 0, 2)]


def test_the_map_is_drawn():
    vae = VariationalAutoencoder(2, SHAPE, widths=(16,)).eval()
    picture = plot_plane(vae.decoder, torch.randn(50, 2), torch.arange(50) % 10, side=4)
    assert "16 decoded codes" in picture.alt
    assert picture.content.startswith(b"\x89PNG")


# --- the shipped files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist_vae", "mnist_vaegan"])
def test_the_shipped_networks_load_small_and_make_digits(name):
    path = ASSETS / "weights" / f"{name}.safetensors"
    vae, facts = load_network(path, VariationalAutoencoder)
    assert path.stat().st_size < 4_000_000
    assert {"data", "steps", "seconds", "machine", "seed", "scores"} <= set(facts)
    torch.manual_seed(0)
    made = generate(vae.decoder, sample_latents(vae.decoder, 200))
    ink = made.add(1).div(2).flatten(1).mean(1)
    assert 0.08 < float(ink.mean()) < 0.2  # MNIST: 0.13
    assert made.flatten(1).std(0).mean() > 0.2  # they differ
