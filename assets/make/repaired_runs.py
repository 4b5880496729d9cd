"""The picture on top of notebook 15: python assets/make/repaired_runs.py

It is the notebook's own last figure, ten runs before and after one change, taken from its stored outputs: run the
notebook in full first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from first_digits import stored_picture

from gan_helpers import environment
from gan_helpers.checkpoints import write_atomically
from gan_helpers.exercises import CASES

NOTEBOOK = environment.COURSE_ROOT / "notebooks" / "15_repair_a_broken_run.ipynb"
ALT = f"generated digits before and after the repair of {len(CASES)} runs: {', '.join(CASES)}"  # as the plot says


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=environment.ASSETS / "gallery" / "15_repair_a_broken_run.png")
    options = parser.parse_args(arguments)
    write_atomically(options.out, stored_picture(NOTEBOOK, ALT))
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
