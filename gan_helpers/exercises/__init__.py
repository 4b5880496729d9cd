"""Exercises that check themselves: a reader's answer is judged by what it does, not by how it is written.

``check(name, answer)`` returns a Verdict: not answered yet, a hint, or why the answer is right. It never
raises because of an answer, so *Run All* always reaches the bottom. The judges stand in ``judges``.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import torch

from gan_helpers.exercises import judges_beyond, judges_codes  # noqa: F401, importing them registers their exercises
from gan_helpers.exercises.judges import EXERCISES, NotAnswered

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


def check(name: str, answer: Any) -> Verdict:
    """Judge an answer. ``...``, None, or a function that returns one of them, counts as not answered yet.

    Raises:
        KeyError: there is no exercise of that name.
    """
    if name not in EXERCISES:
        raise KeyError(f"no exercise is called {name!r}; there are {', '.join(EXERCISES)}")
    judge, reason = EXERCISES[name]
    if answer is None or answer is ...:
        return Verdict("not answered yet", "")
    try:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            hint = judge(answer)
    except NotAnswered:
        return Verdict("not answered yet", "")
    except Exception as error:  # whatever a reader's code may do, the notebook goes on
        return Verdict("hint", f"your code stopped with {type(error).__name__}: {error}")
    return Verdict("right", reason) if hint is None else Verdict("hint", hint)
