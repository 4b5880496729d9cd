"""Trainings of translators: on pairs with L1 alone or beside a discriminator (pix2pix), and without pairs (CycleGAN).

The loop is ``training.adversarial``'s, untouched. To it a translator is a generator without latent vectors that is told
the picture to translate, as another is told a class; the rest is a ``d_loss`` and a ``g_loss``.
Sources: Isola et al., arXiv 1611.07004; Zhu et al., arXiv 1703.10593.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.data.pairs import PairSet, check_unpaired
from gan_helpers.data.sets import ImageSet
from gan_helpers.models.sampling import as_input
from gan_helpers.models.translators import DiscriminatorPair, TranslatorPair, swapped
from gan_helpers.training.adversarial import adversarial_steps, losses_of
from gan_helpers.training.losses import DLoss, GLoss, generator_loss, penalised, squared_gradient
from gan_helpers.training.runs import Run, Step, data_fingerprint, run_batches, start_run, train
from gan_helpers.training.settings import Settings, SupervisedSettings
from gan_helpers.training.supervised import reconstruction_steps

Pair = tuple[Tensor, Tensor]  # targets and the pictures that they are to be made from, as many of each


@dataclass(frozen=True)
class RegressionSettings(SupervisedSettings):
    """A translator's training without a discriminator, with the average that it has beside one."""

    batch_size: int = 16
    lr: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)
    ema_decay: float = 0.999
    ema_warmup: float = 10.0


PIX2PIX = Settings(batch_size=16, g_lr=2e-3, d_lr=2e-3, r1=0.1)
CYCLEGAN = Settings(batch_size=16, g_lr=2e-3, d_lr=2e-3, r1=0.1)


class Translating(nn.Module):
    """A translator as the loop calls a generator: with latent vectors of no numbers, and the picture as the label."""

    def __init__(self, translator: Network) -> None:
        super().__init__()
        self.translator = translator
        self.config = {"latent_dim": 0, "latent": "normal"}

    def forward(self, latents: Tensor, sources: Tensor) -> Tensor:
        return self.translator(sources)


# --- losses -------------------------------------------------------------------------------------------


def pix2pix_loss(l1: float = 10.0) -> GLoss:
    """The ``GLoss`` of a translator with pairs: D's opinion, plus ``l1`` times the mean absolute error.

    Targets, fakes (N, C, H, W) in [-1, 1]; D is shown the sources too. Source: arXiv 1611.07004, equations 1, 3 and 4,
    with the non-saturating loss and without noise.
    """

    def g_loss(discriminator: Any, targets: Tensor, fakes: Tensor, sources: Tensor) -> Tensor:
        return generator_loss(discriminator(fakes, sources)) + l1 * F.l1_loss(fakes, targets)

    return g_loss


def cyclegan_loss(translators: TranslatorPair, cycle: float = 5.0, identity: float = 2.0) -> GLoss:
    """The ``GLoss`` of two translators: both D's opinions, ``cycle`` times the error there and back, and identity.

    Targets (2N, C, H, W) are N pictures of A, then N of B; fakes those that stand in for them. ``identity`` weighs how
    far a translator to A changes a picture that is one of A already. Errors are mean absolute ones, over both
    directions. Source: arXiv 1703.10593, equations 1 to 3 and section 5.2, with the non-saturating loss.
    """

    def g_loss(discriminator: Any, targets: Tensor, fakes: Tensor, sources: Tensor) -> Tensor:
        loss = generator_loss(discriminator(fakes))
        if cycle:
            loss = loss + cycle * F.l1_loss(translators(swapped(fakes)), targets)
        if identity:
            loss = loss + identity * F.l1_loss(translators(targets), targets)
        return loss

    return g_loss


def patch_loss(settings: Settings) -> DLoss:
    """D's loss on all patches' logits, with R1, if the settings ask for it, on the mean of each picture's logits.

    On their sum, as for one logit a picture, it would grow with the square of the number of patches.
    """
    d_loss, _ = losses_of(replace(settings, r1=0.0))
    if not settings.r1:
        return d_loss

    def r1(discriminator: Any, real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
        def mean_logit(images: Tensor, *labels: Tensor) -> Tensor:
            return discriminator(images, *labels).flatten(1).mean(1)

        return settings.r1 * squared_gradient(mean_logit, real, *labels)

    return penalised(d_loss, r1, settings.penalty_every)


def pooled(d_loss: DLoss) -> DLoss:
    """The ``DLoss`` of two discriminators that see some older fakes again, and never what a fake was made from."""

    def with_pool(
        discriminator: DiscriminatorPair, targets: Tensor, fakes: Tensor, sources: Tensor, step: int = 0
    ) -> tuple[Tensor, ...]:
        return d_loss(discriminator, targets, discriminator.remembered(fakes), step=step)

    return with_pool


# --- runs ---------------------------------------------------------------------------------------------


def train_on_l1(
    translator: Network,
    pairs: PairSet,
    epochs: float | None = None,
    seconds: float | None = None,
    settings: RegressionSettings = RegressionSettings(),
    **options: Any,
) -> Run:
    """Train a translator on pairs, in place, with the mean absolute error alone.

    Args:
        epochs, seconds: the budget; with both given, the one that ends first. Over its second half the rate falls to 0.
        options: what ``training.train`` takes: checkpoint, checkpoint_seconds, resume, callbacks.

    Raises:
        ValueError, CheckpointError, TrainingDiverged: as ``train_gan``.
    """
    _check_pairs(pairs, translator, settings.batch_size)
    run = _start({"generator": translator}, settings, pairs.targets, pairs.inputs)

    def loss_of(translator: Network, batch: Pair) -> Tensor:
        targets, sources = batch
        return F.l1_loss(translator(sources), targets)

    def loop(run: Run) -> Iterator[Step]:
        steps = reconstruction_steps(translator, _paired_batches(run, pairs), run.optimizers["generator"], loss_of)
        return ((loss,) for loss in steps)

    return train(run, loop, len(pairs), epochs, seconds, **options)


def train_pix2pix(
    translator: Network,
    discriminator: Network,
    pairs: PairSet,
    epochs: float | None = None,
    seconds: float | None = None,
    l1: float = 10.0,
    settings: Settings = PIX2PIX,
    **options: Any,
) -> Run:
    """Train a translator on pairs, in place, against a discriminator that sees both pictures of a pair.

    Args:
        epochs, seconds: the budget; with both given, the one that ends first. Over its second half the rates fall to 0.
        l1: weight of the mean absolute error beside the adversarial loss; 0: that loss alone.
        options: what ``training.train`` takes: checkpoint, checkpoint_seconds, resume, callbacks.

    A monitor shows the translations of the pictures that it is given in place of latent vectors.

    Raises:
        ValueError, CheckpointError, TrainingDiverged: as ``train_gan``.
    """
    _check_pairs(pairs, translator, settings.batch_size)
    run = _start({"generator": translator, "discriminator": discriminator}, settings, pairs.targets, pairs.inputs)
    loop = _loop(partial(_paired_batches, pairs=pairs), patch_loss(settings), pix2pix_loss(l1))
    return train(run, loop, len(pairs), epochs, seconds, **options)


def train_cyclegan(
    translators: TranslatorPair,
    discriminators: DiscriminatorPair,
    a: ImageSet | Tensor,
    b: ImageSet | Tensor,
    epochs: float | None = None,
    seconds: float | None = None,
    cycle: float = 5.0,
    identity: float = 2.0,
    settings: Settings = CYCLEGAN,
    **options: Any,
) -> Run:
    """Train two translators without pairs, in place, against two discriminators.

    Args:
        a, b: the two sets, of pictures of one shape; uint8 (N, C, H, W) or ImageSets. An epoch is one of ``a``.
        epochs, seconds: the budget; with both given, the one that ends first. Over its second half the rates fall to 0.
        cycle, identity: weights of these losses beside the adversarial one; 0: without.
        settings: ``batch_size`` counts the pictures of each set.
        options: what ``training.train`` takes: checkpoint, checkpoint_seconds, resume, callbacks.

    A monitor shows the translations of the pictures that it is given in place of latent vectors: N of B, then N of A.

    Raises:
        ValueError, CheckpointError, TrainingDiverged: as ``train_gan``.
    """
    a, b = check_unpaired(a, b)
    _check_shape("set A", a.shape, translators)
    _check_batch(settings.batch_size, min(len(a), len(b)))
    g_loss = cyclegan_loss(translators, cycle, identity)
    run = _start({"generator": translators, "discriminator": discriminators}, settings, a.images, b.images)
    loop = _loop(partial(_unpaired_batches, a=a.images, b=b.images), pooled(patch_loss(settings)), g_loss)
    return train(run, loop, len(a), epochs, seconds, **options)


# --- what these runs are made of ----------------------------------------------------------------------


def _start(networks: dict[str, Network], settings: Settings | RegressionSettings, *sets: Tensor) -> Run:
    """A run whose networks lie channels last in memory, which is faster on a CPU, and that knows its pictures."""
    for network in networks.values():
        network.to(memory_format=torch.channels_last)
    run = start_run(networks, settings)
    run.data = "; ".join(map(data_fingerprint, sets))
    return run


def _loop(batches: Callable[[Run], Iterator[Pair]], d_loss: DLoss, g_loss: GLoss) -> Callable[[Run], Iterator[Step]]:
    def loop(run: Run) -> Iterator[Step]:
        players = Translating(run.generator), run.discriminator
        return adversarial_steps(*players, batches(run), *run.optimizers.values(), d_loss, g_loss, run.step)

    return loop


def _paired_batches(run: Run, pairs: PairSet) -> Iterator[Pair]:
    """Targets and inputs in [-1, 1]."""
    for chosen in run_batches(run, len(pairs)):
        _let_rates_fall(run)
        yield _scaled(run, pairs.targets, chosen), _scaled(run, pairs.inputs, chosen)


def _unpaired_batches(run: Run, a: Tensor, b: Tensor) -> Iterator[Pair]:
    """Targets, N pictures of A and N of B, and what these are to be made from: the same N of B, then those of A.

    B's are drawn at random, so that no picture of A always meets the same one.
    """
    for chosen in run_batches(run, len(a)):
        _let_rates_fall(run)
        of_a, of_b = _scaled(run, a, chosen), _scaled(run, b, torch.randint(len(b), chosen.shape))
        targets = torch.cat([of_a, of_b])
        yield targets, swapped(targets)


def _scaled(run: Run, images: Tensor, chosen: Tensor) -> Tensor:
    return as_input(run.network, images.index_select(0, chosen.to(images.device)))


def _let_rates_fall(run: Run) -> None:
    """The rates stay for half the budget, then fall to 0 along a line, as in both papers' code."""
    run.lrs = [lr * min(1.0, 2 * (1 - run.share)) for lr in run.settings.lrs]


def _check_pairs(pairs: PairSet, translator: Network, batch_size: int) -> None:
    _check_shape("targets", tuple(pairs.targets.shape[1:]), translator)
    expected, found = translator.config.get("source_channels"), pairs.inputs.shape[1]
    if (expected or translator.config["image_shape"][0]) != found:
        raise ValueError(f"inputs of {found} channel{'s' * (found > 1)}: build the U-Net with source_channels={found}")
    _check_batch(batch_size, len(pairs))


def _check_shape(what: str, shape: tuple[int, ...], translator: Network) -> None:
    expected = tuple(translator.config["image_shape"])
    if shape != expected:
        raise ValueError(
            f"{what} of shape {shape}, but the networks were built for {expected}: build them with image_shape={shape}"
        )


def _check_batch(batch_size: int, count: int) -> None:
    if not 2 <= batch_size <= count:
        raise ValueError(f"a batch of {batch_size} from {count} pictures: choose 2 to {count}")
