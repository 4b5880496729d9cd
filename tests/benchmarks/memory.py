"""Read and train 100,000 pictures at 64x64, in memory and staged, under a hard limit of memory.

    python tests/benchmarks/memory.py

Linux and the rights to make a control group are needed (root in a container will do): the limit holds for the memory
of the process and for the pages of files that the system keeps for it. Writes ``memory.csv``, which notebook 18 prints.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from gan_helpers.data import ImageSet, index_batches, open_staged, scale_pixels, stage_images

COUNT, PART, BATCHES = 100_000, 1_000, 1_563  # every picture once, in batches of 64
LIMITS = (0, 1_000)  # MB; 0: none
OUT = Path(__file__).with_suffix(".csv")


def parts() -> Iterator[ImageSet]:
    """Noise does: its pixels cost what others cost."""
    for seed in range(0, COUNT, PART):
        draw = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 256, (PART, 3, 64, 64), generator=draw, dtype=torch.uint8)
        yield ImageSet(images, torch.zeros(PART, dtype=torch.int64), ("noise",), "noise")


def read(folder: str, kind: str) -> None:
    """In the limited process: every picture once, shuffled; prints pictures a second of clock, of CPU, and MB read."""
    images = open_staged(folder).images
    images = images.clone() if kind == "in memory" else images
    start, cpu = time.perf_counter(), time.process_time()
    for chosen in islice(index_batches(COUNT, 64), BATCHES):
        scale_pixels(images[chosen])
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(round(64 * BATCHES / seconds), round(64 * BATCHES / cpu), round(read_from_disk() / 1e6))


def read_from_disk() -> int:
    """Bytes that this process has had read from the disk since it began."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def forget(path: Path) -> None:
    """Drop the file's pages, which writing it has left in memory: the next reader has them counted as its own."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def limited(arguments: list[str], megabytes: int) -> subprocess.CompletedProcess[str]:
    """Run this file with so much memory at most, by a control group of its own (version 1 or 2)."""
    old = Path("/sys/fs/cgroup/memory").is_dir()
    group = Path("/sys/fs/cgroup") / ("memory" if old else "") / "gan_course"
    group.mkdir(exist_ok=True)
    limit = str(megabytes * 1_000_000) if megabytes else ("-1" if old else "max")
    (group / ("memory.limit_in_bytes" if old else "memory.max")).write_text(limit)
    command = f'echo $$ > {group}/cgroup.procs && exec "$@"'
    try:
        return subprocess.run(
            ["sh", "-c", command, "sh", sys.executable, __file__, *arguments], capture_output=True, text=True
        )
    finally:
        group.rmdir()


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        stage_images(parts(), folder)
        for limit in LIMITS:
            for kind in ("in memory", "staged"):
                forget(Path(folder) / "images.bin")
                done = limited([folder, kind], limit)
                rates = done.stdout.split() or ["-", "-", "-"]
                how = "all read" if done.returncode == 0 else f"ended by signal {-done.returncode}"
                rows.append([kind, limit or "none", how, *rates])
                print(*rows[-1], done.stderr[-300:])
    with OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pictures", "limit in MB", "outcome", "pictures a second", "pictures a CPU second", "MB read"])
        writer.writerows(rows)


if __name__ == "__main__":
    read(*sys.argv[1:]) if len(sys.argv) > 1 else main()
