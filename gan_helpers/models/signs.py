"""Notebook 07's pair for larger pictures: linear layers, then convolutions that halve or double the side three times.

Notebook 11 trains it on signs of 64x64 pixels. Sources: as of ``mixed``.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.autoencoders import smallest_maps
from gan_helpers.models.convolutional import upsampler
from gan_helpers.models.dense import MinibatchStatistics
from gan_helpers.models.sampling import check_latents


class SignGenerator(Network):
    """Latent vectors (N, latent_dim) to pictures (N, C, H, W) in [-1, 1], whose sides are multiples of 8."""

    def __init__(
        self,
        latent_dim: int = 64,
        image_shape: tuple[int, ...] = (1, 64, 64),
        widths: tuple[int, ...] = (256, 512),
        channels: tuple[int, ...] = (32, 24, 16),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        maps = smallest_maps(image_shape, channels[::-1])  # (32, 8, 8)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((latent_dim, *widths, prod(maps))):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.2)]
        layers += [nn.Unflatten(1, maps)]
        for n_in, n_out in pairwise(channels):
            layers += [*upsampler(n_in, n_out), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, *upsampler(channels[-1], image_shape[0]), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents)


class SignDiscriminator(Network):
    """Pictures (N, C, H, W), sides multiples of 8, to one logit each, (N,); the batch's spread is seen too."""

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 64, 64),
        channels: tuple[int, ...] = (16, 32, 64),
        width: int = 128,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], *channels)):
            side = 3 if layers else 5  # of the kernel
            layers += [nn.Conv2d(n_in, n_out, side, stride=2, padding=side // 2), nn.LeakyReLU(0.2)]
        layers += [nn.Flatten(), nn.Linear(prod(smallest_maps(image_shape, channels)), width), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, MinibatchStatistics(), nn.Linear(width + 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).squeeze(1)  # (N, 1) -> (N,)


def sign_pair(image_shape: tuple[int, ...] = (1, 64, 64)) -> tuple[SignGenerator, SignDiscriminator]:
    """The pair of notebook 11, to be trained with ``settings.STABLE``; its weights lie channels last in memory."""
    pair = SignGenerator(image_shape=image_shape), SignDiscriminator(image_shape)
    return tuple(network.to(memory_format=torch.channels_last) for network in pair)
