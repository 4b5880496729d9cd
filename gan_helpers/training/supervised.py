"""Trainings of one network with one loss: autoencoders, the classifiers that measure, the reader of faces."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import ImageSet
from gan_helpers.models.classifiers import Classifier, FactorReader
from gan_helpers.models.sampling import as_input
from gan_helpers.training.adversarial import check_images
from gan_helpers.training.augmenting import jitter
from gan_helpers.training.reconstruction import factor_loss, reconstruction_loss
from gan_helpers.training.runs import Every, Run, Step, data_fingerprint, run_batches, start_run, train
from gan_helpers.training.settings import SupervisedSettings


def reconstruction_steps(
    autoencoder: Network,
    batches: Iterable[Tensor],
    optimizer: Optimizer,
    loss_of: Callable[[Network, Tensor], Tensor] = reconstruction_loss,
) -> Iterator[Tensor]:
    """One step down the loss for each batch; yields the loss."""
    for images in batches:
        loss = loss_of(autoencoder, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.detach()


def train_autoencoder(
    autoencoder: Network,
    data: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    lr: float = 2e-3,
    batch_size: int = 128,
    seed: int = 0,
    loss_of: Callable[[Network, Tensor], Tensor] = reconstruction_loss,
    **options: Any,
) -> Run:
    """Train a network to rebuild pictures, in place, with a rate that falls to 0 over the budget.

    Args:
        data: an ImageSet, or pictures (N, C, H, W), uint8 or floats in [-1, 1].
        epochs, seconds: the budget; with both given, the one that ends first.
        loss_of: what is made small, of the network and a batch of pictures.
        options: what ``training.train`` takes: checkpoint, checkpoint_seconds, resume, callbacks.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand and returns.

    Raises:
        ValueError, CheckpointError, TrainingDiverged: as ``train_gan``.
    """
    images = check_images(data, autoencoder, batch_size).to(next(autoencoder.parameters()).device)
    autoencoder.to(memory_format=torch.channels_last)  # convolutions run faster so; other layers do not mind
    run = start_run({"network": autoencoder}, SupervisedSettings(batch_size, lr, seed=seed))
    run.data = data_fingerprint(images)

    def batches(run: Run) -> Iterator[Tensor]:
        for chosen in run_batches(run, len(images)):
            run.lrs = (lr * (1 - run.share),)
            yield as_input(autoencoder, images.index_select(0, chosen.to(images.device)))

    def loop(run: Run) -> Iterator[Step]:
        steps = reconstruction_steps(autoencoder, batches(run), run.optimizers["network"], loss_of)
        return ((loss,) for loss in steps)

    train(run, loop, len(images), epochs, seconds, **options)
    autoencoder.eval()
    return run


def train_classifier(
    data: ImageSet,
    epochs: float = 10,
    lr: float = 4e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = print,
    build: Callable[..., Classifier] = Classifier,
    augment: Callable[[Tensor], Tensor] = jitter,
    **options: Any,
) -> Run:
    """A classifier for labelled pictures, as ``run.network``: trained with changed copies, on one cycle of the rate.

    Args:
        build: makes the network from a picture's shape and the number of classes.
        augment: what is done to each batch, (N, C, H, W) in [-1, 1]: ``jitter``, or ``flip_and_crop``.
        progress: told one line an epoch.
        options: what ``training.train`` takes: checkpoint, checkpoint_seconds, resume, callbacks.

    Raises:
        ValueError: fewer than two classes, or fewer pictures than one batch.
    """
    batch_size = SupervisedSettings().batch_size
    if len(data.classes) < 2 or len(data) < batch_size:
        raise ValueError(
            f"{len(data.classes)} classes and {len(data)} pictures: a classifier needs two classes "
            f"(one subfolder each) and at least {batch_size} pictures"
        )

    def loss_of(classifier: Network, chosen: Tensor) -> Tensor:
        return F.cross_entropy(classifier(augment(as_input(classifier, data.images[chosen]))), data.labels[chosen])

    classifier = _seeded(seed, lambda: build(data.shape, len(data.classes)).to(data.images.device))
    settings = SupervisedSettings(batch_size, lr, seed=seed)
    return _one_cycle(classifier, data.images, loss_of, settings, epochs, progress, **options)


def train_reader(
    images: Tensor,
    factors: Tensor,
    epochs: float = 4,
    lr: float = 3e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = print,
    **options: Any,
) -> Run:
    """A reader for images uint8 (N, C, H, W) with known factors (N, 25), as ``run.network``, on one cycle of the rate.

    Raises:
        ValueError: fewer pictures than one batch, or not as many factors.
    """
    settings = SupervisedSettings(64, lr, seed=seed)
    if len(images) != len(factors) or len(images) < settings.batch_size:
        raise ValueError(
            f"{len(images)} pictures and {len(factors)} rows of factors: give {settings.batch_size} or more of each"
        )

    def loss_of(reader: Network, chosen: Tensor) -> Tensor:
        return factor_loss(reader(as_input(reader, images[chosen])), factors[chosen])

    reader = _seeded(seed, lambda: FactorReader(tuple(images.shape[1:])).to(images.device))
    return _one_cycle(reader, images, loss_of, settings, epochs, progress, **options)


def _seeded(seed: int, build: Callable[[], Network]) -> Network:
    """A new network whose weights depend on the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def _one_cycle(
    network: Network,
    images: Tensor,
    loss_of: Callable[[Network, Tensor], Tensor],
    settings: SupervisedSettings,
    epochs: float,
    progress: Callable[[str], None] | None,
    callbacks: tuple[Callable[[Run], None], ...] = (),
    **options: Any,
) -> Run:
    """Train with one warm-up-and-decay cycle of the rate; ``loss_of`` takes the network and indices of pictures.

    Source of the schedule: Smith and Topin, *Super-Convergence*, arXiv 1708.07120.
    """
    run = start_run({"network": network}, settings)
    run.data = data_fingerprint(images)

    def loop(run: Run) -> Iterator[Step]:
        optimizer = run.optimizers["network"]
        schedule = OneCycleLR(optimizer, settings.lr, total_steps=int(run.last_step))
        _advance(schedule, run.step)
        for chosen in run_batches(run, len(images)):
            loss = loss_of(network, chosen.to(images.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            yield (loss.detach(),)

    def tell(run: Run) -> None:
        epoch, loss = run.step // run.steps_an_epoch, run.history.rows(run.step - 1)[0, 0]
        progress(f"epoch {epoch} of {epochs}: loss {loss:.3f}, {run.seconds:.0f} s")

    told = [] if progress is None else [Every(len(images) // settings.batch_size, tell)]
    train(run, loop, len(images), epochs, callbacks=[*callbacks, *told], **options)
    network.eval()
    return run


def _advance(schedule: OneCycleLR, steps: int) -> None:
    """Bring a fresh schedule to where a resumed run stood; it need not warn that no step of Adam came between."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            schedule.step()
