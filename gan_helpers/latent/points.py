"""The geometry of latent space: points by seed, directions, paths, maps, and files.

Pure functions on latent vectors (N, latent_dim); the explorer puts them under the hand. Nothing here touches
torch's global random state: a widget's callback may run beside a training cell, whose numbers it must not change.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import CheckpointError, Network, load_tensors, save_tensors
from gan_helpers.latent.paths import slerp
from gan_helpers.models.sampling import check_latents

# --- points and directions ----------------------------------------------------------------------------


def random_points(generator: Network, seed: int, count: int = 1) -> Tensor:
    """``count`` latent vectors (count, latent_dim), drawn as in training; the same seed gives the same ones.

    They are drawn on the CPU in 32 bits and then moved, so a seed means the same point on every device, in every type.
    """
    source = torch.Generator().manual_seed(seed % 2**63)  # whatever was typed
    points = torch.empty(count, generator.config["latent_dim"], dtype=torch.float32)
    points = points.uniform_(-1, 1, generator=source) if is_uniform(generator) else points.normal_(generator=source)
    return points.to(next(generator.parameters()))


def is_uniform(generator: Network) -> bool:
    """Are its latent vectors uniform in [-1, 1) (else standard normal)?"""
    return generator.config.get("latent", "normal") == "uniform"


def principal_directions(generator: Network, count: int = 8) -> Tensor:
    """The ``count`` directions (count, latent_dim) that move the first layer's response most, unit length.

    For standard normal z the response W z has covariance W W^T, whose principal components are
    reached by the right singular vectors of W, largest singular value first.
    Source: Shen and Zhou, *Closed-Form Factorization of Latent Semantics in GANs*, arXiv 2007.06600.
    """
    weight = first_weight(generator)
    return torch.linalg.svd(weight.detach(), full_matrices=False).Vh[:count]


def first_weight(generator: Network) -> Tensor:
    """The matrix W (responses, latent_dim) of the first layer with weights: Linear, Conv2d or ConvTranspose2d.

    A convolution sees z as one pixel of ``latent_dim`` channels. Inputs behind z, such as a label's, are left out.

    Raises:
        ValueError: there is no such layer, or it does not see z itself.
    """
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    layer = next((layer for layer in generator.modules() if isinstance(layer, kinds)), None)
    inputs = getattr(layer, "in_features", getattr(layer, "in_channels", 0))
    width = generator.config["latent_dim"]
    if inputs < width:
        raise ValueError("the generator's first layer does not see z itself: pass directions of your own")
    if isinstance(layer, nn.Linear):
        return layer.weight[:, :width]
    units = torch.eye(width, inputs, device=layer.weight.device)[:, :, None, None]  # (latent_dim, inputs, 1, 1)
    with torch.no_grad():
        return (layer(units) - layer(torch.zeros_like(units))).flatten(1).T  # the bias cancels


def between(a: Tensor, b: Tensor, t: float, spherical: bool = True) -> Tensor:
    """The point at t in [0, 1] on the way from a to b, (1, latent_dim) each: on the arc or the straight line.

    The origin has no direction, so every way from or to it is straight.
    """
    straight = not spherical or a.norm() == 0 or b.norm() == 0
    return torch.lerp(a, b, t) if straight else slerp(a, b, t)


def plane_map(a: Tensor, b: Tensor, c: Tensor, side: int = 9, keep_length: bool = True) -> Tensor:
    """A grid (side * side, latent_dim), row by row, on the plane through three points (1, latent_dim).

    a is the corner at the top left, b at the top right, c at the bottom left: a + u (b - a) + v (c - a), u and v
    in [0, 1]. ``keep_length``, for normal z: each point gets the length found by the same interpolation between
    the lengths of a, b and c, since points in the middle of a plane are shorter than those that G was trained on.
    """
    steps = torch.linspace(0, 1, side, device=a.device, dtype=a.dtype)
    v, u = (grid.reshape(-1, 1) for grid in torch.meshgrid(steps, steps, indexing="ij"))
    points = a + u * (b - a) + v * (c - a)
    if not keep_length:
        return points
    lengths = torch.cat([a, b, c]).norm(dim=1)
    wanted = lengths[0] + u * (lengths[1] - lengths[0]) + v * (lengths[2] - lengths[0])
    wanted = wanted.clamp(min=lengths.min())  # only beyond the triangle, where it could fall below 0
    return points * (wanted / points.norm(dim=1, keepdim=True).clamp(min=1e-6))


# --- where one has been -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Position:
    """A place in latent space as the controls say it: a start, how far each slider moved, and the class."""

    start: Tensor  # (1, latent_dim)
    origin: str  # what the start is, in words
    seed: int
    values: tuple[float, ...] = ()  # along the directions
    numbers: tuple[float, ...] = ()  # added to single coordinates
    label: int | None = None


class UndoStack:
    """The positions so far. Moves of one kind that follow each other, such as one slider's, count as one."""

    def __init__(self, position: Position, longest: int = 500) -> None:
        self.now = position
        self._past: deque[Position] = deque(maxlen=longest)
        self._kind: str | None = None

    def move(self, position: Position, kind: str | None = None) -> None:
        """Go to ``position``; a kind of None never joins the move before it."""
        if kind is None or kind != self._kind:
            self._past.append(self.now)
        self.now, self._kind = position, kind

    def undo(self) -> Position | None:
        """Go back one move and return where that is; None at the beginning."""
        if not self._past:
            return None
        self.now, self._kind = self._past.pop(), None
        return self.now


# --- files --------------------------------------------------------------------------------------------


def weights_fingerprint(generator: Network) -> str:
    """Sixteen hexadecimal digits that tell a generator from another one: of its class, arguments and weights."""
    digest = hashlib.sha256(f"{type(generator).__name__} {generator.config}".encode())
    for name, tensor in generator.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def save_latents(path: Path, latents: Tensor, generator: Network | None = None, **facts: Any) -> None:
    """Write latent vectors (N, latent_dim) and JSON-able facts about them, atomically.

    With the ``generator`` that makes pictures of them, its ``weights_fingerprint`` goes into the file as well.
    """
    made_by = {} if generator is None else {"fingerprint": weights_fingerprint(generator)}
    save_tensors(path, {"latents": latents}, {**facts, **made_by})


def of_another_generator(facts: dict[str, Any], generator: Network) -> bool:
    """Do the facts of a file say that its vectors were saved with other weights? Then they mean other pictures."""
    return facts.get("fingerprint", "") not in ("", weights_fingerprint(generator))


def load_latents(path: Path, generator: Network) -> tuple[Tensor, dict[str, Any]]:
    """Latent vectors (N, latent_dim) for this generator, on its device, and the facts saved with them.

    Raises:
        CheckpointError: the file is missing or damaged, holds something else, or fits another generator.
    """
    tensors, facts = load_tensors(path)
    latents = tensors.get("latents")
    if latents is None or not latents.is_floating_point() or not latents.isfinite().all():
        raise CheckpointError(f"{path} holds no latent vectors: choose a file that save_latents wrote")
    try:
        check_latents(generator, latents)
    except ValueError as error:
        raise CheckpointError(f"{path} is for another generator: {error}") from error
    return latents.to(next(generator.parameters())), facts
