"""Watch a run while it trains, and steer it: a picture, and buttons that act while the cell is busy.

A training cell keeps the kernel busy, so a click must reach it another way. From ipykernel 7 on, JupyterLab
sends clicks to a thread beside it. Older kernels, Colab's among them, are asked for clicks between two steps
with the small library jupyter_ui_poll. Either way a click only puts a command into a queue, and the
training itself carries it out after the step in hand. Only widgets that ipywidgets 7.7 and 8 share are used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from math import inf
from typing import Any

from torch import Tensor

from gan_helpers.models.sampling import generate
from gan_helpers.training.runs import Run
from gan_helpers.viz.pictures import Picture, sample_sheet
from gan_helpers.widgets.controls import ControlPanel, StillPicture
from gan_helpers.widgets.dashboard import live_frame, numbers, render_run
from gan_helpers.widgets.snapshots import Snapshots

SHARE = 0.016  # of the training time may go into pictures and snapshots; sending them costs as much again, or nearly
POLL_SECONDS = 0.05  # between two looks for clicks, where looking costs something
LINES = 10  # printed in all where there is no notebook
Poll = Callable[[int], Any]


class Monitor:
    """A callback for ``train_gan`` that shows the run in the notebook and lets the reader steer it.

    It draws at most four times a second, spends less than 3 % of the time on it, and never changes
    what is trained unless told to. Without a notebook it prints a line instead, ten at most.
    It keeps at most six snapshots to rewind to (see ``Snapshots``). What it cannot draw costs a line, not the run.

    Args:
        latents: (N, latent_dim), the points whose pictures are shown in every frame.
        every_seconds: the least time between two frames.
    """

    def __init__(self, latents: Tensor, every_seconds: float = 0.25) -> None:
        self.latents, self.every_seconds = latents, every_seconds
        self.snapshots = Snapshots()
        self.view: Any = None  # a ControlPanel, or where there are no widgets a StillPicture
        self.frames, self.frame_seconds = 0, 0.0
        self._run: Run | None = None
        self._allowed = inf  # steps until the next pause
        self._next_frame = self._next_poll = 0.0
        self._poll: Poll | None = None
        self._exits = ExitStack()
        self._lines = 0
        self._failed = False  # to draw

    # --- called by train_gan --------------------------------------------------------------------------

    def __enter__(self) -> Monitor:
        if _in_notebook():
            self._run, self._allowed, self._next_frame = None, inf, 0.0
            self.frames, self.frame_seconds, self._failed = 0, 0.0, False
            self.snapshots.clear()
            self._poll, hint = _click_poller(self._exits)
            self._open_view(hint)
        return self

    def __exit__(self, *error: object) -> None:
        self._exits.close()
        self._poll = None
        if isinstance(self.view, ControlPanel):
            if self._run is not None:
                self._draw(self._run, "ended")
            self.view.enable(False)

    def __call__(self, run: Run) -> None:
        self._run = run
        if self.view is None and not _in_notebook():
            self._print(run)
            return
        self._obey(run)
        if self._allowed <= 0:
            self._hold(run)
        self._allowed -= 1
        now = time.perf_counter()
        if now >= self._next_frame and self._allowed > 0:  # the next step's pause draws anyhow
            if self.snapshots.due(run):
                self.snapshots.take(run)
            self._draw(run)
            spent = time.perf_counter() - now if self.frames > 1 else 0.0  # the first one loads fonts, once for all
            self._next_frame = now + max(self.every_seconds, spent / SHARE)

    # --- called by the reader -------------------------------------------------------------------------

    def show(self, run: Run) -> None:
        """Show the run's last state as a picture that stays in the notebook."""
        picture = self._last_picture(run) if _in_notebook() else None
        if picture is None:
            self._print(run, last=True)
            return
        from IPython.display import display

        if isinstance(self.view, StillPicture):
            self.view.update(picture)
        else:
            if self.view is not None:
                self.view.hide()  # the same picture would be seen twice
            display(picture)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """The run that was watched last, in any cell: so it comes back where a reloaded page has lost it."""
        picture = None if self._run is None else self._last_picture(self._run)
        return {"text/plain": "no run was watched yet"} if picture is None else picture._repr_mimebundle_()

    # --- inside ---------------------------------------------------------------------------------------

    def _open_view(self, hint: str = "") -> None:
        if self.view is None:
            try:
                import ipywidgets  # noqa: F401
            except ImportError:
                self.view = StillPicture()
            else:
                self.view = ControlPanel()
        self.view.open(hint)

    def _draw(self, run: Run, note: str = "") -> None:
        start = time.perf_counter()
        if self.view is None:
            self._open_view()
        if isinstance(self.view, ControlPanel):
            self.view.show(self._attempt(live_frame, run, self.latents, note), run, self.snapshots, note)
        elif (picture := self._last_picture(run)) is not None:
            self.view.update(picture)
        self.frames += 1
        self.frame_seconds += time.perf_counter() - start

    def _last_picture(self, run: Run) -> Picture | None:
        return self._attempt(render_run, run, self.latents)

    def _attempt(self, draw: Callable[..., Any], *arguments: object) -> Any:
        """What ``draw`` makes; None where it fails. A picture is worth a line, once, but never the training."""
        try:
            return draw(*arguments)
        except Exception as error:  # whatever a reader's own network or shapes lead to
            if not self._failed:
                print(f"the training goes on, but the monitor cannot draw it: {type(error).__name__}: {error}")
            self._failed = True
            return None

    def _obey(self, run: Run) -> bool:
        """Carry out what has been asked for since the last step; was there anything?"""
        if not isinstance(self.view, ControlPanel):
            return False
        if self._poll is not None and time.perf_counter() >= self._next_poll:
            self._poll(10)
            self._next_poll = time.perf_counter() + POLL_SECONDS
        asked = False
        while not self.view.commands.empty():
            self._do(run, *self.view.commands.get())
            asked, self._next_frame = True, 0.0  # the reader wants to see what came of it
        return asked

    def _do(self, run: Run, command: str, value: float | None) -> None:
        if command in ("pause", "step", "go"):
            self._allowed = {"pause": 0, "step": 1, "go": inf}[command]
        elif command == "stop":
            run.stop = True
        elif command == "rewind" and value is not None:  # None: clicked before the first snapshot was listed
            self.snapshots.rewind(run, int(value))
        elif command in ("rate-g", "rate-d"):
            rates = (value, run.lrs[1]) if command == "rate-g" else (run.lrs[0], value)
            if rates != run.lrs:  # also heard when the panel shows the rates of a run that was put back
                self.snapshots.mark(run)
                run.lrs = rates

    def _hold(self, run: Run) -> None:
        """Wait until the reader goes on; the budget in seconds and the processor wait, too."""
        start = time.perf_counter()
        self._draw(run, "paused")
        while self._allowed <= 0 and not (run.stop or run.interrupted):
            time.sleep(POLL_SECONDS)
            if self._obey(run) and self._allowed <= 0:
                self._draw(run, "paused")
        run.waited += time.perf_counter() - start

    def _print(self, run: Run, last: bool = False) -> None:
        """At most ten lines, spread over the budget."""
        due = int(run.share * LINES)
        if self._lines < LINES and (last or due > self._lines or not self._lines):
            self._lines = max(due, self._lines + 1)
            print(f"step {run.step}: {numbers(run)}")


class TimeLapse:
    """A callback that keeps what fixed latents look like, at steps 1, 2, 4, ... times ``growth``."""

    def __init__(self, latents: Tensor, growth: float = 1.25) -> None:
        self.latents, self.growth = latents, growth
        self.frames: list[Tensor] = []  # uint8 (C, height, width) each
        self.steps: list[int] = []

    def __call__(self, run: Run) -> None:
        if not self.steps or run.step >= self.steps[-1] * self.growth:
            self.frames.append(sample_sheet(generate(run.average, self.latents)))
            self.steps.append(run.step)


@lru_cache  # asked after every step
def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _click_poller(stack: ExitStack) -> tuple[Poll | None, str]:
    """What lets at most n clicks in, until ``stack`` closes: None where they come in by themselves.

    Where they cannot come in before the cell ends, there is a line that says what to do about it.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or getattr(kernel, "_supports_kernel_subshells", False):
        return None, ""
    try:
        from jupyter_ui_poll import ui_events

        return stack.enter_context(ui_events()), ""
    except ValueError:  # another monitor of the same run lets them in
        return None, ""
    except ImportError:
        return None, "The controls act when this cell has ended; after %pip install jupyter_ui_poll they act at once."
