"""Autoencoders: pictures to short codes and back. Notebook 12 builds the dense ones, notebook 13 the convolutional.

A code is what a GAN calls a latent vector, so decoders take ``latents`` (N, latent_dim), and sliders, ``generate`` and
checkpoints treat them as generators.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gan_helpers.datasets import ImageSet, image_batches, scale_pixels
from gan_helpers.networks import Network, check_latents
from gan_helpers.runs import finish_step_on_interrupt
from gan_helpers.training import TrainingDiverged, check_images, limits

LOOK_EVERY = 100  # steps between looks at the losses: on a GPU each look waits for it

# --- dense networks -----------------------------------------------------------------------------------


class Encoder(Network):
    """Pictures (N, C, H, W) in [-1, 1] to codes (N, latent_dim). Without widths it is one linear layer."""

    def __init__(
        self,
        latent_dim: int = 32,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (256, 128),
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]  # (N, C, H, W) -> (N, C*H*W)
        sizes = (prod(image_shape), *widths)
        for n_in, n_out in pairwise(sizes):
            norm = [nn.BatchNorm1d(n_out)] if batch_norm else []
            layers += [nn.Linear(n_in, n_out), *norm, nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], latent_dim))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class Decoder(Network):
    """Codes (N, latent_dim) to pictures (N, C, H, W). Without widths it is one linear layer, else tanh ends it."""

    def __init__(
        self,
        latent_dim: int = 32,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (128, 256),
        batch_norm: bool = False,
        latent: str = "normal",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes = (latent_dim, *widths)
        for n_in, n_out in pairwise(sizes):
            norm = [nn.BatchNorm1d(n_out)] if batch_norm else []
            layers += [nn.Linear(n_in, n_out), *norm, nn.ReLU()]
        last = [nn.Tanh()] if widths else []
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], prod(image_shape)), *last)

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents).unflatten(1, self.config["image_shape"])  # (N, C*H*W) -> (N, C, H, W)


class Autoencoder(Network):
    """An encoder and the decoder that mirrors it: pictures (N, C, H, W) to pictures, through codes (N, latent_dim)."""

    def __init__(
        self,
        latent_dim: int = 32,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (256, 128),
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.encoder: Network = Encoder(latent_dim, image_shape, widths, batch_norm)
        self.decoder: Network = Decoder(latent_dim, image_shape, tuple(reversed(widths)), batch_norm)

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


# --- convolutional networks ---------------------------------------------------------------------------


class ConvEncoder(Network):
    """Pictures (N, C, H, W) in [-1, 1] to codes (N, latent_dim): each convolution halves height and width."""

    def __init__(
        self,
        latent_dim: int = 32,
        image_shape: tuple[int, ...] = (1, 28, 28),
        channels: tuple[int, ...] = (16, 32),
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], *channels)):
            layers += [nn.Conv2d(n_in, n_out, kernel_size=3, stride=2, padding=1)]
            layers += [nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
        n_flat = prod(smallest_maps(image_shape, channels))
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_flat, latent_dim))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class ConvDecoder(Network):
    """Codes (N, latent_dim) to pictures (N, C, H, W) in [-1, 1]: up-sampling by two, then a convolution, repeated.

    Up-sampling first leaves no checkerboard, which a transposed convolution may.
    Source: Odena et al., *Deconvolution and Checkerboard Artifacts*, distill.pub/2016/deconv-checkerboard.
    """

    def __init__(
        self,
        latent_dim: int = 32,
        image_shape: tuple[int, ...] = (1, 28, 28),
        channels: tuple[int, ...] = (32, 16),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        maps = smallest_maps(image_shape, tuple(reversed(channels)))
        layers: list[nn.Module] = [nn.Linear(latent_dim, prod(maps)), nn.Unflatten(1, maps)]
        for n_in, n_out in pairwise((*channels, image_shape[0])):
            layers += [nn.BatchNorm2d(n_in), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2)]
            layers += [nn.Conv2d(n_in, n_out, kernel_size=3, padding=1)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents)


class ConvAutoencoder(Autoencoder):
    """A convolutional encoder and the decoder that mirrors it."""

    def __init__(
        self,
        latent_dim: int = 32,
        image_shape: tuple[int, ...] = (1, 28, 28),
        channels: tuple[int, ...] = (16, 32),
    ) -> None:
        Network.__init__(self)
        self.encoder = ConvEncoder(latent_dim, image_shape, channels)
        self.decoder = ConvDecoder(latent_dim, image_shape, tuple(reversed(channels)))


def smallest_maps(image_shape: Sequence[int], channels: Sequence[int]) -> tuple[int, int, int]:
    """(channels, height, width) after one halving a layer; ValueError if height or width cannot be halved so often."""
    _, *sides = image_shape
    shrink = 2 ** len(channels)
    if any(side % shrink for side in sides):
        raise ValueError(
            f"pictures of {sides[0]}x{sides[1]} cannot be halved {len(channels)} times: "
            f"choose sides that are multiples of {shrink}, or fewer channels"
        )
    return channels[-1], sides[0] // shrink, sides[1] // shrink


# --- training -----------------------------------------------------------------------------------------

Objective = Callable[[Network, Tensor], Tensor]  # of a network and pictures (N, C, H, W)


def reconstruction_loss(autoencoder: Network, images: Tensor) -> Tensor:
    """The mean squared error of the rebuilt pictures, a pixel, in units of [-1, 1] squared."""
    return F.mse_loss(autoencoder(images), images)


def reconstruction_steps(
    autoencoder: Network, batches: Iterable[Tensor], optimizer: Optimizer, objective: Objective = reconstruction_loss
) -> Iterator[Tensor]:
    """One step down the objective for each batch; yields the loss."""
    for images in batches:
        loss = objective(autoencoder, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.detach()


@dataclass
class Fit:
    """A training: the network, every step's loss (steps,), how far it came and how far it may go."""

    network: Network
    last_step: float = math.inf
    last_second: float = math.inf
    losses: Tensor = field(default_factory=lambda: torch.empty(0))
    step: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        return min(1.0, max(self.step / self.last_step, self.seconds / self.last_second))


def train_autoencoder(
    autoencoder: Network,
    data: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    rate: float = 2e-3,
    batch_size: int = 128,
    seed: int = 0,
    objective: Objective = reconstruction_loss,
    callbacks: Sequence[Callable[[Fit], None]] = (),
) -> Fit:
    """Train a network to rebuild pictures, in place, with a rate that falls to 0 over the budget.

    Args:
        data: an ImageSet, or floats (N, C, H, W) in [-1, 1].
        epochs, seconds: the budget; with both given, the one that ends first.
        objective: what is made small, of the network and a batch.
        callbacks: called with the fit after every step; they must not draw random numbers.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand and returns.

    Raises:
        ValueError: unusable data or budget.
        TrainingDiverged: the loss became infinite or NaN.
    """
    weight = next(autoencoder.parameters())
    images = check_images(data, autoencoder, batch_size).to(weight.device)
    fit = Fit(autoencoder, *limits(epochs, seconds, len(images) // batch_size))
    autoencoder.train().to(memory_format=torch.channels_last)  # convolutions run faster so; other layers do not mind
    optimizer = Adam(autoencoder.parameters(), rate, fused=True)
    batches = chain.from_iterable(image_batches(images, batch_size, seed, epoch) for epoch in count())
    recent, start = [], time.perf_counter()
    with torch.random.fork_rng([weight.device] if weight.is_cuda else []), finish_step_on_interrupt(fit):
        torch.manual_seed(seed)
        for loss in reconstruction_steps(autoencoder, batches, optimizer, objective):
            fit.step, fit.seconds = fit.step + 1, time.perf_counter() - start
            recent.append(loss)
            optimizer.param_groups[0]["lr"] = rate * (1 - fit.share)
            stop = fit.interrupted or fit.share >= 1
            if stop or len(recent) == LOOK_EVERY:
                fit.losses, recent = torch.cat([fit.losses, _finite(recent, fit.step, rate)]), []
            for callback in callbacks:
                callback(fit)
            if stop:
                break
    autoencoder.eval()
    return fit


def _finite(recent: list[Tensor], step: int, rate: float) -> Tensor:
    """The last losses up to ``step`` as one tensor (k,) on the CPU; TrainingDiverged if one is not finite."""
    losses = torch.stack(recent).cpu()
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        raise TrainingDiverged(
            f"the loss is no longer a finite number at step {step - len(losses) + 1 + int(bad[0])}. "
            f"Try a lower rate (now {rate:g}), and look for NaN in your pictures"
        )
    return losses


@torch.no_grad()
def apply(network: Network, images: Tensor, batch_size: int = 500) -> Tensor:
    """What a network in evaluation mode makes of images (N, C, H, W), uint8 or floats: pictures, or codes."""
    was_training = network.training
    network.eval()
    try:
        return torch.cat([network(scale_pixels(part)) for part in images.split(batch_size)])
    finally:
        network.train(was_training)
