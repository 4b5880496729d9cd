"""Linear layers, then three that double the side: the pair that notebook 10 trains on faces.

Linear layers place the parts of a face; convolutions draw them alike wherever they lie, as in ``models.mixed``. The
last doubling repeats pixels and convolves, so that a flat area stays flat. Source: Odena et al., *Deconvolution and
Checkerboard Artifacts*, Distill, 2016.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.convolutional import upsampler
from gan_helpers.models.dense import MinibatchStatistics, warn_if_large
from gan_helpers.models.sampling import check_latents


def eighth(image_shape: tuple[int, ...], depth: int) -> tuple[int, int, int]:
    """The shape of maps (depth, H / 8, W / 8) for pictures (C, H, W).

    Raises:
        ValueError: sides that are no multiples of 8.
    """
    if len(image_shape) != 3 or any(side % 8 for side in image_shape[1:]):
        raise ValueError(
            f"pictures of shape {tuple(image_shape)}, but these networks halve the sides three times: they must be "
            "multiples of 8. Fit a folder's pictures with load_images(folder, size=64)"
        )
    return depth, image_shape[1] // 8, image_shape[2] // 8


class FaceGenerator(Network):
    """Latent vectors (N, latent_dim) to pictures (N, C, H, W) in [-1, 1]: linear layers, then three doublings."""

    def __init__(
        self,
        latent_dim: int = 64,
        image_shape: tuple[int, ...] = (3, 64, 64),
        widths: tuple[int, ...] = (256, 512),
        channels: tuple[int, ...] = (64, 32, 16),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        depth, height, width = eighth(image_shape, channels[0])
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((latent_dim, *widths, depth * height * width)):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.2)]
        layers.append(nn.Unflatten(1, (depth, height, width)))
        for n_in, n_out in pairwise(channels):
            layers += [*upsampler(n_in, n_out, "transposed"), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
        last = upsampler(channels[-1], image_shape[0], "resize")  # no checkerboard on flat areas
        self.layers = nn.Sequential(*layers, *last, nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents)


class FaceDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] to one logit each, (N,): three convolutions of stride 2, then linear layers.

    The last layer also sees ``MinibatchStatistics``.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (3, 64, 64),
        channels: tuple[int, ...] = (16, 32, 64),
        width: int = 128,
    ) -> None:
        super().__init__()
        depth, rows, columns = eighth(image_shape, channels[-1])
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], *channels)):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        layers += [nn.Flatten(), nn.Linear(depth * rows * columns, width), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Sequential(MinibatchStatistics(), nn.Linear(width + 1, 1)))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).squeeze(1)  # (N, 1) -> (N,)


def face_pair(image_shape: tuple[int, ...] = (3, 64, 64)) -> tuple[FaceGenerator, FaceDiscriminator]:
    """The pair of notebook 10, to be trained with ``settings.FACES``; its weights lie channels last in memory."""
    pair = FaceGenerator(image_shape=image_shape), FaceDiscriminator(image_shape)
    warn_if_large(image_shape, *pair)
    return tuple(network.to(memory_format=torch.channels_last) for network in pair)
