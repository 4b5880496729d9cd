"""Train on your own pictures from a terminal: python -m gan_helpers train, or classifier (each has --help)."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from gan_helpers import environment
from gan_helpers.checkpoints import CheckpointError, save_network
from gan_helpers.data import DatasetError, ImageSet, load_images
from gan_helpers.metrics import accuracy
from gan_helpers.models import sample_latents, stable_pair
from gan_helpers.training import STABLE, TrainingDiverged, train_classifier, train_gan
from gan_helpers.training.distributed import joined, rank, world_size
from gan_helpers.widgets import Monitor

USER_ERRORS = (DatasetError, CheckpointError, TrainingDiverged, ValueError, OSError, MemoryError)
FIRST_SPEAKS = 15.0  # seconds that a process other than the first waits with its last line: torchrun ends it before
DATA = "a folder of pictures, or a data set by name: mnist, fashion-mnist, cifar10, strokes, faces and more"
TRAIN = """Trains the recipe of notebook 07 and saves the generator. Stop with Ctrl-C whenever you like: the generator
is saved, and the same command with --resume goes on. Sample from it with gan_helpers.checkpoints.load_network(FILE).
In several processes: torchrun --nproc-per-node 2 -m gan_helpers train, with the same options."""
CLASSIFIER = """Trains the kind of classifier that the measures of notebook 06 look through, for pictures of your own:
a folder with a subfolder for each class, or a labelled data set. Every tenth picture is held out to test it."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command; what a user can mend ends it with one line and exit status 1."""
    options = parser().parse_args(arguments)
    try:
        with joined():
            options.call(options)
    except USER_ERRORS as error:
        end(f"error: {error}".replace("with resume=False", "without --resume"), error)
    except KeyboardInterrupt:
        end("stopped at once: only what was saved before is left", None)
    except RuntimeError as error:  # torch has no type of its own for a CPU's memory
        if "memory" not in str(error):
            raise
        end("error: not enough memory: choose a smaller --size or --batch-size", error)


def end(line: str, cause: BaseException | None) -> None:
    """End with one line; where several processes have met the same, the first says it and torchrun ends the others."""
    if environment.process_number() > 0:
        time.sleep(FIRST_SPEAKS)
    raise SystemExit(line) from cause


def parser() -> argparse.ArgumentParser:
    """What may be written behind ``python -m gan_helpers``."""
    course = argparse.ArgumentParser(prog="python -m gan_helpers", description=__doc__)
    commands = course.add_subparsers(required=True, metavar="COMMAND")
    for name, call, epochs, kind, summary, about in (
        ("train", train_generator, 60.0, float, "a generator of pictures like yours", TRAIN),
        ("classifier", train_judge, 12, int, "a classifier to measure them with, of labelled pictures", CLASSIFIER),
    ):
        command = commands.add_parser(name, help=summary, description=about)
        command.set_defaults(call=call, name=name)
        command.add_argument("--data", default="mnist", help=f"{DATA} (default: mnist)")
        command.add_argument("--size", type=at_least(int, 1), help="height and width in pixels (a folder: 32)")
        command.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour (a folder: 3)")
        command.add_argument("--epochs", type=above_zero(kind), default=epochs, help="default: %(default)g")
        command.add_argument("--seed", type=at_least(int, 0), default=0, help="of all random numbers (default: 0)")
        command.add_argument("--out", type=Path, help="a file to write (default: in outputs/, named after the data)")
        if call is train_generator:
            command.add_argument(
                "--batch-size",
                type=at_least(int, 2),
                default=STABLE.batch_size,
                help="pictures a step, of all processes together; no more than there are (default: %(default)s)",
            )
            command.add_argument("--resume", action="store_true", help="go on from the checkpoint beside the file")
    return course


def at_least(kind: type, least: float) -> Callable[[str], float]:
    """A number of that kind, not smaller."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value < 2**31:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {least} on that could be used")
        return value

    number.__name__ = kind.__name__  # argparse names it where the text is no number
    return number


def above_zero(kind: type) -> Callable[[str], float]:
    """A number of that kind above 0."""
    return at_least(kind, 1 if kind is int else sys.float_info.min)


def train_generator(options: argparse.Namespace) -> None:
    """The recipe of notebook 07, on any pictures."""
    out = output(options, "generator")
    checkpoint = out.with_suffix(".run.safetensors")
    device = environment.set_up(options.seed)
    data = pictures(options)
    if options.resume and not checkpoint.is_file():
        print(f"no checkpoint {checkpoint}: this run begins at step 0")
    torch.manual_seed(options.seed)
    generator, discriminator = (network.to(device) for network in stable_pair(data.shape))
    if world_size() > 1:  # torchrun passes an interrupt on, more than once: the training hears the first
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = train_gan(
        generator,
        discriminator,
        data,
        epochs=options.epochs,
        settings=replace(STABLE, batch_size=options.batch_size, seed=options.seed),
        checkpoint=checkpoint,
        resume=options.resume,
        callbacks=[Monitor(sample_latents(generator, 16))] if rank() == 0 else [],
    )
    if rank() > 0:
        return
    facts = {"data": data.source, "steps": run.step, "seconds": round(run.seconds)}
    save_network(out, run.average, **facts, machine=environment.machine(device), seed=options.seed)
    print(f"saved {out}: {facts}" + ("; the same command with --resume goes on" if run.interrupted else ""))


def train_judge(options: argparse.Namespace) -> None:
    """A classifier for labelled pictures, tested on those held out, and saved."""
    out = output(options, "classifier")
    device = environment.set_up(options.seed)
    train, test = pictures(options).to(device), pictures(options, "test").to(device)
    classifier = train_classifier(train, options.epochs, seed=options.seed).network
    facts = {"data": train.source, "epochs": options.epochs, "accuracy": accuracy(classifier, test)}
    save_network(out, classifier, **facts, machine=environment.machine(device), seed=options.seed)
    print(f"saved {out}: {facts}")


def pictures(options: argparse.Namespace, split: str = "train") -> ImageSet:
    """The data that was asked for; size and channels are the data set's own where they were not given."""
    given = {key: value for key in ("size", "channels") if (value := getattr(options, key)) is not None}
    return load_images(options.data, split, **given)


def output(options: argparse.Namespace, kind: str) -> Path:
    """The file to write, tried before the training: CheckpointError if it cannot be written."""
    name = Path(options.data).expanduser().resolve().name
    out = (options.out or environment.outputs_folder() / f"{name}_{kind}.safetensors").expanduser()
    if out.is_dir():
        raise CheckpointError(f"{out} is a folder: name a file in it, such as --out {out / kind}.safetensors")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise CheckpointError(f"cannot write {out}: {error.strerror}. Choose another place with --out") from error
    return out


if __name__ == "__main__":
    main()
