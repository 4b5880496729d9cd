"""One picture for each notebook from 08 on, drawn from the shipped weights: python -m gan_helpers assets.

The README shows them side by side; each stands at the top of its notebook.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from gan_helpers import environment
from gan_helpers.viz.pictures import Picture


def redraw_assets(options: argparse.Namespace) -> None:
    """The SVG diagrams, the gallery, and a sheet of digits from the shipped generator."""
    import torch
    from diagrams import write_diagrams
    from gallery import write_gallery

    from gan_helpers.checkpoints import load_network
    from gan_helpers.models.sampling import generate, sample_latents
    from gan_helpers.viz.pictures import show_images

    write_diagrams(environment.ASSETS / "diagrams")
    write_gallery(environment.ASSETS / "gallery")
    generator, _ = load_network(environment.ASSETS / "weights" / "mnist_generator.safetensors")
    torch.manual_seed(0)
    digits = generate(generator, sample_latents(generator, 96))
    show_images(digits, columns=16).save(environment.ASSETS / "generated_digits.png")


Drawer = Callable[[], Picture]
DRAWERS: dict[str, Drawer] = {}


def drawer(name: str) -> Callable[[Drawer], Drawer]:
    """Register a function that draws ``assets/gallery/NAME.png``."""

    def register(draw: Drawer) -> Drawer:
        DRAWERS[name] = draw
        return draw

    return register


@drawer("08_ask_for_a_digit")
def ask_for_a_digit() -> Picture:
    """Six styles in rows, the ten digits of each in columns."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.sampling import generate, sample_latents
    from gan_helpers.viz.pictures import show_images

    generator, _ = load_network(ASSETS / "weights" / "mnist_conditional.safetensors")
    torch.manual_seed(3)
    styles = sample_latents(generator, 6).repeat_interleave(10, 0)
    alt = "six rows of the digits 0 to 9, each row in a hand of its own"
    return show_images(generate(generator, styles, torch.arange(60) % 10), columns=10, zoom=3, alt=alt)


@drawer("09_grow_to_colour")
def grow_to_colour() -> Picture:
    """Three rows of pictures by the convolutional generator."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.convolutional import ConvGenerator
    from gan_helpers.models.sampling import generate, sample_latents
    from gan_helpers.viz.pictures import show_images

    generator, _ = load_network(ASSETS / "weights" / "photo_generator.safetensors", ConvGenerator)
    torch.manual_seed(0)
    pictures = generate(generator, sample_latents(generator, 36))
    return show_images(pictures, columns=12, zoom=2, alt="three rows of small generated colour pictures")


@drawer("10_new_faces")
def new_faces() -> Picture:
    """Two rows of faces by the convolutional generator of notebook 10."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.convolutional import ConvGenerator
    from gan_helpers.models.sampling import generate, sample_latents
    from gan_helpers.viz.pictures import show_images

    generator, _ = load_network(ASSETS / "weights" / "face_generator.safetensors", ConvGenerator)
    torch.manual_seed(0)
    return show_images(generate(generator, sample_latents(generator, 16)), columns=8, zoom=1, alt="16 generated faces")


@drawer("11_make_a_video")
def loop_of_signs() -> Picture:
    """Every third frame of a closed way through six signs, as the film shows them, in two rows."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.data.logograms import enlarge_ink
    from gan_helpers.environment import ASSETS
    from gan_helpers.latent.paths import even_loop
    from gan_helpers.models.convolutional import ConvGenerator
    from gan_helpers.models.sampling import generate, sample_latents
    from gan_helpers.viz.pictures import show_images

    generator, _ = load_network(ASSETS / "weights" / "logogram_generator.safetensors", ConvGenerator)
    torch.manual_seed(0)
    frames = generate(generator, even_loop(generator, sample_latents(generator, 6), 72)[::3])
    alt = "24 ring-shaped signs in black ink, each a little different from the one before it"
    return show_images(enlarge_ink(frames, 2), columns=12, zoom=1, alt=alt)


@drawer("12_compress_and_rebuild")
def map_of_codes() -> Picture:
    """A grid of codes of two numbers, decoded, over where the codes of digits lie."""
    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.autoencoders import Autoencoder
    from gan_helpers.models.sampling import apply, generate
    from gan_helpers.viz.pictures import show_images
    from gan_helpers.viz.plots import code_grid

    autoencoder, _ = load_network(ASSETS / "weights" / "mnist_autoencoder.safetensors", expect=Autoencoder)
    grid = code_grid(apply(autoencoder.encoder, _generated_digits(2000)), side=18)
    alt = "a map of 18 by 18 digits that change into each other from place to place"
    return show_images(generate(autoencoder.decoder, grid), columns=18, zoom=1, alt=alt)


@drawer("13_denoise_with_convolution")
def cleaned_digits() -> Picture:
    """Clean digits, the same under noise, and what the denoiser makes of those, in three rows."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.autoencoders import Denoiser
    from gan_helpers.models.sampling import apply
    from gan_helpers.training.reconstruction import add_noise
    from gan_helpers.viz.pictures import show_images

    denoiser, _ = load_network(ASSETS / "weights" / "mnist_denoiser.safetensors", expect=Denoiser)
    clean = _generated_digits(16)
    torch.manual_seed(13)
    noisy = add_noise(clean, 0.7)
    alt = "three rows of digits: clean, under strong noise, and cleaned by a network"
    return show_images(torch.cat([clean, noisy, apply(denoiser, noisy)]), columns=16, alt=alt)


def _generated_digits(n: int) -> Tensor:
    """Digits (n, 1, 28, 28) by the shipped generator: to draw needs no data set."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.sampling import generate, sample_latents

    generator, _ = load_network(ASSETS / "weights" / "mnist_generator.safetensors")
    torch.manual_seed(0)
    return generate(generator, sample_latents(generator, n))


def write_gallery(folder: Path) -> None:
    """Draw every picture into ``folder``."""
    for name, draw in DRAWERS.items():
        draw().save(folder / f"{name}.png")


@drawer("14_generate_from_an_autoencoder")
def variational_digits() -> Picture:
    """Random codes decoded: left by the variational autoencoder, right by the one joined with a discriminator."""
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.models.autoencoders import VariationalAutoencoder
    from gan_helpers.models.sampling import generate
    from gan_helpers.viz.pictures import png_bytes, tile

    codes = torch.randn(60, 16, generator=torch.Generator().manual_seed(14))
    sheets = []
    for name in ("mnist_vae", "mnist_vaegan"):
        vae, _ = load_network(ASSETS / "weights" / f"{name}.safetensors", VariationalAutoencoder)
        sheets.append(tile(generate(vae.decoder, codes), columns=12))
    gap = torch.full((1, sheets[0].shape[1], 20), 255, dtype=torch.uint8)
    sheet = torch.cat([sheets[0], gap, sheets[1]], 2)
    return Picture(png_bytes(sheet, effort=9), "60 soft digits on the left, 60 crisp ones on the right")
