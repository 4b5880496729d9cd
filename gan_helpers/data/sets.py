"""Pictures as one staged uint8 tensor. Notebook 01 shows why that is faster than a DataLoader.

``load_images(name)`` looks in ``$GAN_DATA``, then in the course's ``data/``, then downloads.
MNIST without a copy and without a network falls back to stroke digits and says so, "photos" to colour ones.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.data.faces import face_data
from gan_helpers.data.folders import DatasetError, download_celeba, read_folder
from gan_helpers.data.logograms import logogram_data
from gan_helpers.data.sources import wait_for_answer
from gan_helpers.data.strokes import colour_digits, stroke_digits
from gan_helpers.environment import budget, data_folders

SPLITS = ("train", "test")
PHOTOS = {"photos": ("photos", 1), "celeba": ("celeba/img_align_celeba", 5)}  # the folder; one picture in so many


@dataclass(frozen=True)
class ImageSet:
    """Pictures of one size. ``images`` uint8 (N, C, H, W), ``labels`` int64 (N,), class names, and where from."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Any) -> ImageSet:
        """The chosen pictures as an ImageSet: a slice, a mask or indices."""
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


def scale_pixels(images: Tensor) -> Tensor:
    """uint8 0..255 to float32 [-1, 1]; a float tensor is taken to be scaled already."""
    return images if images.is_floating_point() else images.float().mul_(1 / 127.5).sub_(1)


def unscale_pixels(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8 0..255; inverts ``scale_pixels`` exactly, and clips what lies outside."""
    return images.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def index_batches(n: int, batch_size: int, seed: int = 0, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
    """Indices (batch_size,) of n pictures in a random order, one epoch from batch ``start`` on, on the CPU.

    The order depends on seed and epoch alone, so a resumed run sees the pictures that it would have seen.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    for i in range(start, n // batch_size):
        yield order[i * batch_size : (i + 1) * batch_size]


def image_batches(
    data: Tensor | ImageSet, batch_size: int, seed: int = 0, epoch: int = 0, start: int = 0
) -> Iterator[Any]:
    """Batches of one epoch in ``index_batches``' order: images in [-1, 1], of an ImageSet pairs (images, labels)."""
    images = data if isinstance(data, Tensor) else data.images
    for chosen in index_batches(len(images), batch_size, seed, epoch, start):
        chosen = chosen.to(images.device)
        batch = scale_pixels(images.index_select(0, chosen))
        yield batch if isinstance(data, Tensor) else (batch, data.labels[chosen])


def load_images(name: str | Path = "mnist", split: str = "train", size: int = 32, channels: int = 3) -> ImageSet:
    """Load a data set by name, or every picture below a folder.

    Args:
        name: "mnist", "fashion-mnist", "kmnist", "emnist" (balanced), "qmnist", "cifar10", "svhn",
            "strokes", "faces" (drawn), "photos" (the folder of that name beside the data sets, else CIFAR-10, else
            colour digits, drawn), "celeba" (photographs of people: read notebook 10 first),
            "logograms" (grey, drawn), or a folder. Its subfolders, if any, are the classes.
        split: "train" or "test". Of a folder, every tenth picture is held out as "test".
        size: height and width in pixels of logograms, and that the pictures of a folder, or "photos", are fitted to.
        channels: 1 (grey) or 3 (colour) for a folder's pictures.

    Raises:
        DatasetError: unknown name, no copy and no network, a damaged file, or no picture in the folder.
    """
    if split not in SPLITS:
        raise DatasetError(f"split must be one of {SPLITS}, not {split!r}")
    if name == "strokes":
        return _strokes(split)
    if name in PHOTOS:
        return _photos(str(name), split, size)
    if name == "logograms":
        return ImageSet(*logogram_data(split, size), "logograms, drawn by gan_helpers.logograms")
    if name == "faces":
        return ImageSet(*face_data(split, size), "faces, drawn by gan_helpers.faces")
    if name in NAMED:
        return _named(str(name), split)
    if Path(name).expanduser().is_dir():
        return _folder(Path(name).expanduser(), split, size, channels)
    known = ", ".join([*NAMED, *PHOTOS, "faces", "logograms", "strokes"])
    raise DatasetError(f"{str(name)!r} is neither a known data set ({known}) nor a folder on this machine")


def _folder(folder: Path, split: str, size: int, channels: int) -> ImageSet:
    return _part(_read(folder, size, channels), folder.name, split)


def _read(folder: Path, size: int, channels: int, every: int = 1) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    try:
        return read_folder(folder, size, channels, every)
    except ValueError as error:
        raise DatasetError(str(error)) from error


def _part(pictures: tuple[Tensor, Tensor, tuple[str, ...]], name: str, split: str) -> ImageSet:
    held_out = torch.arange(len(pictures[0])) % 10 == 9
    return ImageSet(*pictures, f"{name}, {split}")[held_out == (split == "test")]


_read_once = lru_cache(maxsize=1)(_read)  # "train" and "test" are parts of one reading, which takes long


def _photos(name: str, split: str, size: int) -> ImageSet:
    """Photographs: the folder, where there is one; else CelebA, or CIFAR-10, or colour digits."""
    inside, every = PHOTOS[name]
    folder = next((place / inside for place in data_folders() if (place / inside).is_dir()), None)
    if folder is None and name == "celeba":
        folder = download_celeba(data_folders()[0]) / inside
    if folder is not None:
        return _part(_read_once(folder, size, 3, every * budget(1, 10)), folder.name, split)
    try:
        found = _named("cifar10", split)
    except DatasetError as error:
        _tell_once("photos", f"CIFAR-10: no copy here and no download ({error.__cause__}); these are colour digits")
        return _colour_strokes(split, size)
    if size == found.shape[-1]:
        return found
    return replace(found, images=F.interpolate(found.images, (size, size), mode="bicubic", antialias=True))


def _strokes(split: str) -> ImageSet:
    count = budget({"train": 60_000, "test": 10_000}, {"train": 6_000, "test": 1_000})[split]
    labels = torch.arange(count) % 10
    images = stroke_digits(labels, seed=SPLITS.index(split))
    return ImageSet(images, labels, tuple("0123456789"), "stroke digits, drawn by gan_helpers.drawing")


def _colour_strokes(split: str, size: int) -> ImageSet:
    labels = torch.arange(budget({"train": 20_000, "test": 5_000}, {"train": 3_000, "test": 1_000})[split]) % 10
    images = colour_digits(labels, SPLITS.index(split), size)
    return ImageSet(images, labels, tuple("0123456789"), "colour digits, drawn by gan_helpers.drawing")


# --- data sets that torchvision knows ---------------------------------------------------------------


def _idx(dataset: Any) -> tuple[Tensor, Tensor]:
    """MNIST and its relatives: uint8 (N, H, W), and QMNIST's label rows of which the first is the digit."""
    targets = dataset.targets
    return dataset.data.unsqueeze(1), targets[:, 0] if targets.ndim == 2 else targets


def _emnist(dataset: Any) -> tuple[Tensor, Tensor]:
    images, targets = _idx(dataset)
    return images.transpose(2, 3).contiguous(), targets  # EMNIST stores its pictures on their side


def _cifar(dataset: Any) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(dataset.targets)


def _svhn(dataset: Any) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(dataset.data).contiguous(), torch.from_numpy(dataset.labels)


def _by_train(train: bool) -> dict[str, Any]:
    return {"train": train}


# name: torchvision's class, its keywords for train (True) or test (False), how to read it
NAMED: dict[str, tuple[str, Callable[[bool], dict[str, Any]], Callable[[Any], tuple[Tensor, Tensor]]]] = {
    "mnist": ("MNIST", _by_train, _idx),
    "fashion-mnist": ("FashionMNIST", _by_train, _idx),
    "kmnist": ("KMNIST", _by_train, _idx),
    "emnist": ("EMNIST", lambda train: {"split": "balanced", "train": train}, _emnist),
    "qmnist": ("QMNIST", lambda train: {"what": "train" if train else "test"}, _idx),
    "cifar10": ("CIFAR10", _by_train, _cifar),
    "svhn": ("SVHN", lambda train: {"split": "train" if train else "test"}, _svhn),
}
_told: set[str] = set()


def _named(name: str, split: str) -> ImageSet:
    kind, keywords, read = NAMED[name]
    arguments = keywords(split == "train")
    dataset = _find(kind, arguments)
    if dataset is None:
        try:
            dataset = _download(kind, arguments)
        except (OSError, RuntimeError) as error:
            if name != "mnist":
                raise _unavailable(kind, error) from error
            return _fall_back(split, error)
    images, labels = read(dataset)
    classes = tuple(str(c).split(" - ")[0] for c in getattr(dataset, "classes", range(10)))  # "7 - seven" -> "7"
    return ImageSet(images, labels.long(), classes, f"{kind} {split}, through torchvision")


def _find(kind: str, arguments: dict[str, Any]) -> Any | None:
    """The data set in the first folder that has it, None if no folder does."""
    for folder in data_folders():
        try:
            return _open(kind, folder, arguments, download=False)
        except RuntimeError as error:
            if "not found" not in str(error):
                raise
    return None


def _download(kind: str, arguments: dict[str, Any]) -> Any:
    from torchvision import datasets

    wait_for_answer(_address(getattr(datasets, kind)))
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)  # a server that stalls is an error, not a notebook that hangs
    try:
        return _open(kind, data_folders()[0], arguments, download=True)
    finally:
        socket.setdefaulttimeout(before)


def _open(kind: str, folder: Path, arguments: dict[str, Any], download: bool) -> Any:
    from torchvision import datasets  # imported here: it would double the import time of gan_helpers

    for path in sorted((folder / kind / "raw").glob("*-ubyte")):
        if not idx_is_whole(path):
            raise DatasetError(f"damaged file: {path}. Delete it and run again to download a good copy")
    return getattr(datasets, kind)(root=folder, download=download, **arguments)


def idx_is_whole(path: Path) -> bool:
    """Does the length of an IDX file agree with the sizes in its header?"""
    item_bytes = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}
    with path.open("rb") as file:
        start = file.read(4)
        if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in item_bytes:
            return False
        sizes = [int.from_bytes(file.read(4), "big") for _ in range(start[3])]
    return path.stat().st_size == 4 + 4 * len(sizes) + item_bytes[start[2]] * prod(sizes)


def _address(kind: Any) -> str:
    """Where torchvision would download this class from."""
    for find in (
        lambda: kind.mirrors[0],
        lambda: kind.url,
        lambda: kind.urls["train"][0][0],
        lambda: kind.split_list["train"][0],
    ):
        try:
            return find()
        except (AttributeError, KeyError):
            continue
    raise RuntimeError(f"torchvision's {kind.__name__} names no address to download from")


def _unavailable(kind: str, error: Exception) -> DatasetError:
    places = " or ".join(map(str, data_folders()))
    return DatasetError(
        f"{kind}: no intact copy in {places}, and the download failed ({error}). "
        "Connect and run again, put torchvision's files there, or use load_images('strokes')"
    )


def _fall_back(split: str, error: Exception) -> ImageSet:
    _tell_once("mnist", f"MNIST: no copy here and no download ({error}); these are stroke digits")
    return _strokes(split)


def _tell_once(name: str, notice: str) -> None:
    if name not in _told:
        _told.add(name)
        print(f"{notice}, drawn by our own code.")
