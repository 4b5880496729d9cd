"""Named archives of pictures: what is in their files, where these lie on this machine, and their way here.

torchvision knows the addresses and checksums. Files are read here, so that a copy is used offline however it is packed,
and a damaged one is refused by name, never taken to be absent.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_helpers.data.downloads import DownloadError, fetch, wait_for_connection, written
from gan_helpers.data.image_folder import DatasetError
from gan_helpers.environment import data_folders

CELEBA = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
GZIP = b"\x1f\x8b"  # a packed file's first two bytes, whatever its name
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
SPLITS = ("train", "test")


class Unavailable(DatasetError):
    """A data set is absent, not damaged, and cannot be downloaded. ``cause`` says so in one line."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


# --- what is in them ------------------------------------------------------------------------------------


def parse_idx(data: np.ndarray) -> np.ndarray:
    """The values of an IDX file, given as uint8 (bytes,).

    Raises:
        ValueError: its length does not agree with the sizes in its header.
    """
    if len(data) < 4 or data[0] or data[1] or int(data[2]) not in IDX_TYPES:
        raise ValueError("no IDX header")
    start = 4 + 4 * int(data[3])
    return data[start:].view(IDX_TYPES[int(data[2])]).reshape(data[4:start].view(">u4"))


def _idx_pair(files: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = files  # (N, H, W); (N,), or QMNIST's rows of which the first number is the digit
    return images[:, None], labels[:, 0] if labels.ndim == 2 else labels


def _upright_pair(files: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = _idx_pair(files)
    return images.swapaxes(2, 3), labels  # EMNIST stores its pictures on their side


def _parse_cifar(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    batch = pickle.loads(data, encoding="latin1")  # only what has CIFAR's checksum gets here
    return batch["data"].reshape(-1, 3, 32, 32), np.array(batch["labels"])


def _parse_svhn(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.io import loadmat

    content = loadmat(io.BytesIO(data.tobytes()))
    return content["X"].transpose(3, 2, 0, 1), content["y"].astype(np.int64).reshape(-1) % 10  # a zero is written 10


def _joined(files: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*files, strict=True)
    return np.concatenate(images), np.concatenate(labels)


@dataclass(frozen=True)
class Archive:
    """A data set in files: their paths below a data folder, by split, and how they become images and labels."""

    kind: str  # torchvision's name for it
    files: dict[str, tuple[str, ...]]
    classes: tuple[str, ...]
    parse: Callable[[np.ndarray], Any] = parse_idx  # one file's bytes
    join: Callable[[list[Any]], tuple[np.ndarray, np.ndarray]] = _idx_pair
    packed: str = ""  # one file that holds them all
    whole: bool = False  # one split alone is as good as none

    def needed(self, split: str) -> tuple[str, ...]:
        """The files without which it counts as absent."""
        return self.files["train"] + self.files["test"] if self.whole else self.files[split]


def _raw(kind: str, train: str, test: str, labels: str = "labels-idx1-ubyte") -> dict[str, tuple[str, ...]]:
    stems = {split: f"{kind}/raw/{stem}" for split, stem in zip(SPLITS, (train, test), strict=True)}
    return {split: (f"{stem}-images-idx3-ubyte", f"{stem}-{labels}") for split, stem in stems.items()}


DIGITS = tuple("0123456789")
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIGNS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")  # the other small letters look like capitals
CIFAR = {"train": tuple(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6))}
CIFAR["test"] = ("cifar-10-batches-py/test_batch",)
EMNIST = _raw("EMNIST", "emnist-balanced-train", "emnist-balanced-test")
ARCHIVES = {
    "mnist": Archive("MNIST", _raw("MNIST", "train", "t10k"), DIGITS, whole=True),
    "fashion-mnist": Archive("FashionMNIST", _raw("FashionMNIST", "train", "t10k"), CLOTHES, whole=True),
    "kmnist": Archive("KMNIST", _raw("KMNIST", "train", "t10k"), KANA, whole=True),
    "emnist": Archive("EMNIST", EMNIST, SIGNS, join=_upright_pair, packed="EMNIST/raw/gzip.zip"),
    "qmnist": Archive("QMNIST", _raw("QMNIST", "qmnist-train", "qmnist-test", "labels-idx2-int"), DIGITS),
    "cifar10": Archive("CIFAR10", CIFAR, THINGS, _parse_cifar, _joined, "cifar-10-python.tar.gz", whole=True),
    "svhn": Archive("SVHN", {split: (f"{split}_32x32.mat",) for split in SPLITS}, DIGITS, _parse_svhn, _joined),
}


# --- where they lie -------------------------------------------------------------------------------------


def load_archive(name: str, split: str) -> tuple[Tensor, Tensor, tuple[str, ...], str]:
    """A data set of ``ARCHIVES``: images uint8 (N, C, H, W), labels int64 (N,), class names, and where from.

    It is looked for in each of the data folders, packed or not, then downloaded into the first.

    Raises:
        Unavailable: absent, and the download failed.
        DatasetError: a file is damaged or cannot be read; the message names it.
    """
    archive = ARCHIVES[name]
    folder = next((place for place in data_folders() if _lies_in(place, archive, split)), None)
    if folder is None:
        folder = data_folders()[0]
        _download(archive, split, folder)
    files = _contents(folder, archive, split)
    with _naming(" or ".join(dict.fromkeys(str(path) for path, _ in files))):
        images, labels = _tensors(*archive.join([content for _, content in files]), len(archive.classes))
    return images, labels, archive.classes, f"{archive.kind} {split}, through torchvision"


def _tensors(images: np.ndarray, labels: np.ndarray, classes: int) -> tuple[Tensor, Tensor]:
    labels = labels.astype(np.int64)
    if images.ndim != 4 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError("pictures and labels do not belong together")
    if not len(labels) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError("labels of no class")
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels)


def _find(folder: Path, name: str) -> Path | None:
    """The file, or its packed copy. Some sites write a dot in place of the hyphen before "idx"."""
    names = (spelled + end for spelled in (name, name.replace("-idx", ".idx")) for end in ("", ".gz"))
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def _lies_in(folder: Path, archive: Archive, split: str) -> bool:
    return all(_find(folder, name) for name in archive.needed(split)) or os.path.isfile(folder / archive.packed)


def _contents(folder: Path, archive: Archive, split: str) -> list[tuple[Path, Any]]:
    """The files of a split, each with what is in it; packed ones are unpacked on disk too, where it takes them."""
    checksums = _checksums(archive.kind)
    paths = [_find(folder, name) for name in archive.files[split]]
    if not all(paths):
        members = _members(folder / archive.packed, folder, archive, checksums)
        return [(folder / archive.packed, members[name]) for name in archive.files[split]]
    named = zip(archive.files[split], paths, strict=True)
    return [(path, _read(path, folder / name, archive, checksums.get(name))) for name, path in named]


def _read(path: Path, plain: Path, archive: Archive, checksum: str | None) -> Any:
    with _naming(path):
        data = _unpacked(np.fromfile(path, np.uint8), checksum)
        content = archive.parse(data)
    if path.suffix == ".gz":
        _keep(plain, data)
    return content


def _members(packed: Path, folder: Path, archive: Archive, checksums: dict[str, str]) -> dict[str, Any]:
    """What is in the files of both splits in a zip or tar archive, in one pass."""
    wanted = {PurePosixPath(name).name: name for split in SPLITS for name in archive.files[split]}
    found = {}
    with _naming(packed):
        for path, read in _zipped(packed) if packed.suffix == ".zip" else _tarred(packed):
            if name := wanted.get(PurePosixPath(path).name.removesuffix(".gz")):
                found[name] = _unpacked(_bytes(read()), checksums.get(name))
        contents = {name: archive.parse(found[name]) for name in wanted.values()}
    for name, data in found.items():
        _keep(folder / name, data)
    return contents


def _zipped(packed: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with zipfile.ZipFile(packed) as archive:
        yield from ((name, partial(archive.read, name)) for name in archive.namelist())


def _tarred(packed: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with tarfile.open(packed) as archive:
        yield from ((member.name, archive.extractfile(member).read) for member in archive if member.isfile())


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(bytearray(data), np.uint8)  # of bytes alone it could not be written to


def _unpacked(data: np.ndarray, checksum: str | None) -> np.ndarray:
    data = _bytes(gzip.decompress(data)) if data[:2].tobytes() == GZIP else data
    if checksum and hashlib.md5(data, usedforsecurity=False).hexdigest() != checksum:
        raise ValueError("wrong checksum")
    return data


@contextmanager
def _naming(path: Path | str) -> Iterator[None]:
    """Whatever a damaged file sets off becomes an error that names it."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        if isinstance(error, OSError) and error.errno is not None:  # the system's; gzip's have no number
            raise DatasetError(
                f"cannot read {path} ({error.strerror}): are its rights and the disk in order?"
            ) from error
        raise DatasetError(f"damaged file: {path}. Delete it and run again to download a good copy") from error


def _keep(path: Path, data: np.ndarray) -> None:
    """Write for the next time; a folder that takes no files only costs time."""
    with suppress(OSError), written(path) as file:
        file.write(data)


# --- their way here -------------------------------------------------------------------------------------


def _torchvision(kind: str) -> Any:
    from torchvision import datasets  # imported here: it would double the import time of gan_helpers

    return getattr(datasets, kind)


def _checksums(kind: str) -> dict[str, str]:
    """MD5 by name, of the files that say nothing of their own length."""
    if kind == "CIFAR10":
        known = _torchvision(kind)
        return {f"{known.base_folder}/{file}": md5 for file, md5 in known.train_list + known.test_list}
    if kind == "SVHN":
        return {file: md5 for _, file, md5 in _torchvision(kind).split_list.values()}
    return {}


def _remote_files(kind: str, split: str) -> list[tuple[list[str], str, str]]:
    """What to download: the addresses of each file, its path below the data folder, and its MD5."""
    known, raw = _torchvision(kind), f"{kind}/raw/"
    if kind == "CIFAR10":
        return [([known.url], known.filename, known.tgz_md5)]
    if kind == "SVHN":
        return [([address], file, md5) for address, file, md5 in [known.split_list[split]]]
    if kind == "EMNIST":
        return [([known.url], f"{raw}gzip.zip", known.md5)]
    if kind == "QMNIST":
        return [([url], raw + PurePosixPath(url).name, md5) for url, md5 in known.resources[split]]
    return [([mirror + file for mirror in known.mirrors], raw + file, md5) for file, md5 in known.resources]


def _download(archive: Archive, split: str, folder: Path) -> None:
    """Whatever of the archive is not there yet."""
    try:
        for addresses, path, md5 in _remote_files(archive.kind, split):
            if not _find(folder, path.removesuffix(".gz")):
                fetch(addresses, folder / path, md5)
    except DownloadError as error:
        raise _unavailable(archive, split, str(error)) from error
    except (AttributeError, KeyError, TypeError, ValueError, ImportError) as error:
        raise _unavailable(archive, split, f"this torchvision tells no address ({error})") from error


def _unavailable(archive: Archive, split: str, why: str) -> Unavailable:
    files = archive.needed(split)
    missing = [name for name in files if not any(_find(place, name) for place in data_folders())]
    lack = "copy" if len(missing) == len(files) else " or ".join(map(os.path.basename, missing)) or "full copy"
    cause = f"no {lack} here and no download ({why})"
    places = " or ".join(map(str, data_folders()))
    remedy = f"Run again when that is mended, or put {archive.packed or ', '.join(files)} into {places}"
    return Unavailable(f"{archive.kind}: {cause}. {remedy}, or use load_images('strokes')", cause)


def celeba_folder() -> Path:
    """CelebA's aligned photographs: the folder where they lie, or are unpacked or downloaded to.

    Raises:
        Unavailable: absent, and its host refuses, as it often does; the message says what to do by hand.
        DatasetError: the zip file is damaged or cannot be unpacked where it lies.
    """
    places = [place / "celeba" / "img_align_celeba" for place in data_folders()]
    if found := next((place for place in places if place.is_dir()), None):
        return found
    if packed := next((place.with_suffix(".zip") for place in places if place.with_suffix(".zip").is_file()), None):
        return _unpack_celeba(packed)
    _download_celeba(places[0].parent)
    return places[0]


def _unpack_celeba(packed: Path) -> Path:
    folder = packed.with_suffix("")
    with _naming(packed), tempfile.TemporaryDirectory(dir=packed.parent, prefix=".") as part:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(part)
        os.replace(Path(part, folder.name), folder)
    return folder


def _download_celeba(folder: Path) -> None:
    """Through torchvision, into a folder of its own: half a file, or a page that says no, never stays."""
    try:
        wait_for_connection("https://drive.google.com")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as part:
            _torchvision("CelebA")(part, download=True)
            for found in Path(part, "celeba").iterdir():
                os.replace(found, folder / found.name)
    except Exception as error:  # whatever the host answers: a page of HTML is a broken zip file
        cause = f"no copy here and no download ({' '.join(str(error).split())})"
        raise Unavailable(
            f"CelebA: {cause}. Its host often refuses programs: get img_align_celeba.zip with a browser from {CELEBA}, "
            f"whose terms allow non-commercial research only, and put it into {folder}, or unpack it there. "
            "Or use load_images('faces', size=64), which are drawn",
            cause,
        ) from error
