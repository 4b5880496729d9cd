"""Edges of pictures, as thin white lines on black. Notebook 16 makes its pairs with them.

Source: Canny, *A Computational Approach to Edge Detection*, IEEE PAMI 8 (1986), with Sobel's kernels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMOOTHING = (0.25, 0.5, 0.25)
SLOPE = (-0.5, 0.0, 0.5)
STEPS = ((0, 1), (1, 1), (1, 0), (1, -1))  # (down, right) to the neighbour across an edge, for gradients of 0, 45, ...


def separable(images: Tensor, down: tuple[float, ...], right: tuple[float, ...]) -> Tensor:
    """Each channel of images (N, C, H, W) under the 3x3 kernel down[i] * right[j]; the rim's pixels go on beyond it."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    rows = down[0] * padded[..., :-2, :] + down[1] * padded[..., 1:-1, :] + down[2] * padded[..., 2:, :]
    return right[0] * rows[..., :-2] + right[1] * rows[..., 1:-1] + right[2] * rows[..., 2:]


def gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """How brightness changes a pixel to the right, and down: (N, C, H, W) each, by Sobel's kernels over 8."""
    return separable(images, SMOOTHING, SLOPE), separable(images, SLOPE, SMOOTHING)


def thinned(size: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Of gradients' sizes (N, 1, H, W) those that no neighbour along the gradient exceeds; 0 in place of the others."""
    sector = (torch.atan2(down, right) / (torch.pi / 4)).round().long() % 4  # which of STEPS is nearest
    padded, (h, w) = F.pad(size, (1, 1, 1, 1)), size.shape[2:]
    kept = torch.zeros_like(size, dtype=torch.bool)
    for number, (y, x) in enumerate(STEPS):
        ahead = padded[..., 1 + y : 1 + y + h, 1 + x : 1 + x + w]
        behind = padded[..., 1 - y : 1 - y + h, 1 - x : 1 - x + w]
        kept |= (sector == number) & (size > ahead) & (size >= behind)  # of two equal ones, one
    return size * kept


def connected(strong: Tensor, weak: Tensor) -> Tensor:
    """Strong edges (N, 1, H, W), true or false, and the weak ones that a path of weak ones joins to them."""
    found, before = strong & weak, None
    while before is None or not torch.equal(found, before):
        before, found = found, weak & grown(found)
    return found


def grown(marked: Tensor) -> Tensor:
    """True where one of the nine pixels around is, for marks (N, 1, H, W), true or false."""
    padded = F.pad(marked, (1, 1, 1, 1))
    rows = padded[..., :-2, :] | padded[..., 1:-1, :] | padded[..., 2:, :]
    return rows[..., :-2] | rows[..., 1:-1] | rows[..., 2:]


def edge_map(images: Tensor, low: float = 0.02, high: float = 0.06) -> Tensor:
    """The edges of images uint8 (N, C, H, W): uint8 (N, 1, H, W), 255 on an edge, else 0.

    Args:
        low, high: sizes of a gradient, as a share of black to white from one pixel to the next. Above ``high`` it is
            an edge; above ``low`` it is where it continues one.

    Raises:
        ValueError: other pictures, or not 0 <= low <= high.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(
            f"edges are found in uint8 pictures (N, C, H, W), not {images.dtype} {tuple(images.shape)}: "
            "unscale_pixels(images) makes them of floats in [-1, 1]"
        )
    if not 0 <= low <= high:
        raise ValueError(f"low={low}, high={high}: choose 0 <= low <= high, such as 0.02 and 0.06")
    return torch.cat([_edges(part, low, high) for part in images.split(1000)])


def _edges(images: Tensor, low: float, high: float) -> Tensor:
    right, down = gradients(images.float() / 255)
    channel = (right.square() + down.square()).argmax(1, keepdim=True)  # the one in which the edge is clearest
    right, down = right.gather(1, channel), down.gather(1, channel)
    size = thinned(torch.hypot(right, down), right, down)
    return connected(size > high, size > low).byte() * 255
