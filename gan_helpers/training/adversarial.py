"""The adversarial loop of notebook 04, which every GAN of the course trains with: only the losses differ.

``adversarial_steps`` is the algorithm; ``train_gan`` makes the losses that the settings ask for and puts the run of
``training.runs`` around it: the generator's average, history, checkpoints, resuming, a stop button that loses nothing.
Source: Goodfellow et al., arXiv 1406.2661, algorithm 1, with k = 1 and the non-saturating loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import ImageSet
from gan_helpers.models.autoencoders import VariationalAutoencoder
from gan_helpers.models.sampling import as_input, sample_latents
from gan_helpers.training.augmenting import flip
from gan_helpers.training.distributed import check_share, own_share, shared, together
from gan_helpers.training.losses import (
    OBJECTIVES,
    DLoss,
    GLoss,
    discriminator_loss,
    matching_aware_loss,
    on_logits,
    penalised,
    squared_gradient,
    unit_gradient,
)
from gan_helpers.training.reconstruction import vaegan_loss
from gan_helpers.training.runs import Run, Step, data_fingerprint, run_batches, start_run, train
from gan_helpers.training.settings import NON_SATURATING, Settings


def adversarial_steps(
    generator: Network,
    discriminator: Network,
    batches: Iterable[Any],
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    d_loss: DLoss,
    g_loss: GLoss,
    start: int = 0,
) -> Iterator[tuple[Tensor, ...]]:
    """One step of D, then one of G, for each batch; yields both losses, then both logits."""
    for step, batch in enumerate(batches, start):
        real_images, *labels = batch if isinstance(batch, tuple) else (batch,)
        fake_images = generator(sample_latents(generator, len(real_images)), *labels)  # (N, C, H, W)
        # Discriminator: real pictures should get the label "real", generated ones the label "generated".
        judged = d_loss(discriminator, real_images, fake_images.detach(), *labels, step=step)
        loss, real_logits, fake_logits, *penalty = judged
        d_optimizer.zero_grad()
        sum(penalty, loss).backward()
        d_optimizer.step()
        # Generator: the same pictures, judged by the improved discriminator, with the labels flipped.
        discriminator.requires_grad_(False)  # its weights are only passed through: half the backward pass
        flipped = g_loss(discriminator, real_images, fake_images, *labels)
        g_optimizer.zero_grad()
        flipped.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield loss.detach(), flipped.detach(), real_logits.detach(), fake_logits.detach()


def losses_of(settings: Settings) -> tuple[DLoss, GLoss]:
    """D's and G's loss, made of the numbers in the settings."""
    on_scores, g_loss = OBJECTIVES[settings.objective]
    if settings.label_smoothing:
        on_scores = partial(discriminator_loss, label_smoothing=settings.label_smoothing)
    d_loss = on_logits(on_scores)
    if settings.mismatched:
        options = {"label_smoothing": settings.label_smoothing, "mismatched": settings.mismatched}
        d_loss = partial(matching_aware_loss, **options)
    if settings.r1 or settings.r2 or settings.unit_gradient:
        d_loss = penalised(d_loss, penalty_of(settings), settings.penalty_every)
    return d_loss, g_loss


def penalty_of(settings: Settings) -> GLoss:
    """The sum of the penalties on D's gradient whose weights in the settings are above 0."""

    def penalty(discriminator: Network, real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
        total: Tensor | float = 0.0
        if settings.r1 > 0:
            total = total + settings.r1 * squared_gradient(discriminator, real, *labels)
        if settings.r2 > 0:
            total = total + settings.r2 * squared_gradient(discriminator, fake, *labels)
        if settings.unit_gradient > 0:
            total = total + settings.unit_gradient * unit_gradient(discriminator, real, fake, *labels)
        return total

    return penalty


def train_gan(
    generator: Network,
    discriminator: Network,
    data: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    settings: Settings = Settings(),
    losses: tuple[DLoss, GLoss] | None = None,
    **options: Any,
) -> Run:
    """Train two networks against each other, in place, and return the run.

    Args:
        data: an ImageSet, or pictures (N, C, H, W), uint8 or floats in [-1, 1], as a tensor or a NumPy array. A
            generator with classes needs an ImageSet's labels too.
        epochs, seconds: the budget; with both given, the one that ends first.
        losses: a ``d_loss`` and a ``g_loss`` of your own, in place of those that the settings ask for.
        options: what ``training.train`` takes: checkpoint, checkpoint_seconds, resume, callbacks.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand, saves and returns.
    In several processes (see ``distributed``) each takes its share of every batch; call it alike in all of them.

    Raises:
        ValueError: unusable data or budget.
        CheckpointError: a checkpoint that cannot be written, or belongs to another run.
        TrainingDiverged: a loss became infinite or NaN.
    """
    images, labels = _pictures(data, generator, discriminator, settings)
    check_share(settings.batch_size, len(images))
    d_loss, g_loss = losses or losses_of(settings)
    run = start_run({"generator": generator, "discriminator": discriminator}, settings)
    run.data = data_fingerprint(images)
    players = shared(generator), shared(discriminator)
    run.shared = True

    def loop(run: Run) -> Iterator[Step]:
        batches = _batches(run, images, *labels)
        optimizers = run.optimizers["generator"], run.optimizers["discriminator"]
        steps = adversarial_steps(*players, batches, *optimizers, d_loss, g_loss, run.step)
        return together(steps, generator, discriminator)

    return train(run, loop, len(images), epochs, seconds, **options)


def train_vaegan(
    vae: VariationalAutoencoder,
    discriminator: Network,
    data: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    variance: float = 0.2,
    weight: float = 0.001,
    settings: Settings = NON_SATURATING,
    **options: Any,
) -> Run:
    """Train both in place; the run's average is that of the whole autoencoder's weights.

    Args:
        data, epochs, seconds, options: as for ``train_gan``.
        variance: of the Gaussian around the features of a rebuilt picture.
        weight: of the bound, beside the generator's loss; Adam's steps do not depend on it in the encoder, which
            has no other loss.

    Raises:
        ValueError, CheckpointError, TrainingDiverged: as ``train_gan``.
    """
    images = check_images(data, discriminator, settings.batch_size).to(next(vae.parameters()).device)
    d_loss, g_loss = losses_of(settings)[0], vaegan_loss(vae, variance, weight)
    run = start_run({"autoencoder": vae, "discriminator": discriminator}, settings)
    run.data = data_fingerprint(images)

    def loop(run: Run) -> Iterator[Step]:
        batches, optimizers = _batches(run, images), run.optimizers.values()
        return adversarial_steps(vae.decoder, discriminator, batches, *optimizers, d_loss, g_loss, run.step)

    return train(run, loop, len(images), epochs, seconds, **options)


def _batches(run: Run, images: Tensor, *labels: Tensor) -> Iterator[Any]:
    """The batches that follow ``run.step``: pictures, with labels as tuples, scaled to [-1, 1]."""
    for chosen in run_batches(run, len(images)):
        chosen = own_share(chosen).to(images.device)
        batch = as_input(run.network, images.index_select(0, chosen))
        batch = flip(batch) if run.settings.flips else batch
        yield (batch, *(values[chosen] for values in labels)) if labels else batch


# --- what can be trained on ---------------------------------------------------------------------------


def check_images(data: Any, network: Network, batch_size: int) -> Tensor:
    """The pictures to train on, uint8 or floats in [-1, 1]; ValueError if a training cannot use them."""
    images = as_pictures(data)
    expected = tuple(network.config["image_shape"])
    if images.ndim == len(expected) and tuple(images.shape[1:]) == expected[1:]:
        raise ValueError(f"pictures of shape {tuple(images.shape)} have no channels: give images.unsqueeze(1)")
    if tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"pictures of shape {tuple(images.shape[1:])}, but the {_role(network)} was built for {expected}: "
            f"build both networks with image_shape={tuple(images.shape[1:])}"
        )
    if len(images) < 2:
        raise ValueError(
            f"{len(images)} picture{'s' * (len(images) != 1)}: a training needs two at least, better 1,000"
        )
    if images.is_floating_point() and images.isnan().any():
        raise ValueError(
            "some pictures hold NaN: leave those out, for example images[~images.isnan().flatten(1).any(1)]"
        )
    if images.is_floating_point() and (images.min() < -1 or images.max() > 1):
        raise ValueError(
            f"pictures from {images.min():.3g} to {images.max():.3g}, but the generator's tanh makes [-1, 1]: "
            "scale them with x / 127.5 - 1, or give uint8 pixels"
        )
    if not images.is_floating_point() and images.dtype != torch.uint8:
        raise ValueError(f"pictures must be uint8 (0 to 255) or floats in [-1, 1], not {images.dtype}")
    if not 2 <= batch_size <= len(images):
        raise ValueError(f"a batch of {batch_size} from {len(images)} pictures: choose 2 to {len(images)}")
    return images


def as_pictures(data: Any) -> Tensor:
    """The pictures of an ImageSet, a tensor or a NumPy array; ValueError, naming the remedy, for anything else."""
    images = data.images if isinstance(data, ImageSet) else data
    if isinstance(images, Tensor):
        return images
    if hasattr(images, "__array_interface__"):
        return torch.from_numpy(images)
    raise ValueError(
        f"a {type(data).__name__} holds no pictures in one piece: give an ImageSet, as load_images returns, or a "
        "tensor (N, C, H, W). From a list torch.stack(pictures) makes one; from a DataLoader, "
        "torch.cat([x for x, _ in loader])"
    )


def check_conditional(data: Any, generator: Network, discriminator: Network) -> ImageSet:
    """The labelled pictures that a conditional pair can train on; ValueError if these cannot be used."""
    classes = generator.config["classes"]
    if not isinstance(data, ImageSet):
        raise ValueError("a conditional generator learns from labels: give an ImageSet, as load_images returns")
    if len(data.labels) != len(data) or not 0 <= data.labels.min() <= data.labels.max() < classes:
        raise ValueError(
            f"{len(data)} pictures with {len(data.labels)} labels up to {data.labels.max()}, but the generator was "
            f"built for classes 0 to {classes - 1}: build both networks with classes={len(data.classes)}"
        )
    if discriminator.config.get("classes") != classes:
        raise ValueError(f"the discriminator must be told the class too: ConditionalDiscriminator(classes={classes})")
    return data


def _pictures(data: Any, generator: Network, discriminator: Network, settings: Settings) -> tuple[Tensor, list[Tensor]]:
    """Pictures on the generator's device, and their labels in a list, which is empty if there are no classes."""
    images = check_images(data, discriminator, settings.batch_size)
    device = next(generator.parameters()).device
    if "classes" in generator.config:
        return images.to(device), [check_conditional(data, generator, discriminator).labels.to(device)]
    if settings.mismatched:
        raise ValueError("wrong labels are for a generator with classes: build both with conditional_pair()")
    return images.to(device), []


def _role(network: Network) -> str:
    return "discriminator" if "iscriminator" in type(network).__name__ else "network"
