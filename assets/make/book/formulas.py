"""LaTeX as MathML, which browsers draw by themselves, made when the book is built: no script and no network."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging

CONVERTER = LatexToMathML()
LONG = 40  # characters of LaTeX
log = logging.getLogger(__name__)


def mathml(node: nodes.Element, display: bool) -> str:
    """A formula as a ``<math>`` element; LaTeX that cannot be read is a warning at its place."""
    try:
        return CONVERTER.convert_with_local_state(node.astext(), displaystyle=display)
    except LatexError as error:
        log.warning("cannot read the formula %r: %s", node.astext(), error, location=node)
        return f"<code>{node.astext()}</code>"


def inline(writer: Any, node: nodes.math) -> None:
    """In the line; a long one may scroll on a phone."""
    formula = mathml(node, display=False)
    long = len(node.astext()) > LONG
    writer.body.append(f'<span class="formula" tabindex="0">{formula}</span>' if long else formula)
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """A box of its own: a wide formula scrolls in it, by keyboard too, and not the page."""
    writer.body.append(f'<div class="formula" tabindex="0">{mathml(node, display=True)}</div>\n')
    raise nodes.SkipNode


def add_formulas(app: Any) -> None:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
