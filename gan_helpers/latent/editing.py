"""What varies in a face, read off its picture by a network, and moved in a generator's latent space.

``FactorReader`` learns from drawn faces, whose factors are known, and serves twice: its readings say what an edit
has changed, and its features are what evaluation measures in. Notebook 10 explains both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.data.faces import FACTORS
from gan_helpers.metrics.readers import read_factors
from gan_helpers.models.classifiers import FactorReader
from gan_helpers.models.sampling import generate

# --- directions in latent space -------------------------------------------------------------------------


def fit_factors(latents: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """The linear map from latents (N, d) to factors (N, F) by least squares: slopes (F, d), offsets (F,)."""
    ones = latents.new_ones(len(latents), 1)
    solution = torch.linalg.lstsq(torch.cat([latents, ones], 1), factors).solution  # (d + 1, F)
    return solution[:-1].T, solution[-1]


def leave_alone(direction: Tensor, others: Tensor) -> Tensor:
    """What is left of direction (d,) without its part along any of others (K, d), with length 1.

    Source: Shen et al., *Interpreting the Latent Space of GANs for Semantic Face Editing*, arXiv 1907.10786,
    section 2.2, conditional manipulation.
    """
    rest = direction - others.T @ (torch.linalg.pinv(others.T) @ direction)
    if rest.norm() < 1e-4 * direction.norm():
        raise ValueError(f"the {len(others)} directions to leave alone span this one too: leave fewer alone")
    return rest / rest.norm()


@torch.no_grad()
def measure_effects(
    generator: Network, reader: FactorReader, latents: Tensor, directions: Tensor, step: float = 2.0
) -> Tensor:
    """How a step along each of directions (D, d), unit vectors, changes each factor: (D, F).

    The mean over latents (N, d) of half the difference between ``step`` ahead and ``step`` back, in standard
    deviations of the factor over the faces at ``latents``.
    """
    spread = read_factors(reader, generate(generator, latents)).std(0).clamp(min=1e-6)
    rows = []
    for way in step * directions:
        ahead, back = (read_factors(reader, generate(generator, latents + sign * way)) for sign in (1, -1))
        rows.append((ahead - back).mean(0) / 2 / spread)
    return torch.stack(rows)


@dataclass(frozen=True)
class Edit:
    """What a step along a direction did to faces that had not had the wanted factor.

    Changes are mean absolute differences between a face before and after, as shares of the difference between two
    random faces: 0 is the same person, 1 a stranger. Rises and falls do not cancel, as they do in a mean of signed
    changes.
    """

    success: float  # the share of them that the reader finds it on afterwards
    change: float  # of the other factors, on average
    by_factor: Tensor  # of each factor, (F,), the wanted one among them


@torch.no_grad()
def try_edit(
    generator: Network, reader: FactorReader, latents: Tensor, direction: Tensor, name: str, step: float
) -> Edit:
    """Move latents (N, d) by ``step`` along a unit vector (d,), to raise the factor ``name`` above 0.5.

    Raises:
        ValueError: no face at ``latents`` lacks the factor.
    """
    before = read_factors(reader, generate(generator, latents))
    wanted = torch.arange(len(FACTORS), device=before.device) == FACTORS.index(name)
    lacking = before[:, wanted].squeeze(1) < 0.5
    if not lacking.any():
        raise ValueError(f"all {len(latents)} faces have the factor {name!r} already: give more")
    after = read_factors(reader, generate(generator, latents[lacking] + step * direction))
    strangers = (before - before.roll(1, 0)).abs().mean(0).clamp(min=1e-6)
    by_factor = (after - before[lacking]).abs().mean(0) / strangers
    success = (after[:, wanted] > 0.5).float().mean()
    return Edit(float(success), float(by_factor[~wanted].mean()), by_factor)


def step_to_success(
    generator: Network,
    reader: FactorReader,
    latents: Tensor,
    direction: Tensor,
    name: str,
    success: float = 0.8,
    longest: float = 12.0,
    halvings: int = 7,
) -> float:
    """The step at which ``try_edit`` succeeds on a share ``success`` of the faces, to ``longest / 2**halvings``.

    Infinite where not even ``longest`` does. Success is taken to grow with the step.
    """

    def enough(step: float) -> bool:
        return try_edit(generator, reader, latents, direction, name, step).success >= success

    low, high = 0.0, longest
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high if enough(high) else math.inf
