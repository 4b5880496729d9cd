"""Networks from pictures to pictures, and those that judge them patch by patch. Notebooks 16 and 17 build them.

Sources: U-Net, Ronneberger et al., arXiv 1505.04597; as a generator, with a discriminator of patches, Isola et al.,
*Image-to-Image Translation with Conditional Adversarial Networks* (pix2pix), arXiv 1611.07004; two of each without
pairs, Zhu et al. (CycleGAN), arXiv 1703.10593.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.models.convolutional import receptive_fields


def _check_sides(image_shape: tuple[int, ...], halvings: int, network: str) -> None:
    shrink = 2**halvings
    misfits = [side for side in image_shape[1:] if side < shrink or side % shrink]
    if len(image_shape) != 3 or misfits:
        sizes = " or ".join(f"size={size}" for size in _nearest_multiples((misfits or [shrink])[0], shrink))
        raise ValueError(
            f"a {network} of {halvings} halvings cannot take pictures of shape {tuple(image_shape)}: it needs "
            f"(C, H, W) with sides that are multiples of {shrink}; load them with {sizes}, or halve less"
        )


def _nearest_multiples(side: int, of: int) -> list[int]:
    """The multiples next below and above; none is below ``of``."""
    return sorted({max(of, side // of * of), max(of, -(-side // of) * of)})


def check_unet(image_shape: tuple[int, ...], source_channels: int | None, halvings: int, residual: bool) -> int:
    """How many channels go into a U-Net, of which these are arguments.

    Args:
        image_shape: (C, H, W) of what comes out; H and W must be multiples of 2 ** halvings.
        source_channels: of what goes in; None: the same as come out.
        residual: add what comes out to what goes in, nothing at first; else tanh ends it. The sum may leave [-1, 1].

    Raises:
        ValueError: sides that cannot be halved so often; ``residual`` with other channels in than out.
    """
    _check_sides(image_shape, halvings, "U-Net")
    depth = image_shape[0]
    source_channels = depth if source_channels is None else source_channels
    if residual and source_channels != depth:
        raise ValueError(
            f"{source_channels} channels in and {depth} out cannot be added: use residual=False, or load both "
            "sides with the same number of channels"
        )
    return source_channels


def normed_convolution(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
    """3x3, normalised, leaky ReLU: height and width stay (stride 1) or are halved (stride 2).

    All channels are normalised together, over one picture: no mixture of several kinds of pictures is kept, as batch
    norm would, and a U-Net costs little more than without, where instance norm doubles its time on a CPU.
    """
    norm = nn.GroupNorm(1, n_out)
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, padding=1), norm, nn.LeakyReLU(0.2))


def beside(coarse: Tensor, fine: Tensor, skips: bool = True) -> Tensor:
    """Coarse maps (N, C, H, W), doubled by repeating pixels, and fine ones (N, C', 2H, 2W); without skips, zeros.

    Repeated pixels leave no checkerboard (Odena et al., Distill, 2016). Zeros keep the network's size and cost.
    """
    doubled = F.interpolate(coarse, scale_factor=2, mode="nearest")
    return torch.cat([doubled, fine if skips else torch.zeros_like(fine)], 1)


def last_convolution(width: int, depth: int, zero: bool) -> nn.Conv2d:
    """The layer that makes the picture; with ``zero`` it begins at nothing, so that a residual network changes none."""
    layer = nn.Conv2d(width, depth, 3, padding=1)
    for weights in layer.parameters() if zero else ():
        nn.init.zeros_(weights)
    return layer


def check_patches(image_shape: tuple[int, ...], halvings: int, kernel: int) -> tuple[int, int]:
    """Padding and stride of a discriminator of patches; ValueError for sides, halvings or a kernel that do not fit."""
    if kernel not in (1, 4) or halvings < 1:
        raise ValueError(f"kernel={kernel}, halvings={halvings}: the kernel must be 1 or 4, and halvings 1 or more")
    _check_sides(image_shape, halvings if kernel == 4 else 0, "PatchGAN")
    return (1, 2) if kernel == 4 else (0, 1)


class UNet(Network):
    """Pictures (N, source_channels, H, W) in [-1, 1] to (N, C, H, W); H and W are multiples of 2 ** halvings."""

    def __init__(
        self, image_shape: tuple[int, ...] = (3, 32, 32), source_channels: int | None = None,
        width: int = 12, halvings: int = 3, skips: bool = True, residual: bool = False,  # width: of the finest maps
    ) -> None:  # fmt: skip
        super().__init__()
        channels = [width * 2**level for level in range(halvings + 1)]
        self.first = normed_convolution(check_unet(image_shape, source_channels, halvings, residual), width)
        self.down = nn.ModuleList(normed_convolution(few, many, stride=2) for few, many in pairwise(channels))
        self.up = nn.ModuleList(normed_convolution(many + few, few) for few, many in pairwise(channels))
        self.last = last_convolution(width, image_shape[0], zero=residual)
        self.skips, self.residual = skips, residual

    def forward(self, images: Tensor) -> Tensor:
        maps = [self.first(images)]  # the finest first
        for down in self.down:
            maps.append(down(maps[-1]))
        features = maps.pop()
        for up in reversed(self.up):
            features = up(beside(features, maps.pop(), self.skips))
        return images + self.last(features) if self.residual else torch.tanh(self.last(features))


class PatchDiscriminator(Network):
    """Pictures (N, C, H, W) in [-1, 1] to a logit for each patch, (N, 1, h, w): is this square of it real?

    Given its source, of ``source_channels``, it judges the two together. A patch has a side of 10, 22 or 46 pixels
    after 1, 2 or 3 ``halvings``, and of one with kernel=1.
    """

    def __init__(
        self, image_shape: tuple[int, ...] = (3, 32, 32), source_channels: int = 0, width: int = 24,
        halvings: int = 2, kernel: int = 4,
    ) -> None:  # fmt: skip
        super().__init__()
        pad, stride = check_patches(image_shape, halvings, kernel)
        channels = [image_shape[0] + source_channels, *(width * 2**level for level in range(halvings))]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(channels):
            layers += [nn.Conv2d(n_in, n_out, kernel, stride, pad), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, kernel, padding=pad))
        self.field = receptive_fields(self.layers)[-1]  # a patch's side; at the rim part of it lies outside

    def forward(self, images: Tensor, sources: Tensor | None = None) -> Tensor:
        return self.layers(images if sources is None else torch.cat([images, sources], 1))


# --- two sets of pictures, there and back -------------------------------------------------------------


def swapped(images: Tensor) -> Tensor:
    """The second half of a batch (2N, C, H, W) before the first."""
    first, second = images.chunk(2)
    return torch.cat([second, first])


class TranslatorPair(Network):
    """Two U-Nets, ``to_a`` from pictures of B to pictures of A, ``to_b`` back; arguments as for ``UNet``.

    A batch (2N, C, H, W) is N pictures of B, then N of A, and comes back as N of A, then N of B.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] = (3, 32, 32),
        width: int = 8,
        halvings: int = 2,
        skips: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.to_a = UNet(image_shape, None, width, halvings, skips, residual)
        self.to_b = UNet(image_shape, None, width, halvings, skips, residual)

    def forward(self, images: Tensor) -> Tensor:
        of_b, of_a = images.chunk(2)
        return torch.cat([self.to_a(of_b), self.to_b(of_a)])


class ImagePool(nn.Module):
    """The last pictures that a translator made, a few of which D sees again in place of new ones.

    They are saved with the network that holds them. ValueError for a batch of more pictures than there are places.
    Source: Shrivastava et al., arXiv 1612.07828, section 2.3; 50 pictures in CycleGAN, arXiv 1703.10593, section 4.
    """

    def __init__(self, size: int, image_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *image_shape))
        self.register_buffer("filled", torch.zeros(size, dtype=torch.bool))

    def forward(self, fakes: Tensor) -> Tensor:
        """Fakes (N, C, H, W), each with probability 1/2 exchanged for an older one, which is given out instead."""
        if not len(self.filled):
            return fakes
        places = places_for(len(fakes), self.filled)
        old, known = self.images[places], self.filled[places]
        exchanged = known & (torch.rand(len(fakes), device=fakes.device) < 0.5)
        stored = exchanged | ~known  # a free place takes a copy, and the new one is given out all the same
        self.images[places] = torch.where(stored.view(-1, 1, 1, 1), fakes, old)
        self.filled[places] = True
        return torch.where(exchanged.view(-1, 1, 1, 1), old, fakes)


def places_for(n: int, places: Tensor) -> Tensor:
    """n different ones of the pool's places, (n,), drawn at random; ValueError if it has fewer."""
    if n > len(places):
        raise ValueError(f"a batch of {n} for a pool of {len(places)} pictures: choose pool={n} or more, or 0 for none")
    return torch.randperm(len(places), device=places.device)[:n]


class DiscriminatorPair(Network):
    """Two discriminators of patches, ``a`` and ``b``, and a pool of fakes for each; arguments as for those.

    By default a patch is larger than a picture of 32x32: with patches of 22 pixels, as many seconds put glasses on
    fewer faces.

    A batch (2N, C, H, W) is N pictures of A, real or translated, then N of B: logits (2N, 1, h, w).
    """

    def __init__(
        self, image_shape: tuple[int, ...] = (3, 32, 32), width: int = 24, halvings: int = 3, pool: int = 50
    ) -> None:
        super().__init__()
        self.a = PatchDiscriminator(image_shape, 0, width, halvings)
        self.b = PatchDiscriminator(image_shape, 0, width, halvings)
        self.pools = nn.ModuleList(ImagePool(pool, image_shape) for _ in "ab")

    def forward(self, images: Tensor) -> Tensor:
        of_a, of_b = images.chunk(2)
        return torch.cat([self.a(of_a), self.b(of_b)])

    def remembered(self, fakes: Tensor) -> Tensor:
        """A batch of fakes in which the pools have put older ones in the place of some."""
        return torch.cat([pool(part) for pool, part in zip(self.pools, fakes.chunk(2), strict=True)])
