"""``check``, the exercises of the notebooks, and the clinic of notebook 15."""

from gan_helpers.exercises import notebook_17, part1, part2, part3, part4  # noqa: F401, importing registers them
from gan_helpers.exercises.cases import CASES, Case, Limits
from gan_helpers.exercises.checking import Verdict, check
from gan_helpers.exercises.clinic import (
    Diagnosis,
    Finding,
    Visit,
    before_and_after,
    cell_of,
    diagnose,
    examine,
    treated,
)
from gan_helpers.exercises.judging import EXERCISES

__all__ = [
    "CASES",
    "EXERCISES",
    "Case",
    "Diagnosis",
    "Finding",
    "Limits",
    "Verdict",
    "Visit",
    "before_and_after",
    "cell_of",
    "check",
    "diagnose",
    "examine",
    "treated",
]
