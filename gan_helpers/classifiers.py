"""The classifier whose features evaluation measures in: train one, load the shipped one, read pictures with it.

``python -m gan_helpers classifier --data mnist`` made ``assets/weights/mnist_classifier.safetensors``;
the same command makes one for any labelled data set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import load_network
from gan_helpers.datasets import ImageSet, scale_pixels
from gan_helpers.environment import ASSETS
from gan_helpers.networks import Classifier, Network

BATCH = 128
N = TypeVar("N", bound=Network)
TURN, SCALE, SHIFT = 0.2, 0.1, 0.14  # radians; a share of the size; a share of half the width, 2 pixels of 28


@dataclass(frozen=True)
class Reading:
    """What a classifier makes of N pictures: ``features`` (N, F) and class ``probabilities`` (N, K), float32."""

    features: Tensor
    probabilities: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, chosen: slice | Tensor) -> Reading:
        return Reading(self.features[chosen], self.probabilities[chosen])

    @property
    def labels(self) -> Tensor:
        """The most probable class of each picture, (N,)."""
        return self.probabilities.argmax(1)


def check_readable(classifier: Network, images: Tensor) -> None:
    """ValueError, naming the remedy, unless images (N, C, H, W) have the shape that the network was built for."""
    expected = tuple(classifier.config["image_shape"])
    if tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"pictures of shape {tuple(images.shape[1:])}, but the classifier reads {expected}: "
            "train one for your pictures with python -m gan_helpers classifier, "
            f"or fit a folder's to it with load_images(folder, size={expected[1]})"
        )


@torch.no_grad()
def read_images(classifier: Classifier, images: Tensor, batch_size: int = 500) -> Reading:
    """Features and class probabilities of images (N, C, H, W), uint8 or floats in [-1, 1].

    Raises:
        ValueError: pictures of another shape than the classifier was built for.
    """
    check_readable(classifier, images)
    classifier.eval()
    device = next(classifier.parameters()).device
    features = torch.cat([classifier.features(scale_pixels(part.to(device))) for part in images.split(batch_size)])
    return Reading(features, classifier.head(features).softmax(1))


def load_classifier(name: str = "mnist") -> Classifier:
    """The shipped classifier, in evaluation mode and frozen. It reads 28x28 digits."""
    classifier, _ = load_network(ASSETS / "weights" / f"{name}_classifier.safetensors")
    return classifier.requires_grad_(False)


def accuracy(classifier: Classifier, data: ImageSet) -> float:
    """The share of pictures whose label the classifier names, 0 to 1."""
    read = read_images(classifier, data.images).labels
    return float((read == data.labels.to(read.device)).float().mean())


def jitter(images: Tensor) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], each turned, scaled and shifted a little at random."""
    n, device = len(images), images.device
    angle = (2 * torch.rand(n, device=device) - 1) * TURN
    scale = 1 + (2 * torch.rand(n, device=device) - 1) * SCALE
    shift = (2 * torch.rand(n, 2, device=device) - 1) * SHIFT
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    grid = F.affine_grid(
        torch.cat([turn * scale.view(n, 1, 1), shift.unsqueeze(2)], 2), images.shape, align_corners=False
    )
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def train_classifier(
    data: ImageSet,
    epochs: int = 10,
    rate: float = 4e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = print,
) -> Classifier:
    """A classifier for labelled pictures, trained with jittered copies and one warm-up-and-decay cycle of the rate.

    Source of the schedule: Smith and Topin, *Super-Convergence*, arXiv 1708.07120.

    Raises:
        ValueError: fewer than two classes, or fewer pictures than one batch.
    """
    if len(data.classes) < 2 or len(data) < BATCH:
        raise ValueError(
            f"{len(data.classes)} classes and {len(data)} pictures: a classifier needs two classes "
            f"(one subfolder each) and at least {BATCH} pictures"
        )

    def loss(classifier: Classifier, chosen: Tensor) -> Tensor:
        return F.cross_entropy(classifier(jitter(scale_pixels(data.images[chosen]))), data.labels[chosen])

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        classifier = Classifier(data.shape, len(data.classes)).to(data.images.device)
        return one_cycle(classifier, loss, len(data), BATCH, epochs, rate, progress)


def one_cycle(
    network: N,
    loss_of: Callable[[N, Tensor], Tensor],
    n: int,
    batch_size: int,
    epochs: int,
    rate: float,
    progress: Callable[[str], None] | None = print,
) -> N:
    """Train a network in place, with one warm-up-and-decay cycle of the rate; returns it in evaluation mode.

    ``loss_of`` gives the loss of the network on the chosen ones, indices (batch_size,) of n examples.
    Source of the schedule: Smith and Topin, *Super-Convergence*, arXiv 1708.07120.
    """
    steps = n // batch_size
    optimizer = torch.optim.Adam(network.train().parameters(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    start = time.perf_counter()
    for epoch in range(epochs):
        for chosen in torch.randperm(n)[: steps * batch_size].view(steps, batch_size):
            loss = loss_of(network, chosen)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if progress is not None:
            progress(f"epoch {epoch + 1} of {epochs}: loss {loss:.3f}, {time.perf_counter() - start:.0f} s")
    return network.eval()
