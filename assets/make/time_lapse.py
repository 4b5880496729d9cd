"""The animation on top of the README: python assets/make/time_lapse.py

Trains the pair of notebook 07 by its recipe for five epochs, about two minutes of one core, and keeps what the
average of the generator makes of the same latent vectors at steps that grow by a constant factor.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gan_helpers import environment
from gan_helpers.checkpoints import write_atomically
from gan_helpers.data import load_images
from gan_helpers.models import generate, sample_latents, stable_pair
from gan_helpers.training import STABLE, Run, train_gan
from gan_helpers.viz import tile, to_pil

COLUMNS, ROWS, FRAMES, FIRST = 10, 4, 40, 8  # FIRST: the step of the second frame; before it there is only noise
GREYS = 12  # more would not fit: noise does not compress
PAUSE, REST, BAR = 120, 3000, 28  # milliseconds a frame and for the last; pixels for the number of the step


def moments(last: int) -> list[int]:
    """FRAMES steps from 0 to ``last``, from the second on by a constant factor; fewer where steps would repeat."""
    growth = (last / FIRST) ** (1 / (FRAMES - 2))
    return sorted({0, *(min(last, round(FIRST * growth**i)) for i in range(FRAMES - 1))})


def record(epochs: float, device: torch.device) -> dict[int, Tensor]:
    """Train, and keep by step the pictures (N, C, H, W) of the same N latent vectors."""
    data = load_images("mnist").to(device)
    torch.manual_seed(0)
    generator, discriminator = (network.to(device) for network in stable_pair(data.shape))
    latents = sample_latents(generator, COLUMNS * ROWS)
    wanted = set(moments(round(epochs * (len(data) // STABLE.batch_size))))
    frames = {0: generate(generator, latents)}

    def keep(run: Run) -> None:
        if run.step in wanted:
            frames[run.step] = generate(run.average, latents)

    run = train_gan(generator, discriminator, data, epochs=epochs, settings=STABLE, callbacks=[keep])
    if run.interrupted:
        raise SystemExit(f"stopped at step {run.step}: nothing was written")
    return frames


def draw(step: int, images: Tensor) -> Image.Image:
    """The pictures in rows, below the number of the step."""
    sheet = to_pil(tile(images, COLUMNS), zoom=2)
    page = Image.new("L", (sheet.width, sheet.height + BAR), 255)
    page.paste(sheet, (0, BAR))
    ImageDraw.Draw(page).text((2, 4), f"step {step:,}", fill=0, font=ImageFont.load_default(17))
    return page.quantize(GREYS, dither=Image.Dither.NONE)


def encode(frames: dict[int, Tensor]) -> bytes:
    """A GIF that runs for ever and rests on its last frame."""
    first, *more = (draw(step, images) for step, images in frames.items())
    times, buffer = [PAUSE] * len(more) + [REST], io.BytesIO()
    first.save(buffer, "gif", save_all=True, append_images=more, duration=times, loop=0, optimize=True)
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--out", type=Path, default=environment.ASSETS / "digits_emerging.gif")
    options = parser.parse_args(arguments)
    content = encode(record(options.epochs, environment.set_up(0)))
    write_atomically(options.out, content)
    print(f"wrote {options.out}, {len(content) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
