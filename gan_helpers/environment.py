"""Where the course runs: quick or full, which device, which seed, which folders.

This is the only room that reads environment variables:

- ``GAN_QUICK=1``  shrinks every budget (fewer steps, fewer pictures) on the same code path;
- ``GAN_DATA``     a folder searched for data sets first, and downloaded into;
- ``GAN_DEVICE``   overrides the device, for example ``cpu`` on a machine with a GPU.
"""

from __future__ import annotations

import os
import platform
import random
from pathlib import Path
from typing import TypeVar

import torch

COURSE_ROOT = Path(__file__).resolve().parents[1]
ASSETS = COURSE_ROOT / "assets"
T = TypeVar("T")


def is_quick() -> bool:
    """True when ``GAN_QUICK`` asks for the short run that the tests use."""
    return os.environ.get("GAN_QUICK", "0").strip().lower() not in ("", "0", "false", "no")


def budget(full: T, quick: T) -> T:
    """The first value in a full run, the second in a quick one."""
    return quick if is_quick() else full


def data_folders() -> list[Path]:
    """Folders searched for data sets, in order; a download goes to the first."""
    named = os.environ.get("GAN_DATA")
    own = COURSE_ROOT / "data"
    return [Path(named).expanduser(), own] if named else [own]


def outputs_folder() -> Path:
    """Where a reader's own results go (git-ignored); quick runs never overwrite full ones."""
    folder = COURSE_ROOT / "outputs"
    folder = folder / "quick" if is_quick() else folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def best_device() -> torch.device:
    """``GAN_DEVICE`` if set, else the GPU if CUDA finds one, else the CPU."""
    named = os.environ.get("GAN_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))


def set_seed(seed: int = 0) -> None:
    """Seed Python's and torch's random numbers, on every device."""
    random.seed(seed)
    torch.manual_seed(seed)


def set_up(seed: int = 0) -> torch.device:
    """Seed, choose the device, and say in one line what this run is.

    Denormal numbers are flushed to zero: Adam's second moments sink into that range,
    where a CPU computes many times slower.
    """
    set_seed(seed)
    torch.set_flush_denormal(True)
    device = best_device()
    place = f"{torch.get_num_threads()} CPU threads" if device.type == "cpu" else torch.cuda.get_device_name(device)
    print(f"torch {torch.__version__.split('+')[0]} on {place}, {'quick' if is_quick() else 'full'} run")
    return device


def machine(device: torch.device | None = None) -> str:
    """What the seconds of a training on ``device`` refer to; None is the CPU."""
    place = f"{platform.machine()}, {torch.get_num_threads()} CPU threads"
    if device is not None and device.type != "cpu":
        place = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()}, {device.type}"
    return f"{place}, torch {torch.__version__.split('+')[0]}"
