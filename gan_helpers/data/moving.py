"""Short clips of moving digits: notebook 11's moving pictures. A clip is T frames stacked as channels, (T, H, W).

Source: Srivastava et al., *Unsupervised Learning of Video Representations using LSTMs*, arXiv 1502.04681.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.data.sets import ImageSet, scale_pixels

FRAMES, FIELD, SPRITE = 16, 32, 16  # frames a clip; sides, in pixels, of the field and of the square that moves in it
SPEEDS = (0.8, 2.0)  # pixels a frame
MARGIN = 1 / 14  # of MNIST's 28 pixels, on each side: its digits fill 20
CLIPS_AT_ONCE = 250  # clips that are read or drawn in one go


# --- moving digits --------------------------------------------------------------------------------------


def reflect(distance: Tensor, limit: float) -> Tensor:
    """Where a ball is that has rolled a distance from 0 and bounces between walls at 0 and at limit."""
    return limit - (distance.remainder(2 * limit) - limit).abs()


def bouncing_paths(n: int, frames: int = FRAMES, limit: float = FIELD - SPRITE, seed: int = 0) -> Tensor:
    """Paths (n, frames, 2) in [0, limit]: any start and direction, a constant speed, a bounce at each wall."""
    random = torch.Generator().manual_seed(seed)
    start = 2 * limit * torch.rand(n, 1, 2, generator=random, dtype=torch.float32)
    angle, share = torch.rand(2, n, 1, generator=random, dtype=torch.float32)
    speed = SPEEDS[0] + (SPEEDS[1] - SPEEDS[0]) * share
    velocity = speed * torch.cat([(2 * torch.pi * angle).cos(), (2 * torch.pi * angle).sin()], 1)
    return reflect(start + velocity.unsqueeze(1) * torch.arange(frames).view(1, -1, 1), limit)


def shares(centres: Tensor, field: int = FIELD, side: int = SPRITE) -> tuple[Tensor, Tensor]:
    """How a square of pixels around centres (..., 2) and the field share ink: columns, rows, (..., field, side) each.

    1 where a pixel of the square meets one of the field, falling to 0 at a distance of one pixel: the weights of
    bilinear interpolation. Source: Jaderberg et al., *Spatial Transformer Networks*, arXiv 1506.02025, equation 5.
    """
    corner = centres.unsqueeze(-1) - side / 2  # (..., 2, 1): where the square's first column and row come to lie
    away = (torch.arange(field, device=centres.device) - corner).unsqueeze(-1)  # (..., 2, field, 1)
    weights = 1 - (away - torch.arange(side, device=centres.device)).abs()
    return weights.clamp(min=0).unbind(-3)


def place(sprites: Tensor, centres: Tensor, field: int = FIELD) -> Tensor:
    """Sprites (N, S, S), 0 to 1, on a black field, at each of their centres (N, T, 2): (N, T, field, field).

    Centres are (x, y) in pixels from the field's upper left corner and need not be whole. Differentiable in both.
    """
    columns, rows = shares(centres, field, sprites.shape[-1])
    return rows @ sprites.unsqueeze(1) @ columns.mT


def look(frames: Tensor, centres: Tensor, side: int = SPRITE) -> Tensor:
    """The square around a centre (N, 2) of each of the frames (N, H, W), square, 0 to 1: (N, side, side).

    ``place`` with the matrices transposed: at whole centres it takes back what that has put; black beyond the field.
    """
    columns, rows = shares(centres, frames.shape[-1], side)
    return rows.mT @ frames @ columns


def moving_digits(data: ImageSet, n: int, seed: int = 0, frames: int = FRAMES) -> tuple[ImageSet, Tensor]:
    """n clips of pictures of ``data`` that move: an ImageSet (n, frames, 32, 32), and their centres (n, frames, 2).

    The same data, n, seed and frames give the same clips. Colour becomes grey; ink must be light on dark.
    """
    chosen = torch.randint(len(data), (n,), generator=torch.Generator().manual_seed(seed))
    grey = data.images[chosen].float().mean(1, keepdim=True) / 255  # (n, 1, H, W)
    top, left = (round(MARGIN * side) for side in grey.shape[2:])
    inner = grey[:, :, top : grey.shape[2] - top, left : grey.shape[3] - left]
    sprites = F.interpolate(inner, (SPRITE, SPRITE), mode="bilinear", antialias=True).squeeze(1)
    centres = bouncing_paths(n, frames, seed=seed) + SPRITE / 2
    parts = zip(sprites.split(CLIPS_AT_ONCE), centres.split(CLIPS_AT_ONCE), strict=True)
    clips = torch.cat([place(*part).mul(255).round().to(torch.uint8) for part in parts])
    return ImageSet(clips, data.labels[chosen], data.classes, f"{data.source}, moving"), centres


# --- judged frame by frame, and over time ---------------------------------------------------------------


def as_ink(clips: Tensor) -> Tensor:
    """Clips, uint8 or floats in [-1, 1], as ink from 0 to 1."""
    return scale_pixels(clips).add(1).div(2)


def mass_centres(clips: Tensor) -> Tensor:
    """The centre of mass of each frame's ink: clips (N, T, H, W) to (x, y) in pixels, (N, T, 2)."""
    weights = as_ink(clips)
    like = {"device": clips.device, "dtype": weights.dtype}
    y, x = (torch.arange(side, **like) + 0.5 for side in clips.shape[2:])  # the middles of the pixels
    mass = weights.sum((2, 3)).clamp(min=1e-6)
    return torch.stack([weights.sum(2) @ x / mass, weights.sum(3) @ y / mass], 2)
