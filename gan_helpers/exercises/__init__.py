"""``check``, the exercises of the notebooks, and the clinic of notebook 15."""

from gan_helpers.exercises import (  # noqa: F401, importing them registers their exercises
    notebook_01,
    notebook_02,
    notebook_03,
    notebook_04,
    notebook_05,
    notebook_06,
    notebook_07,
    notebook_08,
    notebook_09,
    notebook_10,
    notebook_11,
    notebook_12,
    notebook_13,
    notebook_14,
    notebook_15,
    notebook_16,
    notebook_17,
    notebook_18,
)
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
