"""Generators and discriminators of linear layers. Notebook 02 builds them line by line.

Every network remembers the arguments that built it, so that a checkpoint can rebuild it.
"""

from __future__ import annotations

import warnings
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network, rebuildable
from gan_helpers.models.sampling import check_latents, count_parameters

LARGE = 20_000_000  # parameters of a dense pair, from which on it warns


class Discriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] to one logit each, (N,): above 0 means "real"."""

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (128, 64, 32),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]  # (N, C, H, W) -> (N, C*H*W)
        for n_in, n_out in pairwise((prod(image_shape), *widths)):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).squeeze(1)  # (N, 1) -> (N,)


class Generator(Network):
    """Latent vectors (N, latent_dim) to pictures (N, C, H, W) in [-1, 1]."""

    def __init__(
        self,
        latent_dim: int = 100,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (32, 64, 128),
        dropout: float = 0.3,
        batch_norm: bool = False,
        latent: str = "normal",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((latent_dim, *widths)):
            norm = [nn.BatchNorm1d(n_out)] if batch_norm else []
            layers += [nn.Linear(n_in, n_out), *norm, nn.LeakyReLU(0.2), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], prod(image_shape)), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents).unflatten(1, self.config["image_shape"])  # (N, C*H*W) -> (N, C, H, W)


class MinibatchStatistics(nn.Module):
    """Appends to features (N, F) how much they vary within the batch: (N, F + 1), the last column constant.

    A generator that makes one picture over and over gives itself away. Source: the standard deviation of
    Karras et al., arXiv 1710.10196, section 3, a simpler form of Salimans et al., arXiv 1606.03498, section 3.2.
    """

    def forward(self, features: Tensor) -> Tensor:
        spread = (features.var(0, correction=0) + 1e-8).sqrt().mean()  # 1e-8: the root's slope at 0 is infinite
        return torch.cat([features, spread.expand(len(features), 1)], 1)


@rebuildable
def add_minibatch_statistics(discriminator: Discriminator) -> Discriminator:
    """Let the last layer see ``MinibatchStatistics`` as well, in place."""
    last = discriminator.layers[-1]
    wider = nn.Linear(last.in_features + 1, 1).to(last.weight.device)
    discriminator.layers[-1] = nn.Sequential(MinibatchStatistics(), wider)
    return discriminator


@rebuildable
def add_spectral_norm(discriminator: Network) -> Network:
    """Divide each weight matrix by its largest singular value, in place: linear layers' slopes are then at most 1.

    A kernel counts as the matrix (n_out, n_in * k * k), as in the paper, which bounds a convolution less tightly.
    Source: Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, arXiv 1802.05957.
    """
    for layer in [*discriminator.modules()]:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.utils.parametrizations.spectral_norm(layer)
    return discriminator


def warn_if_large(image_shape: tuple[int, ...], *networks: nn.Module) -> None:
    """A warning where so many weights follow from the number of pixels that a laptop would crawl."""
    size = sum(count_parameters(network) for network in networks)
    if size > LARGE:
        warnings.warn(
            f"{size / 1e6:.0f} million parameters for pictures of {prod(image_shape):,} numbers, as linear layers have "
            "weights for each place: convolutions share theirs (dcgan_pair of notebook 09), or load smaller pictures",
            stacklevel=3,
        )


def recommended_pair(image_shape: tuple[int, ...] = (1, 28, 28)) -> tuple[Generator, Discriminator]:
    """The wider pair of notebook 04, which makes good digits in minutes: no dropout, batch norm in G.

    Its size grows with the number of pixels; a warning says so where convolutions are the better choice.
    """
    generator = Generator(64, image_shape, widths=(256, 512, 1024), dropout=0.0, batch_norm=True)
    discriminator = Discriminator(image_shape, widths=(512, 256), dropout=0.0)
    warn_if_large(image_shape, generator, discriminator)
    return generator, discriminator


def point_pair(
    width: int = 128, depths: tuple[int, int] = (5, 3), latent_dim: int = 2
) -> tuple[Generator, Discriminator]:
    """A generator and a discriminator of points (N, 2) with so many hidden layers each, no dropout, no batch norm.

    G is the deeper one: between two modes its map must be steep, and slopes multiply from layer to layer.
    """
    g_widths, d_widths = ((width,) * depth for depth in depths)
    return Generator(latent_dim, (2,), g_widths, dropout=0.0), Discriminator((2,), d_widths, dropout=0.0)
