"""The training loop of notebook 04, with what a long run needs around it.

``adversarial_steps`` is the algorithm; ``train_gan`` adds the generator's average, history,
checkpoints, resuming, and a stop button that loses nothing.
Source: Goodfellow et al., arXiv 1406.2661, algorithm 1, with k = 1 and the non-saturating loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import ImageSet, image_batches
from gan_helpers.models.autoencoders import VariationalAutoencoder, reparameterise
from gan_helpers.models.dense import Discriminator
from gan_helpers.models.sampling import sample_latents
from gan_helpers.training.losses import (
    OBJECTIVES,
    Objective,
    discriminator_loss,
    elbo,
    fake_loss,
    generator_loss,
    real_loss,
    squared_gradient,
    told_loss,
    unit_gradient,
)
from gan_helpers.training.runs import (
    ConditionalSettings,
    Run,
    Saver,
    Settings,
    StableSettings,
    finish_step_on_interrupt,
    name_pictures,
    start_run,
)

CHECK_EVERY = {"cpu": 1, "cuda": 100}  # steps between looks at the losses: on a GPU each look waits for it
Penalty = Callable[[Network, Tensor, Tensor], Tensor | float]  # of D, real and generated pictures


class TrainingDiverged(RuntimeError):
    """A loss is no longer a finite number; the message says at which step and what to try."""


def adversarial_steps(
    generator: Network,
    discriminator: Network,
    batches: Iterable[Tensor],
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    smoothing: float = 0.0,
) -> Iterator[tuple[Tensor, ...]]:
    """One step of D, then one of G, for each batch; yields both losses, then both logits."""
    for real_images in batches:
        # Discriminator: real pictures should get the label "real", generated ones the label "generated".
        fake_images = generator(sample_latents(generator, len(real_images)))  # (N, C, H, W)
        real_logits, fake_logits = discriminator(real_images), discriminator(fake_images.detach())
        d_loss = real_loss(real_logits, smoothing) + fake_loss(fake_logits)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        # Generator: the same pictures, judged by the improved discriminator, with the labels flipped.
        discriminator.requires_grad_(False)  # its weights are only passed through: half the backward pass
        g_loss = generator_loss(discriminator(fake_images))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), g_loss.detach(), real_logits.detach(), fake_logits.detach()


def stable_steps(
    generator: Network,
    discriminator: Network,
    batches: Iterable[Tensor],
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    objective: Objective,
    penalty: Penalty,
    every: int = 8,
    start: int = 0,
) -> Iterator[tuple[Tensor, ...]]:
    """``adversarial_steps`` with a choice of objective, and a penalty on D's gradient in every few steps."""
    d_objective, g_objective = objective
    for step, real_images in enumerate(batches, start):
        fake_images = generator(sample_latents(generator, len(real_images)))  # (N, C, H, W)
        real_logits, fake_logits = discriminator(real_images), discriminator(fake_images.detach())
        d_loss = loss = d_objective(real_logits, fake_logits)
        if step % every == 0:  # seldom but stronger: the same push on average, for less work
            loss = d_loss + every * penalty(discriminator, real_images, fake_images)
        d_optimizer.zero_grad()
        loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        g_loss = g_objective(discriminator, real_images, fake_images)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), g_loss.detach(), real_logits.detach(), fake_logits.detach()


@torch.no_grad()
def update_average(average: Network, generator: Network, decay: float, step: int) -> None:
    """Move the average a little towards the generator: a <- decay * a + (1 - decay) * g.

    The first steps use a smaller decay, so that the average forgets the untrained network soon.
    Source: Yazici et al., arXiv 1806.04498; the start as in TensorFlow's ExponentialMovingAverage.
    """
    decay = min(decay, (1 + step) / (10 + step))
    pairs = zip(average.state_dict().values(), generator.state_dict().values(), strict=True)
    for a, g in pairs:
        if a.is_floating_point():
            a.lerp_(g, 1 - decay)
        else:
            a.copy_(g)  # batch norm's step counter


def train_gan(
    generator: Network,
    discriminator: Network,
    data: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    settings: Settings = Settings(),
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 30.0,
    resume: bool = False,
    callbacks: Sequence[Callable[[Run], None]] = (),
) -> Run:
    """Train two networks against each other, in place, and return the run.

    Args:
        data: an ImageSet, or floats (N, C, H, W) in [-1, 1]. A generator with classes needs its labels too.
        epochs, seconds: the budget; with both given, the one that ends first.
        checkpoint: a file written every ``checkpoint_seconds`` and at the end. An older file of that
            name is kept beside it as ``*.previous.safetensors`` unless the run resumes from it.
        resume: go on from the checkpoint if there is one. On a CPU a run with a budget in epochs ends
            bit-identical, however often it was killed and resumed.
        callbacks: called with the run after every step; they must not draw random numbers. They may set
            ``run.stop``, hold the run (see ``run.waited``), or put it back to an earlier step. One that is
            a context manager is entered when training begins and left when it ends, however it ends.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand, saves and returns.

    Raises:
        ValueError: unusable data or budget.
        CheckpointError: a checkpoint that cannot be written, or belongs to another run.
        TrainingDiverged: a loss became infinite or NaN.
    """
    device = next(generator.parameters()).device
    images: Tensor | ImageSet = check_images(data, discriminator, settings.batch_size)
    if "classes" in generator.config or isinstance(settings, ConditionalSettings):
        images = check_conditional(data, generator, discriminator, settings)
    run = start_run(generator, discriminator, settings)
    run.data = name_pictures(images.images if isinstance(images, ImageSet) else images)
    images = images.to(device)
    run.steps_an_epoch = len(images) // settings.batch_size
    run.last_step, run.last_second = limits(epochs, seconds, run.steps_an_epoch)
    saver = Saver(checkpoint, checkpoint_seconds)
    cuda = [device] if device.type == "cuda" else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(cuda))
        stack.enter_context(finish_step_on_interrupt(run))
        torch.manual_seed(settings.seed)
        saver.prepare(run, resume)
        for callback in callbacks:
            if hasattr(callback, "__exit__"):
                stack.enter_context(callback)
        clock = time.perf_counter()
        for step in _steps_from(run, images):
            _record(run, step)
            now = time.perf_counter()
            run.seconds += now - clock - run.waited
            clock, run.waited = now, 0.0
            for callback in callbacks:
                callback(run)
            stop = run.interrupted or run.stop or run.step >= run.last_step or run.seconds >= run.last_second
            save = stop or saver.due()
            if save or run.step % CHECK_EVERY.get(device.type, 1) == 0:
                _check_finite(run, saver.path)  # always before a file is written
            if save:
                saver.save_or_warn(run)
            if stop:
                break
    return run


def _record(run: Run, step: tuple[Tensor, ...]) -> None:
    """Count a step made by one of the loops above, and let the average follow."""
    run.step += 1
    run.history.record(*step)
    run.logits = step[2], step[3]
    if run.settings.average_decay > 0:
        update_average(run.average, run.generator, run.settings.average_decay, run.step)


def check_images(data: ImageSet | Tensor, discriminator: Network, batch_size: int) -> Tensor:
    """The pictures to train on, uint8 or floats in [-1, 1]; ValueError if the loop cannot use them."""
    images = data.images if isinstance(data, ImageSet) else data
    expected = tuple(discriminator.config["image_shape"])
    if tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"pictures of shape {tuple(images.shape[1:])}, but the discriminator was built for {expected}: "
            f"build both networks with image_shape={tuple(images.shape[1:])}"
        )
    if images.isnan().any():
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
    return images.float() if images.is_floating_point() else images


def limits(epochs: float | None, seconds: float | None, steps_an_epoch: int) -> tuple[float, float]:
    """The last step and the last second of a training; ValueError for a budget of nothing."""
    if epochs is None and seconds is None:
        raise ValueError("say how long to train: epochs=10, or seconds=120")
    for name, value in (("epochs", epochs), ("seconds", seconds)):
        if value is not None and not value > 0:
            raise ValueError(f"{name}={value} trains nothing: it must be above 0")
    last_step = math.inf if epochs is None else max(1, round(epochs * steps_an_epoch))
    return last_step, math.inf if seconds is None else seconds


def _steps_from(run: Run, images: Tensor | ImageSet) -> Iterator[tuple[Tensor, ...]]:
    """The steps after ``run.step``, begun anew where a callback has put the run back to an earlier one."""
    while run.step < run.last_step:
        for expected, step in enumerate(_loop(run, images), run.step + 1):
            yield step
            if run.step != expected:
                break


def _loop(run: Run, images: Tensor | ImageSet) -> Iterator[tuple[Tensor, ...]]:
    """The loop that the settings name, over epoch after epoch, from the middle of one if need be."""
    size, seed = run.settings.batch_size, run.settings.seed
    epoch, done = divmod(run.step, len(images) // size)
    epochs = (image_batches(images, size, seed, e, done if e == epoch else 0) for e in count(epoch))
    batches = chain.from_iterable(epochs)
    if run.last_step < math.inf:
        batches = islice(batches, int(run.last_step) - run.step)
    parts = run.generator, run.discriminator, batches, run.g_optimizer, run.d_optimizer
    settings = run.settings
    if isinstance(settings, StableSettings):
        return stable_steps(*parts, objective_of(settings), penalty_of(settings), settings.penalty_every, run.step)
    if isinstance(settings, ConditionalSettings):
        return conditional_steps(*parts, settings.smoothing, settings.mismatched)
    loop = conditional_steps if "classes" in run.generator.config else adversarial_steps
    return loop(*parts, settings.smoothing)


def objective_of(settings: StableSettings) -> Objective:
    """D's and G's loss by the name in ``settings``, with its label smoothing where there are labels."""
    d_objective, g_objective = OBJECTIVES[settings.objective]
    if settings.smoothing:
        d_objective = partial(discriminator_loss, smoothing=settings.smoothing)
    return d_objective, g_objective


def penalty_of(settings: StableSettings) -> Penalty:
    """The sum of the penalties whose weights in ``settings`` are above 0."""

    def penalty(discriminator: Network, real: Tensor, fake: Tensor) -> Tensor | float:
        total: Tensor | float = 0.0
        if settings.r1 > 0:
            total = total + settings.r1 * squared_gradient(discriminator, real)
        if settings.r2 > 0:
            total = total + settings.r2 * squared_gradient(discriminator, fake)
        if settings.unit_gradient > 0:
            total = total + settings.unit_gradient * unit_gradient(discriminator, real, fake)
        return total

    return penalty


def _check_finite(run: Run, saved: Path | None) -> None:
    recent = run.history.rows(max(0, run.step - CHECK_EVERY["cuda"]))
    if math.isfinite(recent[-1].sum()):  # once a weight is NaN, all later losses are
        return
    step = run.step - len(recent) + 1 + int((~recent.isfinite()).any(1).nonzero()[0])
    kept = f" The last good state is in {saved}." if saved is not None else ""
    raise TrainingDiverged(
        f"a loss is no longer a finite number at step {step}. Try a lower learning rate "
        f"(now {run.rates[0]:g} and {run.rates[1]:g}), betas (0, 0.99), or a larger batch, and look "
        f"for NaN in your pictures.{kept}"
    )


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


def vaegan_steps(
    vae: VariationalAutoencoder,
    discriminator: Discriminator,
    batches: Iterable[Tensor],
    optimizer: Optimizer,
    d_optimizer: Optimizer,
    variance: float,
    weight: float,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One step of D, then one of encoder and decoder, for each batch; yields D's loss and the bound in D's features.

    Source: Larsen et al., arXiv 1512.09300, algorithm 1, where D sees rebuilt pictures as well.
    """
    features = discriminator.layers[:-1]  # all but the layer that makes the logit
    for images in batches:
        fakes = vae.decoder(sample_latents(vae.decoder, len(images)))  # codes from the prior, as in a GAN
        d_loss = discriminator_loss(discriminator(images), discriminator(fakes.detach()))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)  # its weights are only passed through: it judges, and measures the distance
        mean, log_variance = vae.encode(images)
        rebuilt = vae.decoder(reparameterise(mean, log_variance))
        bound = elbo(features(images), features(rebuilt), mean, log_variance, variance).mean()
        optimizer.zero_grad()
        (generator_loss(discriminator(fakes)) - weight * bound).backward()
        optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), bound.detach()
