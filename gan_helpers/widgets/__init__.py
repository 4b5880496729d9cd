"""The explorer of latent space and the monitor of a training."""

from gan_helpers.widgets.canvas import (
    drawing_canvas,
    open_picture,
    read_drawing,
)
from gan_helpers.widgets.controls import (
    Command,
    ControlPanel,
    StillPicture,
)
from gan_helpers.widgets.dashboard import (
    Axes,
    Span,
    columns,
    describe_run,
    draw_run,
    draw_scores,
    live_frame,
    loss_range,
    minutes,
    numbers,
    paste_samples,
    progress,
    render_run,
    rgb,
    short,
    text_mask,
    ticks,
    write,
)
from gan_helpers.widgets.explorer import (
    FIELD,
    Explorer,
    explore,
    render_latents,
)
from gan_helpers.widgets.frontend import (
    Frontend,
    Listener,
    let_colab_show_it,
    page_widget,
)
from gan_helpers.widgets.monitor import (
    Monitor,
    Poll,
    TimeLapse,
)
from gan_helpers.widgets.panels import (
    Favourite,
    Favourites,
    Map,
    Sliders,
    Stage,
    button,
    message,
    picture,
    take_upload,
)
from gan_helpers.widgets.search import (
    Files,
    Finder,
)
from gan_helpers.widgets.slider import (
    Slider,
    slide,
)
from gan_helpers.widgets.snapshots import (
    Snapshots,
)

__all__ = [
    "FIELD",
    "Axes",
    "Command",
    "ControlPanel",
    "Explorer",
    "Favourite",
    "Favourites",
    "Files",
    "Finder",
    "Frontend",
    "Listener",
    "Map",
    "Monitor",
    "Poll",
    "Slider",
    "Sliders",
    "Snapshots",
    "Span",
    "Stage",
    "StillPicture",
    "TimeLapse",
    "button",
    "columns",
    "describe_run",
    "draw_run",
    "draw_scores",
    "drawing_canvas",
    "explore",
    "let_colab_show_it",
    "live_frame",
    "loss_range",
    "message",
    "minutes",
    "numbers",
    "open_picture",
    "page_widget",
    "paste_samples",
    "picture",
    "progress",
    "read_drawing",
    "render_latents",
    "render_run",
    "rgb",
    "short",
    "slide",
    "take_upload",
    "text_mask",
    "ticks",
    "write",
]
