"""The explorer of latent space, the canvas of a translator and the monitor of a training."""

from gan_helpers.widgets.canvas import drawing_canvas, open_picture, read_drawing
from gan_helpers.widgets.dashboard import render_run
from gan_helpers.widgets.explorer import Explorer, explore, render_latents
from gan_helpers.widgets.monitor import Monitor, TimeLapse
from gan_helpers.widgets.slider import slide
from gan_helpers.widgets.translating import Translation, explore_translation

__all__ = [
    "Explorer",
    "Monitor",
    "TimeLapse",
    "Translation",
    "drawing_canvas",
    "explore",
    "explore_translation",
    "open_picture",
    "read_drawing",
    "render_latents",
    "render_run",
    "slide",
]
