"""What varies in a face, read off its picture by a network, and moved in a generator's latent space.

``FactorReader`` learns from drawn faces, whose factors are known, and serves twice: its readings say what an edit
has changed, and its features are what evaluation measures in. Notebook 10 explains both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib as mpl
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from gan_helpers.checkpoints import load_network
from gan_helpers.classifiers import check_readable, one_cycle
from gan_helpers.convolutional import ConvDiscriminator, ConvGenerator, dcgan_pair
from gan_helpers.datasets import scale_pixels
from gan_helpers.environment import ASSETS
from gan_helpers.faces import FACTORS, SCALES, draw_faces, sample_factors
from gan_helpers.figures import plot
from gan_helpers.networks import Network, generate
from gan_helpers.runs import Settings

BATCH = 64
RECIPE = Settings(batch_size=64)  # for ``face_pair``


def face_pair(image_shape: tuple[int, ...] = (3, 64, 64)) -> tuple[ConvGenerator, ConvDiscriminator]:
    """The pair of notebook 10: DCGAN at half the width of notebook 09, as twice the side costs four times as much."""
    return dcgan_pair(image_shape, width=16)


# --- the reader -----------------------------------------------------------------------------------------


class FactorReader(Network):
    """Pictures (N, C, H, W) in [-1, 1] to the factors of a face, (N, 25), 0 to 1, through ``features`` (N, width)."""

    def __init__(self, image_shape: tuple[int, ...] = (3, 64, 64), width: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((image_shape[0], 24, 48, 96, 128)):
            kernel = 3 if layers else 5
            layers += [nn.Conv2d(n_in, n_out, kernel, 2, kernel // 2), nn.BatchNorm2d(n_out), nn.ReLU()]
        n_flat = 128 * (image_shape[1] // 16) * (image_shape[2] // 16)  # each convolution halves the sides
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_flat, width), nn.ReLU())
        self.factors = nn.Linear(width, len(FACTORS))

    def forward(self, images: Tensor) -> Tensor:
        return self.factors(self.features(images)).sigmoid()

    def head(self, features: Tensor) -> Tensor:
        """Features (N, width) to logits (N, 2) of "no glasses" and "glasses", as a classifier gives them."""
        logit = self.factors(features)[:, FACTORS.index("glasses")]
        return torch.stack([torch.zeros_like(logit), logit], 1)


def load_reader() -> FactorReader:
    """The shipped reader of 64x64 faces, in evaluation mode and frozen."""
    reader, _ = load_network(ASSETS / "weights" / "face_reader.safetensors", FactorReader)
    return reader.requires_grad_(False)


@torch.no_grad()
def read_factors(reader: FactorReader, images: Tensor, batch_size: int = 500) -> Tensor:
    """The factors (N, 25), 0 to 1, that a reader sees in images (N, C, H, W), uint8 or floats in [-1, 1].

    Raises:
        ValueError: pictures of another shape than the reader was built for.
    """
    check_readable(reader, images)
    device = next(reader.parameters()).device
    return torch.cat([reader.eval()(scale_pixels(part.to(device))) for part in images.split(batch_size)])


def factor_loss(read: Tensor, factors: Tensor) -> Tensor:
    """Binary cross-entropy of readings (N, 25) in (0, 1), for chances and scales alike, in nats a factor.

    Its minimum is at the factor itself, for values between 0 and 1 too, and it does not flatten where the sigmoid does.
    """
    return F.binary_cross_entropy(read, factors)


def train_reader(
    images: Tensor,
    factors: Tensor,
    epochs: int = 4,
    rate: float = 3e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = print,
) -> FactorReader:
    """A reader for images uint8 (N, C, H, W) with known factors (N, 25); one warm-up-and-decay cycle of the rate."""
    if len(images) != len(factors) or len(images) < BATCH:
        raise ValueError(f"{len(images)} pictures and {len(factors)} rows of factors: give {BATCH} or more of each")

    def loss(reader: FactorReader, chosen: Tensor) -> Tensor:
        return factor_loss(reader(scale_pixels(images[chosen])), factors[chosen])

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        reader = FactorReader(tuple(images.shape[1:])).to(images.device)
        return one_cycle(reader, loss, len(images), BATCH, epochs, rate, progress)


def explained(found: Tensor, truth: Tensor) -> Tensor:
    """R² of each column, (F,): the share of the variance of truth (N, F) that found (N, F) accounts for; 1 is all."""
    return 1 - (found - truth).square().sum(0) / (truth - truth.mean(0)).square().sum(0).clamp(min=1e-9)


def reading_quality(read: Tensor, factors: Tensor) -> dict[str, float]:
    """By factor: R² for scales, the share of right answers for chances, of readings (N, 25) against the truth."""
    right = ((read > 0.5) == (factors > 0.5)).float().mean(0)
    quality = torch.cat([explained(read, factors)[: len(SCALES)], right[len(SCALES) :]])
    return dict(zip(FACTORS, quality.tolist(), strict=True))


def held_out_faces(n: int, seed: int = 99) -> tuple[Tensor, Tensor]:
    """n drawn faces that no data set holds, uint8 (n, 3, 64, 64), and their factors (n, 25)."""
    factors = sample_factors(n, seed)
    return draw_faces(factors), factors


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
    """What a step along a direction did to faces that had not had the wanted factor."""

    success: float  # the share of them that the reader finds it on afterwards
    change: float  # of the other factors, on average, as a share of the difference between two faces: 1 is a stranger


@torch.no_grad()
def try_edit(
    generator: Network, reader: FactorReader, latents: Tensor, direction: Tensor, name: str, step: float
) -> Edit:
    """Move latents (N, d) by ``step`` along a unit vector (d,), to raise the factor ``name`` above 0.5."""
    before = read_factors(reader, generate(generator, latents))
    wanted = torch.arange(len(FACTORS), device=before.device) == FACTORS.index(name)
    lacking = before[:, wanted].squeeze(1) < 0.5
    if not lacking.any():
        raise ValueError(f"all {len(latents)} faces have the factor {name!r} already: give more")
    after = read_factors(reader, generate(generator, latents[lacking] + step * direction))
    strangers = (before - before.roll(1, 0)).abs().mean(0)[~wanted].clamp(min=1e-6)
    change = (after - before[lacking]).abs().mean(0)[~wanted]
    success = (after[:, wanted] > 0.5).float().mean()
    return Edit(float(success), float((change / strangers).mean()))


@plot
def plot_effects(effects: Tensor, moved: Sequence[str], title: str = "") -> tuple[Figure, str]:
    """effects (D, F) of ``measure_effects``: a row for each direction, a column a factor, purple up, orange down."""
    figure = Figure(figsize=(9.5, 1.9 + 0.3 * len(moved)))
    axes = figure.subplots()
    colours = mpl.colormaps["PuOr"].resampled(25)  # few enough for a small file
    shown = axes.imshow(effects.cpu().numpy(), cmap=colours, vmin=-1.5, vmax=1.5, aspect="auto")
    axes.set_xticks(range(len(FACTORS)), FACTORS, rotation=60, ha="right", fontsize=9)
    axes.set_yticks(range(len(moved)), moved, fontsize=9)
    axes.set(ylabel="direction", title=title)
    axes.grid(False)
    figure.colorbar(shown, label="change, standard deviations")
    return figure, f"{title}: a matrix of {len(moved)} directions by {len(FACTORS)} factors"


@plot
def plot_by_factor(values: Mapping[str, Sequence[float]], title: str = "") -> tuple[Figure, str]:
    """Named rows of 25 numbers, 0 to 1, one for each of ``FACTORS``, as dots over the factors."""
    figure = Figure(figsize=(9.5, 3.4))
    axes = figure.subplots()
    for (name, row), mark in zip(values.items(), "osD^v", strict=False):
        axes.plot(range(len(FACTORS)), list(map(float, row)), mark, label=name, markersize=6)
    axes.set_xticks(range(len(FACTORS)), FACTORS, rotation=60, ha="right", fontsize=9)
    axes.set(ylim=(-0.05, 1.05))
    axes.set_title(title, loc="left")
    figure.legend(loc="outside upper right", ncols=len(values))
    return figure, f"{title}: {', '.join(values)} for each of {len(FACTORS)} factors"
