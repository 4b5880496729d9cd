"""Ask for a digit: a generator and a discriminator that are told the class. Notebook 08 builds them.

Appending a one-hot label to a layer's input is the same as adding a learned vector, one a class, to its response:
so a label enters as an ``nn.Embedding``. ``training.train_gan`` trains the pair on an ImageSet with labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_helpers.classifiers import load_classifier, read_images
from gan_helpers.datasets import ImageSet
from gan_helpers.evaluation import Estimate, bootstrap, frechet_distance
from gan_helpers.losses import fake_loss, generator_loss, real_loss
from gan_helpers.networks import MinibatchStatistics, Network, check_latents, generate, sample_latents
from gan_helpers.runs import Settings, StableSettings


class ClassNorm(nn.Module):
    """Batch norm whose scale and shift are learned for each class: features (N, F) and labels (N,) to (N, F).

    Source: Dumoulin et al., arXiv 1610.07629; for generators Miyato and Koyama, arXiv 1802.05637.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features, affine=False)
        self.scale, self.shift = nn.Embedding(classes, features), nn.Embedding(classes, features)
        nn.init.ones_(self.scale.weight)  # as batch norm begins: the classes are alike
        nn.init.zeros_(self.shift.weight)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        return self.scale(labels) * self.norm(features) + self.shift(labels)


class ConditionalGenerator(Network):
    """Latents (N, latent_dim) and labels (N,) to pictures (N, C, H, W) in [-1, 1]; without labels, all in turn."""

    def __init__(
        self,
        latent_dim: int = 64,
        classes: int = 10,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (256, 512, 1024),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        sizes = (latent_dim, *widths)
        self.layers = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(sizes))
        self.norms = nn.ModuleList(ClassNorm(classes, width) for width in widths)
        self.last = nn.Sequential(nn.Linear(widths[-1], prod(image_shape)), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        check_latents(self, latents)
        labels = check_labels(self, latents, labels)
        features = latents
        for layer, norm in zip(self.layers, self.norms, strict=True):
            features = F.leaky_relu(norm(layer(features), labels), 0.2)
        return self.last(features).unflatten(1, self.config["image_shape"])  # (N, C*H*W) -> (N, C, H, W)


class ConditionalDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] and labels (N,) to one logit each, (N,): above 0 for "real, and of its class".

    The label's vector joins the response to the pixels. Source: Mirza and Osindero, arXiv 1411.1784.
    """

    def __init__(
        self, image_shape: tuple[int, ...] = (1, 28, 28), classes: int = 10, widths: tuple[int, ...] = (512, 256)
    ) -> None:
        super().__init__()
        self.label = nn.Embedding(classes, widths[0])  # one learned vector a class
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(prod(image_shape), widths[0]))  # (N, C*H*W) -> (N, F)
        layers: list[nn.Module] = [nn.LeakyReLU(0.2)]
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Sequential(MinibatchStatistics(), nn.Linear(widths[-1] + 1, 1))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        response = self.first(images) + self.label(check_labels(self, images, labels))
        return self.last(self.layers(response)).squeeze(1)  # (N, 1) -> (N,)


class ProjectionDiscriminator(ConditionalDiscriminator):
    """The same, but the label's vector is multiplied with the last features, and the product joins the logit.

    Source: Miyato and Koyama, *cGANs with Projection Discriminator*, arXiv 1802.05637, equation 3.
    """

    def __init__(
        self, image_shape: tuple[int, ...] = (1, 28, 28), classes: int = 10, widths: tuple[int, ...] = (512, 256)
    ) -> None:
        super().__init__(image_shape, classes, widths)
        self.label = nn.Embedding(classes, widths[-1])
        nn.init.normal_(self.label.weight, std=widths[-1] ** -0.5)  # length 1: longer ones drown the rest at first

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.layers(self.first(images))
        label = self.label(check_labels(self, images, labels))
        return self.last(features).squeeze(1) + (label * features).sum(1)  # (N,)


WAYS = {"embedding": ConditionalDiscriminator, "projection": ProjectionDiscriminator}


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


@dataclass(frozen=True)
class ConditionalSettings(Settings):
    """``Settings`` for a conditional pair: with how many wrong labels D is trained."""

    mismatched: float = 1 / 3  # their share in what D learns to refuse, as in ``told_loss``


RECIPE = ConditionalSettings(g_rate=1.5e-3)  # runs.STABLE with wrong labels, for ``conditional_pair``


def told_loss(
    discriminator: Network,
    real_images: Tensor,
    fake_images: Tensor,
    labels: Tensor,
    smoothing: float = 0.0,
    mismatched: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """D's loss, and its logits for real and for generated pictures under their labels, (N,) each.

    A share ``mismatched`` of what D learns to refuse are real pictures under a wrong label.
    Source: Reed et al., *Generative Adversarial Text to Image Synthesis*, arXiv 1605.05396, algorithm 1.
    """
    real_logits, fake_logits = discriminator(real_images, labels), discriminator(fake_images, labels)
    loss = real_loss(real_logits, smoothing) + (1 - mismatched) * fake_loss(fake_logits)
    if mismatched > 0:
        classes = discriminator.config["classes"]
        wrong = (labels + torch.randint_like(labels, 1, classes)) % classes  # any class but the right one
        loss = loss + mismatched * fake_loss(discriminator(real_images, wrong))
    return loss, real_logits, fake_logits


def conditional_steps(
    generator: Network,
    discriminator: Network,
    batches: Iterable[tuple[Tensor, Tensor]],
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    smoothing: float = 0.0,
    mismatched: float = 0.0,
) -> Iterator[tuple[Tensor, ...]]:
    """``training.adversarial_steps`` with labels: G draws the classes of the real batch, D is told them."""
    for real_images, labels in batches:
        fake_images = generator(sample_latents(generator, len(labels)), labels)  # (N, C, H, W)
        told = discriminator, real_images, fake_images.detach(), labels
        d_loss, real_logits, fake_logits = told_loss(*told, smoothing, mismatched)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        g_loss = generator_loss(discriminator(fake_images, labels))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), g_loss.detach(), real_logits.detach(), fake_logits.detach()


def check_conditional(data: Any, generator: Network, discriminator: Network, settings: Settings) -> ImageSet:
    """The labelled pictures that a conditional pair can train on; ValueError if these cannot be used."""
    if (classes := generator.config.get("classes")) is None:
        raise ValueError("ConditionalSettings are for a generator with classes: build both with conditional_pair()")
    if not isinstance(data, ImageSet):
        raise ValueError("a conditional generator learns from labels: give an ImageSet, as load_images returns")
    if len(data.labels) != len(data) or not 0 <= data.labels.min() <= data.labels.max() < classes:
        raise ValueError(
            f"{len(data)} pictures with {len(data.labels)} labels up to {data.labels.max()}, but the generator was "
            f"built for classes 0 to {classes - 1}: build both networks with classes={len(data.classes)}"
        )
    if discriminator.config.get("classes") != classes:
        raise ValueError(f"the discriminator must be told the class too: ConditionalDiscriminator(classes={classes})")
    if isinstance(settings, StableSettings):
        raise ValueError("conditional_steps has no penalty and no other objective: give ConditionalSettings()")
    return data


def agreement(read: Tensor, asked: Tensor) -> Estimate:
    """The share of pictures that a classifier reads as the class asked for, both (N,), with its 95 % interval.

    Blind spots: one perfect picture a class scores 1; the classifier's own mistakes count, so score real pictures too.
    """
    if read.shape != asked.shape:
        raise ValueError(f"{tuple(read.shape)} classes read, {tuple(asked.shape)} asked for: give one each a picture")
    return bootstrap(lambda same: float(same.mean()), (read == asked.to(read.device)).double())


def frechet_by_class(fake: Tensor, fake_labels: Tensor, real: Tensor, real_labels: Tensor) -> list[float]:
    """The Fréchet distance within each class that the real labels name, from features (N, F) and (M, F).

    Blind spot: a class has a tenth of the pictures, and the distance shrinks as they grow in number: compare it with
    its floor at the same size, and not with the distance of all classes together.
    """
    kinds = real_labels.unique().tolist()
    return [frechet_distance(fake[fake_labels == kind], real[real_labels == kind]) for kind in kinds]


def scores(generator: Network, test: ImageSet) -> dict[str, float]:
    """Agreement and Fréchet distance of as many pictures as ``test`` has, of its classes, in the shipped classifier."""
    classifier = load_classifier()
    real, asked = read_images(classifier, test.images), test.labels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = read_images(classifier, generate(generator, sample_latents(generator, len(asked)), asked))
    distance = frechet_distance(made.features, real.features)
    return {"agreement": agreement(made.labels, asked).value, "frechet": distance}


def conditional_pair(
    image_shape: tuple[int, ...] = (1, 28, 28), classes: int = 10, way: str = "projection"
) -> tuple[ConditionalGenerator, ConditionalDiscriminator]:
    """``networks.stable_pair`` with labels: the same widths, batch norm in G, minibatch statistics in D."""
    if way not in WAYS:
        raise ValueError(f"unknown way {way!r} to tell D the label: choose one of {', '.join(WAYS)}")
    generator = ConditionalGenerator(classes=classes, image_shape=image_shape)
    return generator, WAYS[way](image_shape, classes)
