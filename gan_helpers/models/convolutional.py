"""Convolutional generators and discriminators for colour pictures. Notebook 09 builds them from single kernels.

Source: Radford et al., *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks* (DCGAN), arXiv 1511.06434; checkerboards and the resize-convolution: Odena et al., *Deconvolution and
Checkerboard Artifacts*, Distill, 2016.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import log2, prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.conditional import ClassNorm, check_labels
from gan_helpers.models.dense import MinibatchStatistics
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
    """DCGAN's pair, as notebook 09 builds it, ready to be trained with ``Settings(batch_size=64)``.

    Its cost grows with the square of width, and by four with each doubling of the side. The weights lie channels
    last in memory, which trains some 8 % faster on a CPU (``tests/benchmarks/speed.py dcgan``).
    """
    generator = initialise(ConvGenerator(image_shape=image_shape, width=width, upsampling=upsampling))
    discriminator = initialise(ConvDiscriminator(image_shape, width))
    return tuple(network.to(memory_format=torch.channels_last) for network in (generator, discriminator))


# --- told the class -----------------------------------------------------------------------------------


class ResizeConvolution(nn.Conv2d):
    """Repeat each pixel, then convolve with 3x3: maps (N, n_in, S, S) to (N, n_out, 2S, 2S), in one step.

    A pixel repeated and seen through 3x3 weights is a stamp of 4x4, those weights blurred by 2x2: so this is a
    transposed convolution with a stride of 2, at less than half the multiplications.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 3)

    def forward(self, maps: Tensor) -> Tensor:
        wide = F.pad(self.weight, (1, 1, 1, 1))  # (n_out, n_in, 5, 5)
        stamps = sum(wide[..., y : y + 4, x : x + 4] for y in (0, 1) for x in (0, 1))  # (n_out, n_in, 4, 4)
        stamps = stamps.flip(2, 3).transpose(0, 1)  # (n_in, n_out, 4, 4), as a transposed convolution has them
        return F.conv_transpose2d(maps, stamps, self.bias, stride=2, padding=1)


class PhotoGenerator(Network):
    """Latents (N, latent_dim) and labels (N,) to pictures (N, C, H, W) in [-1, 1]; without labels, all in turn."""

    def __init__(
        self, latent_dim: int = 64, classes: int = 10, image_shape: tuple[int, ...] = (3, 32, 32),
        width: int = 32, latent: str = "normal",
    ) -> None:  # fmt: skip
        super().__init__()
        channels = channels_by_level(image_shape, width)[::-1]  # the coarsest map first
        start = (channels[0], FIRST_SIDE, FIRST_SIDE)
        first = nn.Sequential(nn.Linear(latent_dim, prod(start)), nn.Unflatten(1, start))
        self.layers = nn.ModuleList([first, *(ResizeConvolution(n_in, n_out) for n_in, n_out in pairwise(channels))])
        self.norms = nn.ModuleList(ClassNorm(classes, n, nn.BatchNorm2d) for n in channels)
        self.last = nn.Sequential(ResizeConvolution(channels[-1], image_shape[0]), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        check_latents(self, latents)
        labels = check_labels(self, latents, labels)
        maps = latents
        for layer, norm in zip(self.layers, self.norms, strict=True):
            maps = F.relu(norm(layer(maps), labels))
        return self.last(maps)


class BetweenClasses(nn.Module):
    """A photo generator that draws between its classes, too: points (N, latent_dim + classes) to pictures (N, C, H, W).

    A point is a latent vector, then a weight for each class. Each norm's scale and shift are the weighted means of
    the classes' rows, so a 1 and zeros draw that class. Source: Brock et al., arXiv 1809.11096 (BigGAN), which goes
    from class to class like this.
    """

    def __init__(self, generator: PhotoGenerator) -> None:
        super().__init__()
        self.generator = generator
        config = generator.config
        self.config = config | {"latent_dim": config["latent_dim"] + config["classes"]}
        del self.config["classes"]  # it takes no labels

    def forward(self, points: Tensor) -> Tensor:
        check_latents(self, points)
        maps, weights = points.tensor_split([self.generator.config["latent_dim"]], 1)
        if weights.min() < 0 or weights.sum(1).min() <= 0:
            raise ValueError("the classes' weights, which end a point, must be at least 0, and one of them above 0")
        weights = weights / weights.sum(1, keepdim=True)
        for layer, norm in zip(self.generator.layers, self.generator.norms, strict=True):
            scale, shift = ((weights @ table.weight)[..., None, None] for table in (norm.scale, norm.shift))
            maps = F.relu(scale * norm.norm(layer(maps)) + shift)
        return self.generator.last(maps)


class PhotoDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] and labels (N,) to one logit each, (N,): a projection, and no batch norm."""

    def __init__(
        self, image_shape: tuple[int, ...] = (3, 32, 32), classes: int = 10, width: int = 32, features: int = 128
    ) -> None:
        super().__init__()
        channels = channels_by_level(image_shape, width)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], *channels)):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        linear = nn.Linear(channels[-1] * FIRST_SIDE**2, features)
        self.layers = nn.Sequential(*layers, nn.Flatten(), linear, nn.LeakyReLU(0.2))
        self.label = nn.Embedding(classes, features)
        nn.init.normal_(self.label.weight, std=features**-0.5)  # length 1, as in notebook 08
        self.last = nn.Sequential(MinibatchStatistics(), nn.Linear(features + 1, 1))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        label = self.label(check_labels(self, images, labels))
        features = self.layers(images)
        return self.last(features).squeeze(1) + (label * features).sum(1)  # (N,)


def photo_pair(
    image_shape: tuple[int, ...] = (3, 32, 32), classes: int = 10, width: int = 32
) -> tuple[PhotoGenerator, PhotoDiscriminator]:
    """The pair with classes of notebook 09, ready to be trained with ``settings.PHOTOS``."""
    pair = (
        PhotoGenerator(classes=classes, image_shape=image_shape, width=width),
        PhotoDiscriminator(image_shape, classes, width),
    )
    return tuple(network.to(memory_format=torch.channels_last) for network in pair)


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
