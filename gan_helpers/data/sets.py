"""Pictures as one staged uint8 tensor. Notebook 01 shows why that is faster than a DataLoader.

``load_images(name)`` looks in ``$GAN_DATA``, then in the course's ``data/``, then downloads.
MNIST without a copy and without a way to download it falls back to stroke digits and says so, "photos" to colour ones.
"""

from __future__ import annotations

import difflib
import operator
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.data.faces import face_data
from gan_helpers.data.image_folder import DatasetError, check_memory, check_shape, folder_name, read_folder, say
from gan_helpers.data.logograms import logogram_data
from gan_helpers.data.sources import ARCHIVES, DIGITS, SPLITS, Unavailable, celeba_folder, load_archive
from gan_helpers.data.strokes import colour_digits, stroke_digits
from gan_helpers.environment import budget, data_folders

NAMES = (*ARCHIVES, "photos", "celeba", "faces", "logograms", "strokes")
PHOTOS = {"photos": 1, "celeba": 5}  # one picture in so many: CelebA has 200,000
FOLDER_SIDE = 32  # pixels, of pictures that have no size of their own
AT_ONCE = 4096  # pictures converted together: enough to be fast, and little memory


@dataclass(frozen=True)
class ImageSet:
    """Pictures of one size. ``images`` uint8 (N, C, H, W), ``labels`` int64 (N,), class names, and where from.

    Raises:
        ValueError: a shape, type or number that does not fit; the message says how to mend it.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        _check_images(self.images)
        _check_labels(self.labels, self.images, len(self.classes))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Any) -> ImageSet:
        """The chosen pictures as an ImageSet: a slice, a mask or indices."""
        if hasattr(indices, "__index__") and getattr(indices, "ndim", 0) == 0:
            i = int(indices)
            raise TypeError(f"take a slice, a mask or indices, such as [{i}:{i + 1}]; one picture is data.images[{i}]")
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of every picture."""
        return tuple(self.images.shape[1:])

    def to(self, device: torch.device | str) -> ImageSet:
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def batches(self, batch_size: int, seed: int = 0, epoch: int = 0) -> Iterator[Tensor]:
        """Shuffled batches (batch_size, C, H, W) in [-1, 1]; the incomplete last one is left out."""
        return image_batches(self.images, batch_size, seed, epoch)


def _check_images(images: Any) -> None:
    if not isinstance(images, Tensor):
        raise ValueError(f"images must be a tensor, not {type(images).__name__}: torch.as_tensor(images) makes one")
    shape = tuple(images.shape)
    remedy = {2: "images[None, None] is a set of one", 3: "images[:, None] adds the channel, images[None] the set"}
    if images.ndim != 4:
        told = f": {remedy[images.ndim]}" if images.ndim in remedy else ""
        raise ValueError(f"images must have the shape (N, C, H, W), not {shape}{told}")
    if shape[3] in (1, 3) and shape[1] > 4:
        raise ValueError(f"channels come second, (N, C, H, W), not {shape}: images.permute(0, 3, 1, 2) moves them")
    if images.dtype != torch.uint8:
        kind = str(images.dtype).removeprefix("torch.")
        remedy = "unscale_pixels(images), if they are in [-1, 1]" if images.is_floating_point() else "images.byte()"
        raise ValueError(f"images must be uint8, 0 to 255, not {kind}: {remedy}")


def _check_labels(labels: Any, images: Tensor, classes: int) -> None:
    if not isinstance(labels, Tensor):
        raise ValueError(f"labels must be a tensor, not {type(labels).__name__}: torch.as_tensor(labels) makes one")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} pictures need labels of shape ({len(images)},), not {tuple(labels.shape)}")
    if labels.dtype != torch.int64:
        raise ValueError(f"labels must be int64, not {str(labels.dtype).removeprefix('torch.')}: labels.long()")
    if labels.device != images.device:
        raise ValueError(f"images are on {images.device}, labels on {labels.device}: move the labels there")
    if labels.device.type == "cpu" and len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        least, most = int(labels.min()), int(labels.max())
        remedy = f"labels - {least}" if most - least < classes else f"name {most + 1} classes"
        raise ValueError(f"labels run from {least} to {most}, but {classes} classes count from 0: {remedy}")


def scale_pixels(images: Tensor) -> Tensor:
    """uint8 0..255 to floats [-1, 1]; a float tensor is taken to be scaled already."""
    return images if images.is_floating_point() else images.to(torch.get_default_dtype()).mul_(1 / 127.5).sub_(1)


def unscale_pixels(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8 0..255; inverts ``scale_pixels`` exactly, and clips what lies outside."""
    return images.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def index_batches(n: int, batch_size: int, seed: int = 0, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
    """Indices (batch_size,) of n pictures in a random order, one epoch from batch ``start`` on, on the CPU.

    The order depends on seed and epoch alone, so a resumed run sees the pictures that it would have seen.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    for i in range(start, n // batch_size):
        yield order[i * batch_size : (i + 1) * batch_size]


def image_batches(
    data: Tensor | ImageSet, batch_size: int, seed: int = 0, epoch: int = 0, start: int = 0
) -> Iterator[Any]:
    """Batches of one epoch in ``index_batches``' order: images in [-1, 1], of an ImageSet pairs (images, labels)."""
    if not isinstance(data, (Tensor, ImageSet)):
        raise TypeError(
            f"batches are made of an ImageSet or a tensor, not {type(data).__name__}: torch.as_tensor(data)"
        )
    images = data if isinstance(data, Tensor) else data.images
    for chosen in index_batches(len(images), batch_size, seed, epoch, start):
        chosen = chosen.to(images.device)
        batch = scale_pixels(images.index_select(0, chosen))
        yield batch if isinstance(data, Tensor) else (batch, data.labels[chosen])


def load_images(
    name: str | Path = "mnist", split: str = "train", size: int | None = None, channels: int | None = None
) -> ImageSet:
    """Load a data set by name, or every picture below a folder.

    Args:
        name: "mnist", "fashion-mnist", "kmnist", "emnist" (balanced), "qmnist", "cifar10", "svhn",
            "strokes", "faces" (drawn), "photos" (the folder of that name beside the data sets, else CIFAR-10, else
            colour digits, drawn), "celeba" (photographs of people: read notebook 10 first),
            "logograms" (grey, drawn), or a folder. Capitals, spaces and hyphens in a name do not matter.
            A folder's subfolders, if any, are the classes. A Path always means a folder. One that ``stage_images``
            has filled is mapped, not read, and keeps its size and channels.
        split: "train" or "test". Of a folder, every tenth picture is held out as "test"; of fewer than ten, the last.
        size: height and width in pixels. None leaves those that a data set has; what has none gets 32.
        channels: 1 (grey) or 3 (colour). None leaves those that a data set has; a folder is read in colour.

    Raises:
        DatasetError: unknown name, impossible size or channels, no copy and no network, a damaged file, no picture
            in the folder, or a single one that cannot be split.
    """
    if split not in SPLITS:
        raise DatasetError(f"split must be one of {SPLITS}, not {split!r}")
    check_shape(size, channels)
    size = None if size is None else operator.index(size)
    known = _known(name)
    if known is None:
        folder = Path(os.path.expanduser(name))
        if (folder / "staged.json").is_file():
            return _staged(folder, split, size, channels)
        return _part(read_folder(folder, size or FOLDER_SIDE, channels or 3), folder_name(folder), split)
    if known in PHOTOS:
        return _photos(known, split, size or FOLDER_SIDE, channels)
    return _fitted(
        _archive(known, split) if known in ARCHIVES else _drawn(known, split, size or FOLDER_SIDE), size, channels
    )


# --- which data set is meant ----------------------------------------------------------------------------


def _known(name: Any) -> str | None:
    """The data set's name as we write it; None if a folder is meant."""
    if not isinstance(name, (str, os.PathLike)):
        raise DatasetError(f"name a data set or a folder as text or Path, not {type(name).__name__}")
    if name in NAMES:
        return str(name)
    if name and os.path.isdir(os.path.expanduser(name)):  # before other spellings: a folder "Faces" is meant
        return None
    if isinstance(name, str) and _plain(name) in _SPELLINGS:
        return _SPELLINGS[_plain(name)]
    raise DatasetError(_unknown(os.fspath(name), isinstance(name, str)))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


_SPELLINGS = {_plain(name): name for name in NAMES}


def _unknown(name: str, may_be_known: bool) -> str:
    path = os.path.abspath(os.path.expanduser(name))
    if name and os.path.exists(path):
        return f"{path} is a file: give the folder that holds the pictures, and unpack an archive first"
    if os.sep in name or "/" in name or not may_be_known:
        return f"there is no folder {path}: is the path right? Relative ones start at {os.getcwd()}"
    near = difflib.get_close_matches(_plain(name), _SPELLINGS, 1)
    guess = f". Did you mean {_SPELLINGS[near[0]]!r}?" if near else ""
    return f"{name!r} is neither a known data set ({', '.join(NAMES)}) nor a folder on this machine{guess}"


# --- from each kind of source ---------------------------------------------------------------------------


def _archive(name: str, split: str) -> ImageSet:
    try:
        return ImageSet(*load_archive(name, split))
    except Unavailable as error:
        if name != "mnist":
            raise
        raw = data_folders()[0] / "MNIST" / "raw"
        _tell_once(
            f"MNIST: {error.cause}; these are stroke digits, drawn by our own code. For MNIST, run again when that is "
            f"mended, or put its four files into {raw}, or set GAN_DATA to the folder that holds MNIST/raw"
        )
        return _drawn("strokes", split, FOLDER_SIDE)


def _tell_once(notice: str) -> None:
    if notice not in _told:
        _told.add(notice)
        say(notice)


_told: set[str] = set()
_read_once = lru_cache(maxsize=1)(read_folder)  # "train" and "test" are parts of one reading, which takes long


def _photos(name: str, split: str, size: int, channels: int | None) -> ImageSet:
    """Photographs: the folder, where there is one; else CelebA, or CIFAR-10, or colour digits."""
    own = (place / "photos" for place in data_folders())
    folder = celeba_folder() if name == "celeba" else next((place for place in own if place.is_dir()), None)
    if folder is not None:
        return _part(_read_once(folder, size, channels or 3, PHOTOS[name] * budget(1, 10)), folder.name, split)
    try:
        found = ImageSet(*load_archive("cifar10", split))
    except Unavailable as error:
        photos = data_folders()[0] / "photos"
        _tell_once(
            f"CIFAR-10: {error.cause}; these are colour digits, drawn by our own code. For photographs, run again "
            f"when that is mended, or put a folder of your own at {photos}"
        )
        found = _drawn("colour digits", split, size)
    return _fitted(found, size, channels, "bicubic")


def _staged(folder: Path, split: str, size: int | None, channels: int | None) -> ImageSet:
    from gan_helpers.data.staged import staged_part  # it makes an ImageSet

    part = staged_part(folder, split)
    if (size or part.shape[1], channels or part.shape[0]) != (part.shape[1], part.shape[0]):
        c, h, w = part.shape
        raise DatasetError(f"{folder} is staged as {c}x{h}x{w}: leave size and channels out, or stage it anew")
    return part


def _part(pictures: tuple[Tensor, Tensor, tuple[str, ...]], name: str, split: str) -> ImageSet:
    return ImageSet(*pictures, f"{name}, {split}")[part_of(len(pictures[0]), name, split)]


def part_of(count: int, name: str, split: str) -> Tensor:
    """Which of ``count`` pictures are of a split, (count,): every tenth is held out as "test"; of fewer, the last.

    Raises:
        DatasetError: one picture alone, to be called ``name``, has no test split.
    """
    test = torch.arange(count) % 10 == (9 if count > 9 else count - 1)
    if count == 1:
        if split == "test":
            raise DatasetError(f"{name} holds one picture: a test split needs two or more")
        test[:] = False
    return test == (split == "test")


def _drawn(name: str, split: str, size: int) -> ImageSet:
    with _single_precision():
        try:
            return ImageSet(*_DRAWN[name](split, size))
        except ValueError as error:
            raise DatasetError(str(error)) from error


@contextmanager
def _single_precision() -> Iterator[None]:
    """The same drawings whatever torch's default type is."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _strokes(split: str, _: int) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    labels = torch.arange(budget({"train": 60_000, "test": 10_000}, {"train": 6_000, "test": 1_000})[split]) % 10
    images = stroke_digits(labels, seed=SPLITS.index(split))  # in MNIST's own size, for which they stand in
    return images, labels, DIGITS, "stroke digits, drawn by gan_helpers.data.strokes"


def _colour_strokes(split: str, size: int) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    labels = torch.arange(budget({"train": 20_000, "test": 5_000}, {"train": 3_000, "test": 1_000})[split]) % 10
    return (
        colour_digits(labels, SPLITS.index(split), size),
        labels,
        DIGITS,
        "colour digits, drawn by gan_helpers.data.strokes",
    )


_DRAWN = {
    "strokes": _strokes,
    "colour digits": _colour_strokes,
    "faces": lambda split, size: (*face_data(split, size), "faces, drawn by gan_helpers.data.faces"),
    "logograms": lambda split, size: (*logogram_data(split, size), "logograms, drawn by gan_helpers.data.logograms"),
}


# --- another size, another number of channels -----------------------------------------------------------


def _fitted(data: ImageSet, size: int | None, channels: int | None, mode: str = "bilinear") -> ImageSet:
    """The same pictures at another size and in grey or colour; what is None stays."""
    images, (own, _, side) = data.images, data.shape
    size, channels = size or side, channels or own
    check_memory(len(images), channels, size)
    if channels < own:
        images = torch.cat([grey(part) for part in images.split(AT_ONCE)])
    if size != side:
        planes = images.flatten(0, 1).unsqueeze(1)  # one by one: torch 2.14 fails on three channels of a single pixel
        images = F.interpolate(planes, (size, size), mode=mode, antialias=True).view(len(images), -1, size, size)
    if channels > own:
        images = images.repeat(1, channels, 1, 1)
    return data if images is data.images else replace(data, images=images)


def grey(images: Tensor) -> Tensor:
    """How bright colours look: uint8 (N, 3, H, W) to (N, 1, H, W), by ITU-R BT.601's weights in 16 bits, as Pillow."""
    red, green, blue = images.int().unbind(1)
    return (19595 * red + 38470 * green + 7471 * blue + 32768).div(65536, rounding_mode="floor").byte().unsqueeze(1)
