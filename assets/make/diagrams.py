"""The course's diagrams, drawn as SVG text by the standard library alone: python assets/make/diagrams.py

No plotting library takes part, so the same code always gives the same bytes, and a test holds the files in
`assets/diagrams/` against it. A diagram's docstring is also its description in the file, for screen readers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from drawing.autoencoders import autoencoder, denoiser, variational
from drawing.beyond import label_paths, processes, repair, stamping, video_gan
from drawing.cycles import there_and_back
from drawing.house import wings
from drawing.latents import editing, inversion, latent_space
from drawing.networks import discriminator, gan_pipeline, generator, half_steps, leaky_relu, tanh
from drawing.theory import best_discriminator, dirac, judging, precision_recall
from drawing.translation import pix2pix

NETWORKS = (gan_pipeline, discriminator, generator, leaky_relu, tanh)
GAME = (half_steps, best_discriminator, dirac, repair)
BEYOND = (label_paths, stamping, editing, variational, video_gan, processes, pix2pix)
IDEAS = (*GAME, latent_space, inversion, judging, precision_recall, autoencoder, denoiser, *BEYOND)
DRAWERS = (*NETWORKS, *IDEAS, there_and_back, wings)
DIAGRAMS: dict[str, Callable[[], str]] = {draw.__name__: draw for draw in DRAWERS}


def write_diagrams(folder: Path) -> list[Path]:
    """Write every diagram to `folder/<name>.svg`; a reader never meets a half-written file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.svg" for name in DIAGRAMS]
    for path in paths:
        draft = path.with_suffix(".part")
        draft.write_text(DIAGRAMS[path.stem](), encoding="utf-8", newline="\n")
        draft.replace(path)
    return paths


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "diagrams")
    options = parser.parse_args(arguments)
    print(f"drew {len(write_diagrams(options.out))} diagrams into {options.out}")


if __name__ == "__main__":
    main()
