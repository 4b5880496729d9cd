"""Linear layers and a few convolutions: the pair that learns digits in a minute. Notebook 07 compares it with others.

Linear layers place the parts of a picture; convolutions draw strokes alike wherever they lie. Source for the
convolutions: Radford et al., arXiv 1511.06434 (DCGAN), here with linear layers before them.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, prod

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.dense import MinibatchStatistics, warn_if_large
from gan_helpers.models.sampling import check_latents


class Crop(nn.Module):
    """Maps (N, C, H, W) without the rows and columns beyond a height and a width."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, maps: Tensor) -> Tensor:
        return maps[..., : self.height, : self.width]


def quarter(image_shape: tuple[int, ...], depth: int) -> tuple[int, ...]:
    """The shape of maps (depth, H / 4, W / 4), rounded up, for pictures (C, H, W): 7x7 for a digit."""
    return (depth, *(ceil(side / 4) for side in image_shape[1:]))


def drawing_layers(image_shape: tuple[int, ...], channels: tuple[int, int]) -> list[nn.Module]:
    """Numbers (N, D) to pictures (N, C, H, W) in [-1, 1]: maps of a quarter of the side, doubled twice."""
    (colours, *sides), (coarse, fine) = image_shape, channels
    cut = [Crop(*sides)] if any(side % 4 for side in sides) else []
    return [
        nn.Unflatten(1, quarter(image_shape, coarse)),
        nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1),
        nn.BatchNorm2d(fine),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(fine, colours, 4, stride=2, padding=1),
        *cut,
        nn.Tanh(),
    ]


def looking_layers(image_shape: tuple[int, ...], channels: tuple[int, int]) -> list[nn.Module]:
    """Pictures (N, C, H, W) to numbers (N, D): two convolutions of stride 2."""
    fine, coarse = channels
    return [
        nn.Conv2d(image_shape[0], fine, 5, stride=2, padding=2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(fine, coarse, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
    ]


class MixedGenerator(Network):
    """Latent vectors (N, latent_dim) to pictures (N, C, H, W) in [-1, 1]: linear layers, then two that double the side.

    Sides that are no multiple of 4 are cut from the next one that is.
    """

    def __init__(
        self,
        latent_dim: int = 64,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (256, 512),
        channels: tuple[int, int] = (32, 16),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((latent_dim, *widths, prod(quarter(image_shape, channels[0])))):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, *drawing_layers(image_shape, channels))

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents)


class MixedDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] to one logit each, (N,): two convolutions of stride 2, then linear layers.

    The last layer also sees ``MinibatchStatistics``, unless told not to.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 28, 28),
        channels: tuple[int, int] = (16, 48),
        width: int = 128,
        statistics: bool = True,
    ) -> None:
        super().__init__()
        first = nn.Linear(prod(quarter(image_shape, channels[1])), width)
        last = [MinibatchStatistics(), nn.Linear(width + 1, 1)] if statistics else [nn.Linear(width, 1)]
        features = *looking_layers(image_shape, channels), first, nn.LeakyReLU(0.2)
        self.layers = nn.Sequential(*features, nn.Sequential(*last))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).squeeze(1)  # (N, 1) -> (N,)


def stable_pair(image_shape: tuple[int, ...] = (1, 28, 28)) -> tuple[MixedGenerator, MixedDiscriminator]:
    """The pair of notebook 07, to be trained with ``settings.STABLE``.

    The weights lie channels last in memory, which is faster on a CPU. Its size grows with the number of pixels;
    a warning says so where convolutions alone are the better choice.
    """
    pair = MixedGenerator(image_shape=image_shape), MixedDiscriminator(image_shape)
    warn_if_large(image_shape, *pair)
    return tuple(network.to(memory_format=torch.channels_last) for network in pair)
