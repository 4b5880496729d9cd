"""The explorer of latent space and the monitor of a training."""

from gan_helpers.widgets.canvas import drawing_canvas, open_picture, read_drawing
from gan_helpers.widgets.dashboard import render_run
from gan_helpers.widgets.explorer import Explorer, explore, render_latents
from gan_helpers.widgets.monitor import Monitor, TimeLapse
from gan_helpers.widgets.slider import slide

__all__ = [
    "Explorer",
    "Monitor",
    "TimeLapse",
    "drawing_canvas",
    "explore",
    "open_picture",
    "read_drawing",
    "render_latents",
    "render_run",
    "slide",
]
