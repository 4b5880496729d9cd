"""Autoencoders: pictures to short codes and back. Notebook 12 builds the dense ones, notebook 13 the convolutional.

A code is what a GAN calls a latent vector, so decoders take ``latents`` (N, latent_dim), and sliders, ``generate`` and
checkpoints treat them as generators.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.dense import Generator
from gan_helpers.models.mixed import MixedDiscriminator, MixedGenerator
from gan_helpers.models.sampling import check_latents

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


# --- the model and its bound --------------------------------------------------------------------------


class VariationalAutoencoder(Network):
    """An encoder to a Gaussian over codes, and notebook 04's generator as the decoder that mirrors it."""

    def __init__(
        self,
        latent_dim: int = 16,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (512, 256),
    ) -> None:
        super().__init__()
        self.encoder = Encoder(2 * latent_dim, image_shape, widths)  # for each axis a mean and a log variance
        self.decoder = Generator(latent_dim, image_shape, tuple(reversed(widths)), dropout=0.0, batch_norm=True)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), (N, latent_dim) each, for images (N, C, H, W) in [-1, 1]."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Tensor) -> Tensor:
        """Rebuild each picture from the mean of its code."""
        return self.decoder(self.encode(images)[0])


class MixedAutoencoder(VariationalAutoencoder):
    """The same with notebook 07's generator as the decoder: linear layers, then two convolutions that draw."""

    def __init__(
        self,
        latent_dim: int = 16,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (512, 256),
    ) -> None:
        Network.__init__(self)
        self.encoder = Encoder(2 * latent_dim, image_shape, widths)
        self.decoder = MixedGenerator(latent_dim, image_shape, tuple(reversed(widths)))


def vaegan_pair(
    image_shape: tuple[int, ...] = (1, 28, 28), latent_dim: int = 16
) -> tuple[MixedAutoencoder, MixedDiscriminator]:
    """The pair of notebook 14, to be trained with ``train_vaegan``: an autoencoder, and notebook 07's discriminator.

    The weights lie channels last in memory, which is faster on a CPU.
    """
    pair = MixedAutoencoder(latent_dim, image_shape), MixedDiscriminator(image_shape)
    return tuple(network.to(memory_format=torch.channels_last) for network in pair)


def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One draw from each N(mean, exp(log_variance)), through which gradients reach both."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


class Denoiser(Network):
    """Noisy pictures (N, C, H, W) to clean ones in [-1, 1]: a convolutional autoencoder with two short cuts.

    What the halvings lose is handed across: the finer feature maps, and the picture itself, so that only the noise
    has to be found. Sources: the first, Ronneberger et al. (U-Net), arXiv 1505.04597; the second, Zhang et al.
    (DnCNN), arXiv 1608.03981. Height and width must be multiples of 4.
    """

    def __init__(self, image_shape: tuple[int, ...] = (1, 28, 28), channels: tuple[int, int] = (16, 32)) -> None:
        super().__init__()
        (depth, *_), (few, many) = image_shape, channels
        self.down = nn.Sequential(*convolution(depth, few, stride=2))
        self.middle = nn.Sequential(
            *convolution(few, many, stride=2), *convolution(many, many), nn.Upsample(scale_factor=2)
        )
        self.up = nn.Sequential(*convolution(many, few))
        self.last = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(few, depth, kernel_size=3, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        half = self.down(images)  # (N, few, H/2, W/2)
        half = half + self.up(self.middle(half))
        return torch.tanh(images + self.last(half))


def convolution(n_in: int, n_out: int, stride: int = 1) -> list[nn.Module]:
    """A 3x3 convolution that keeps (stride 1) or halves (stride 2) height and width, normalised, leaky ReLU."""
    return [nn.Conv2d(n_in, n_out, kernel_size=3, stride=stride, padding=1), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
