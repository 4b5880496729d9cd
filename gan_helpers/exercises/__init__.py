"""``check``, and the exercises of the notebooks."""

from gan_helpers.exercises import part1, part2, part3, part4  # noqa: F401, importing them registers their exercises
from gan_helpers.exercises.checking import Verdict, check
from gan_helpers.exercises.judging import EXERCISES

__all__ = ["EXERCISES", "Verdict", "check"]
