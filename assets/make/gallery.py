"""The sheet of digits, and a picture for each notebook from 08 on: python assets/make/gallery.py

Everything is drawn from the shipped weights, without a data set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gan_helpers import environment
from gan_helpers.checkpoints import load_shipped
from gan_helpers.data import (
    FACTORS,
    draw_faces,
    edge_map,
    enlarge_ink,
    held_out_faces,
    sample_factors,
    scale_pixels,
)
from gan_helpers.latent import even_loop
from gan_helpers.models import BetweenClasses, apply, generate, sample_latents, swapped
from gan_helpers.training import add_noise
from gan_helpers.viz import Picture, code_grid, png_bytes, show_images, tile


def generated(name: str, n: int) -> Tensor:
    """The first n pictures (n, C, H, W) of seed 0 by a shipped generator."""
    generator, _ = load_shipped(name)
    torch.manual_seed(0)
    return generate(generator, sample_latents(generator, n))


def digits() -> Picture:
    """Six rows of digits by the generator that notebook 05 loads."""
    return show_images(generated("mnist_generator", 96), columns=16)


def digits_asked_for() -> Picture:
    """Six styles in rows, the ten digits of each in columns."""
    generator, _ = load_shipped("mnist_conditional")
    torch.manual_seed(3)
    styles = sample_latents(generator, 6).repeat_interleave(10, 0)
    return show_images(generate(generator, styles, torch.arange(60) % 10), columns=10, zoom=3)


def photographs() -> Picture:
    """Four rows of pictures by the convolutional generator, in columns its ten classes."""
    return show_images(generated("photo_generator", 40), columns=10, zoom=2)


def faces() -> Picture:
    """Two rows of faces."""
    return show_images(generated("face_generator", 16), columns=8, zoom=1)


def loop_of_signs() -> Picture:
    """Every third frame of a closed path through six signs, as the film shows them, in two rows."""
    generator, facts = load_shipped("logogram_generator")
    torch.manual_seed(0)
    words = torch.eye(len(facts["classes"]))[:6]
    writer = BetweenClasses(generator).eval()
    frames = generate(writer, even_loop(writer, torch.cat([sample_latents(generator, 6), words], 1), 72)[::3])
    return show_images(enlarge_ink(frames, 2), columns=12, zoom=1)


def map_of_codes() -> Picture:
    """A grid of codes of two numbers, decoded, over where the codes of digits lie."""
    autoencoder, _ = load_shipped("mnist_autoencoder")
    grid = code_grid(apply(autoencoder.encoder, generated("mnist_generator", 2000)), side=18)
    return show_images(generate(autoencoder.decoder, grid), columns=18, zoom=1)


def cleaned_digits() -> Picture:
    """Clean digits, the same under noise, and what the denoiser makes of those, in three rows."""
    denoiser, _ = load_shipped("mnist_denoiser")
    clean = generated("mnist_generator", 16)
    torch.manual_seed(13)
    noisy = add_noise(clean, 0.7)
    return show_images(torch.cat([clean, noisy, apply(denoiser, noisy)]), columns=16)


def variational_digits() -> Picture:
    """Random codes decoded: left by the variational autoencoder, right by the one joined with a discriminator."""
    codes = torch.randn(60, 16, generator=torch.Generator().manual_seed(14))
    left, right = (tile(generate(load_shipped(name)[0].decoder, codes), 12) for name in ("mnist_vae", "mnist_vaegan"))
    gap = torch.full((1, left.shape[1], 20), 255, dtype=torch.uint8)
    return Picture(png_bytes(torch.cat([left, gap, right], 2), effort=9), "two sheets of 60 digits")


def translated_edges() -> Picture:
    """Edges of twelve faces, what the translator makes of them, and the faces, in three rows."""
    translator, _ = load_shipped("edges_to_faces")
    faces = held_out_faces(12)[0]
    edges = edge_map(faces)
    rows = scale_pixels(edges).expand(-1, 3, -1, -1), apply(translator, edges), scale_pixels(faces)
    return show_images(torch.cat(rows), columns=12, zoom=1)


def glasses_on_and_off() -> Picture:
    """Six faces without glasses and six with, each translated to the other kind, and back, in three rows."""
    pair, _ = load_shipped("glasses")
    factors = sample_factors(200, seed=17)
    without, having = (draw_faces(factors[factors[:, FACTORS.index("glasses")] == there][:6], 32) for there in (0, 1))
    faces = torch.cat([scale_pixels(having), scale_pixels(without)])  # of B, then of A: what the pair takes
    there = swapped(apply(pair, faces))
    rows = torch.cat([swapped(faces), there, apply(pair, there)])
    return show_images(rows, columns=12, rows=["given", "translated", "and back"])


PICTURES: dict[str, Callable[[], Picture]] = {
    "generated_digits": digits,
    "gallery/08_ask_for_a_digit": digits_asked_for,
    "gallery/09_grow_to_colour": photographs,
    "gallery/10_new_faces": faces,
    "gallery/11_make_a_video": loop_of_signs,
    "gallery/12_compress_and_rebuild": map_of_codes,
    "gallery/13_denoise_with_convolution": cleaned_digits,
    "gallery/14_generate_from_an_autoencoder": variational_digits,
    "gallery/16_translate_with_pairs": translated_edges,
    "gallery/17_translate_without_pairs": glasses_on_and_off,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=environment.ASSETS, help="a folder; default: assets/")
    options = parser.parse_args(arguments)
    for name, draw in PICTURES.items():
        draw().save(options.out / f"{name}.png")
    print(f"drew {len(PICTURES)} pictures into {options.out}")


if __name__ == "__main__":
    main()
