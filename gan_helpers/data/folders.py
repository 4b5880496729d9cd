"""A folder of pictures, of mixed sizes, formats and modes, as one uint8 tensor. Also fetches CelebA's folder."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gan_helpers.data.sources import wait_for_answer

if TYPE_CHECKING:
    from PIL import Image


SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
MODES = {1: "L", 3: "RGB"}
CELEBA = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


class DatasetError(RuntimeError):
    """A data set is unknown, absent or damaged; the message names the remedy."""


def download_celeba(root: Path) -> Path:
    """Fetch CelebA's aligned photographs through torchvision into ``root``/celeba/img_align_celeba; returns ``root``.

    Raises:
        DatasetError: no network, or its host refuses, as it often does; the message says what to do by hand.
    """
    from torchvision.datasets import CelebA

    try:
        wait_for_answer("https://drive.google.com")
        CelebA(root, download=True)
    except Exception as error:  # whatever the host answers: a page of HTML is a broken zip file
        raise DatasetError(
            f"CelebA: no copy in {root}, and the download failed ({error}). Its host often refuses programs: get "
            f"img_align_celeba.zip with a browser from {CELEBA}, whose terms allow non-commercial research only, and "
            f"unpack it, so that {root / 'celeba' / 'img_align_celeba'} holds the pictures. Or use "
            "load_images('faces', size=64), which are drawn"
        ) from error
    return root


def read_folder(folder: Path, size: int, channels: int, every: int = 1) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Every picture below ``folder``, or one in ``every`` so many, fitted to size x size.

    Returns images uint8 (N, C, size, size), labels int64 (N,) and the class names: the subfolders
    that hold pictures, or the folder itself where there are none. Files that cannot be read are
    listed and left out.

    Raises:
        ValueError: channels other than 1 or 3, a size below 1, or no readable picture.
    """
    if channels not in MODES or size < 1:
        raise ValueError(f"channels must be 1 or 3 and size at least 1, not {channels} and {size}")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)[::every]
    if not paths:
        raise ValueError(f"no picture in {folder}: it needs files ending in {', '.join(sorted(SUFFIXES))}")
    pictures = _read_all(paths, size, channels)
    good = [path for path, picture in zip(paths, pictures, strict=True) if picture is not None]
    _list_unreadable(folder, sorted(set(paths) - set(good)))
    if not good:
        raise ValueError(f"none of the {len(paths)} pictures in {folder} can be read: are they whole?")
    stacked = np.stack([picture for picture in pictures if picture is not None])  # (N, H, W, C)
    names = [path.relative_to(folder).parts[0] if path.parent != folder else folder.name for path in good]
    classes = tuple(sorted(set(names)))
    labels = torch.tensor([classes.index(name) for name in names])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous(), labels, classes


def _read_all(paths: list[Path], size: int, channels: int) -> list[np.ndarray | None]:
    from tqdm import tqdm

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and resizing release Python's lock
        read = pool.map(partial(_read_one, size=size, channels=channels), paths)
        return list(tqdm(read, total=len(paths), desc="pictures", unit="", file=sys.stdout, mininterval=0.5))


def _read_one(path: Path, size: int, channels: int) -> np.ndarray | None:
    """One picture as uint8 (size, size, channels), cropped to its central square; None if unreadable."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            picture.draft(MODES[channels], (size, size))  # a JPEG is decoded at a reduced size, many times faster
            upright = _flatten(ImageOps.exif_transpose(picture)).convert(MODES[channels])
            fitted = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return np.asarray(fitted).reshape(size, size, channels)


def _flatten(picture: Image.Image) -> Image.Image:
    """Eight bits a channel, transparent parts on white."""
    from PIL import Image

    if picture.mode.startswith("I"):  # 16-bit grey, which convert() would clip instead of scaling
        return Image.fromarray((np.asarray(picture) / 256).clip(0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def _list_unreadable(folder: Path, paths: list[Path], most: int = 10) -> None:
    if paths:
        names = ", ".join(str(path.relative_to(folder)) for path in paths[:most])
        more = f" and {len(paths) - most} more" if len(paths) > most else ""
        print(f"left out {len(paths)} unreadable: {names}{more}")
