"""Ask for a digit: a generator and a discriminator that are told the class. Notebook 08 builds them.

Appending a one-hot label to a layer's input is the same as adding a learned vector, one a class, to its response:
so a label enters as an ``nn.Embedding``. ``training.train_gan`` trains the pair on an ImageSet with labels.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.dense import MinibatchStatistics, warn_if_large
from gan_helpers.models.mixed import drawing_layers, looking_layers, quarter
from gan_helpers.models.sampling import check_latents


class ClassNorm(nn.Module):
    """Batch norm whose scale and shift are learned for each class, for features (N, F) or maps (N, F, H, W).

    ``norm`` is the kind that standardises: ``nn.BatchNorm1d`` for features, ``nn.BatchNorm2d`` for maps.
    Source: Dumoulin et al., arXiv 1610.07629; for generators Miyato and Koyama, arXiv 1802.05637.
    """

    def __init__(self, classes: int, features: int, norm: type[nn.Module] = nn.BatchNorm1d) -> None:
        super().__init__()
        self.norm = norm(features, affine=False)
        self.scale, self.shift = nn.Embedding(classes, features), nn.Embedding(classes, features)
        nn.init.ones_(self.scale.weight)  # as batch norm begins: the classes are alike
        nn.init.zeros_(self.shift.weight)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        rows = (*features.shape[:2], *[1] * (features.ndim - 2))  # one scale and shift a map: (N, F, 1, 1)
        scale, shift = (table(labels).view(rows) for table in (self.scale, self.shift))
        return scale * self.norm(features) + shift


class ConditionalGenerator(Network):
    """Latents (N, latent_dim) and labels (N,) to pictures (N, C, H, W) in [-1, 1]; without labels, all in turn."""

    def __init__(
        self, latent_dim: int = 64, classes: int = 10, image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (256, 512), channels: tuple[int, int] = (32, 16), latent: str = "normal",
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = (*widths, prod(quarter(image_shape, channels[0])))
        linear = (nn.Linear(n_in, n_out) for n_in, n_out in pairwise((latent_dim, *sizes)))
        unflatten, double, _, _, *last = drawing_layers(image_shape, channels)  # without its norm and ReLU
        self.layers = nn.ModuleList([*linear, nn.Sequential(unflatten, double)])
        norms = (ClassNorm(classes, size) for size in sizes)
        self.norms = nn.ModuleList([*norms, ClassNorm(classes, channels[1], nn.BatchNorm2d)])
        self.last = nn.Sequential(*last)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        check_latents(self, latents)
        labels = check_labels(self, latents, labels)
        features = latents
        for layer, norm in zip(self.layers, self.norms, strict=True):
            features = F.leaky_relu(norm(layer(features), labels), 0.2)
        return self.last(features)


class ConditionalDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] and labels (N,) to one logit each, (N,): above 0 for "real, and of its class".

    The label's vector joins the response to the picture. Source: Mirza and Osindero, arXiv 1411.1784.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 28, 28),
        classes: int = 10,
        channels: tuple[int, int] = (16, 48),
        width: int = 128,
    ) -> None:
        super().__init__()
        n_flat = prod(quarter(image_shape, channels[1]))
        self.look = nn.Sequential(*looking_layers(image_shape, channels), nn.Linear(n_flat, width))
        self.label = nn.Embedding(classes, width)  # one learned vector a class
        self.last = nn.Sequential(MinibatchStatistics(), nn.Linear(width + 1, 1))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        label = self.label(check_labels(self, images, labels))
        features = F.leaky_relu(self.look(images) + label, 0.2)
        return self.last(features).squeeze(1)  # (N, 1) -> (N,)


class ProjectionDiscriminator(ConditionalDiscriminator):
    """The same, but the label's vector is multiplied with the last features, and the product joins the logit.

    Source: Miyato and Koyama, *cGANs with Projection Discriminator*, arXiv 1802.05637, equation 3.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 28, 28),
        classes: int = 10,
        channels: tuple[int, int] = (16, 48),
        width: int = 128,
    ) -> None:
        super().__init__(image_shape, classes, channels, width)
        nn.init.normal_(self.label.weight, std=width**-0.5)  # length 1: longer ones drown the rest at first

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        label = self.label(check_labels(self, images, labels))
        features = F.leaky_relu(self.look(images), 0.2)
        return self.last(features).squeeze(1) + (label * features).sum(1)  # (N,)


DISCRIMINATORS = {"embedding": ConditionalDiscriminator, "projection": ProjectionDiscriminator}


def check_labels(network: Network, rows: Tensor, labels: Tensor | None) -> Tensor:
    """The labels (N,) for N rows, the classes in turn if there are none; ValueError if they do not fit."""
    classes = network.config["classes"]
    if labels is None:
        return torch.arange(len(rows), device=rows.device) % classes
    if labels.shape != rows.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} and type {labels.dtype} for {len(rows)} rows: "
            f"give one whole number each, for example torch.full(({len(rows)},), 7)"
        )
    if not labels.is_cuda and len(labels) and not 0 <= labels.min() <= labels.max() < classes:  # a GPU would wait
        raise ValueError(f"labels from {labels.min()} to {labels.max()}: this network knows 0 to {classes - 1}")
    return labels


def conditional_pair(
    image_shape: tuple[int, ...] = (1, 28, 28), classes: int = 10, mode: str = "projection"
) -> tuple[ConditionalGenerator, ConditionalDiscriminator]:
    """The pair of notebook 07 with labels, to be trained with ``settings.NON_SATURATING``."""
    if mode not in DISCRIMINATORS:
        raise ValueError(f"unknown mode {mode!r} of telling D the label: choose one of {', '.join(DISCRIMINATORS)}")
    pair = ConditionalGenerator(classes=classes, image_shape=image_shape), DISCRIMINATORS[mode](image_shape, classes)
    warn_if_large(image_shape, *pair)
    return tuple(network.to(memory_format=torch.channels_last) for network in pair)
