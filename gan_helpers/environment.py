"""Where the course runs: quick or full, which device, which seed, which folders.

This is the only module that reads environment variables:

- ``GAN_QUICK=1``  shrinks every budget (fewer steps, fewer pictures) on the same code path;
- ``GAN_DATA``     a folder searched for data sets first, and downloaded into;
- ``GAN_DEVICE``   overrides the device: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` (Apple's GPU), or ``gpu`` for any;
- ``RANK``, ``LOCAL_RANK`` and ``WORLD_SIZE``, which ``torchrun`` sets in each process that it starts.
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
    """The device that ``GAN_DEVICE`` names, else a GPU (NVIDIA's or AMD's, then Apple's), else the CPU.

    Raises:
        ValueError: ``GAN_DEVICE`` names none that this machine has; the message lists those that it has.
    """
    named = os.environ.get("GAN_DEVICE", "").strip().lower()
    here = available_devices()
    kind = {"": here[0], "gpu": here[0]}.get(named, named)
    if kind.split(":")[0] not in here or (named == "gpu" and kind == "cpu"):
        raise ValueError(
            f"GAN_DEVICE={named}, but torch finds only {', '.join(reversed(here))} here: choose one of them"
        )
    try:
        return torch.device(f"cuda:{_number('LOCAL_RANK')}" if kind == "cuda" and process_count() > 1 else kind)
    except RuntimeError as error:
        raise ValueError(f"GAN_DEVICE={named} is no device: choose one of {', '.join(reversed(here))}") from error


def process_number() -> int:
    """Which of the processes that ``torchrun`` has started this is, from 0; its word is the rank."""
    return _number("RANK")


def process_count() -> int:
    """How many processes ``torchrun`` has started, on all machines; 1 without it. Its word is the world size."""
    return max(1, _number("WORLD_SIZE"))


def _number(name: str) -> int:
    text = os.environ.get(name, "").strip() or "0"
    if not text.isdecimal():
        raise ValueError(f"{name}={text} is no number: unset it, or let torchrun set it")
    return int(text)


def available_devices() -> list[str]:
    """The kinds of device that torch can compute on here, the fastest first; "cpu" always stands last."""
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind, is_there in found.items() if is_there]


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
    print(f"torch {torch.__version__.split('+')[0]} on {place_name(device)}, {'quick' if is_quick() else 'full'} run")
    return device


def place_name(device: torch.device) -> str:
    """What a device is called: "2 CPU threads", or the name of a GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple's GPU" if device.type == "mps" else f"{torch.get_num_threads()} CPU threads"


def machine(device: torch.device | None = None) -> str:
    """What the seconds of a training on ``device``, by default the CPU, refer to."""
    place = place_name(device or torch.device("cpu"))
    return f"{platform.machine()}, {place}, torch {torch.__version__.split('+')[0]}"
