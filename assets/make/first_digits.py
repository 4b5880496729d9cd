"""The sheet on top of notebook 04: python assets/make/first_digits.py

It is the sheet of samples, not picked, that notebook 04 shows after its training, taken from the notebook's stored
outputs: run the notebook in full first.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gan_helpers import environment
from gan_helpers.checkpoints import write_atomically

NOTEBOOK = environment.COURSE_ROOT / "notebooks" / "04_train_in_alternation.ipynb"
ALT = "100 generated digits in five rows"  # how the notebook names the sheet


def stored_picture(notebook: Path, alt: str) -> bytes:
    """The PNG among the stored outputs whose text is ``alt``; ValueError where there is none."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        html = "".join(output.get("data", {}).get("text/html", ""))
        if found := re.search(rf'<img alt="{re.escape(alt)}" src="data:image/png;base64,([^"]+)"', html):
            return base64.b64decode(found[1])
    raise ValueError(f"{notebook.name} stores no picture {alt!r}: run it in full first")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=environment.ASSETS / "first_digits.png")
    options = parser.parse_args(arguments)
    write_atomically(options.out, stored_picture(NOTEBOOK, ALT))
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
