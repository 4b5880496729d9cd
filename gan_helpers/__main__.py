"""The course's commands: python -m gan_helpers train, classifier, weights, assets, playground, stamp (see --help)."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from gan_helpers import environment
from gan_helpers.shipped import MAKERS, machine


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gan_helpers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train a generator and save it, as the shipped ones were made")
    train.add_argument("--data", default="mnist", help="a data set's name or a folder of pictures")
    train.add_argument("--size", type=int, default=32, help="height and width that a folder's pictures are fitted to")
    train.add_argument("--channels", type=int, default=3, help="1 for grey, 3 for colour (a folder only)")
    train.add_argument("--epochs", type=float, default=60)
    train.add_argument("--batch-size", type=int, default=128, help="smaller for a folder of few pictures")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--out", type=Path, default=None, help="default: a file in outputs/ named after the data")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run")
    train.set_defaults(call=train_generator)
    classifier = commands.add_parser("classifier", help="train the classifier that evaluation measures with")
    classifier.add_argument("--data", default="mnist", help="a labelled data set's name, or a folder of subfolders")
    classifier.add_argument("--size", type=int, default=32, help="height and width that a folder's pictures get")
    classifier.add_argument("--channels", type=int, default=3, help="1 for grey, 3 for colour (a folder only)")
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
    from gan_helpers.datasets import load_images
    from gan_helpers.monitor import Monitor
    from gan_helpers.networks import sample_latents, stable_pair
    from gan_helpers.runs import STABLE
    from gan_helpers.training import train_gan

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
    from gan_helpers.classifiers import accuracy, train_classifier
    from gan_helpers.datasets import load_images

    device = environment.set_up(options.seed)
    train, test = (
        load_images(options.data, split, options.size, options.channels).to(device) for split in ("train", "test")
    )
    out = options.out or environment.outputs_folder() / f"{Path(options.data).name}_classifier.safetensors"
    classifier = train_classifier(train, options.epochs, seed=options.seed)
    facts = {"data": train.source, "epochs": options.epochs, "accuracy": accuracy(classifier, test)}
    save_network(out, classifier, **facts, machine=machine(), seed=options.seed)
    print(f"saved {out}: {facts}")


def make_weights(options: argparse.Namespace) -> None:
    """What ships in assets/weights/, by the function that made it."""
    environment.set_up(0)
    out = options.out or environment.ASSETS / "weights" / f"{options.name}.safetensors"
    MAKERS[options.name](out)
    print(f"saved {out}")


def make_playground(options: argparse.Namespace) -> None:
    """The page that runs a generator by itself."""
    from gan_helpers import convolutional, variational  # noqa: F401, importing them makes their networks known
    from gan_helpers.checkpoints import load_network
    from gan_helpers.playground import write_playground

    generator, _ = load_network(options.weights)
    write_playground(generator, options.out)
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.1f} MB")


def redraw_assets(options: argparse.Namespace) -> None:
    """The SVG diagrams, the gallery, and a sheet of digits from the shipped generator."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.diagrams import write_diagrams
    from gan_helpers.figures import show_images
    from gan_helpers.gallery import write_gallery
    from gan_helpers.networks import generate, sample_latents

    write_diagrams(environment.ASSETS / "diagrams")
    write_gallery(environment.ASSETS / "gallery")
    generator, _ = load_network(environment.ASSETS / "weights" / "mnist_generator.safetensors")
    torch.manual_seed(0)
    digits = generate(generator, sample_latents(generator, 96))
    show_images(digits, columns=16).save(environment.ASSETS / "generated_digits.png")


def stamped_files(root: Path) -> list[Path]:
    """The files that state the repository's address; ``pyproject.toml`` is where it is looked up."""
    return [root / "pyproject.toml", root / "README.md", *sorted((root / "notebooks").glob("*.ipynb"))]


def current_address(root: Path) -> str:
    """The repository's address as ``pyproject.toml`` states it."""
    found = re.search(r'^Repository = "(.+)"$', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f'{root / "pyproject.toml"} has no line Repository = "..."')
    return found[1]


def stamp_address(address: str, root: Path = environment.COURSE_ROOT) -> None:
    """Replace the repository's address everywhere. Badges follow only to GitHub, the one place Colab opens."""
    address, old = address.removesuffix("/").removesuffix(".git"), current_address(root)
    github = "https://github.com/"
    for path in stamped_files(root):
        text = path.read_text(encoding="utf-8").replace(old, address)
        if address.startswith(github):
            text = text.replace(f"github/{old.removeprefix(github)}/", f"github/{address.removeprefix(github)}/")
        path.write_text(text, encoding="utf-8")
    print(f"{address} in {len(stamped_files(root))} files")


if __name__ == "__main__":
    main()
