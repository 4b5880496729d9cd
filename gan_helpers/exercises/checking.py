"""Exercises that check themselves: a reader's answer is judged by what it does, not by how it is written.

``check(name, answer)`` returns a Verdict: not answered yet, a hint, or why the answer is right. It never
raises because of an answer, so *Run All* always reaches the bottom.

An exercise is a reference answer and a generator of cases (``judging``); those of notebook NN stand in ``notebook_NN``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import torch

from gan_helpers.exercises.calling import Hint, NotAnswered, OutOfTime
from gan_helpers.exercises.judging import EXERCISES

ICONS = {"not answered yet": "○", "hint": "→", "right": "✓"}


@dataclass(frozen=True)
class Verdict:
    """What a check found: ``state`` is "not answered yet", "hint" or "right"."""

    state: str
    text: str

    def __repr__(self) -> str:
        return f"{ICONS[self.state]} {self.state}{': ' if self.text else ''}{self.text}"

    def _repr_html_(self) -> str:
        return f"<b>{ICONS[self.state]} {self.state}</b>{': ' if self.text else ''}{escape(self.text)}"


def check(name: str, answer: Any, seed: int = 0) -> Verdict:
    """Judge an answer on cases drawn from ``seed``. ``...``, None, or a function with no body is not answered yet.

    Raises:
        KeyError: there is no exercise of that name.
    """
    if name not in EXERCISES:
        raise KeyError(f"no exercise is called {name!r}; there are {', '.join(EXERCISES)}")
    exercise = EXERCISES[name]
    try:
        with undisturbed(seed):
            exercise.judge(answer, seed)
    except NotAnswered:
        return Verdict("not answered yet", "")
    except Hint as hint:
        return Verdict("hint", str(hint))
    except (Exception, OutOfTime) as error:  # the reader's own have become hints: this one is ours
        return Verdict("hint", f"the check itself failed with {type(error).__name__}: {error}. {NOT_YOUR_FAULT}")
    return Verdict("right", exercise.reason)


NOT_YOUR_FAULT = "That is a mistake of the course, not of your answer; please report it."


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Torch as it starts, with known random numbers, for the answer; the reader's own settings come back afterwards."""
    states, dtype = (random.getstate(), np.random.get_state()), torch.get_default_dtype()
    on_cpu = nullcontext() if torch.get_default_device().type == "cpu" else torch.device("cpu")
    torch.set_default_dtype(torch.float32)
    try:
        with on_cpu, torch.random.fork_rng(range(torch.cuda.device_count())), torch.inference_mode(False):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            with torch.enable_grad():
                yield
    finally:
        torch.set_default_dtype(dtype)
        random.setstate(states[0])
        np.random.set_state(states[1])
