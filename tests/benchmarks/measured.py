"""Measured rows in CSV files beside this one, and what a step costs: what all programs that compare trainings share.

Several processes may fill one file. A program goes on where it was stopped: it asks ``stored`` what is there already.
"""

from __future__ import annotations

import csv
import io
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from gan_helpers.checkpoints import write_atomically
from gan_helpers.environment import outputs_folder
from gan_helpers.training.runs import Run

HERE = Path(__file__).parent
IDENTITY = ("data", "recipe", "lever", "variant", "remedy", "seed")  # what makes two runs the same
Row = dict[str, Any]


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of a file, none where there is no file."""
    path = HERE / name
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def store(name: str, rows: Sequence[Row]) -> None:
    """Put a run's rows at the end of a file, in place of those of an earlier one; columns grow where it has others."""
    run = {key: rows[0][key] for key in IDENTITY if key in rows[0]}
    with FileLock(outputs_folder() / f"{name}.lock"):  # another process may be at it
        kept = [row for row in read_rows(name) if not belongs(row, run)]
        text = io.StringIO()
        columns = list(dict.fromkeys(key for row in (*kept, *rows) for key in row))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])
        write_atomically(HERE / name, text.getvalue().encode())


def belongs(row: dict[str, str], run: Row) -> bool:
    return all(row[key] == str(value) for key, value in run.items())


def stored(name: str, **run: Any) -> list[dict[str, str]]:
    """The rows of a run, such as variant="recipe", seed=0."""
    return [row for row in read_rows(name) if belongs(row, run)]


def ranges(rows: Iterable[Row]) -> str:
    """A line for each measured column: the median of the rows, the least and the most."""
    rows, lines = list(rows), []
    for key in dict.fromkeys(key for row in rows for key in row if key not in IDENTITY):
        values = [float(row[key]) for row in rows if row[key] != ""]
        if values:
            lines.append(f"    {key:14} {statistics.median(values):.4g}  [{min(values):.4g}, {max(values):.4g}]")
    return "\n".join(lines)


# --- what a step costs ------------------------------------------------------------------------------------


class StepClock:
    """A callback that notes the CPU seconds of this process after each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, run: Run) -> None:
        self.times.append(time.process_time())

    def seconds_a_step(self) -> float:
        """From the end of the first step on."""
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1)


def in_turn(measures: dict[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """The median of several rounds in which all take their turn, so that a busy moment meets all alike."""
    found = [{name: measure() for name, measure in measures.items()} for _ in range(rounds)]
    return {name: statistics.median(one[name] for one in found) for name in measures}


def store_costs(name: str, measures: dict[str, Callable[[], float]], rounds: int = 3) -> None:
    """What a step of each variant costs, from functions that measure its CPU seconds."""
    for variant, seconds in in_turn(measures, rounds).items():
        store(name, [{"variant": variant, "milliseconds": round(1000 * seconds, 2)}])
        print(f"{variant}: {1000 * seconds:.1f} ms", flush=True)


def steps_for(seconds: float, name: str, variant: str) -> int:
    """How many steps of a variant these seconds pay for, by the costs in a file."""
    (row,) = stored(name, variant=variant)
    return round(1000 * seconds / float(row["milliseconds"]))
