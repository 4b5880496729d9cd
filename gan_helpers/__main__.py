"""The course's commands: python -m gan_helpers train, classifier, weights, assets, playground, stamp (see --help)."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from gallery import redraw_assets
from playground import make_playground
from stamp import stamp_address
from weights import MAKERS, make_weights

from gan_helpers import environment
from gan_helpers.environment import machine


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gan_helpers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train a generator and save it, as the shipped ones were made")
    train.add_argument("--data", default="mnist", help="a data set's name or a folder of pictures")
    train.add_argument("--size", type=int, default=None, help="height and width; of a folder's pictures else 32")
    train.add_argument("--channels", type=int, default=None, help="1 for grey, 3 for colour; of a folder else 3")
    train.add_argument("--epochs", type=float, default=60)
    train.add_argument("--batch-size", type=int, default=128, help="smaller for a folder of few pictures")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--out", type=Path, default=None, help="default: a file in outputs/ named after the data")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run")
    train.set_defaults(call=train_generator)
    classifier = commands.add_parser("classifier", help="train the classifier that evaluation measures with")
    classifier.add_argument("--data", default="mnist", help="a labelled data set's name, or a folder of subfolders")
    classifier.add_argument("--size", type=int, default=None, help="height and width; of a folder's pictures else 32")
    classifier.add_argument("--channels", type=int, default=None, help="1 for grey, 3 for colour; of a folder else 3")
    classifier.add_argument("--epochs", type=int, default=12)
    classifier.add_argument("--seed", type=int, default=0)
    classifier.add_argument("--out", type=Path, default=None, help="default: a file in outputs/ named after the data")
    classifier.set_defaults(call=train_judge)
    weights = commands.add_parser("weights", help="train the shipped weights of a notebook from 08 on again")
    weights.add_argument("name", choices=MAKERS)
    weights.add_argument("--out", type=Path, default=None, help="default: where they ship, in assets/weights/")
    weights.set_defaults(call=make_weights)
    assets = commands.add_parser("assets", help="redraw the diagrams, the gallery, and the digits on top of the README")
    assets.set_defaults(call=redraw_assets)
    page = commands.add_parser("playground", help="a generator as one HTML file with sliders, which needs no kernel")
    page.add_argument("--weights", type=Path, default=environment.ASSETS / "weights" / "mnist_generator.safetensors")
    page.add_argument("--out", type=Path, default=environment.ASSETS / "playground.html")
    page.set_defaults(call=make_playground)
    stamp = commands.add_parser("stamp", help="put another repository's address into all badges and cells")
    stamp.add_argument("address", help="for example https://github.com/you/gan-course")
    stamp.set_defaults(call=lambda options: stamp_address(options.address))
    options = parser.parse_args(arguments)
    options.call(options)


def train_generator(options: argparse.Namespace) -> None:
    """The recipe of notebook 07, on any pictures."""
    from gan_helpers.checkpoints import save_network
    from gan_helpers.data.sets import load_images
    from gan_helpers.models.dense import stable_pair
    from gan_helpers.models.sampling import sample_latents
    from gan_helpers.training.adversarial import train_gan
    from gan_helpers.training.runs import STABLE
    from gan_helpers.widgets.monitor import Monitor

    device = environment.set_up(options.seed)
    data = load_images(options.data, size=options.size, channels=options.channels)
    out = options.out or environment.outputs_folder() / f"{Path(options.data).name}_generator.safetensors"
    generator, discriminator = (network.to(device) for network in stable_pair(data.shape))
    monitor = Monitor(sample_latents(generator, 16))
    run = train_gan(
        generator,
        discriminator,
        data,
        epochs=options.epochs,
        settings=replace(STABLE, batch_size=options.batch_size, seed=options.seed),
        checkpoint=out.with_suffix(".run.safetensors"),
        resume=options.resume,
        callbacks=[monitor],
    )
    facts = {"data": data.source, "steps": run.step, "seconds": round(run.seconds), "machine": machine()}
    save_network(out, run.average, **facts, seed=options.seed)
    print(f"saved {out}: {facts}")


def train_judge(options: argparse.Namespace) -> None:
    """A classifier for labelled pictures, tested on those held out, and saved."""
    from gan_helpers.checkpoints import save_network
    from gan_helpers.data.sets import load_images
    from gan_helpers.metrics.readers import accuracy
    from gan_helpers.training.supervised import train_classifier

    device = environment.set_up(options.seed)
    train, test = (
        load_images(options.data, split, options.size, options.channels).to(device) for split in ("train", "test")
    )
    out = options.out or environment.outputs_folder() / f"{Path(options.data).name}_classifier.safetensors"
    classifier = train_classifier(train, options.epochs, seed=options.seed)
    facts = {"data": train.source, "epochs": options.epochs, "accuracy": accuracy(classifier, test)}
    save_network(out, classifier, **facts, machine=machine(), seed=options.seed)
    print(f"saved {out}: {facts}")


if __name__ == "__main__":
    main()
