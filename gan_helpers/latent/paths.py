"""Paths through latent space: arcs, and closed loops whose pictures change at an even pace. Notebooks 05 and 11."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.models.sampling import generate


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at t in [0, 1] on the great-circle arc from a to b, (..., latent_dim) each.

    Direction and length are interpolated apart, so the way keeps the length that the generator
    was trained on. Source: White, *Sampling Generative Networks*, arXiv 1609.04468.
    """
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u, v = a / length_a, b / length_b
    angle = (u * v).sum(-1, keepdim=True).clamp(-1, 1).acos()
    arc = (((1 - t) * angle).sin() * u + (t * angle).sin() * v) / angle.sin()
    arc = torch.where(angle.sin() < 1e-4, torch.lerp(u, v, t), arc)  # on one line there is no arc to follow
    return arc * torch.lerp(length_a, length_b, t)


# --- the way --------------------------------------------------------------------------------------------


def closed_path(corners: Tensor, times: Tensor) -> Tensor:
    """Points (T, latent_dim) on the closed way through corners (K, latent_dim), along arcs, at times (T,) in [0, 1).

    Time 0 is the first corner, time 1 would be it again. The speed is constant: equal times, equal angles.

    Raises:
        ValueError: fewer than two corners, or times outside [0, 1).
    """
    if len(corners) < 2 or corners.ndim != 2:
        raise ValueError(f"corners of shape {tuple(corners.shape)}: a way needs two or more points, (K, latent_dim)")
    if times.min() < 0 or times.max() >= 1:
        raise ValueError(f"times from {times.min():.3g} to {times.max():.3g}: they must be at least 0 and below 1")
    following = corners.roll(-1, 0)
    angles = F.cosine_similarity(corners, following).clamp(-1, 1).acos()
    ends = angles.cumsum(0) / angles.sum()  # when each leg is done
    leg = torch.searchsorted(ends, times, right=True).clamp(max=len(corners) - 1)
    fraction = 1 - (ends[leg] - times) / (angles / angles.sum())[leg]
    return slerp(corners[leg], following[leg], fraction.unsqueeze(1))


def frame_distances(frames: Tensor) -> Tensor:
    """How far it is from each frame (T, ...) to the next, and from the last to the first: (T,), Euclidean."""
    rows = frames.flatten(1)
    return (rows - rows.roll(-1, 0)).norm(dim=1)


def variation(distances: Tensor) -> float:
    """Standard deviation over mean: 0 for a film at an even pace."""
    return float(distances.std(correction=0) / distances.mean())


def even_times(times: Tensor, distances: Tensor) -> Tensor:
    """New times (T,) between which the picture changes equally, from times (T,) and their ``frame_distances`` (T,).

    The picture is taken to change steadily between two frames, so repeat it where that is not so. The first stays.
    """
    travelled = torch.cat([distances.new_zeros(1), distances.cumsum(0)])
    clock = torch.cat([times, times[:1] + 1])
    wanted = travelled[-1] * torch.arange(len(times), device=times.device) / len(times)
    after = torch.searchsorted(travelled, wanted, right=True).clamp(1, len(times))
    share = (wanted - travelled[after - 1]) / (travelled[after] - travelled[after - 1]).clamp(min=1e-12)
    return torch.lerp(clock[after - 1], clock[after], share)


def even_loop(
    generator: Network, corners: Tensor, frames: int, rounds: int = 4, view: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Latents (frames, latent_dim) on the closed way through corners whose pictures are equally far apart.

    ``view`` turns pictures (T, C, H, W) into what distance is measured in, (T, ...), such as a classifier's
    features; by default it is pixels.
    """
    times = torch.arange(frames, device=corners.device) / frames
    for _ in range(rounds):
        pictures = generate(generator, closed_path(corners, times))
        times = even_times(times, frame_distances(pictures if view is None else view(pictures)))
    return closed_path(corners, times)
