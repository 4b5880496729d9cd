"""SVG by the standard library alone: elements, text, arrows, boxes, small pictures, axes, and a whole file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from html import escape

Point = tuple[float, float]
Place = Callable[[float, float], Point]


# Blue, orange and grey stay apart for colour-blind readers; each means the same thing in every diagram.
GENERATOR, DISCRIMINATOR, DATA, CURVE = "#0072B2", "#D55E00", "#68707A", "#007A5A"
INK, PAPER, GRID, PALE = "#1F2933", "#FCFCFD", "#DADCE0", "#C3C6CA"
WIDTH = 920  # of every diagram, so that 16 px text is equally large in all of them
DASHED = {"stroke_dasharray": "6 5"}
REAL_DIGIT = """
............ ..-####-.... ..##--###... ......-##... .....-##-... ....####....
....--##-... ......-##... .-....-##... .##--###-... ..-####-.... ............"""
FAKE_DIGIT = """
............ ....-##-.-.. ..-##--##... ..##-..-#... ..-##-##-... ...-###-....
..##--##-.-. .-#-...##... ..##..-##... ...#####-... .-...--..... ............"""
NOISY_DIGIT = """
-..#.-.-..#. .--#-##.-.-. -.##--.##-.# .-..-.-#..-. -..#.-#.-.-- .-.-###-#..-
#.-.--.##-.. .-.#.--#-.#. -.#-.--##..- .###-##.-.-. -..#-#..-.-# .-.-..#.-.-."""
REBUILT_DIGIT = """
............ ..-####-.... ..-#--##-... ......-##... ....--#-.... ...-###-....
.....-##-... ......-##... ......-##... ..##--##-... ..-####-.... ............"""


def number(value: object) -> str:
    """Attribute text; two decimals hide the last bits, in which math libraries differ."""
    return f"{round(value, 2) + 0.0:g}" if isinstance(value, (int, float)) else str(value)


def element(tag: str, *children: str, **attributes: object) -> str:
    """One SVG element: `stroke_width=2` becomes `stroke-width="2"`, and `class_` becomes `class`."""
    pairs = [f'{key.rstrip("_").replace("_", "-")}="{number(value)}"' for key, value in attributes.items()]
    start = " ".join([tag, *pairs])
    return f"<{start}>" + "\n".join(children) + f"</{tag}>" if children else f"<{start}/>"


def label(x: float, y: float, *lines: str, **style: object) -> str:
    """Centred lines of text, the first with its baseline at `y`; `*z*` is set in italics, `-` as a minus."""
    plain = [escape(line).replace("-", "\N{MINUS SIGN}") for line in lines]
    marked = [re.sub(r"\*(.+?)\*", r'<tspan font-style="italic">\1</tspan>', line) for line in plain]
    style = {"text_anchor": "middle", "fill": INK} | style
    return "\n".join(element("text", line, x=x, y=y + 22 * row, **style) for row, line in enumerate(marked))


def polyline(points: Iterable[Point], tag: str = "polyline", fill: str = "none", **style: object) -> str:
    """An open line through `points`, or with another `tag` a polygon."""
    text = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return element(tag, points=text, fill=fill, **{"stroke_width": 2, "stroke_linejoin": "round"} | style)


def arrow(*points: Point, colour: str = DATA, **style: object) -> str:
    """A line through `points` with a head at the last, a polygon, as markers need page-wide ids."""
    (x0, y0), (x1, y1) = points[-2:]
    dx, dy = (x1 - x0) / math.dist(*points[-2:]), (y1 - y0) / math.dist(*points[-2:])
    x, y = neck = x1 - 11 * dx, y1 - 11 * dy
    head = [(x1, y1), (x - 5.5 * dy, y + 5.5 * dx), (x + 5.5 * dy, y - 5.5 * dx)]
    return polyline([*points[:-1], neck], stroke=colour, **style) + "\n" + polyline(head, "polygon", colour)


def block(left: float, right: float, middle: float, heights: Point, colour: str, **style: object) -> str:
    """A tinted box, or a network that widens or narrows: its left and right heights, about y = `middle`."""
    up, down = heights[0] / 2, heights[1] / 2
    corners = [(left, middle - up), (right, middle - down), (right, middle + down), (left, middle + up)]
    return polyline(corners, "polygon", colour, **{"stroke": colour, "fill_opacity": 0.18} | style)


def picture(x: float, y: float, bitmap: str) -> str:
    """A small MNIST-like picture, light strokes on black; one path a shade, as single squares show seams."""
    parts, rows = [element("rect", x=x, y=y, width=96, height=96, fill="#111111")], bitmap.split()
    for shade, mark in (("#9A9A9A", "-"), ("#FFFFFF", "#")):
        places = [(8 * i, 8 * j) for j, row in enumerate(rows) for i, cell in enumerate(row) if cell == mark]
        parts.append(element("path", d="".join(f"M{x + i} {y + j}h8v8h-8z" for i, j in places), fill=shade))
    return "\n".join(parts)


def vector(x: float, middle: float, height: float) -> str:
    """A vector of data: a strip of eight cells in random-looking greys."""
    greys, size = (0.15, 0.7, 0.4, 0.95, 0.05, 0.55, 0.85, 0.3), (height / 8, height / 8)
    cells = [(middle + (i - 3.5) * height / 8, grey) for i, grey in enumerate(greys)]
    return "\n".join(block(x - 12, x + 12, y, size, DATA, fill_opacity=grey) for y, grey in cells)


def document(draw: Callable[[], str], title: str, height: float, *parts: str) -> str:
    """A whole SVG file, on a light ground of its own, so that it is legible on a dark page as well."""
    name, description = draw.__name__, escape(" ".join(str(draw.__doc__).split()), quote=False)
    head = (
        element("title", escape(title), id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
    )
    ground = element("rect", x=1, y=1, width=WIDTH - 2, height=height - 2, rx=14, fill=PAPER, stroke=GRID)
    svg = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height}", "width": WIDTH}
    svg |= {"height": height, "role": "img", "aria_labelledby": f"{name}-title {name}-desc"}
    return element("svg", "", *head, ground, *parts, "", font_family="sans-serif", font_size=16, **svg) + "\n"


def axes(left: float, width: float, ys: Sequence[float], low: float, high: float) -> tuple[str, Place]:
    """A grid for x from -4 to 4 and y from `low` to `high`, and the function that places (x, y) on it."""

    def at(x: float, y: float) -> Point:
        return left + (x + 4) / 8 * width, 70 + 290 * (high - y) / (high - low)

    ticks = [("x", at(x, low), x, {"y2": -6 if x else -290}, (0, 24), "middle") for x in (-4, -2, 0, 2, 4)]
    ticks += [("y", at(-4, y), y, {"x2": width}, (-12, 6), "end") for y in ys]
    groups = []
    for axis, (x, y), value, end, place, anchor in ticks:
        move, text = f"translate({number(x)} {number(y)})", f"{value:g}"
        parts = element("line", stroke=GRID, stroke_width=1.5, **end), label(*place, text, text_anchor=anchor)
        groups.append(element("g", *parts, class_=f"{axis}-tick", transform=move))
    return "\n".join(groups), at
