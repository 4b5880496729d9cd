"""The controls of the training monitor: what a notebook shows, and what it hears.

Only widgets that ipywidgets 7.7 and 8 share are used, so that Colab shows what JupyterLab shows. Each
control has a CSS class, gan-pause for example, by which tests find it in the page.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from gan_helpers.training.runs import Run
from gan_helpers.widgets.dashboard import numbers, progress
from gan_helpers.widgets.frontend import Frontend
from gan_helpers.widgets.snapshots import Snapshots

Command = tuple[str, float | None]
STYLESHEET = Path(__file__).with_name("monitor.css")
PATIENCE = 3.0  # seconds until a page must have been heard from
DEAF = (
    "If these buttons do nothing, this page cannot send clicks while a cell runs: end the training with the "
    "stop button (■) of the notebook. What it has learned is kept."
)
LOST = (
    "the live training monitor: its controls need a running kernel. Was the page reloaded while it trained? "
    "When the training has ended, a new cell with the monitor's name in it shows the run again"
)


class ControlPanel:
    """The live picture and the controls. Nothing here touches the run: clicks become ``commands``.

    Clicks arrive in another thread where the kernel has one for them, hence the queue.
    """

    def __init__(self) -> None:
        import ipywidgets as widgets

        self.commands: SimpleQueue[Command] = SimpleQueue()
        self.frontend = Frontend(self._heard)
        self.image = _named(widgets.Image(format="jpeg", layout={"max_width": "100%"}), "gan-live")
        self.status, self.hint = _named(widgets.HTML(), "gan-status"), widgets.HTML()
        self._rates: tuple[float, ...] = ()  # as last shown
        self.buttons = [
            self._button("pause", "Pause", "pause"),
            self._button("step", "Step once", "step-forward"),
            self._button("go", "Go on", "play"),
            self._button("stop", "Stop and keep", "stop"),
        ]
        self.g_rate, self.d_rate = self._rate("g", "G's rate"), self._rate("d", "D's rate")
        self.past = widgets.Dropdown(description="Back to", options=[], layout={"width": "300px", "max_width": "100%"})
        self.rewind = self._button("rewind", "Rewind", "history", lambda: self.past.value)
        self.inputs = [*self.buttons, self.g_rate, self.d_rate, self.past, self.rewind]
        steering = widgets.HBox([self.g_rate, self.d_rate, self.past, self.rewind], layout={"flex_flow": "row wrap"})
        running = widgets.HBox(self.buttons, layout={"flex_flow": "row wrap"})
        self.controls = widgets.VBox([running, steering, self.hint])
        style = widgets.HTML(f"<style>{STYLESHEET.read_text(encoding='utf-8')}</style>", layout={"display": "none"})
        parts = [style, *self.frontend.widgets, self.image, self.status, self.controls]
        self.widget = _named(widgets.VBox(parts), "gan-monitor")

    def open(self, hint: str = "") -> None:
        """Show the panel below the running cell, ready for a run; ``hint`` is a line below the controls."""
        from IPython.display import display

        self.commands = SimpleQueue()
        self.controls.layout.display = None
        self.widget.remove_class("gan-kept")
        self.status.value, self.hint.value = "Training begins.", hint
        self._rates = ()
        self._opened, self._reached = time.perf_counter(), False
        self._proposed = self._marked = None  # the step that "Back to" shows unless the reader chooses another
        self.enable(True)
        display(self if hasattr(self.widget, "_repr_mimebundle_") else self.widget)  # ipywidgets 7: shows itself

    def hide(self) -> None:
        """Leave only the line of text, for the same picture now stands below; where a reloaded page has lost that one,
        the style sheet brings the last frame back."""
        self.widget.add_class("gan-kept")
        self.controls.layout.display = "none"

    def enable(self, on: bool) -> None:
        """Can the controls be used?"""
        for widget in self.inputs:
            widget.disabled = not on
        self._listen()

    def show(self, frame: bytes | None, run: Run, snapshots: Snapshots, note: str) -> None:
        """Send a frame, and what else has changed: nothing is sent that the browser has already."""
        self.image.layout.display = "none" if frame is None else None
        self.image.value = frame or self.image.value
        self.status.value = f"{note.capitalize() or 'Training'}: {progress(run)}  ·  {numbers(run)}"
        if run.lrs != self._rates:  # or a value that is just being typed would be overwritten
            self.g_rate.value, self.d_rate.value = self._rates = run.lrs
        self._offer(snapshots)
        if not self.hint.value and not self._reached and time.perf_counter() > self._opened + PATIENCE:
            self.hint.value = DEAF
        self._listen()

    def _offer(self, snapshots: Snapshots) -> None:
        """List the snapshots. The proposed one is chosen until the reader chooses, and again when a rate changes."""
        options, chosen = [(snapshots.named(step), step) for step in snapshots.steps], self.past.value
        if options != list(self.past.options):
            self.past.options = options
        own = chosen in snapshots.steps and chosen != self._proposed and snapshots.marked == self._marked
        wanted = chosen if own else snapshots.proposed
        if self.past.value != wanted:
            self.past.value = wanted
        self._proposed, self._marked = snapshots.proposed, snapshots.marked

    def _heard(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """A word from the page while the cell runs: clicks will arrive as well."""
        if content.get("event") == "ready":
            self._reached = True
            self.hint.value = "" if self.hint.value == DEAF else self.hint.value

    def _listen(self) -> None:
        """Have clicks arrive in the thread that the browser sends them to.

        ipykernel 7.4 sends them instead to the thread that spoke to the widget last: here that is the
        training, which would hear them when it has ended. So the widgets forget who has spoken.
        """
        for widget in (*self.inputs, *self.frontend.widgets):
            if widget.comm is not None:  # there is a kernel
                vars(widget.comm).pop("_reply_subshell_id", None)

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        return {**self.widget._repr_mimebundle_(**keywords), "text/plain": LOST}

    def _button(self, name: str, text: str, icon: str, value: Callable[[], float | None] = lambda: None) -> Any:
        import ipywidgets as widgets

        button = widgets.Button(description=text, icon=icon, layout={"width": "130px"})
        button.on_click(lambda _: self.commands.put((name, value())))
        return _named(button, f"gan-{name}")

    def _rate(self, network: str, text: str) -> Any:
        import ipywidgets as widgets

        layout, style = {"width": "190px"}, {"description_width": "70px"}
        rate = widgets.BoundedFloatText(description=text, min=0, max=10, step=1e-4, layout=layout, style=style)
        rate.observe(lambda change: self.commands.put((f"rate-{network}", change["new"])), names="value")
        return _named(rate, f"gan-rate-{network}")


class StillPicture:
    """What is shown in a notebook without ipywidgets: one picture that is replaced by the next."""

    def __init__(self) -> None:
        self._handle: Any = None

    def open(self, hint: str = "") -> None:
        """Nothing is shown before there is a picture."""
        self._handle = None

    def update(self, picture: object) -> None:
        """Show ``picture`` in the place of the last one."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)


def _named(widget: Any, name: str) -> Any:
    widget.add_class(name)
    return widget
