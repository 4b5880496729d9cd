"""Two sets of pictures to translate between: pairs for pix2pix, and sets without pairs for CycleGAN.

``load_pairs`` and ``load_unpaired`` take a name or a reader's own folder, as ``load_images`` does.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_helpers.data.edges import edge_map
from gan_helpers.data.image_folder import (
    ORIENTATION,
    DatasetError,
    check_shape,
    decode,
    find_pictures,
    fitted,
    folder_name,
    read_folder,
    read_pictures,
    say,
)
from gan_helpers.data.sets import FOLDER_SIDE, ImageSet, grey, load_images, part_of
from gan_helpers.data.sources import SPLITS
from gan_helpers.data.strokes import colour_digits

NARROWEST, WIDEST = 1.6, 2.8  # a pair A|B, times as wide as high: no photograph of 3:2, nor three squares in a row
SKEW = 0.05  # how far the proportions of two pictures of a pair may differ: a pixel or two of 32


@dataclass(frozen=True)
class PairSet:
    """N pairs: ``inputs`` uint8 (N, C, H, W), ``targets`` uint8 (N, C', H, W), and where from.

    Raises:
        ValueError: a shape, type or number that does not fit; the message says how to mend it.
    """

    inputs: Tensor
    targets: Tensor
    source: str

    def __post_init__(self) -> None:
        for images in (self.inputs, self.targets):
            _as_set(images)
        if len(self.inputs) != len(self.targets):
            raise ValueError(
                f"{len(self.inputs)} inputs and {len(self.targets)} targets are no pairs: give one target an input"
            )
        if not len(self.inputs):
            raise ValueError("no pair at all: give at least one input and its target")
        _check_sides(self.inputs, self.targets, "inputs", "targets")

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, indices: Any) -> PairSet:
        """The chosen pairs as a PairSet: a slice, a mask or indices."""
        return replace(self, inputs=self.inputs[indices], targets=self.targets[indices])

    def reversed(self) -> PairSet:
        """The same pairs, to be translated the other way; ``source`` says so."""
        known, mark = self.source, ", reversed"
        source = known.removesuffix(mark) if known.endswith(mark) else known + mark
        return replace(self, inputs=self.targets, targets=self.inputs, source=source)

    def to(self, device: torch.device | str) -> PairSet:
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


def check_unpaired(a: Any, b: Any) -> tuple[ImageSet, ImageSet]:
    """Two sets, ImageSets or tensors uint8 (N, C, H, W), between which a pair of translators can go.

    Raises:
        ValueError: one is empty, or they differ in height, width or channels; the message says how to mend it.
    """
    a, b = _as_set(a), _as_set(b)
    for name, images in (("first", a), ("second", b)):
        if not len(images):
            raise ValueError(f"the {name} of the two sets is empty: is its folder, or the mask that chose it, right?")
    _check_sides(a.images, b.images, "first set's pictures", "second set's")
    if a.shape[0] != b.shape[0]:
        raise ValueError(
            f"one set has {a.shape[0]} channel{'s' * (a.shape[0] > 1)}, the other {b.shape[0]}, grey beside colour: "
            "load both with channels=3, or both with channels=1"
        )
    return a, b


def _as_set(images: Any) -> ImageSet:
    if isinstance(images, ImageSet):
        return images
    labels = torch.zeros(0)  # of anything but a tensor, which is refused by name
    if isinstance(images, Tensor):
        labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    return ImageSet(images, labels, ("all",), "given as a tensor")


def _check_sides(a: Tensor, b: Tensor, first: str, second: str) -> None:
    if a.shape[2:] != b.shape[2:]:
        shapes = [f"{images.shape[2]}x{images.shape[3]}" for images in (a, b)]
        raise ValueError(
            f"the {first} are {shapes[0]}, the {second} {shapes[1]}: load both with the same size, "
            f"such as size={min(a.shape[2], b.shape[2])}"
        )


# --- by name --------------------------------------------------------------------------------------------


def load_pairs(
    name: str | Path = "edges", split: str = "train", size: int | None = None, channels: int | None = None
) -> PairSet:
    """Load pairs by name, or a reader's own from a folder.

    Args:
        name: "edges" (of drawn faces, to the faces), "colours" (photographs in grey, to themselves in colour), or a
            folder. It holds either pictures of a pair side by side, A|B, or two subfolders with files of equal names.
            The left half, or the subfolder that comes first by name, is the input: ``source`` names the direction,
            and ``reversed()`` turns it round. A picture A|B has halves of equal width and is 1.6 to 2.8 times as wide
            as high; in two subfolders any proportions will do, if the two of a pair have the same. Around either
            there may be folders train and test (or val), in any case, as the data sets of pix2pix have them.
        split: "train" or "test". Of a folder that is not split, every tenth pair is held out as "test".
        size: height and width in pixels; None: 32.
        channels: 1 (grey) or 3 (colour) for a folder's pictures on both sides; None: 3. Names have their own.

    Raises:
        DatasetError: an unknown name, two folders in place of the one that holds both, names that differ, a side that
            is empty, pictures that are no pair A|B or whose proportions differ from their partner's, and whatever
            ``load_images`` finds wrong.
    """
    check_shape(size, channels)
    folder = _folder(name, {"edges", "colours"}, split)
    if folder is None and channels is not None:
        raise DatasetError(f"{name!r} has channels of its own on each side: leave channels out")
    if folder is not None:
        return _pairs_in(folder, split, size or FOLDER_SIDE, channels or 3)
    pictures = load_images("faces" if name == "edges" else "photos", split, size or FOLDER_SIDE, 3)
    inputs = edge_map(pictures.images) if name == "edges" else grey(pictures.images)
    return PairSet(inputs, pictures.images, f"{'edges' if name == 'edges' else 'grey'} of {pictures.source}")


def load_unpaired(
    name: str | Path = "glasses", split: str = "train", size: int | None = None, channels: int | None = None
) -> tuple[ImageSet, ImageSet]:
    """Load two sets without pairs, A and B, by name, or a reader's own from a folder.

    Args:
        name: "glasses" (drawn faces without, and other faces with), "digits" (stroke digits and MNIST), "colour digits"
            (MNIST, and stroke digits in colours that no grey digit tells), or a folder with two subfolders, called as
            you like, A is the first by name; trainA, trainB, testA and testB, as CycleGAN's data sets have them, are
            understood, and folders train and test around the two.
        split: "train" or "test". Of a folder that is not split, every tenth picture is held out as "test".
        size: height and width in pixels; None: 32, so that the sides can be halved often.
        channels: 1 (grey) or 3 (colour) for both; None: those of the named set, 3 for a folder. Colour digits have 3.

    Raises:
        DatasetError: an unknown name, not two sides, a side that is empty, and whatever ``load_images`` finds wrong.
    """
    check_shape(size, channels)
    size = size or FOLDER_SIDE
    folder = _folder(name, {"glasses", "digits", "colour digits"}, split)
    if folder is not None:
        return _unpaired_in(folder, split, size, channels or 3)
    if name == "digits":
        return tuple(load_images(digits, split, size, channels) for digits in ("strokes", "mnist"))
    if name == "colour digits":
        return load_images("mnist", split, size, 3), _colour_digits(split, size)
    faces = load_images("faces", split, size, channels)
    return faces[faces.labels == 0], faces[faces.labels == 1]


def _colour_digits(split: str, size: int) -> ImageSet:
    strokes = load_images("strokes", split)[:20_000]
    images = colour_digits(strokes.labels, SPLITS.index(split), size)
    return replace(strokes, images=images, source=f"{strokes.source}, in colours")


def _folder(name: Any, known: set[str], split: str) -> Path | None:
    """The folder that is meant; None if a name is."""
    second = split not in SPLITS and isinstance(split, (str, os.PathLike)) and os.path.isdir(split)
    if second or isinstance(name, (list, tuple)):
        raise DatasetError("give one folder: put both, A and B, into it as its two subfolders, and name that one")
    if split not in SPLITS:
        raise DatasetError(f"split must be one of {SPLITS}, not {split!r}")
    if isinstance(name, str) and name in known:
        return None
    if not isinstance(name, (str, os.PathLike)) or not os.fspath(name):
        raise DatasetError(f"name one of {', '.join(sorted(known))}, or a folder, not {name!r}")
    folder = Path(os.path.expanduser(name))
    if not folder.is_dir():
        raise DatasetError(
            f"{os.fspath(name)!r} is neither one of {', '.join(sorted(known))} nor a folder: is the path right? "
            f"Relative ones start at {os.getcwd()}"
        )
    return folder


# --- from a folder --------------------------------------------------------------------------------------


def _subfolders(folder: Path) -> dict[str, Path]:
    """Those that are not hidden, by name, in order."""
    found = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    return {place.name: place for place in found}


def _in_lower_case(folders: dict[str, Path]) -> dict[str, Path]:
    return {name.lower(): place for name, place in folders.items()}


def _split_of(folder: Path, split: str) -> tuple[Path, bool]:
    """Where a split lies, and whether it has that place for itself."""
    inside = _in_lower_case(_subfolders(folder))
    if not {*inside} & {*SPLITS}:
        return folder, False
    names = ("train",) if split == "train" else ("test", "val")
    found = next((inside[name] for name in names if name in inside), None)
    if found is None:
        raise DatasetError(f"{folder} holds {', '.join(inside)}, but no folder {' or '.join(names)}: add it")
    return found, True


def _two_sides(place: Path, or_halves: bool = False) -> list[Path]:
    """Its two subfolders; DatasetError if there are more or fewer, with a hint where A|B may be meant."""
    sides = list(_subfolders(place).values())
    if len(sides) != 2:
        named = f" ({', '.join(side.name for side in sides)})" if sides else ""
        count = f"{len(sides)} subfolder{'s' * (len(sides) != 1)}{named}"
        hint = _if_side_by_side(place) if or_halves else ""
        raise DatasetError(f"{place} holds {count}: two sets of pictures lie in two, A and B{hint}")
    return sides


def _if_side_by_side(place: Path) -> str:
    """What to do where pictures lie beside the subfolders; nothing if none do."""
    loose, folders = sum(len(parts) == 1 for parts in find_pictures(place)), len(_subfolders(place))
    if not loose:
        return ""
    them, lie = ("it" if folders == 1 else "them"), ("picture lies" if loose == 1 else "pictures lie")
    return f"; {loose} {lie} beside {them}: for pairs side by side, take {them} away"


def _pairs_in(folder: Path, split: str, size: int, channels: int) -> PairSet:
    place, whole = _split_of(folder, split)
    sides = _two_sides(place, or_halves=True) if _subfolders(place) else []
    way = " to ".join(side.name for side in sides) or "left half to right half"
    read = _matched(*sides, size, channels) if sides else _side_by_side(place, size, channels)
    pairs = PairSet(*map(_stack, read), f"{folder_name(folder)}, {split}: {way}")
    return pairs if whole else pairs[part_of(len(pairs), folder_name(folder), split)]


def _stack(pictures: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()  # (N, H, W, C) -> (N, C, H, W)


def _side_by_side(place: Path, size: int, channels: int) -> tuple[Sequence[np.ndarray], ...]:
    _, both = read_pictures(place, size, channels, read=_read_halves)
    return tuple([picture[..., part] for picture in both] for part in (slice(channels), slice(channels, None)))


def _read_halves(path: str, size: int, channels: int) -> np.ndarray | None:
    """A picture A|B as uint8 (size, size, 2 * channels); None if unreadable. Each half is cropped by itself."""
    try:
        wide, high = _sides(path)  # of the file: what is decoded may be smaller
        picture = decode(path, 2 * size, channels)  # so that half its width will do
    except Exception:  # as in image_folder
        return None
    if not NARROWEST <= wide / high <= WIDEST:
        raise DatasetError(
            f"{path} is {wide}x{high}: a pair A|B side by side is {NARROWEST} to {WIDEST} times as wide as high, two "
            "halves of equal width. Put the two of any other pair into two subfolders, A and B, under equal names"
        )
    width, height = picture.size
    halves = [picture.crop((left, 0, left + width // 2, height)) for left in (0, width - width // 2)]
    return np.concatenate([fitted(half, size) for half in halves], 2)


def _matched(a: Path, b: Path, size: int, channels: int) -> tuple[Sequence[np.ndarray], ...]:
    """The pictures of two folders in the order of their names; a pair with an unreadable half is left out."""
    sides = (a, b)
    _check_names(a, b)
    read = []
    for side in sides:
        paths, pictures = read_pictures(side, size, channels)
        read.append(dict(zip(map(_name, paths), zip(paths, pictures, strict=True), strict=True)))
    names = sorted({*read[0]} & {*read[1]})
    if not names:
        raise DatasetError(f"no pair in {a.parent} has two readable pictures: are they whole?")
    _tell_partners(sides, read)
    for name in names:
        _check_proportions(*(os.path.join(side, *known[name][0]) for side, known in zip(sides, read, strict=True)))
    return tuple([known[name][1] for name in names] for known in read)


def _tell_partners(sides: Sequence[Path], read: Sequence[dict[str, tuple]]) -> None:
    """One line on the readable pictures that have lost their partners."""
    alone = []
    for side, these, those in zip(sides, read, reversed(read), strict=True):
        alone += [os.path.join(side.name, *these[name][0]) for name in these if name not in those]
    if alone:
        say(f"left out their partners: {_some(alone)}")


def _name(path: tuple[str, ...]) -> str:
    """What the two files of a pair have in common: the path in its side's folder, without the ending."""
    return os.path.splitext(os.path.join(*path))[0]


def _check_names(a: Path, b: Path) -> None:
    """Does every picture have a partner of its name? A side that is empty is told when it is read."""
    names = [Counter(map(_name, find_pictures(side))) for side in (a, b)]
    for side, known in zip((a, b), names, strict=True):
        if twice := [name for name, count in known.items() if count > 1]:
            raise DatasetError(f"{side} holds two pictures called {twice[0]}, with different endings: remove one")
    alone = [sorted({*these} - {*those}) for these, those in (names, reversed(names))]
    if any(alone) and all(names):
        told = "; ".join(f"{len(n)} only in {side}: {_some(n)}" for n, side in zip(alone, (a, b), strict=True) if n)
        raise DatasetError(
            f"pictures make a pair where their names are equal but for the ending; {told}. Rename or remove these, "
            "or load two sets without pairs with load_unpaired"
        )


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _check_proportions(a: str, b: str) -> None:
    """Both are cropped to their central square: the same square only where they have the same proportions."""
    (width, height), (w, h) = _sides(a), _sides(b)
    if abs(width * h - w * height) > SKEW * max(width * h, w * height):
        raise DatasetError(
            f"{a} is {width}x{height}, {b} {w}x{h}: the two of a pair must have the same proportions, "
            "or what is cropped away would differ. Crop or resize one of them"
        )


def _sides(path: str) -> tuple[int, int]:
    """Width and height of a picture as it is seen, from the file's head alone."""
    from PIL import Image

    with Image.open(path) as picture:
        try:
            turned = picture.getexif().get(ORIENTATION, 1) > 4
        except Exception:  # a malformed entry, which says nothing
            turned = False
        return picture.size[::-1] if turned else picture.size


def _unpaired_in(folder: Path, split: str, size: int, channels: int) -> tuple[ImageSet, ImageSet]:
    inside = _in_lower_case(_subfolders(folder))
    if {"traina", "trainb"} <= {*inside}:  # as CycleGAN's data sets have it
        if not {f"{split}a", f"{split}b"} <= {*inside}:
            raise DatasetError(f"{folder} holds {', '.join(inside)}, but not both {split}A and {split}B: add them")
        sides, whole = [inside[f"{split}{side}"] for side in "ab"], True
    else:
        place, whole = _split_of(folder, split)
        sides = _two_sides(place)
    if whole:
        return tuple(ImageSet(*read_folder(side, size, channels), side.name) for side in sides)
    return tuple(load_images(side, split, size, channels) for side in sides)
