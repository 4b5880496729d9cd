"""How good a translation is: against the truth, where it is known, by what can still be read, and there and back.

For drawn faces the truth is known without a pair in the training: ``set_factor`` draws the same face with and without.
Notebooks 16 and 17 use it. Errors are mean absolute differences of pixels in [-1, 1]: 2 from black to white.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.data.faces import CHANCES, FACTORS, draw_faces, set_factor
from gan_helpers.data.sets import scale_pixels
from gan_helpers.metrics.readers import explained, read_factors
from gan_helpers.models.classifiers import FactorReader

Translate = Callable[[Tensor], Tensor]  # pictures (N, C, H, W) in [-1, 1] to pictures


def absolute_error(images: Tensor, truth: Tensor, where: Tensor | None = None) -> float:
    """The mean absolute difference of images and truth, (N, C, H, W) in [-1, 1]; of ``where`` (N, 1, H, W) alone.

    Raises:
        ValueError: shapes that differ, or no pixel to compare.
    """
    if images.shape != truth.shape:
        raise ValueError(f"pictures {tuple(images.shape)} and truth {tuple(truth.shape)}: compare the same ones")
    differences = (images - truth).abs()
    if where is not None:
        differences = differences[where.expand_as(differences)]
    if not differences.numel():
        raise ValueError("no pixel to compare: is the mask empty?")
    return float(differences.mean())


def roughness(images: Tensor) -> float:
    """How much neighbouring pixels differ, to the right and down together, for images (N, C, H, W) in [-1, 1].

    Blurred pictures have less than real ones, noisy ones more. Source: total variation, Rudin et al., Physica D 60
    (1992), here the mean of absolute differences.
    """
    return float(images.diff(dim=3).abs().mean() + images.diff(dim=2).abs().mean())


def colourfulness(images: Tensor) -> float:
    """How far the strongest channel of a pixel lies above its weakest, on average, (N, 3, H, W) in [-1, 1]; grey has 0.

    The mean of what HSV calls chroma. Translations of which the colour is a guess have less than real pictures.
    """
    return float((images.amax(1) - images.amin(1)).mean())


def at_reader(reader: Network, images: Tensor) -> Tensor:
    """Pictures (N, C, H, W) in [-1, 1] at the size that a reader or classifier was built for, smoothly resized."""
    side = reader.config["image_shape"][1]
    if images.shape[2] == images.shape[3] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=images.shape[2] > side)


def read_share(reader: FactorReader, images: Tensor, factors: Tensor, least: float = 0.5) -> float:
    """The share of the 25 factors (N, 25) of which the reader accounts for ``least`` of the variance in images.

    Set it beside the share in real pictures of the same size: small ones hide some factors from the reader.
    """
    quality = explained(read_factors(reader, at_reader(reader, images)), factors)
    return float((quality >= least).float().mean())


# --- one factor switched, as CycleGAN is to do ------------------------------------------------------------


@dataclass(frozen=True)
class SwitchScore:
    """How well two translators switch one factor of faces on and off; the true ones have 1, 1, 0, 0 and 0."""

    adds: float  # share of faces without it that are read with it after the translation
    removes: float  # share of faces with it that are read without it
    outside: float  # error against the true translation where the factor changes nothing, mean of both directions
    inside: float  # and where it does
    cycle: float  # error of there and back, mean of both directions

    def __str__(self) -> str:
        shares = f"adds {self.adds:4.0%}, removes {self.removes:4.0%}"
        return f"{shares}   error outside {self.outside:.3f}, inside {self.inside:.3f}, cycle {self.cycle:.3f}"


@dataclass(frozen=True)
class Referee:
    """Faces without a factor and the same faces with it, and who reads it: the truth of both translations."""

    without: Tensor  # (N, 3, size, size) in [-1, 1]
    having: Tensor
    factor: str
    reader: FactorReader

    @property
    def changed(self) -> Tensor:
        """Where the factor changes a pixel of each face, (N, 1, size, size)."""
        return (self.without != self.having).any(1, keepdim=True)

    def reads(self, images: Tensor) -> Tensor:
        """Does the reader find the factor in these pictures? (N,)"""
        found = read_factors(self.reader, at_reader(self.reader, images))
        return found[:, FACTORS.index(self.factor)] > 0.5

    def score(self, add: Translate, remove: Translate) -> SwitchScore:
        """What the translators make of these faces, and of their own translations."""
        having, without = add(self.without), remove(self.having)
        pairs = ((having, self.having), (without, self.without))
        cycles = (absolute_error(remove(having), self.without), absolute_error(add(without), self.having))
        return SwitchScore(
            float(self.reads(having).float().mean()),
            float((~self.reads(without)).float().mean()),
            sum(absolute_error(*pair, ~self.changed) for pair in pairs) / 2,
            sum(absolute_error(*pair, self.changed) for pair in pairs) / 2,
            sum(cycles) / 2,
        )


def referee(reader: FactorReader, factors: Tensor, size: int = 32, factor: str = "glasses") -> Referee:
    """The referee of faces with ``factors`` (N, 25), drawn at ``size``, for a factor that is there or not.

    Raises:
        ValueError: a factor that varies evenly has no with and without.
    """
    if factor not in CHANCES:
        raise ValueError(f"{factor!r} is not there or not: choose one of {', '.join(CHANCES)}")
    drawn = [scale_pixels(draw_faces(set_factor(factors, factor, value), size)) for value in (0.0, 1.0)]
    return Referee(*drawn, factor, reader)


# --- signals that a cycle hides ---------------------------------------------------------------------------


@torch.no_grad()
def cycle_error(there: Translate, back: Translate, images: Tensor, sigma: float = 0.0, seed: int = 0) -> float:
    """The error of there and back for images (N, C, H, W) in [-1, 1], with noise of ``sigma`` added half-way.

    Where it grows far beyond the noise, ``back`` lives on a signal too faint to be seen in the translation.
    Source: Chu et al., *CycleGAN, a Master of Steganography*, arXiv 1712.02950.
    """
    halfway = there(images)
    noise = torch.randn(halfway.shape, generator=torch.Generator().manual_seed(seed)).to(halfway)
    return absolute_error(back(halfway + sigma * noise), images)
