"""The pictures on top of notebooks: python assets/make/headers.py

Each is a picture that the notebook itself makes, taken from its stored outputs: run the notebook in full first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from first_digits import stored_picture

from gan_helpers import environment
from gan_helpers.checkpoints import write_atomically

HEADERS = {  # the notebook, and how it names the picture
    "01_look_at_the_data": "forty generated digits in four rows of ten",
    "02_define_the_networks": "2 pictures, captioned trained against noise, against shuffled digits",
    "03_derive_the_losses": "The best D, found twice: p / (p + q), table, network over x",
    "12_compress_and_rebuild": "20 x 20 decoded codes as a map",
    "13_denoise_with_convolution": "from noise to digits: what the denoiser answers at seven levels of noise",
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=environment.ASSETS / "headers")
    options = parser.parse_args(arguments)
    for stem, alt in HEADERS.items():
        notebook = environment.COURSE_ROOT / "notebooks" / f"{stem}.ipynb"
        write_atomically(options.out / f"{stem}.png", stored_picture(notebook, alt))
    print(f"wrote {len(HEADERS)} pictures into {options.out}")


if __name__ == "__main__":
    main()
