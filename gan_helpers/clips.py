"""Short clips of moving digits, and a video GAN with one code for what is seen and one for how it moves.

The last section of notebook 11. A clip is T frames stacked as channels, (T, H, W), so that ``training.train_gan``
trains on clips as it does on pictures. Sources: content and motion codes, a judge of frames and a judge of clips
are those of Tulyakov et al., *MoCoGAN*, arXiv 1707.04993; moving digits, Srivastava et al., arXiv 1502.04681.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.classifiers import Reading, read_images
from gan_helpers.datasets import ImageSet, scale_pixels
from gan_helpers.evaluation import frechet_distance
from gan_helpers.networks import (
    Classifier,
    Discriminator,
    Generator,
    MinibatchStatistics,
    Network,
    add_minibatch_statistics,
    check_latents,
)
from gan_helpers.runs import Settings

FRAMES, FIELD, SPRITE = 16, 32, 16  # frames a clip; sides, in pixels, of the field and of the square that moves in it
SPEEDS = (0.8, 2.0)  # pixels a frame
MARGIN = 1 / 14  # of MNIST's 28 pixels, on each side: its digits fill 20
RECIPE = Settings(batch_size=64)
AT_ONCE = 250  # clips that are read or drawn in one go


# --- moving digits --------------------------------------------------------------------------------------


def reflect(distance: Tensor, limit: float) -> Tensor:
    """Where a ball is that has rolled a distance from 0 and bounces between walls at 0 and at limit."""
    return limit - (distance.remainder(2 * limit) - limit).abs()


def bouncing_paths(n: int, frames: int = FRAMES, limit: float = FIELD - SPRITE, seed: int = 0) -> Tensor:
    """Paths (n, frames, 2) in [0, limit]: any start and direction, a constant speed, a bounce at each wall."""
    random = torch.Generator().manual_seed(seed)
    start = 2 * limit * torch.rand(n, 1, 2, generator=random)
    angle, share = torch.rand(2, n, 1, generator=random)
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

    ``place`` with the matrices transposed: it takes back what that has put there, black beyond the field.
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
    parts = zip(sprites.split(AT_ONCE), centres.split(AT_ONCE), strict=True)
    clips = torch.cat([place(*part).mul(255).round().to(torch.uint8) for part in parts])
    return ImageSet(clips, data.labels[chosen], data.classes, f"{data.source}, moving"), centres


# --- the two networks -----------------------------------------------------------------------------------


class PathNetwork(nn.Module):
    """Motion codes (N, motion_dim) to centres (N, frames, 2), in pixels: a state that steps through time."""

    def __init__(self, motion_dim: int, field: int, width: int = 64) -> None:
        super().__init__()
        self.field = field
        self.start = nn.Linear(motion_dim, width)
        self.steps = nn.GRU(motion_dim, width, batch_first=True)
        self.position = nn.Linear(width, 2)

    def forward(self, motion: Tensor, frames: int = FRAMES) -> Tensor:
        inputs = motion.unsqueeze(1).expand(-1, frames, -1)  # the same at every step: the state must count
        states, _ = self.steps(inputs, self.start(motion).tanh().unsqueeze(0))  # (N, frames, width)
        return self.field / 2 + (self.field - SPRITE) / 2 * self.position(states)


class ClipGenerator(Network):
    """Latent vectors (N, latent_dim), content code first, to clips (N, T, H, W) in [-1, 1]."""

    def __init__(
        self,
        latent_dim: int = 72,
        motion_dim: int = 8,
        image_shape: tuple[int, ...] = (FRAMES, FIELD, FIELD),
        widths: tuple[int, ...] = (256, 512, 1024),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        self.sprite = Generator(latent_dim - motion_dim, (1, SPRITE, SPRITE), widths, dropout=0.0, batch_norm=True)
        self.path = PathNetwork(motion_dim, image_shape[-1])

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        frames, field, _ = self.config["image_shape"]
        content, motion = latents.tensor_split([-self.config["motion_dim"]], 1)
        sprites = (self.sprite(content).squeeze(1) + 1) / 2  # (N, S, S), 0 to 1
        return 2 * place(sprites, self.path(motion, frames), field) - 1


class ClipDiscriminator(Network):
    """Clips (N, T, H, W) in [-1, 1] to logits (2N,): one for each clip, then one for a frame of each."""

    def __init__(
        self,
        image_shape: tuple[int, ...] = (FRAMES, FIELD, FIELD),
        channels: tuple[int, ...] = (32, 64),
        widths: tuple[int, ...] = (512, 256),
    ) -> None:
        super().__init__()
        frames, field, _ = image_shape
        layers: list[nn.Module] = [nn.AvgPool2d(2)]  # half the resolution is enough to see it move
        for n_in, n_out in pairwise((frames, *channels)):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        n_flat = channels[-1] * (field // 2 ** (len(channels) + 1)) ** 2
        self.clip = nn.Sequential(*layers, nn.Flatten(), MinibatchStatistics(), nn.Linear(n_flat + 1, 1))
        self.frame = add_minibatch_statistics(Discriminator((1, SPRITE, SPRITE), widths, dropout=0.0))

    def forward(self, clips: Tensor) -> Tensor:
        t = torch.randint(clips.shape[1], (len(clips), 1, 1, 1), device=clips.device)
        frames = clips.take_along_dim(t, 1)  # (N, 1, H, W), any one of each clip
        squares = look(as_ink(frames.squeeze(1)), mass_centres(frames.detach()).squeeze(1))  # (N, S, S), 0 to 1
        return torch.cat([self.clip(clips).squeeze(1), self.frame(2 * squares.unsqueeze(1) - 1)])


# --- judged frame by frame, and over time ---------------------------------------------------------------


def as_ink(clips: Tensor) -> Tensor:
    """Clips, uint8 or floats in [-1, 1], as ink from 0 to 1."""
    return scale_pixels(clips).add(1).div(2)


def mass_centres(clips: Tensor) -> Tensor:
    """The centre of mass of each frame's ink: clips (N, T, H, W) to (x, y) in pixels, (N, T, 2)."""
    weights = as_ink(clips)
    y, x = (torch.arange(side, device=clips.device) + 0.5 for side in clips.shape[2:])  # the middles of the pixels
    mass = weights.sum((2, 3)).clamp(min=1e-6)
    return torch.stack([weights.sum(2) @ x / mass, weights.sum(3) @ y / mass], 2)


def cut_out(clips: Tensor, side: int = 28) -> Tensor:
    """The square around each frame's centre of mass as MNIST has it: (N, T, H, W) to (N * T, 1, side, side).

    In [-1, 1], enlarged to side x side, the brightest pixel made white.
    """
    window = SPRITE / (1 - 2 * MARGIN)  # the sprite and the margin that was cut away, in pixels of the field
    within = ((torch.arange(side, device=clips.device) + 0.5) / side - 0.5) * window
    around = torch.stack(torch.meshgrid(within, within, indexing="xy"), 2)  # (side, side, 2) of x and y
    frames = as_ink(clips).flatten(0, 1).unsqueeze(1)  # (N * T, 1, H, W)
    frames = frames / frames.amax((2, 3), keepdim=True).clamp(min=1e-6)
    places = mass_centres(clips).flatten(0, 1)[:, None, None] + around
    return 2 * F.grid_sample(frames, places / clips.shape[-1] * 2 - 1, align_corners=False) - 1


def read_frames(classifier: Classifier, clips: Tensor) -> Reading:
    """What a classifier of 28x28 digits makes of each frame's square: N * T rows, clip after clip."""
    parts = [read_images(classifier, cut_out(part)) for part in clips.split(AT_ONCE)]
    return Reading(torch.cat([p.features for p in parts]), torch.cat([p.probabilities for p in parts]))


def kept_share(labels: Tensor, missing: int = 2) -> float:
    """The share of clips that are read as one class in all frames but ``missing`` at most; labels (N, T)."""
    most = F.one_hot(labels).sum(1).amax(1)  # (N,): how often the most frequent label occurs
    return float((most >= labels.shape[1] - missing).float().mean())


def clip_labels(classifier: Classifier, clips: Tensor) -> Tensor:
    """The class that each clip is read as in most of its frames, (N,)."""
    labels = read_frames(classifier, clips).labels.view(clips.shape[:2])
    return labels.mode(1).values


def bend(paths: Tensor) -> Tensor:
    """Mean length of the second difference of paths (N, T, 2), in pixels: (N,), 0 at constant velocity."""
    return paths.diff(n=2, dim=1).norm(dim=2).mean(1)


def path_correlation(a: Tensor, b: Tensor) -> float:
    """How alike paths (N, T, 2) run, pair by pair: the correlation of x with x and y with y, -1 to 1."""
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@dataclass(frozen=True)
class ClipScore:
    """What ``score_clips`` finds: two numbers of single frames, then two over time."""

    frechet: float  # Fréchet distance of the frames, in the classifier's features
    kept: float  # share of clips that are read as one class in all frames but two
    path_frechet: float  # Fréchet distance of the paths of the ink's centre, in square pixels
    bend: float  # of those paths, on average

    def __str__(self) -> str:
        frames = f"frames: distance {self.frechet:7.1f}, digit kept {self.kept:4.0%}"
        return f"{frames}   over time: distance {self.path_frechet:6.1f}, bend {self.bend:.2f}"


def score_clips(clips: Tensor, real: Tensor, classifier: Classifier) -> ClipScore:
    """Compare clips (N, T, H, W) with real ones (M, T, H, W), uint8 or floats in [-1, 1].

    Blind spots: the classifier is shown a square around the ink, not where that is; a path is the path of all ink
    together; "kept" is high for anything that never changes, be it a digit or not.
    """
    read, truth = read_frames(classifier, clips), read_frames(classifier, real)
    paths, true_paths = mass_centres(clips), mass_centres(real)
    return ClipScore(
        frechet_distance(read.features, truth.features),
        kept_share(read.labels.view(clips.shape[:2])),
        frechet_distance(paths.flatten(1), true_paths.flatten(1)),
        float(bend(paths).mean()),
    )
