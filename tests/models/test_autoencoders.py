"""Networks against hand-made convolutions, training against PCA, and everything that a training must survive."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from scipy.signal import correlate2d
from torch import nn

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.data.sets import scale_pixels
from gan_helpers.metrics.filters import principal_components
from gan_helpers.models.autoencoders import Autoencoder, ConvAutoencoder, ConvDecoder, ConvEncoder, Decoder
from gan_helpers.models.sampling import apply, generate, sample_latents
from gan_helpers.training.reconstruction import reconstruction_loss
from gan_helpers.training.runs import Run, TrainingDiverged
from gan_helpers.training.supervised import train_autoencoder
from gan_helpers.widgets.explorer import explore

SMALL = (1, 8, 8)


@pytest.fixture
def pictures() -> torch.Tensor:
    """512 pictures of 8x8 in [-1, 1] that vary along four directions, each clearly more than the next."""
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(64, 4)).Q.T
    codes = torch.rand(512, 4).sub(0.5) * torch.tensor([4.0, 3.0, 2.0, 1.2])
    return (codes @ axes).clamp(-1, 1).view(-1, *SMALL)


def tiny(kind: type[Autoencoder] = Autoencoder) -> Autoencoder:
    torch.manual_seed(1)
    return kind(3, SMALL, (8,))


# --- networks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [Autoencoder(5, batch_norm=True), ConvAutoencoder(5, (3, 12, 20), (4, 6))])
def test_pictures_come_back_through_a_code_of_the_size_asked_for(network, tmp_path):
    images = torch.rand(4, *network.config["image_shape"]) * 2 - 1
    network.eval()
    codes = network.encoder(images)
    assert codes.shape == (4, 5)
    assert network(images).shape == images.shape
    assert torch.equal(network.decoder(codes), network(images))
    save_network(tmp_path / "a.safetensors", network)
    assert torch.equal(load_network(tmp_path / "a.safetensors", expect=Autoencoder)[0](images), network(images))


@pytest.mark.parametrize("decoder", [Decoder(6), ConvDecoder(6)])
def test_a_decoder_is_a_generator(decoder):
    assert generate(decoder, sample_latents(decoder, 3)).abs().max() <= 1
    view = explore(decoder)
    before = view.image.value
    view.sliders[0].value = 3.0
    assert view.image.value != before
    with pytest.raises(ValueError, match=r"takes \(N, 6\)"):
        decoder(torch.zeros(2, 7))


def by_hand(image: np.ndarray, layer: nn.Conv2d) -> np.ndarray:
    """A convolution with padding 1 as sums of scipy's plane correlations, then the stride."""
    kernels, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    planes = [sum(correlate2d(p, k, "same") for p, k in zip(image, ks, strict=True)) for ks in kernels]
    return (np.stack(planes) + bias[:, None, None])[:, :: layer.stride[0], :: layer.stride[1]]


def test_the_encoder_convolves_and_halves():
    encoder = ConvEncoder(4, (2, 6, 6), (3,)).eval()
    image = torch.randn(2, 6, 6)
    maps = by_hand(image.numpy(), encoder.layers[0])
    maps = np.where(maps > 0, maps, 0.2 * maps) / np.sqrt(1 + 1e-5)  # untrained batch norm has variance 1
    codes = encoder.layers[-1](torch.from_numpy(maps).float().view(1, -1))
    assert torch.allclose(encoder(image[None]), codes, atol=1e-5)


def test_the_decoder_repeats_each_value_and_convolves():
    decoder = ConvDecoder(4, (1, 6, 6), (3,)).eval()
    maps = decoder.layers[:4](torch.randn(1, 4))[0].detach().numpy()  # linear, unflatten, norm, leaky ReLU
    assert maps.shape == (3, 3, 3)
    upsampled = np.stack([np.kron(plane, np.ones((2, 2))) for plane in maps])
    assert decoder.layers[4](torch.from_numpy(maps[None]))[0].numpy() == pytest.approx(upsampled)
    expected = np.tanh(by_hand(upsampled, decoder.layers[5]))
    assert np.allclose(decoder.layers[4:](torch.from_numpy(maps[None]))[0].detach(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", [ConvEncoder, ConvDecoder])
def test_a_side_that_cannot_be_halved_is_an_error(kind):
    with pytest.raises(ValueError, match=r"30x28 cannot be halved 2 times: .* multiples of 4"):
        kind(8, (1, 30, 28))


# --- training -----------------------------------------------------------------------------------------


def test_a_linear_autoencoder_finds_the_plane_of_the_principal_components(pictures):
    linear = Autoencoder(3, SMALL, widths=())
    run = train_autoencoder(linear, pictures, epochs=300, lr=1e-2, batch_size=64)
    pca = principal_components(pictures, 3)
    weight = linear.decoder.layers[0].weight.detach()
    assert np.rad2deg(subspace_angles(weight.numpy(), pca.axes.T.numpy())).max() < 2
    best = (pca.decode(pca.encode(pictures)) - pictures).square().mean()
    assert best <= reconstruction_loss(linear, pictures) < 1.01 * best
    assert run.history.column("loss")[-1] < run.history.column("loss")[0] / 2


@pytest.mark.parametrize("kind", [Autoencoder, ConvAutoencoder])
def test_training_lowers_the_loss_and_tells_how_it_went(pictures, kind):
    network = tiny(kind)
    before = reconstruction_loss(network.eval(), pictures).item()
    seen = []
    run = train_autoencoder(
        network, pictures, epochs=30.25, batch_size=64, callbacks=[lambda run: seen.append(run.share)]
    )
    assert run.step == len(run.history) == 242
    assert seen == pytest.approx([step / 242 for step in range(1, 243)])
    assert not network.training
    assert reconstruction_loss(network, pictures) < 0.7 * before


def test_the_rate_falls_to_zero(pictures, monkeypatch):
    rates = []
    step = torch.optim.Adam.step

    def spy(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    train_autoencoder(tiny(), pictures, epochs=1, batch_size=128, lr=0.4)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_the_same_seed_gives_the_same_network_and_leaves_random_numbers_alone(pictures):
    def noisy(network: Autoencoder, images: torch.Tensor) -> torch.Tensor:
        return (network(images + torch.randn_like(images)) - images).square().mean()

    networks = [tiny() for _ in range(3)]
    for network, seed in zip(networks, (0, 0, 1), strict=True):
        before = torch.get_rng_state()
        train_autoencoder(network, pictures, epochs=1, seed=seed, loss_of=noisy)
        assert torch.equal(torch.get_rng_state(), before)
        torch.rand(1)  # what was drawn before must not matter
    first, again, other = (torch.cat([p.flatten() for p in n.parameters()]) for n in networks)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_budget_in_seconds_is_kept(pictures):
    start = time.perf_counter()
    run = train_autoencoder(tiny(), pictures, seconds=0.3)
    assert 0.3 <= run.seconds <= time.perf_counter() - start < 3
    assert len(run.history) == run.step > 4


def test_an_interrupt_finishes_the_step(pictures):
    def press_stop(run: Run) -> None:
        if run.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    run = train_autoencoder(tiny(), pictures, epochs=100, callbacks=[press_stop])
    assert run.interrupted
    assert run.step == len(run.history) < 10
    assert not run.network.training


def test_a_loss_that_is_no_number_ends_the_training_with_its_step(pictures):
    def loss_of(network: Autoencoder, images: torch.Tensor) -> torch.Tensor:
        loss_of.calls += 1
        return reconstruction_loss(network, images) * (float("nan") if loss_of.calls >= 7 else 1)

    loss_of.calls = 0
    with pytest.raises(TrainingDiverged, match=r"at step 7\. Try a lower learning rate"):
        train_autoencoder(tiny(), pictures, epochs=10, loss_of=loss_of)


@pytest.mark.parametrize("budget", [{}, {"epochs": 0}, {"seconds": -1.0}, {"epochs": 2, "seconds": 0}])
def test_a_budget_of_nothing_is_an_error(pictures, budget):
    with pytest.raises(ValueError, match="say how long to train|trains nothing: it must be above 0"):
        train_autoencoder(tiny(), pictures, **budget)


def test_unusable_pictures_are_an_error(pictures):
    with pytest.raises(ValueError, match=r"built for \(1, 8, 8\)"):
        train_autoencoder(tiny(), torch.zeros(200, 1, 28, 28), epochs=1)
    with pytest.raises(ValueError, match="scale them"):
        train_autoencoder(tiny(), 255 * pictures.abs(), epochs=1)


def test_apply_takes_bytes_in_parts_and_puts_the_mode_back():
    network = tiny(ConvAutoencoder).train()
    images = torch.randint(0, 256, (7, *SMALL), dtype=torch.uint8)
    parts = apply(network, images, batch_size=3)
    assert network.training
    assert torch.allclose(parts, network.eval()(scale_pixels(images)), atol=1e-6)
    assert apply(network.encoder, images).shape == (7, 3)
