"""The picture on top of notebook 18: python assets/make/scaled_out.py

It is the notebook's own sheet of digits, made in three ways, taken from its stored outputs: run it in full first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from first_digits import stored_picture

from gan_helpers import environment
from gan_helpers.checkpoints import write_atomically

NOTEBOOK = environment.COURSE_ROOT / "notebooks" / "18_scale_it_out.ipynb"
ALT = "3 pictures, captioned one process, 64, two processes, 64, two processes, 128"  # as the plot says
OUT = environment.ASSETS / "gallery" / "18_scale_it_out.png"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    write_atomically(options.out, stored_picture(NOTEBOOK, ALT))
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
