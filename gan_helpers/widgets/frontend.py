"""What the explorer, the monitor and the slider need in the page itself, and core widgets do not offer.

Alt texts, names for sliders and icons, one Tab stop for the map, keys that stay with the control that has the focus,
pictures made smaller before they are sent, and word that messages from the page arrive. ``frontend.js`` does it, and
needs the library ``anywidget``. Everything else works without it, so it is imported only where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import traitlets

SCRIPT = Path(__file__).with_name("frontend.js")
Listener = Callable[[dict[str, Any], list[bytes]], None]


class Frontend:
    """An invisible widget that tends the box it lies in, one with the class gan-explorer, gan-monitor or gan-slider.

    Attributes:
        widgets: what to put into that box: the one widget, or none where anywidget is not installed.
        texts: alt texts by CSS class, as the page has them.
    """

    def __init__(self, listen: Listener = lambda content, buffers: None) -> None:
        self.texts: dict[str, str] = {}
        made = page_widget()
        self.widgets: list[Any] = [] if made is None else [made]
        for widget in self.widgets:
            widget.on_msg(lambda _, content, buffers: listen(content, [bytes(part) for part in buffers]))

    def describe(self, image: Any, text: str) -> None:
        """Give an Image widget an alt text, which says what is seen in it now."""
        css = f"gan-alt-{id(image)}"
        image.add_class(css)
        self.texts = {**self.texts, css: text}
        for widget in self.widgets:
            widget.texts = self.texts

    def forget(self, image: Any) -> None:
        """Drop the alt text of an image that is shown no more."""
        self.texts = {css: text for css, text in self.texts.items() if css != f"gan-alt-{id(image)}"}

    def alt(self, image: Any) -> str:
        """The alt text of an image; "" if it has none."""
        return self.texts.get(f"gan-alt-{id(image)}", "")


def page_widget() -> Any | None:
    """The widget that runs ``frontend.js``; None without anywidget."""
    anywidget = anywidget_library()
    if anywidget is None:
        return None

    class PageWidget(anywidget.AnyWidget):
        _esm = SCRIPT.read_text(encoding="utf-8")
        texts = traitlets.Dict().tag(sync=True)

    return PageWidget(layout={"display": "none"})


def anywidget_library() -> Any | None:
    """The module ``anywidget``, whose widgets Colab has been asked to show; None where it is not installed."""
    try:
        import anywidget
    except ImportError:
        return None
    with suppress(ImportError):  # not in Colab
        from google.colab import output

        output.enable_custom_widget_manager()
    return anywidget


def shown(widget: Any, html: str, text: str) -> dict[str, Any]:
    """What a notebook shows and stores of ``widget``; where it cannot be shown, ``html``, or ``text``.

    ipywidgets 7, which Colab has, knows how to show a widget but not how to describe it, so the view is written here.
    Which of two forms Colab would prefer is not documented: it gets no ``html``.
    """
    if hasattr(widget, "_repr_mimebundle_"):
        return {**widget._repr_mimebundle_(), "text/html": html, "text/plain": text}
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view, "text/plain": text}
