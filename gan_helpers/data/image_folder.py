"""A folder of pictures, of mixed sizes, formats and modes, as one uint8 tensor.

Every format that Pillow reads, in subfolders and behind links too. No single file stops a folder: what cannot be
read is listed, what was passed over is counted, and one line says both.
"""

from __future__ import annotations

import operator
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image


MODES = {1: "L", 3: "RGB"}
LARGEST = 4096  # pixels a side: beyond it, a size is a slip of the hand
NO_PICTURES = {"__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini"}  # what systems leave in folders
ORIENTATION, BITS = 0x0112, 0x0102  # EXIF's and TIFF's numbers of these entries
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF's orientation: the number of Pillow's way to undo it
UNITS = ((0, 1), (-1, 1))
DEPTHS = ((0, 255), (0, 4095), (0, 65535))  # 8, 12 and 16 bits


Reader = Callable[..., "np.ndarray | None"]  # of a path, a size and a number of channels


class DatasetError(RuntimeError):
    """A data set is unknown, absent or damaged; the message names the remedy."""


def say(line: str) -> None:
    """Print one line; what the terminal cannot show, such as half a character in a file's name, as an escape."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    print(shown.encode(encoding, "backslashreplace").decode(encoding))


def check_shape(size: Any, channels: Any) -> None:
    """Refuse a size or a number of channels that no picture can have. None stands for the data's own.

    Raises:
        DatasetError: channels other than 1 or 3, or a size that is no whole number from 1 to 4096.
    """
    if channels is not None and (isinstance(channels, bool) or channels not in MODES):
        raise DatasetError(f"channels must be 1 or 3, for grey or colour, not {channels!r}")
    try:
        fits = size is None or (not isinstance(size, bool) and 1 <= operator.index(size) <= LARGEST)
    except TypeError:
        fits = False
    if not fits:
        raise DatasetError(f"size must be a whole number of pixels from 1 to {LARGEST}, such as 64, not {size!r}")


def check_memory(count: int, channels: int, size: int) -> None:
    """Refuse what this machine cannot hold: ``count`` pictures of (channels, size, size), a byte a value.

    Raises:
        DatasetError: they need more than the machine's memory.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return  # a system that does not tell
    if count * channels * size**2 > memory:
        needed = f"{count * channels * size**2 / 1e9:,.0f} GB; this machine has {memory / 1e9:,.0f}"
        raise DatasetError(f"{count} pictures of {channels}x{size}x{size} take {needed}: choose a smaller size")


def read_folder(folder: Path, size: int, channels: int, every: int = 1) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Every picture below ``folder``, or one in ``every`` so many, fitted to size x size.

    Returns images uint8 (N, C, size, size), labels int64 (N,) and the class names: the subfolders
    that hold pictures, however deep, or the folder itself where there are none. Hidden files and
    folders are passed over, and files that cannot be read are listed and left out.

    Raises:
        DatasetError: channels other than 1 or 3, an impossible size, no folder, or no readable picture.
    """
    check_shape(size, channels)
    found, pictures = read_pictures(folder, size, channels, every)
    labels, classes = _classes(found, folder_name(folder))
    stacked = np.stack(pictures)  # (N, H, W, C)
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous(), labels, classes


def read_pictures(
    folder: Path, size: int, channels: int, every: int = 1, read: Reader | None = None
) -> tuple[list[tuple[str, ...]], list[np.ndarray]]:
    """The readable pictures below ``folder``, or one in ``every`` so many: the parts of their paths, and their pixels.

    ``read`` makes an array of a path, a size and a number of channels, or None if it cannot; by default
    (size, size, channels). One line says what was left out and passed over.

    Raises:
        DatasetError: no folder, no readable picture, or more than this machine holds.
    """
    found, passed_over = _walk(folder)
    found = found[::every]
    if not found:
        held = f"it holds only {_counts(passed_over)}" if passed_over else "it is empty"
        raise DatasetError(f"no picture in {folder}: {held}. It needs files such as .png, .jpg, .webp, .gif or .tif")
    check_memory(len(found), channels, size)
    pictures = _read_all([os.path.join(folder, *parts) for parts in found], size, channels, read or _read_one)
    unreadable = [os.sep.join(parts) for parts, picture in zip(found, pictures, strict=True) if picture is None]
    _report(folder_name(folder), unreadable, passed_over)
    good = [(parts, picture) for parts, picture in zip(found, pictures, strict=True) if picture is not None]
    if not good:
        raise DatasetError(f"none of the {len(found)} pictures in {folder} can be read: are they whole?")
    paths, pictures = zip(*good, strict=True)
    return list(paths), list(pictures)


def find_pictures(folder: Path) -> list[tuple[str, ...]]:
    """The parts of the paths of all pictures below a folder, readable or not, in order."""
    return _walk(folder)[0]


def folder_name(folder: Path) -> str:
    """The last part of a folder's path, also of "." and of "pictures/..", in characters that can be printed."""
    name = Path(os.path.abspath(folder)).name or str(folder)
    return name.encode("utf-8", "backslashreplace").decode()


def picture_suffixes() -> set[str]:
    """Endings, such as ".jpg", of the files that Pillow can decode on this machine."""
    from PIL import Image, ImageFile

    Image.preinit()  # the usual formats first, so that they are tried first
    Image.init()
    stubs = {"MPEG"}  # known by their first bytes, but not decoded
    for name, (opener, _) in Image.OPEN.items():
        stubs |= {name} if isinstance(opener, type) and issubclass(opener, ImageFile.StubImageFile) else set()
    opened = {*Image.OPEN, "MPO"} - stubs  # the reader of JPEG opens MPO, a camera's pair of JPEGs
    return {suffix for suffix, name in Image.registered_extensions().items() if name in opened}


# --- which files ----------------------------------------------------------------------------------------


def _walk(folder: Path) -> tuple[list[tuple[str, ...]], Counter[str]]:
    """The pictures below a folder as parts of their paths, in order, and how many files of which kind are none."""
    suffixes = picture_suffixes()
    found: list[tuple[str, ...]] = []
    passed_over: Counter[str] = Counter()
    waiting: list[tuple[tuple[str, ...], frozenset[str]]] = [((), frozenset())]
    while waiting:
        parts, above = waiting.pop()
        place = os.path.join(folder, *parts)
        above |= {os.path.realpath(place)}
        for entry in _entries(place, passed_over):
            path = (*parts, entry.name)
            suffix = os.path.splitext(entry.name)[1].lower()
            if entry.name.startswith(".") or entry.name.lower() in NO_PICTURES:
                passed_over["hidden"] += 1
            elif _answers(entry.is_dir):
                if os.path.realpath(entry.path) not in above:  # else a link back to where we came from
                    waiting.append((path, above))
            elif suffix in suffixes and _answers(entry.is_file):
                found.append(path)
            else:
                passed_over["broken link" if suffix in suffixes else suffix or "without an ending"] += 1
    return sorted(found, key=lambda path: [os.path.normcase(part) for part in path]), passed_over


def _entries(place: str, passed_over: Counter[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except NotADirectoryError as error:
        raise DatasetError(f"{place} is a file, not a folder: give the folder that holds it") from error
    except OSError:
        passed_over["folder that cannot be opened"] += 1
        return []


def _answers(question: Callable[[], bool]) -> bool:
    """Yes or no, where a link in a circle would raise."""
    try:
        return question()
    except OSError:
        return False


def _classes(found: list[tuple[str, ...]], folder: str) -> tuple[Tensor, tuple[str, ...]]:
    names = [path[0].encode("utf-8", "backslashreplace").decode() if len(path) > 1 else folder for path in found]
    classes = tuple(sorted(set(names)))
    numbers = {name: number for number, name in enumerate(classes)}
    return torch.tensor([numbers[name] for name in names]), classes


def _counts(passed_over: Counter[str], most: int = 5) -> str:
    kinds = [f"{count} {kind}" for kind, count in passed_over.most_common()]
    return ", ".join(kinds if len(kinds) <= most else [*kinds[:most], "others"])


def _report(folder: str, unreadable: list[str], passed_over: Counter[str], most: int = 10) -> None:
    names = ", ".join(unreadable[:most]) + (f" and {len(unreadable) - most} more" if len(unreadable) > most else "")
    parts = [f"left out {len(unreadable)} unreadable in {folder}: {names}"] if unreadable else []
    parts += [f"passed over {passed_over.total()}: {_counts(passed_over)}"] if passed_over else []
    if parts:
        say("; ".join(parts))


# --- one file -------------------------------------------------------------------------------------------


def _read_all(paths: list[str], size: int, channels: int, one: Reader) -> list[np.ndarray | None]:
    from tqdm import tqdm

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding releases Python's lock
        warnings.simplefilter("ignore")  # Pillow's on single files: what cannot be read is listed
        read = pool.map(partial(one, size=size, channels=channels), paths)
        return list(tqdm(read, total=len(paths), desc="pictures", unit="", file=sys.stdout, mininterval=0.5))


def _read_one(path: str, size: int, channels: int) -> np.ndarray | None:
    """One picture as uint8 (size, size, channels), cropped to its central square; None if unreadable."""
    try:
        return fitted(decode(path, size, channels), size)
    except Exception:  # Pillow's readers raise anything on a malformed file, which must not cost the others
        return None


def decode(path: str, size: int, channels: int) -> Image.Image:
    """One picture in grey or colour, 8 bits, upright; no side smaller than ``size`` pixels if the file's is not."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.draft(MODES[channels], (size, size))  # a JPEG is decoded at a reduced size, many times faster
        return developed(picture, channels)


def developed(picture: Image.Image, channels: int) -> Image.Image:
    """A picture as its file holds it, in grey or colour: 8 bits a channel, upright, transparent parts on white."""
    return _flatten(_upright(picture), _white(picture)).convert(MODES[channels])


def fitted(picture: Image.Image, size: int) -> np.ndarray:
    """A picture's central square as uint8 (size, size, channels)."""
    from PIL import Image, ImageOps

    pixels = np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS))
    return pixels.reshape(size, size, -1)


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as EXIF says. No other entry is read: a malformed one would cost the picture."""
    picture.load()  # in PNG, EXIF may come after the pixels
    try:
        turn = TURNS.get(picture.getexif().get(ORIENTATION))
    except Exception:
        return picture  # the pixels are whole, whichever way up
    return picture if turn is None else picture.transpose(turn)


def _flatten(picture: Image.Image, white: int | None) -> Image.Image:
    """Eight bits a channel, transparent parts on white."""
    from PIL import Image

    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits, which convert() would clip instead of scaling
        return Image.fromarray(eight_bits(np.asarray(picture), white))
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def _white(picture: Image.Image) -> int | None:
    """The number that stands for white, where the file fixes it."""
    if picture.format in ("PNG", "PPM", "JPEG2000") and picture.mode != "F":
        return 65535  # Pillow scales these to it
    bits = getattr(picture, "tag_v2", {}).get(BITS, (0,))[0]
    return 2**bits - 1 if 8 < bits < 16 else None  # 16 bits may hold 12, and often do


def eight_bits(values: np.ndarray, white: int | None = None) -> np.ndarray:
    """Numbers of any type and range as uint8, 0 to 255; not-a-number is black.

    The range is 0 to ``white`` where that is known. Else it is the narrowest usual one that holds all values: of
    floats 0..1 or -1..1, with room for 5 % beyond; then 8, 12 or 16 bits, of floats only where they fill a tenth
    of it. Else it runs from the least value to the greatest.

    Raises:
        ValueError: no value is finite.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        raise ValueError("no value is a finite number")
    low, high = (0, white) if white else _range(finite.min(), finite.max(), values.dtype.kind == "f")
    scaled = (values.astype(np.float64) - low) / ((high - low) or 1)
    return (256 * np.nan_to_num(scaled, posinf=1, neginf=0)).clip(0, 255).astype(np.uint8)


def _range(least: float, most: float, floats: bool) -> tuple[float, float]:
    for low, high in UNITS if floats else ():
        room = 0.05 * (high - low)
        if low - room <= least and most <= high + room:
            return low, high
    for low, high in DEPTHS:
        if low <= least and (high / 10 if floats else 0) <= most <= high:
            return low, high
    return least, most
