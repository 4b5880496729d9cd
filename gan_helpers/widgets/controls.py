"""The controls of the training monitor: what a notebook shows, and what it hears.

Only widgets that ipywidgets 7.7 and 8 share are used, so that Colab shows what JupyterLab shows. Each
control has a CSS class, gan-pause for example, by which tests find it in the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

from gan_helpers.training.runs import Run
from gan_helpers.widgets.dashboard import numbers, progress

Command = tuple[str, float | None]


class ControlPanel:
    """The live picture and the controls. Nothing here touches the run: clicks become ``commands``.

    Clicks arrive in another thread where the kernel has one for them, hence the queue.
    """

    def __init__(self) -> None:
        import ipywidgets as widgets

        self.commands: SimpleQueue[Command] = SimpleQueue()
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
        self.past = widgets.Dropdown(description="Back to", options=[], layout={"width": "200px"})
        self.rewind = self._button("rewind", "Rewind", "history", lambda: self.past.value)
        self.inputs = [*self.buttons, self.g_rate, self.d_rate, self.past, self.rewind]
        steering = widgets.HBox([self.g_rate, self.d_rate, self.past, self.rewind], layout={"flex_flow": "row wrap"})
        running = widgets.HBox(self.buttons, layout={"flex_flow": "row wrap"})
        self.controls = widgets.VBox([running, steering, self.hint])
        self.widget = _named(widgets.VBox([self.image, self.status, self.controls]), "gan-monitor")

    def open(self, hint: str = "") -> None:
        """Show the panel below the running cell, ready for a run; ``hint`` is a line below the controls."""
        from IPython.display import display

        self.commands = SimpleQueue()
        for widget in (self.image, self.controls):
            widget.layout.display = None
        self.status.value, self.hint.value = "Training begins.", hint
        self._rates = ()
        self.enable(True)
        display(self if hasattr(self.widget, "_repr_mimebundle_") else self.widget)  # ipywidgets 7: shows itself

    def hide(self) -> None:
        """Leave only the line of text."""
        for widget in (self.image, self.controls):
            widget.layout.display = "none"

    def enable(self, on: bool) -> None:
        """Can the controls be used?"""
        for widget in self.inputs:
            widget.disabled = not on
        self._listen()

    def show(self, frame: bytes, run: Run, steps: Sequence[int], note: str) -> None:
        """Send a frame, and what else has changed: nothing is sent that the browser has already."""
        self.image.value = frame
        self.status.value = f"{note.capitalize() or 'Training'}: {progress(run)}  ·  {numbers(run)}"
        if run.lrs != self._rates:  # or a value that is just being typed would be overwritten
            self.g_rate.value, self.d_rate.value = self._rates = run.lrs
        options = [(f"step {step:,}", step) for step in steps]
        if options != list(self.past.options):
            chosen = self.past.value
            self.past.options = options
            self.past.value = chosen if chosen in steps else steps[-1]
        self._listen()

    def _listen(self) -> None:
        """Have clicks arrive in the thread that the browser sends them to.

        ipykernel 7.4 sends them instead to the thread that spoke to the widget last: here that is the
        training, which would hear them when it has ended. So the widgets forget who has spoken.
        """
        for widget in self.inputs:
            if widget.comm is not None:  # there is a kernel
                vars(widget.comm).pop("_reply_subshell_id", None)

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        text = "the live training monitor: its controls need a running kernel"
        return {**self.widget._repr_mimebundle_(**keywords), "text/plain": text}

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
