"""Train again what ships in assets/weights/: python assets/make/weights.py NAME

A recipe has the networks and settings of the notebook that loads its file, and trains for longer. A new file says
what it is: architecture, data, steps, seconds, machine, scores, seed. Stop with Ctrl-C; the same command goes on.
``GAN_DATA`` is searched for MNIST and photographs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gan_helpers import environment, metrics, models, training
from gan_helpers.checkpoints import Network, save_network
from gan_helpers.data import (
    ImageSet,
    PairSet,
    data_factors,
    held_out_faces,
    load_images,
    load_pairs,
    load_unpaired,
    moving_digits,
    scale_pixels,
)
from gan_helpers.data.logograms import WORDS
from gan_helpers.metrics import load_classifier, load_reader
from gan_helpers.models import VariationalAutoencoder, apply, generate, sample_latents
from gan_helpers.training import Run, Settings, reconstruction_loss

Shape = tuple[int, ...]  # (C, H, W)
Train = Callable[["Job"], list[Run]]  # one training or several, of which the last one's average ships
Load = Callable[[str], ImageSet | PairSet]  # of "train" or "test"
Scores = Callable[[Network, Any], dict[str, float]]  # of the trained network and the test pictures


@dataclass(frozen=True)
class Job:
    """What a training is given besides its own settings."""

    data: ImageSet | PairSet  # on the device that trains
    device: torch.device
    epochs: float
    seed: int
    checkpoint: Path

    @property
    def budget(self) -> dict[str, Any]:
        """The arguments that every training takes."""
        return {"epochs": self.epochs, "checkpoint": self.checkpoint, "resume": True}


@dataclass(frozen=True)
class Recipe:
    """How a shipped file is made: which pictures, what training of how many epochs, and which numbers judge it."""

    load: Load
    train: Train
    epochs: float
    scores: Scores
    seed: int = 0
    half: bool = False  # stored in half precision: half the size, and no picture changes visibly


def make(name: str, path: Path) -> None:
    """Train the network of that name and write it to ``path``, whole or not at all."""
    recipe = RECIPES[name]
    device = environment.set_up(recipe.seed)
    train, test = recipe.load("train"), recipe.load("test")
    torch.manual_seed(recipe.seed)  # drawing pictures may have used random numbers
    checkpoint = path.with_suffix(".run.safetensors")
    epochs = environment.budget(recipe.epochs, 1)
    runs = recipe.train(Job(train.to(device), device, epochs, recipe.seed, checkpoint))
    if runs[-1].interrupted:
        raise SystemExit(f"stopped at step {runs[-1].step}, and nothing was replaced: give the same command to go on")
    network = runs[-1].average.cpu().eval()
    network = network.half().float() if recipe.half else network  # scored as rounded as it will be loaded
    torch.manual_seed(recipe.seed)
    steps, seconds = sum(run.step for run in runs), round(sum(run.seconds for run in runs))
    facts = {"data": train.source, "steps": steps, "seconds": seconds, "seed": recipe.seed}
    facts |= {"classes": list(train.classes)} if "classes" in network.config else {}
    facts |= {"machine": environment.machine(device), "scores": recipe.scores(network, test)}
    save_network(path, network.half() if recipe.half else network, **facts)
    checkpoint.unlink(missing_ok=True)
    print(f"saved {path}: {facts}")


# --- trainings ----------------------------------------------------------------------------------------


def gan(build: Callable[[Shape], tuple[Network, Network]], settings: Settings) -> Train:
    """A pair of networks against each other; what ships is the average of the generator."""

    def train(job: Job) -> list[Run]:
        pair, seeded = (network.to(job.device) for network in build(job.data.shape)), replace(settings, seed=job.seed)
        return [training.train_gan(*pair, job.data, settings=seeded, **job.budget)]

    return train


def rebuilder(build: Callable[[Shape], Network], lr: float, loss_of: Any) -> Train:
    """A network that gives pictures back."""

    def train(job: Job) -> list[Run]:
        network = build(job.data.shape).to(job.device)
        return [training.train_autoencoder(network, job.data, lr=lr, seed=job.seed, loss_of=loss_of, **job.budget)]

    return train


def vaegan(job: Job) -> list[Run]:
    """An autoencoder whose decoder is notebook 07's generator, joined with notebook 07's discriminator."""
    networks = (network.to(job.device) for network in models.vaegan_pair(job.data.shape))
    run = training.train_vaegan(*networks, job.data, **job.budget)
    models.renew_statistics(run.average.decoder)
    return [run]


def classifier(job: Job, **options: Any) -> list[Run]:
    """A classifier, its rate warmed up and lowered over the epochs."""
    return [training.train_classifier(job.data, seed=job.seed, **options, **job.budget)]


def photo_judge(shape: Shape, classes: int) -> Network:
    """A classifier with residual blocks, channels last in memory: photographs ask for more layers than digits."""
    judge = models.Classifier(shape, classes, (48, 96, 128), residual=True)
    return judge.to(memory_format=torch.channels_last)


def pix2pix(job: Job) -> list[Run]:
    """The U-Net and the patches of notebook 16, narrower and, for larger pictures, one halving deeper."""
    shape, depth = tuple(job.data.targets.shape[1:]), job.data.inputs.shape[1]
    pair = models.UNet(shape, depth, 8, halvings=4), models.PatchDiscriminator(shape, depth, 16, halvings=3)
    networks = (network.to(job.device) for network in pair)
    settings = replace(training.PIX2PIX, batch_size=8, seed=job.seed)
    return [training.train_pix2pix(*networks, job.data, settings=settings, **job.budget)]


def reader(job: Job) -> list[Run]:
    """The network that reads 25 factors off a drawn face."""
    return [training.train_reader(job.data.images, data_factors("train").to(job.device), seed=job.seed, **job.budget)]


def glasses_pair(job: Job) -> list[Run]:
    """Notebook 17's two translators, between faces without and with glasses."""
    a, b = (faces.to(job.device) for faces in load_unpaired("glasses"))
    pair = models.TranslatorPair(a.shape).to(job.device), models.DiscriminatorPair(a.shape).to(job.device)
    return [training.train_cyclegan(*pair, a, b, settings=replace(training.CYCLEGAN, seed=job.seed), **job.budget)]


# --- scores -------------------------------------------------------------------------------------------


def distance_to(test: ImageSet, pictures: torch.Tensor, judge: Network) -> dict[str, float]:
    """Fréchet distance of pictures to as many test pictures, in a judge's features."""
    real = metrics.read_images(judge, test.images[: len(pictures)]).features
    distance = metrics.frechet_distance(metrics.read_images(judge, pictures).features, real)
    return {f"Fréchet distance, {len(pictures):,} pictures": round(distance, 3)}


def seen_by(judge: Callable[[], Network]) -> Scores:
    """A generator's distance to 5,000 test pictures."""

    def scores(generator: Network, test: ImageSet) -> dict[str, float]:
        pictures = generate(generator, sample_latents(generator, len(test.images[:5000])))
        return distance_to(test, pictures, judge())

    return scores


def asked_of(judge: Callable[[], Network]) -> Scores:
    """How often the class asked for is the class read, and the distance to the test pictures."""

    def scores(generator: Network, test: ImageSet) -> dict[str, float]:
        made = generate(generator, sample_latents(generator, len(test)), test.labels)
        read = metrics.read_images(judge(), made).labels
        return {"agreement": metrics.agreement(read, test.labels).value, **distance_to(test, made, judge())}

    return scores


def variational_scores(vae: Network, test: ImageSet) -> dict[str, float]:
    """The distances of samples, and of the test pictures rebuilt."""
    sampled = generate(vae.decoder, sample_latents(vae.decoder, len(test)))
    sets = {"sampled": sampled, "rebuilt": apply(vae, test.images)}
    return {name: next(iter(distance_to(test, x, load_classifier()).values())) for name, x in sets.items()}


def clip_scores(generator: Network, test: ImageSet) -> dict[str, float]:
    """Of as many clips as there are test clips: by frame, and over time."""
    made = generate(generator, sample_latents(generator, len(test)))
    return asdict(metrics.score_clips(made, test.images, load_classifier()))


def error_of(loss_of: Any) -> Scores:
    """What the network was trained to make small, on pictures that it has not seen."""

    @torch.no_grad()
    def scores(network: Network, test: ImageSet) -> dict[str, float]:
        return {"mean squared error on the test set": float(loss_of(network, scale_pixels(test.images)))}

    return scores


def reading_scores(network: Network, test: ImageSet) -> dict[str, float]:
    """How well each factor of held-out faces is read."""
    images, factors = held_out_faces(2000)
    return metrics.reading_quality(metrics.read_factors(network, images), factors)


def translation_scores(translator: Network, test: PairSet) -> dict[str, float]:
    """Against the faces that the edges were taken from."""
    made, real = apply(translator, test.inputs), scale_pixels(test.targets)
    return {
        "mean absolute error": metrics.absolute_error(made, real),
        "roughness": metrics.roughness(made),
        "roughness of real faces": metrics.roughness(real),
    }


def switch_scores(pair: Network, test: ImageSet) -> dict[str, float]:
    """Glasses put on and taken off held-out faces, against the true translation."""
    judge = metrics.referee(load_reader(), held_out_faces(2000)[1])
    scores = asdict(judge.score(lambda x: apply(pair.to_b, x), lambda x: apply(pair.to_a, x)))
    return {name: round(value, 4) for name, value in scores.items()}


def accuracy_scores(network: Network, test: ImageSet) -> dict[str, float]:
    """The share of test pictures that are read as their label."""
    return {"accuracy": metrics.accuracy(network, test)}


# --- what ships ---------------------------------------------------------------------------------------


def pictures(name: str, **options: int) -> Load:
    """Pictures by name."""
    return lambda split: load_images(name, split, **options)


def edges(split: str) -> PairSet:
    """Edges of drawn faces, and the faces."""
    return load_pairs("edges", split, size=64)


def clips(split: str) -> ImageSet:
    """Moving digits: 20,000 clips to train on, 2,000 of digits never seen to test with."""
    n, seed = {"train": (environment.budget(20_000, 200), 0), "test": (environment.budget(2000, 200), 1)}[split]
    return moving_digits(load_images("mnist", split), n, seed=seed)[0]


mnist, photos = pictures("mnist"), pictures("photos", size=32)
faces, signs = pictures("faces", size=64), pictures("logograms", size=64)
classic_pair = gan(lambda _: (models.Generator(latent="uniform"), models.Discriminator()), training.CLASSIC)
stable_pair = gan(models.stable_pair, training.STABLE)
conditional_pair = gan(models.conditional_pair, training.NON_SATURATING)
photo_pair, face_pair = gan(models.photo_pair, training.PHOTOS), gan(models.face_pair, training.FACES)
sign_pair = gan(lambda shape: models.photo_pair(shape, len(WORDS), width=16), training.SIGNS)
photo_classifier = partial(classifier, build=photo_judge, augment=training.flip_and_crop)
clip_pair = gan(lambda _: (models.ClipGenerator(), models.ClipDiscriminator()), training.CLIPS)
two_numbers = rebuilder(partial(models.Autoencoder, 2, batch_norm=True), 4e-3, reconstruction_loss)
denoiser = rebuilder(models.Denoiser, 1e-2, training.denoising_loss)
variational = rebuilder(partial(VariationalAutoencoder, 16), 1e-3, partial(training.minus_elbo, variance=0.5))
RECIPES = {
    "mnist_classic": Recipe(mnist, classic_pair, 100, seen_by(load_classifier), seed=1),
    # the run of tests/benchmarks/recipe.py, 15 minutes of one core
    "mnist_generator": Recipe(mnist, stable_pair, 36_000 / 937, seen_by(load_classifier)),
    "mnist_classifier": Recipe(mnist, classifier, 12, accuracy_scores),
    "mnist_conditional": Recipe(mnist, conditional_pair, 30_000 / 937, asked_of(load_classifier)),
    "photo_classifier": Recipe(photos, photo_classifier, 8, accuracy_scores, half=True),
    "photo_generator": Recipe(photos, photo_pair, 9415 / 703, asked_of(partial(load_classifier, "photo"))),
    "face_reader": Recipe(faces, reader, 4, reading_scores, half=True),
    "face_generator": Recipe(faces, face_pair, 29_020 / 625, seen_by(load_reader), half=True),  # 2,000 s of one core
    "edges_to_faces": Recipe(edges, pix2pix, 1.6, translation_scores, half=True),
    # the run of tests/benchmarks/unpaired.py goal, 120 s of one core
    "glasses": Recipe(pictures("faces", size=32), glasses_pair, 1424 / 759, switch_scores),
    "logogram_classifier": Recipe(signs, classifier, 5, accuracy_scores),
    "logogram_generator": Recipe(signs, sign_pair, 12_000 / 156, asked_of(partial(load_classifier, "logogram"))),
    "clip_generator": Recipe(clips, clip_pair, 8000 / 312, clip_scores, half=True),
    "mnist_autoencoder": Recipe(mnist, two_numbers, 16, error_of(reconstruction_loss)),
    "mnist_denoiser": Recipe(mnist, denoiser, 6, error_of(training.denoising_loss)),
    "mnist_vae": Recipe(mnist, variational, 15, variational_scores, half=True),
    "mnist_vaegan": Recipe(mnist, vaegan, 5, variational_scores, half=True),
}


def known(name: str) -> str:
    """A name in ``RECIPES``; for any other the error suggests the nearest."""
    if name in RECIPES:
        return name
    near = get_close_matches(name, RECIPES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(RECIPES)}"
    raise argparse.ArgumentTypeError(f"nothing called {name!r} ships: {hint}")


def main(arguments: list[str] | None = None) -> None:
    names = "names: " + ", ".join(RECIPES)
    trial = "GAN_QUICK=1 before the command makes it a short trial of one epoch, which replaces nothing that ships."
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=f"{trial} {names}")
    parser.add_argument("name", type=known, help="the file's name without .safetensors")
    parser.add_argument("--out", type=Path, help="default: where it ships, in assets/weights/ (quick runs: outputs/)")
    options = parser.parse_args(arguments)
    folder = environment.outputs_folder() if environment.is_quick() else environment.ASSETS / "weights"
    make(options.name, options.out or folder / f"{options.name}.safetensors")


if __name__ == "__main__":
    main()
