"""Trainings with one network and one loss: classifiers, autoencoders, the reader of faces."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam, Optimizer

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import ImageSet, image_batches, scale_pixels
from gan_helpers.models.autoencoders import VariationalAutoencoder
from gan_helpers.models.classifiers import Classifier, FactorReader
from gan_helpers.models.dense import Discriminator
from gan_helpers.training.adversarial import TrainingDiverged, check_images, limits, update_average, vaegan_steps
from gan_helpers.training.losses import factor_loss, reconstruction_loss
from gan_helpers.training.runs import STABLE, Settings, finish_step_on_interrupt

LOOK_EVERY = 100  # steps between looks at the losses: on a GPU each look waits for it


# --- training -----------------------------------------------------------------------------------------

SupervisedLoss = Callable[[Network, Tensor], Tensor]  # of a network and pictures (N, C, H, W)


def reconstruction_steps(
    autoencoder: Network,
    batches: Iterable[Tensor],
    optimizer: Optimizer,
    objective: SupervisedLoss = reconstruction_loss,
) -> Iterator[Tensor]:
    """One step down the objective for each batch; yields the loss."""
    for images in batches:
        loss = objective(autoencoder, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.detach()


@dataclass
class Fit:
    """A training: the network, every step's loss (steps,), how far it came and how far it may go."""

    network: Network
    last_step: float = math.inf
    last_second: float = math.inf
    losses: Tensor = field(default_factory=lambda: torch.empty(0))
    step: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        return min(1.0, max(self.step / self.last_step, self.seconds / self.last_second))


def train_autoencoder(
    autoencoder: Network,
    data: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    rate: float = 2e-3,
    batch_size: int = 128,
    seed: int = 0,
    objective: SupervisedLoss = reconstruction_loss,
    callbacks: Sequence[Callable[[Fit], None]] = (),
) -> Fit:
    """Train a network to rebuild pictures, in place, with a rate that falls to 0 over the budget.

    Args:
        data: an ImageSet, or floats (N, C, H, W) in [-1, 1].
        epochs, seconds: the budget; with both given, the one that ends first.
        objective: what is made small, of the network and a batch.
        callbacks: called with the fit after every step; they must not draw random numbers.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand and returns.

    Raises:
        ValueError: unusable data or budget.
        TrainingDiverged: the loss became infinite or NaN.
    """
    weight = next(autoencoder.parameters())
    images = check_images(data, autoencoder, batch_size).to(weight.device)
    fit = Fit(autoencoder, *limits(epochs, seconds, len(images) // batch_size))
    autoencoder.train().to(memory_format=torch.channels_last)  # convolutions run faster so; other layers do not mind
    optimizer = Adam(autoencoder.parameters(), rate, fused=True)
    batches = chain.from_iterable(image_batches(images, batch_size, seed, epoch) for epoch in count())
    recent, start = [], time.perf_counter()
    with torch.random.fork_rng([weight.device] if weight.is_cuda else []), finish_step_on_interrupt(fit):
        torch.manual_seed(seed)
        for loss in reconstruction_steps(autoencoder, batches, optimizer, objective):
            fit.step, fit.seconds = fit.step + 1, time.perf_counter() - start
            recent.append(loss)
            optimizer.param_groups[0]["lr"] = rate * (1 - fit.share)
            stop = fit.interrupted or fit.share >= 1
            if stop or len(recent) == LOOK_EVERY:
                fit.losses, recent = torch.cat([fit.losses, _finite(recent, fit.step, rate)]), []
            for callback in callbacks:
                callback(fit)
            if stop:
                break
    autoencoder.eval()
    return fit


def _finite(recent: list[Tensor], step: int, rate: float) -> Tensor:
    """The last losses up to ``step`` as one tensor (k,) on the CPU; TrainingDiverged if one is not finite."""
    losses = torch.stack(recent).cpu()
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        raise TrainingDiverged(
            f"the loss is no longer a finite number at step {step - len(losses) + 1 + int(bad[0])}. "
            f"Try a lower rate (now {rate:g}), and look for NaN in your pictures"
        )
    return losses


CLASSIFIER_BATCH = 128
N = TypeVar("N", bound=Network)
TURN, SCALE, SHIFT = 0.2, 0.1, 0.14  # radians; a share of the size; a share of half the width, 2 pixels of 28


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
    if len(data.classes) < 2 or len(data) < CLASSIFIER_BATCH:
        raise ValueError(
            f"{len(data.classes)} classes and {len(data)} pictures: a classifier needs two classes "
            f"(one subfolder each) and at least {CLASSIFIER_BATCH} pictures"
        )

    def loss(classifier: Classifier, chosen: Tensor) -> Tensor:
        return F.cross_entropy(classifier(jitter(scale_pixels(data.images[chosen]))), data.labels[chosen])

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        classifier = Classifier(data.shape, len(data.classes)).to(data.images.device)
        return one_cycle(classifier, loss, len(data), CLASSIFIER_BATCH, epochs, rate, progress)


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


READER_BATCH = 64


def train_reader(
    images: Tensor,
    factors: Tensor,
    epochs: int = 4,
    rate: float = 3e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = print,
) -> FactorReader:
    """A reader for images uint8 (N, C, H, W) with known factors (N, 25); one warm-up-and-decay cycle of the rate."""
    if len(images) != len(factors) or len(images) < READER_BATCH:
        raise ValueError(
            f"{len(images)} pictures and {len(factors)} rows of factors: give {READER_BATCH} or more of each"
        )

    def loss(reader: FactorReader, chosen: Tensor) -> Tensor:
        return factor_loss(reader(scale_pixels(images[chosen])), factors[chosen])

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        reader = FactorReader(tuple(images.shape[1:])).to(images.device)
        return one_cycle(reader, loss, len(images), READER_BATCH, epochs, rate, progress)


def train_vaegan(
    vae: VariationalAutoencoder,
    discriminator: Discriminator,
    data: ImageSet | Tensor,
    epochs: float,
    variance: float = 0.2,
    weight: float = 0.001,
    settings: Settings = STABLE,
) -> Fit:
    """Train both in place, with notebook 07's rates; the fit's network is the average of the VAE's weights.

    Args:
        data: an ImageSet, or floats (N, C, H, W) in [-1, 1].
        variance: of the Gaussian around the features of a rebuilt picture.
        weight: of the bound, beside the generator's loss; Adam's steps do not depend on it in the encoder, which
            has no other loss.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand and returns.

    Raises:
        ValueError: unusable data or budget.
    """
    images = check_images(data, discriminator, settings.batch_size).to(next(vae.parameters()).device)
    batches = chain.from_iterable(image_batches(images, settings.batch_size, settings.seed, e) for e in count())
    optimizers = (
        Adam(network.parameters(), rate, settings.betas, fused=True)
        for network, rate in ((vae, settings.g_rate), (discriminator, settings.d_rate))
    )
    average = copy.deepcopy(vae).eval().requires_grad_(False)
    fit = Fit(average, *limits(epochs, None, len(images) // settings.batch_size))
    start, bounds = time.perf_counter(), []
    with torch.random.fork_rng([images.device] if images.is_cuda else []), finish_step_on_interrupt(fit):
        torch.manual_seed(settings.seed)
        parts = vae.train(), discriminator.train(), islice(batches, fit.last_step)
        for fit.step, (_, bound) in enumerate(vaegan_steps(*parts, *optimizers, variance, weight), 1):
            update_average(fit.network, vae, settings.average_decay, fit.step)
            bounds.append(-bound)
            if fit.interrupted:
                break
    fit.losses, fit.seconds = torch.stack(bounds).cpu(), time.perf_counter() - start
    return fit
