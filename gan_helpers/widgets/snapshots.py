"""States of a run kept in memory, for the monitor's *Rewind*."""

from __future__ import annotations

from math import inf
from typing import Any

from torch import Tensor

from gan_helpers.training.runs import Run
from gan_helpers.training.saving import restore_run, run_state


class Snapshots:
    """A few states of a run in memory, spread over the whole of it, to go back to.

    Each takes the memory of a checkpoint file: about three times the weights of both networks (they and
    Adam's two averages), and the generator's average; 30 MB for notebook 04's recommended pair. When there are
    more than ``most``, every other one goes and the next ones come half as often. After a rewind the later ones stay
    until the run has gone past them, so that one can go forward again as well.
    """

    def __init__(self, most: int = 6, every_seconds: float = 2.0) -> None:
        self.most, self.first_interval = most, every_seconds
        self.clear()

    def clear(self) -> None:
        """Forget all, as at the start of a run."""
        self.every_seconds = self.first_interval
        self.marked: int | None = None  # the step before the learning rates were changed last
        self._states: dict[int, tuple[dict[str, Tensor], dict[str, Any]]] = {}  # by step, in order
        self._ahead: set[int] = set()  # steps that the run, put back, has not reached again
        self._changed = -inf  # when a rate was changed last, in seconds of training

    @property
    def steps(self) -> list[int]:
        """The steps to which ``rewind`` can go, the earliest first."""
        return list(self._states)

    @property
    def proposed(self) -> int | None:
        """Where a reader most likely wants to go: before the last change of a learning rate, else to the latest."""
        return self.marked if self.marked in self._states else max(self._states, default=None)

    def named(self, step: int) -> str:
        """A step in words."""
        note = " (before the change)" if step == self.marked else " (later)" if step in self._ahead else ""
        return f"step {step:,}{note}"

    def due(self, run: Run) -> bool:
        """Has the run trained for ``every_seconds`` since the last snapshot?"""
        self._forget_passed(run)
        last = max((step for step in self._states if step <= run.step), default=None)
        return last is None or run.seconds >= self._states[last][1]["seconds"] + self.every_seconds

    def take(self, run: Run) -> None:
        """Keep the run as it is now."""
        self._forget_passed(run)
        tensors, facts = run_state(run)
        self._states[run.step] = ({name: tensor.clone() for name, tensor in tensors.items()}, facts)
        self._states = dict(sorted(self._states.items()))
        if len(self._states) > self.most:
            kept = {*self.steps[::2], self.marked}
            self._states = {step: state for step, state in self._states.items() if step in kept}
            self.every_seconds *= 2

    def mark(self, run: Run) -> None:
        """A learning rate is about to change: keep the run as it is. Changes in quick succession are one."""
        if not self._changed <= run.seconds < self._changed + self.first_interval:
            self.marked = run.step
            self.take(run)
        self._changed = run.seconds

    def rewind(self, run: Run, step: int) -> None:
        """Put the run back, or forward again, to the snapshot nearest to ``step``."""
        nearest = min(self._states, key=lambda known: abs(known - step))
        restore_run(run, *self._states[nearest])
        self._ahead = {known for known in self._states if known > nearest}

    def _forget_passed(self, run: Run) -> None:
        """Those of the way that was left, up to where the run is now."""
        passed = {step for step in self._ahead if step <= run.step}
        self._states = {step: state for step, state in self._states.items() if step not in passed}
        self._ahead -= passed
