"""Convolutional generators and discriminators for colour pictures. Notebook 09 builds them from single kernels.

Source: Radford et al., *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks* (DCGAN), arXiv 1511.06434; checkerboards and the resize-convolution: Odena et al., *Deconvolution and
Checkerboard Artifacts*, Distill, 2016.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import log2

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.sampling import check_latents

SIDES = (16, 32, 64, 128)
FIRST_SIDE = 4  # of the coarsest feature map, in both networks


def channels_by_level(image_shape: tuple[int, ...], width: int) -> list[int]:
    """Channels from the finest feature map to the one of 4x4: width, twice as many each time the side halves.

    Raises:
        ValueError: pictures (C, H, W) that are not square with a side of 16, 32, 64 or 128.
    """
    if len(image_shape) != 3 or image_shape[1] != image_shape[2] or image_shape[1] not in SIDES:
        raise ValueError(
            f"pictures of shape {tuple(image_shape)}, but these networks halve the side until it is 4: it must be "
            f"one of {', '.join(map(str, SIDES))}. Fit a folder's pictures with load_images(folder, size=32)"
        )
    return [width * 2**level for level in range(int(log2(image_shape[1] / FIRST_SIDE)))]


def upsampler(n_in: int, n_out: int, kind: str = "transposed") -> list[nn.Module]:
    """Layers that double the side: features (N, n_in, S, S) to (N, n_out, 2S, 2S).

    "transposed" is a 4x4 transposed convolution of stride 2; "uneven" one of 3x3, whose copies overlap unevenly;
    "resize" repeats each pixel and convolves with 3x3.

    Raises:
        ValueError: another kind.
    """
    if kind == "transposed":
        return [nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1)]
    if kind == "uneven":
        return [nn.ConvTranspose2d(n_in, n_out, 3, stride=2, padding=1, output_padding=1)]
    if kind == "resize":
        return [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(n_in, n_out, 3, padding=1)]
    raise ValueError(f"unknown upsampling {kind!r}: choose 'transposed', 'uneven' or 'resize'")


class ConvGenerator(Network):
    """Latent vectors (N, latent_dim) to pictures (N, C, H, W) in [-1, 1]: from 4x4 on, each block doubles the side."""

    def __init__(
        self,
        latent_dim: int = 64,
        image_shape: tuple[int, ...] = (3, 32, 32),
        width: int = 32,
        upsampling: str = "transposed",
        latent: str = "normal",
    ) -> None:
        super().__init__()
        *finer, coarsest = channels_by_level(image_shape, width)
        start = (coarsest, FIRST_SIDE, FIRST_SIDE)
        layers: list[nn.Module] = [nn.Linear(latent_dim, coarsest * FIRST_SIDE**2), nn.Unflatten(1, start)]
        for n_in, n_out in pairwise((coarsest, *reversed(finer), image_shape[0])):
            layers += [nn.BatchNorm2d(n_in), nn.ReLU(), *upsampler(n_in, n_out, upsampling)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        return self.layers(latents)


class ConvDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] to one logit each, (N,): each convolution halves the side, until it is 4."""

    def __init__(self, image_shape: tuple[int, ...] = (3, 32, 32), width: int = 32) -> None:
        super().__init__()
        channels = channels_by_level(image_shape, width)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], *channels)):
            norm = [nn.BatchNorm2d(n_out)] if layers else []  # none after the first, as in the paper
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), *norm, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * FIRST_SIDE**2, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).squeeze(1)  # (N, 1) -> (N,)


def initialise(network: Network) -> Network:
    """DCGAN's start, in place: weights from N(0, 0.02), batch norm's scales from N(1, 0.02), biases 0."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            nn.init.normal_(layer.weight, 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0, 0.02)
            nn.init.zeros_(layer.bias)
    return network


def dcgan_pair(
    image_shape: tuple[int, ...] = (3, 32, 32), width: int = 32, upsampling: str = "transposed"
) -> tuple[ConvGenerator, ConvDiscriminator]:
    """The pair of notebook 09, ready to be trained with ``runs.Settings(batch_size=64)``.

    Its cost grows with the square of width, and by four with each doubling of the side. The weights lie channels
    last in memory, which trains some 8 % faster on a CPU (``tests/benchmarks/speed.py dcgan``).
    """
    generator = initialise(ConvGenerator(image_shape=image_shape, width=width, upsampling=upsampling))
    discriminator = initialise(ConvDiscriminator(image_shape, width))
    return tuple(network.to(memory_format=torch.channels_last) for network in (generator, discriminator))


# --- what a convolution sees, and the pattern that it may leave ---------------------------------------


def receptive_fields(layers: Iterable[nn.Module]) -> list[int]:
    """After each convolution among layers: the side of the square of pixels that one of its outputs depends on.

    A kernel of side k reaches k - 1 steps further, and the stride of each layer before it lengthens a step.
    Source: Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*, arXiv 1603.07285.
    """
    field, step, fields = 1, 1, []
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            field += (layer.kernel_size[0] - 1) * step
            step *= layer.stride[0]
            fields.append(field)
    return fields


def filter_pictures(convolution: nn.Conv2d) -> Tensor:
    """The kernels of a layer that sees pixels, (n_out, C, k, k), each scaled to [-1, 1]: grey is 0."""
    weight = convolution.weight.detach()
    return weight / weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
