"""How the shipped weights of notebooks 08 and later were made: python -m gan_helpers weights NAME.

A maker trains on the notebook's own data, with the notebook's own settings but for longer, and saves the network
with what it is: data, steps, seconds, machine, seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gan_helpers import environment
from gan_helpers.checkpoints import Network, save_network
from gan_helpers.data.sets import ImageSet
from gan_helpers.environment import machine
from gan_helpers.metrics.distances import agreement, frechet_distance
from gan_helpers.metrics.readers import load_classifier, read_images
from gan_helpers.models.autoencoders import VariationalAutoencoder
from gan_helpers.models.sampling import apply, generate, sample_latents


def make_weights(options: argparse.Namespace) -> None:
    """What ships in assets/weights/, by the function that made it."""
    environment.set_up(0)
    out = options.out or environment.ASSETS / "weights" / f"{options.name}.safetensors"
    MAKERS[options.name](out)
    print(f"saved {out}")


def conditional_scores(generator: Network, test: ImageSet) -> dict[str, float]:
    """Agreement and Fréchet distance of as many pictures as ``test`` has, of its classes, in the shipped classifier."""
    classifier = load_classifier()
    real, asked = read_images(classifier, test.images), test.labels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = read_images(classifier, generate(generator, sample_latents(generator, len(asked)), asked))
    distance = frechet_distance(made.features, real.features)
    return {"agreement": agreement(made.labels, asked).value, "frechet": distance}


Maker = Callable[[Path], None]
MAKERS: dict[str, Maker] = {}


def maker(name: str) -> Callable[[Maker], Maker]:
    """Register a function that trains a network and writes it to the path that it is given."""

    def register(make: Maker) -> Maker:
        MAKERS[name] = make
        return make

    return register


def facts_of(source: str, steps: int, seconds: float) -> dict[str, Any]:
    """What the header of shipped weights says of their training."""
    return {"data": source, "steps": steps, "seconds": round(seconds), "machine": machine(), "seed": 0}


def save_scored(path: Path, source: str, judge: Any, test: Any, *runs: Any) -> None:
    """Save the last run's average, with the steps of all runs and its Fréchet distance in the judge's features."""
    import torch

    from gan_helpers.metrics.distances import frechet_distance
    from gan_helpers.metrics.readers import read_images
    from gan_helpers.models.sampling import generate, sample_latents

    torch.manual_seed(0)
    generator, real = runs[-1].average, test.images[:5000]
    made = generate(generator, sample_latents(generator, len(real)))
    distance = frechet_distance(read_images(judge, made).features, read_images(judge, real).features)
    facts = facts_of(source, sum(run.step for run in runs), sum(run.seconds for run in runs))
    save_network(path, generator, **facts, scores={f"Fréchet distance, {len(real):,} pictures": distance})


@maker("mnist_conditional")
def mnist_conditional(path: Path) -> None:
    """Notebook 08: the projection pair, for longer than there; the run's own file stands beside until it is done."""
    import torch

    from gan_helpers import conditional
    from gan_helpers.data.sets import load_images
    from gan_helpers.training.adversarial import train_gan

    data, test = load_images("mnist"), load_images("mnist", split="test")
    torch.manual_seed(0)
    pair = conditional.conditional_pair(data.shape, len(data.classes))
    checkpoint = path.with_suffix(".run.safetensors")
    run = train_gan(*pair, data, epochs=20, settings=conditional.RECIPE, checkpoint=checkpoint, resume=True)
    facts = facts_of(data.source, run.step, run.seconds)
    save_network(path, run.average, **facts, **conditional.scores(run.average, test))
    checkpoint.unlink()


@maker("mnist_vae")
def mnist_vae(path: Path) -> None:
    """Notebook 14: the variational autoencoder, for longer than there."""
    from functools import partial

    from gan_helpers.training.reconstruction import minus_elbo
    from gan_helpers.training.supervised import train_autoencoder

    objective = partial(minus_elbo, variance=0.5)
    _variational(path, lambda vae, data: train_autoencoder(vae, data, epochs=15, rate=1e-3, objective=objective))


@maker("mnist_vaegan")
def mnist_vaegan(path: Path) -> None:
    """Notebook 14: the same network, joined with the discriminator of notebook 07."""
    from gan_helpers.models.dense import stable_pair
    from gan_helpers.training.adversarial import train_vaegan

    _variational(path, lambda vae, data: train_vaegan(vae, stable_pair(data.shape)[1], data, epochs=10))


def _variational(path: Path, train: Callable[..., Any]) -> None:
    """Train a variational autoencoder and save it in half precision: half the size, and no picture changes visibly."""
    import torch

    from gan_helpers.data.sets import load_images
    from gan_helpers.models.autoencoders import VariationalAutoencoder

    data, test = load_images("mnist"), load_images("mnist", split="test")
    torch.manual_seed(0)
    fit = train(VariationalAutoencoder(), data)
    facts = facts_of(data.source, fit.step, fit.seconds)
    found = scores(fit.network.half().float(), test)  # of the rounded weights, as they will be loaded
    save_network(path, fit.network.half(), **facts, scores=found)


@maker("mnist_autoencoder")
def mnist_autoencoder(path: Path) -> None:
    """Notebook 12: the dense autoencoder with two numbers a code, for longer than there."""
    from gan_helpers.models.autoencoders import Autoencoder
    from gan_helpers.training.reconstruction import reconstruction_loss

    _rebuilder(path, Autoencoder, {"latent_dim": 2, "batch_norm": True}, 4e-3, reconstruction_loss, epochs=16)


@maker("mnist_denoiser")
def mnist_denoiser(path: Path) -> None:
    """Notebook 13: the denoiser for all noise levels, for longer than there."""
    from gan_helpers.models.autoencoders import Denoiser
    from gan_helpers.training.reconstruction import denoising_loss

    _rebuilder(path, Denoiser, {}, 1e-2, denoising_loss, epochs=6)


def _rebuilder(path: Path, kind: type, arguments: dict[str, Any], rate: float, objective: Any, epochs: int) -> None:
    """Train a network that gives pictures back, and save it with its objective on the test set."""
    import torch

    from gan_helpers.data.sets import load_images, scale_pixels
    from gan_helpers.training.supervised import train_autoencoder

    data, test = load_images("mnist"), load_images("mnist", split="test")
    torch.manual_seed(0)
    network = kind(image_shape=data.shape, **arguments)
    fit = train_autoencoder(network, data, epochs=epochs, rate=rate, objective=objective)
    facts = facts_of(data.source, fit.step, fit.seconds)
    with torch.no_grad():
        error = float(objective(network, scale_pixels(test.images)))
    save_network(path, network, **facts, scores={"mean squared error on the test set": error})


@maker("photo_generator")
def photo_generator(path: Path) -> None:
    """Notebook 09: DCGAN on photographs of 32x32, for longer than there; goes on where an interrupted run stopped."""
    import torch

    from gan_helpers.data.sets import load_images
    from gan_helpers.metrics.readers import load_classifier
    from gan_helpers.models.convolutional import dcgan_pair
    from gan_helpers.training.adversarial import train_gan
    from gan_helpers.training.settings import Settings

    data, test = load_images("photos"), load_images("photos", split="test")
    torch.manual_seed(0)
    pair, checkpoint = dcgan_pair(data.shape), path.with_suffix(".run.safetensors")
    run = train_gan(*pair, data, epochs=18, settings=Settings(batch_size=64), checkpoint=checkpoint, resume=True)
    save_scored(path, data.source, load_classifier("photo"), test, run)
    if not run.interrupted:
        checkpoint.unlink()


@maker("face_reader")
def face_reader(path: Path) -> None:
    """Notebook 10: the network that reads the factors of a drawn face."""
    import time

    from gan_helpers.data.faces import data_factors, held_out_faces
    from gan_helpers.data.sets import load_images
    from gan_helpers.metrics.readers import read_factors, reading_quality
    from gan_helpers.training.supervised import train_reader

    data, start = load_images("faces", size=64), time.perf_counter()
    reader = train_reader(data.images, data_factors("train"), epochs=4)
    facts = facts_of(data.source, 4 * (len(data) // BATCH), time.perf_counter() - start)
    images, factors = held_out_faces(2000)
    scores = reading_quality(read_factors(reader.half().float(), images), factors)  # as rounded as it is saved
    save_network(path, reader.half(), **facts, scores=scores)


@maker("face_generator")
def face_generator(path: Path) -> None:
    """Notebook 10: a narrow DCGAN on drawn faces of 64x64, for longer than there; goes on where it was stopped."""
    import torch

    from gan_helpers.data.sets import load_images
    from gan_helpers.metrics.readers import load_reader
    from gan_helpers.models.convolutional import face_pair
    from gan_helpers.training.adversarial import train_gan

    data, test = load_images("faces", size=64), load_images("faces", split="test", size=64)
    torch.manual_seed(0)
    checkpoint = path.with_suffix(".run.safetensors")
    run = train_gan(*face_pair(data.shape), data, epochs=16, settings=RECIPE, checkpoint=checkpoint, resume=True)
    save_scored(path, data.source, load_reader(), test, run)
    if not run.interrupted:
        checkpoint.unlink()


@maker("logogram_generator")
def logogram_generator(path: Path) -> None:
    """Notebook 11: a narrow DCGAN on logograms of 64x64, then at a fifth of the rate; each for longer than there."""
    import torch

    from gan_helpers.data.sets import load_images
    from gan_helpers.metrics.readers import load_classifier
    from gan_helpers.models.convolutional import dcgan_pair
    from gan_helpers.training.adversarial import train_gan
    from gan_helpers.training.settings import Settings

    data, test = load_images("logograms", size=64), load_images("logograms", split="test", size=64)
    torch.manual_seed(0)
    checkpoint, pair = path.with_suffix(".run.safetensors"), dcgan_pair(data.shape, width=16)
    run = train_gan(*pair, data, epochs=26, settings=Settings(batch_size=64), checkpoint=checkpoint, resume=True)
    if run.interrupted:
        raise SystemExit(f"stopped at step {run.step}: the same command goes on from {checkpoint}")
    torch.manual_seed(1)
    slow, (_, fresh) = Settings(64, 2e-4, 2e-4, ema_decay=0.995), dcgan_pair(data.shape, width=16)
    last = train_gan(run.average.requires_grad_(True), fresh, data, epochs=2, settings=slow)  # best of 1 to 4
    save_scored(path, data.source, load_classifier("logogram"), test, run, last)
    checkpoint.unlink()


@maker("clip_generator")
def clip_generator(path: Path) -> None:
    """Notebook 11: the video GAN on moving digits, for longer than there; goes on where an interrupted run stopped."""
    from dataclasses import asdict

    import torch

    from gan_helpers import clips
    from gan_helpers.data.sets import load_images
    from gan_helpers.metrics.readers import load_classifier
    from gan_helpers.models.sampling import generate, sample_latents
    from gan_helpers.training.adversarial import train_gan

    data, _ = clips.moving_digits(load_images("mnist"), 20_000)
    test, _ = clips.moving_digits(load_images("mnist", split="test"), 2000, seed=1)
    torch.manual_seed(0)
    pair, checkpoint = (clips.ClipGenerator(), clips.ClipDiscriminator()), path.with_suffix(".run.safetensors")
    epochs = 21.805  # 6,803 steps: the paths' distance swings, 16 here and 102 after 9,984 steps
    run = train_gan(*pair, data, epochs=epochs, settings=clips.RECIPE, checkpoint=checkpoint, resume=True)
    torch.manual_seed(0)
    made = generate(run.average, sample_latents(run.average, 2000))
    found = asdict(clips.score_clips(made, test.images, load_classifier()))
    save_network(path, run.average, **facts_of(data.source, run.step, run.seconds), scores=found)
    if not run.interrupted:
        checkpoint.unlink()


def variational_scores(vae: VariationalAutoencoder, test: ImageSet) -> dict[str, float]:
    """Fréchet distances to test pictures, as many on each side: of samples, and of the test pictures rebuilt."""
    classifier = load_classifier()
    sampled = generate(vae.decoder, sample_latents(vae.decoder, len(test)))
    sets = {"sampled": sampled, "rebuilt": apply(vae, test.images)}
    real = read_images(classifier, test.images).features
    return {name: round(frechet_distance(read_images(classifier, x).features, real), 2) for name, x in sets.items()}
