"""What networks read in pictures: a digit's class, the factors of a face, the frames and paths of a clip.

Their features are what ``distances`` measures in. The shipped ones load with ``load_classifier`` and ``load_reader``;
``python -m gan_helpers classifier`` makes one for labelled pictures of your own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import Network, load_shipped
from gan_helpers.data.faces import FACTORS, SCALES
from gan_helpers.data.moving import CLIPS_AT_ONCE, MARGIN, SPRITE, as_ink, mass_centres
from gan_helpers.data.sets import ImageSet
from gan_helpers.metrics.distances import frechet_distance
from gan_helpers.models.classifiers import Classifier, FactorReader
from gan_helpers.models.sampling import as_input


@dataclass(frozen=True)
class Reading:
    """What a classifier makes of N pictures: ``features`` (N, F) and class ``probabilities`` (N, K), float32."""

    features: Tensor
    probabilities: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, chosen: slice | Tensor) -> Reading:
        return Reading(self.features[chosen], self.probabilities[chosen])

    @property
    def labels(self) -> Tensor:
        """The most probable class of each picture, (N,)."""
        return self.probabilities.argmax(1)


def check_readable(classifier: Network, images: Tensor) -> None:
    """ValueError, naming the remedy, unless images (N, C, H, W) have the shape that the network was built for."""
    expected = tuple(classifier.config["image_shape"])
    if tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"pictures of shape {tuple(images.shape[1:])}, but the classifier reads {expected}: "
            "train one for your pictures with python -m gan_helpers classifier, "
            f"or fit a folder's to it with load_images(folder, size={expected[1]})"
        )


@torch.no_grad()
def read_images(classifier: Classifier, images: Tensor, batch_size: int = 500) -> Reading:
    """Features and class probabilities of images (N, C, H, W), uint8 or floats in [-1, 1].

    Raises:
        ValueError: pictures of another shape than the classifier was built for.
    """
    check_readable(classifier, images)
    classifier.eval()
    features = torch.cat([classifier.features(as_input(classifier, part)) for part in images.split(batch_size)])
    return Reading(features, classifier.head(features).softmax(1))


def load_classifier(name: str = "mnist") -> Classifier:
    """The shipped classifier of "mnist" (28x28 digits), "photo" or "logogram", in evaluation mode and frozen."""
    classifier, _ = load_shipped(f"{name}_classifier", Classifier)
    return classifier.requires_grad_(False)


def accuracy(classifier: Classifier, data: ImageSet) -> float:
    """The share of pictures whose label the classifier names, 0 to 1."""
    read = read_images(classifier, data.images).labels
    return float((read == data.labels.to(read.device)).float().mean())


def load_reader() -> FactorReader:
    """The shipped reader of 64x64 faces, in evaluation mode and frozen."""
    reader, _ = load_shipped("face_reader", FactorReader)
    return reader.requires_grad_(False)


@torch.no_grad()
def read_factors(reader: FactorReader, images: Tensor, batch_size: int = 500) -> Tensor:
    """The factors (N, 25), 0 to 1, that a reader sees in images (N, C, H, W), uint8 or floats in [-1, 1].

    Raises:
        ValueError: pictures of another shape than the reader was built for.
    """
    check_readable(reader, images)
    return torch.cat([reader.eval()(as_input(reader, part)) for part in images.split(batch_size)])


def explained(found: Tensor, truth: Tensor) -> Tensor:
    """R² of each column, (F,): the share of the variance of truth (N, F) that found (N, F) accounts for; 1 is all."""
    return 1 - (found - truth).square().sum(0) / (truth - truth.mean(0)).square().sum(0).clamp(min=1e-9)


def reading_quality(read: Tensor, factors: Tensor) -> dict[str, float]:
    """By factor: R² for scales, the share of right answers for chances, of readings (N, 25) against the truth."""
    right = ((read > 0.5) == (factors > 0.5)).float().mean(0)
    quality = torch.cat([explained(read, factors)[: len(SCALES)], right[len(SCALES) :]])
    return dict(zip(FACTORS, quality.tolist(), strict=True))


def cut_out(clips: Tensor, side: int = 28) -> Tensor:
    """The square around each frame's centre of mass as MNIST has it: (N, T, H, W) to (N * T, 1, side, side).

    In [-1, 1], enlarged to side x side, the brightest pixel made white.
    """
    window = SPRITE / (1 - 2 * MARGIN)  # the sprite and the margin that was cut away, in pixels of the field
    frames = as_ink(clips).flatten(0, 1).unsqueeze(1)  # (N * T, 1, H, W)
    within = ((torch.arange(side, device=clips.device, dtype=frames.dtype) + 0.5) / side - 0.5) * window
    around = torch.stack(torch.meshgrid(within, within, indexing="xy"), 2)  # (side, side, 2) of x and y
    frames = frames / frames.amax((2, 3), keepdim=True).clamp(min=1e-6)
    places = mass_centres(clips).flatten(0, 1)[:, None, None] + around
    return 2 * F.grid_sample(frames, places / clips.shape[-1] * 2 - 1, align_corners=False) - 1


def read_frames(classifier: Classifier, clips: Tensor) -> Reading:
    """What a classifier of 28x28 digits makes of each frame's square: N * T rows, clip after clip."""
    parts = [read_images(classifier, cut_out(part)) for part in clips.split(CLIPS_AT_ONCE)]
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
