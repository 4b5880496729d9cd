"""Pictures that memory cannot hold, staged in a folder: a file that is mapped, of which only what a batch asks is read.

``stage_images`` writes three files: all pixels and all labels as bare bytes, and a JSON of their shape, classes and
source. ``open_staged`` makes an ``ImageSet`` of them whose pixels lie in the file. The system reads them page by page,
keeps what memory it can spare, and shares that among all processes that have the same file open.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from gan_helpers.data.image_folder import DatasetError
from gan_helpers.data.sets import ImageSet

PIXELS, LABELS, FACTS = "images.bin", "labels.bin", "staged.json"


def stage_images(parts: Iterable[ImageSet], folder: str | Path) -> ImageSet:
    """Write pictures, part after part, to ``folder``, and open them; no more than a part need fit into memory.

    Args:
        parts: sets of pictures of one shape with the same classes, in mixed order, as the last tenth is held out
            when ``load_images`` opens the folder.

    Raises:
        DatasetError: no picture, parts that do not fit together, or a folder that cannot be written.
    """
    folder = Path(folder).expanduser()
    drafts = {name: folder / f"{name}.part" for name in (PIXELS, LABELS, FACTS)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with drafts[PIXELS].open("wb") as pixels, drafts[LABELS].open("wb") as labels:
            facts = _written(parts, pixels, labels)
        drafts[FACTS].write_text(json.dumps(facts), encoding="utf-8")
        for name, draft in drafts.items():  # an older set stays whole until here, and for those who have it open
            draft.replace(folder / name)
    except OSError as error:
        raise DatasetError(
            f"cannot write {folder}: {error.strerror or error}. Choose a place with more room"
        ) from error
    finally:
        for draft in drafts.values():
            if draft.is_file():
                draft.unlink()
    return open_staged(folder)


def _written(parts: Iterable[ImageSet], pixels: IO[bytes], labels: IO[bytes]) -> dict[str, Any]:
    """Append all parts to two files; the facts of the whole."""
    facts = None
    for part in parts:
        facts = _added(facts, part)
        part.images.contiguous().cpu().numpy().tofile(pixels)
        part.labels.cpu().numpy().tofile(labels)
    if facts is None:
        raise DatasetError("there is nothing to stage: give one ImageSet at least")
    return facts


def _added(facts: dict[str, Any] | None, part: ImageSet) -> dict[str, Any]:
    """The facts of what is staged so far, with one more part."""
    new = {"count": len(part), "shape": list(part.shape), "classes": list(part.classes), "source": part.source}
    if facts is None:
        return new
    for name in ("shape", "classes"):
        if facts[name] != new[name]:
            raise DatasetError(f"a part has the {name} {new[name]}, those before it {facts[name]}: make them alike")
    return {**facts, "count": facts["count"] + len(part)}


def open_staged(folder: str | Path) -> ImageSet:
    """The pictures staged in ``folder``, their pixels mapped from the file; what is changed in them stays out of it.

    Raises:
        DatasetError: the folder holds no staged pictures, or not all of them.
    """
    folder = Path(folder).expanduser()
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        count, shape = facts["count"], facts["shape"]
        images = _mapped(folder / PIXELS, torch.uint8, count, *shape)
        labels = _mapped(folder / LABELS, torch.int64, count).clone()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{folder} holds no whole set of staged pictures ({error}): stage them again") from error
    return ImageSet(images, labels, tuple(facts["classes"]), facts["source"])


def _mapped(path: Path, dtype: torch.dtype, *shape: int) -> Tensor:
    """The file as a tensor, copied on write; ValueError if it has another size."""
    size = torch.Size(shape).numel() * dtype.itemsize
    if path.stat().st_size != size:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes in place of {size}")
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_RANDOM"):  # else the system reads on around each picture, in vain: batches are shuffled
        pages.madvise(mmap.MADV_RANDOM)
    return torch.frombuffer(pages, dtype=dtype).view(shape)


def staged_part(folder: str | Path, split: str) -> ImageSet:
    """The first nine tenths as "train", the last one as "test": slices, which copy nothing."""
    data = open_staged(folder)
    cut = len(data) - max(1, len(data) // 10)
    if cut == 0:
        raise DatasetError(f"{folder} holds one picture: stage two or more")
    part = data[:cut] if split == "train" else data[cut:]
    return replace(part, source=f"{data.source}, {split}")
