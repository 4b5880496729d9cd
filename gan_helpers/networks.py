"""Generators, discriminators and the classifier that measures. Notebook 02 builds the first two line by line.

Every network remembers the arguments that built it, so that a checkpoint can rebuild it.
"""

from __future__ import annotations

import inspect
from itertools import pairwise
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """An ``nn.Module`` that keeps its constructor's arguments in ``config``, by name."""

    known: ClassVar[dict[str, type[Network]]] = {}
    config: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Network.known.setdefault(cls.__name__, cls)  # a reader's class of the same name does not replace ours

    def __new__(cls, *args: Any, **kwargs: Any) -> Network:
        network = super().__new__(cls)
        arguments = inspect.signature(cls.__init__).bind_partial(network, *args, **kwargs)
        arguments.apply_defaults()
        network.config = dict(list(arguments.arguments.items())[1:])  # all but self
        return network


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


class Classifier(Network):
    """Pictures (N, C, H, W) in [-1, 1] to class logits (N, classes), through ``features`` (N, width).

    A stride of 2 halves the picture in every convolution. The features are what evaluation measures in.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (1, 28, 28),
        classes: int = 10,
        channels: tuple[int, ...] = (24, 48, 96),
        width: int = 128,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        depth, *sides = image_shape
        for n_in, n_out in pairwise((depth, *channels)):
            kernel = 5 if n_in == depth else 3
            layers += [nn.Conv2d(n_in, n_out, kernel, 2, kernel // 2), nn.BatchNorm2d(n_out), nn.ReLU()]
        n_flat = channels[-1] * prod(-(-side // 2 ** len(channels)) for side in sides)
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_flat, width), nn.ReLU())
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


class MinibatchStatistics(nn.Module):
    """Appends to features (N, F) how much they vary within the batch: (N, F + 1), the last column constant.

    A generator that makes one picture over and over gives itself away. Source: the standard deviation of
    Karras et al., arXiv 1710.10196, section 3, a simpler form of Salimans et al., arXiv 1606.03498, section 3.2.
    """

    def forward(self, features: Tensor) -> Tensor:
        spread = (features.var(0, correction=0) + 1e-8).sqrt().mean()  # 1e-8: the root's slope at 0 is infinite
        return torch.cat([features, spread.expand(len(features), 1)], 1)


def add_minibatch_statistics(discriminator: Discriminator) -> Discriminator:
    """Let the last layer see ``MinibatchStatistics`` as well, in place."""
    last = discriminator.layers[-1]
    wider = nn.Linear(last.in_features + 1, 1).to(last.weight.device)
    discriminator.layers[-1] = nn.Sequential(MinibatchStatistics(), wider)
    return discriminator


def add_spectral_norm(discriminator: Discriminator) -> Discriminator:
    """Divide each weight matrix by its largest singular value, in place, so that D's slope is at most 1.

    Source: Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, arXiv 1802.05957.
    """
    for layer in discriminator.layers:
        if isinstance(layer, nn.Linear):
            nn.utils.parametrizations.spectral_norm(layer)
    return discriminator


def check_latents(generator: Network, latents: Tensor) -> None:
    """Refuse latent vectors that this generator was not built for (ValueError)."""
    width = generator.config["latent_dim"]
    if latents.ndim != 2 or latents.shape[1] != width:
        raise ValueError(
            f"latents have shape {tuple(latents.shape)}, but this generator takes (N, {width}): "
            "draw them with sample_latents(generator, n)"
        )


def sample_latents(generator: Network, n: int) -> Tensor:
    """n latent vectors, (n, latent_dim): standard normal, or uniform in [-1, 1), as ``config`` says."""
    weight = next(generator.parameters())
    shape = (n, generator.config["latent_dim"])
    if generator.config["latent"] == "uniform":
        return torch.empty(shape, device=weight.device).uniform_(-1, 1)
    return torch.randn(shape, device=weight.device)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at t in [0, 1] on the great-circle arc from a to b, (..., latent_dim) each.

    Direction and length are interpolated apart, so the way keeps the length that the generator
    was trained on. Source: White, *Sampling Generative Networks*, arXiv 1609.04468.
    """
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u, v = a / length_a, b / length_b
    angle = (u * v).sum(-1, keepdim=True).clamp(-1, 1).acos()
    arc = (((1 - t) * angle).sin() * u + (t * angle).sin() * v) / angle.sin()
    arc = torch.where(angle.sin() < 1e-4, torch.lerp(u, v, t), arc)  # on one line there is no arc to follow
    return arc * torch.lerp(length_a, length_b, t)


def count_parameters(network: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@torch.no_grad()
def generate(generator: Network, latents: Tensor, labels: Tensor | None = None, batch_size: int = 1000) -> Tensor:
    """Pictures (N, C, H, W) in [-1, 1] for latents (N, latent_dim), in evaluation mode.

    In evaluation mode dropout is off and batch norm uses its running averages, so one
    latent vector always gives the same picture, whatever else is in the batch. The mode is put back.
    ``labels`` (N,) go to a conditional generator, one class a picture.
    """
    was_training = generator.training
    generator.eval()
    try:
        inputs = (latents,) if labels is None else (latents, labels)
        return torch.cat([generator(*part) for part in zip(*(x.split(batch_size) for x in inputs), strict=True)])
    finally:
        generator.train(was_training)


def recommended_pair(image_shape: tuple[int, ...] = (1, 28, 28)) -> tuple[Generator, Discriminator]:
    """The wider pair of notebook 04, which makes good digits in minutes: no dropout, batch norm in G."""
    generator = Generator(64, image_shape, widths=(256, 512, 1024), dropout=0.0, batch_norm=True)
    return generator, Discriminator(image_shape, widths=(512, 256), dropout=0.0)


def stable_pair(image_shape: tuple[int, ...] = (1, 28, 28)) -> tuple[Generator, Discriminator]:
    """The pair of notebook 07: the one above, and D sees how much its batch varies."""
    generator, discriminator = recommended_pair(image_shape)
    return generator, add_minibatch_statistics(discriminator)
