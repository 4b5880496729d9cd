"""Changes that leave a picture's class as it is: a training that sees them has more pictures to learn from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TURN, SCALE, SHIFT = 0.2, 0.1, 0.14  # radians; a share of the size; a share of half the width, 2 pixels of 28


def jitter(images: Tensor) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], each turned, scaled and shifted a little at random: for digits and signs."""
    n, like = len(images), {"device": images.device, "dtype": images.dtype}
    angle = (2 * torch.rand(n, **like) - 1) * TURN
    scale = 1 + (2 * torch.rand(n, **like) - 1) * SCALE
    shift = (2 * torch.rand(n, 2, **like) - 1) * SHIFT
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    grid = F.affine_grid(
        torch.cat([turn * scale.view(n, 1, 1), shift.unsqueeze(2)], 2), images.shape, align_corners=False
    )
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def flip(images: Tensor) -> Tensor:
    """Images (N, C, H, W), each mirrored left to right with probability one half: for pictures, not for writing."""
    turned = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(turned, images.flip(-1), images)


def shift(images: Tensor, margin: int, mode: str = "constant") -> Tensor:
    """Images (N, C, H, W), each moved by up to ``margin`` pixels; ``F.pad`` fills the edge by ``mode``, or with 0."""
    n, _, height, width = images.shape
    top, left = torch.randint(2 * margin + 1, (2, n, 1, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)[:, None]  # (N, H, 1)
    columns = left + torch.arange(width, device=images.device)  # (N, 1, W)
    which = torch.arange(n, device=images.device)[:, None, None]
    padded = F.pad(images, (margin,) * 4, mode)
    return padded[which, :, rows, columns].permute(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W)


def flip_and_crop(images: Tensor, margin: int = 4) -> Tensor:
    """Images (N, C, H, W), each mirrored half of the time and shifted by up to ``margin`` pixels in both directions.

    What a shift leaves empty shows the picture mirrored at its edge. Source: He et al., arXiv 1512.03385, section 4.2.
    """
    return shift(flip(images), margin, "reflect")


# --- for a GAN's D, notebook 07: gradients pass through it to G -----------------------------------------


def cutout(images: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W), each with a square of ``side`` pixels around a random point set to 0, mid-grey."""
    n, _, height, width = images.shape
    y = torch.arange(height) - torch.randint(height, (n, 1)) + side // 2  # (N, H), from the square's top
    x = torch.arange(width) - torch.randint(width, (n, 1)) + side // 2  # (N, W), from its left
    rows, columns = (y >= 0) & (y < side), (x >= 0) & (x < side)
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)


def diff_augment(images: Tensor) -> Tensor:
    """Digits, moved and cut half as far as photographs are in the source: Zhao et al., arXiv 2006.10738."""
    return cutout(shift(images, 2), 7)
