"""Networks that read pictures: a digit's class, the factors of a drawn face. ``metrics`` measures in their features."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.data.faces import FACTORS

# --- the reader -----------------------------------------------------------------------------------------


class FactorReader(Network):
    """Pictures (N, C, H, W) in [-1, 1] to the factors of a face, (N, 25), 0 to 1, through ``features`` (N, width)."""

    def __init__(self, image_shape: tuple[int, ...] = (3, 64, 64), width: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], 24, 48, 96, 128)):
            kernel = 3 if layers else 5
            layers += [nn.Conv2d(n_in, n_out, kernel, 2, kernel // 2), nn.BatchNorm2d(n_out), nn.ReLU()]
        n_flat = 128 * (image_shape[1] // 16) * (image_shape[2] // 16)  # each convolution halves the sides
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_flat, width), nn.ReLU())
        self.factors = nn.Linear(width, len(FACTORS))

    def forward(self, images: Tensor) -> Tensor:
        return self.factors(self.features(images)).sigmoid()

    def head(self, features: Tensor) -> Tensor:
        """Features (N, width) to logits (N, 2) of "no glasses" and "glasses", as a classifier gives them."""
        logit = self.factors(features)[:, FACTORS.index("glasses")]
        return torch.stack([torch.zeros_like(logit), logit], 1)


class Residual(nn.Module):
    """Maps (N, C, H, W) plus what two convolutions add to them, through ReLU.

    Source: He et al., *Deep Residual Learning for Image Recognition*, arXiv 1512.03385, equation 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.layers = nn.Sequential(first, nn.BatchNorm2d(channels), nn.ReLU(), second, nn.BatchNorm2d(channels))

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + self.layers(maps))


class Classifier(Network):
    """Pictures (N, C, H, W) in [-1, 1] to class logits (N, classes), through ``features`` (N, width).

    A stride of 2 halves the picture in every convolution, and a ``Residual`` may follow it. The features are what
    evaluation measures in.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 28, 28),
        classes: int = 10,
        channels: tuple[int, ...] = (24, 48, 96),
        width: int = 128,
        residual: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        depth, *sides = image_shape
        for n_in, n_out in pairwise((depth, *channels)):
            kernel = 5 if n_in == depth else 3
            layers += [nn.Conv2d(n_in, n_out, kernel, 2, kernel // 2), nn.BatchNorm2d(n_out), nn.ReLU()]
            layers += [Residual(n_out)] if residual else []
        n_flat = channels[-1] * prod(-(-side // 2 ** len(channels)) for side in sides)
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_flat, width), nn.ReLU())
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))
