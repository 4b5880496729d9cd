"""Latent space: points, searches and edits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drawing.svg import (
    CURVE,
    DASHED,
    DATA,
    FAKE_DIGIT,
    GENERATOR,
    GRID,
    INK,
    REAL_DIGIT,
    Point,
    arrow,
    block,
    document,
    element,
    label,
    picture,
    polyline,
    vector,
)


def latent_space() -> str:
    """The plane through the origin and two latent vectors a and b of length 8, at a right angle. Random vectors lie
    near the outer circle, of radius 8. The arc from a to b stays on it. The straight line does not: its middle lies
    on the inner circle, of radius 5.7, and so does z times 0.7. In the middle of both circles is z = 0."""
    x0, y0, radius = 290, 222, 160

    def at(angle: float, length: float = 1.0) -> Point:
        turn = math.radians(angle)
        return x0 + radius * length * math.cos(turn), y0 - radius * length * math.sin(turn)

    def dot(place: Point, name: str, colour: str = GENERATOR) -> str:
        return element("circle", cx=place[0], cy=place[1], r=7, fill=colour, id=f"latent-{name}")

    ends, short, half = (at(165), at(75)), 1 / math.sqrt(2), at(120, 1 / math.sqrt(2))
    rings = [element("circle", cx=x0, cy=y0, r=radius, fill="none", stroke=GENERATOR, stroke_width=24, opacity=0.15)]
    rings += [element("circle", cx=x0, cy=y0, r=radius * short, fill="none", stroke=DATA, stroke_width=1.5, **DASHED)]
    parts = [
        *rings,
        polyline([at(165 - 3 * i) for i in range(31)], id="latent-arc", stroke=CURVE, stroke_width=3),
        polyline(ends, id="latent-straight", stroke=INK, stroke_width=3),
        arrow(at(-30), at(-30, short + 0.05), colour=INK, stroke_width=3),
        dot(ends[0], "a") + dot(ends[1], "b") + dot(half, "half", INK) + dot((x0, y0), "zero", DATA),
        dot(at(-30), "long") + dot(at(-30, short), "short", INK) + dot(at(120), "on-arc", CURVE),
        label(104, 174, "*a*", font_size=20) + label(352, 48, "*b*", font_size=20),
        label(x0, y0 + 30, "*z* = 0") + label(456, 324, "*z*", font_size=20),
        label(545, 120, "near the outer circle: random *z*, length 8", text_anchor="start", fill=GENERATOR),
        label(545, 196, "the arc from *a* to *b* stays there", text_anchor="start", fill=CURVE),
        label(545, 272, "the middle of the straight line, and 0.7 *z*:", text_anchor="start", fill=INK),
        label(545, 294, "both on the inner circle, length 5.7", text_anchor="start", fill=INK),
    ]
    return document(latent_space, "The plane through two latent vectors", 440, *parts)


def inversion() -> str:
    """The search for a latent vector. z passes the generator G; its picture G(z) is compared with a target picture,
    pixel by pixel. The error flows back through G into z, along the dashed line: z moves, the weights of G rest."""
    back = [(790, 118), (790, 48), (66, 48), (66, 92)]
    parts = [
        vector(66, 160, 112) + label(66, 244, "*z* moves", fill=GENERATOR),
        block(160, 300, 160, (80, 150), GENERATOR) + label(230, 158, "*G*", font_size=26) + label(230, 182, "rests"),
        picture(380, 112, FAKE_DIGIT) + label(428, 234, "its picture *G*(*z*)"),
        picture(560, 112, REAL_DIGIT) + label(608, 234, "target"),
        block(720, 860, 160, (84, 84), INK) + label(790, 156, "mean squared", "difference"),
        label(518, 168, "−", font_size=26),
        arrow((84, 160), (154, 160)) + arrow((306, 160), (374, 160)) + arrow((662, 160), (714, 160)),
        arrow(*back, colour=GENERATOR, **DASHED) + label(428, 38, "the gradient flows back through *G* into *z*"),
    ]
    return document(inversion, "From a picture back to z", 264, *parts)


def portrait(x: float, y: float, skin: str, glasses: bool) -> str:
    """A face of 96 by 96 as the course draws them, in few strokes."""

    def oval(dx: float, dy: float, a: float, b: float, fill: str, **style: object) -> str:
        return element("ellipse", cx=x + dx, cy=y + dy, rx=a, ry=b, fill=fill, **style)

    eyes = "".join(oval(dx, 48, 5, 5, INK) for dx in (36, 60))
    rims = "".join(oval(dx, 48, 10, 9, "none", stroke=INK, stroke_width=3) for dx in (36, 60))
    bridge = polyline([(x + 45, y + 46), (x + 51, y + 46)], stroke=INK, stroke_width=3)
    return "\n".join(
        [
            element("rect", x=x, y=y, width=96, height=96, fill="#CFE0EA"),
            polyline([(x + 14, y + 96), (x + 26, y + 82), (x + 70, y + 82), (x + 82, y + 96)], "polygon", "#4F8F6B"),
            oval(48, 40, 33, 34, "#4E3222") + oval(48, 52, 25, 31, skin) + eyes,
            polyline([(x + 39, y + 69), (x + 48, y + 72), (x + 57, y + 69)], stroke="#9C4A48", stroke_width=3),
            rims + bridge if glasses else "",
        ]
    )


def readings(left: float, base: float, before: Sequence[float], after: Sequence[float]) -> list[str]:
    """For each factor two bars that stand on y = `base`: grey before the edit, blue after it."""
    parts = [polyline([(left - 10, base), (left + 250, base)], stroke=INK)]
    names = ("glasses", "skin", "smile", "hat")
    for i, (name, *pair) in enumerate(zip(names, before, after, strict=True)):
        x = left + 8 + 64 * i
        for dx, value, colour in zip((0, 18), pair, (DATA, GENERATOR), strict=True):
            bar = {"width": 16, "height": 100 * value, "fill": colour, "id": f"{name}-{dx}"}
            parts.append(element("rect", x=x + dx, y=base - 100 * value, **bar))
        parts.append(label(x + 17, base + 22, name))
    return parts


def editing() -> str:
    """An edit. Left the plane of latent vectors: from z a step along a direction, the arrow, leads to z + d. G turns
    both into faces: z into one without glasses, z + d into one with glasses and lighter skin. A network reads the
    factors off both. Right, grey bars before and blue bars after: the wanted factor, glasses, has risen from 0 to 1;
    skin has changed as well, a side effect. Dashed, a second direction, at right angles to the way in which
    skin gets lighter."""
    x0, y0 = 120, 180
    parts = [
        element("rect", x=30, y=60, width=190, height=230, fill=DATA, fill_opacity=0.08, stroke=GRID),
        arrow((x0 - 40, y0 + 60), (x0 + 36, y0 - 54), colour=GENERATOR, stroke_width=4),
        arrow((x0 - 40, y0 + 60), (x0 - 40, y0 - 44), colour=CURVE, stroke_width=3, **DASHED),
        arrow((x0 - 40, y0 + 60), (x0 + 64, y0 + 60), colour=DATA),
        element("circle", cx=x0 - 40, cy=y0 + 60, r=7, fill=INK),
        label(x0 - 60, y0 + 54, "*z*", font_size=20) + label(x0 + 52, y0 - 70, "*z* + *d*", font_size=20),
        label(x0 + 38, y0 + 86, "skin gets lighter") + label(125, 320, "latent vectors"),
        label(125, 40, "dashed: leaves skin alone", fill=CURVE),
        block(262, 342, 175, (90, 190), GENERATOR) + label(302, 182, "*G*", font_size=26),
        arrow((226, 175), (256, 175)) + arrow((348, 120), (392, 120)) + arrow((348, 230), (392, 230)),
        portrait(400, 66, "#B2784F", False) + portrait(400, 188, "#E2B48C", True),
        label(448, 54, "*G*(*z*)") + label(448, 306, "*G*(*z* + *d*)"),
        block(546, 622, 175, (190, 110), INK, fill_opacity=0.08) + label(584, 181, "reader"),
        arrow((502, 120), (540, 140)) + arrow((502, 230), (540, 210)) + arrow((628, 175), (650, 175)),
        *readings(650, 240, (0.03, 0.65, 0.4, 0.03), (1.0, 0.3, 0.42, 0.03)),
        label(720, 110, "before", fill=DATA) + label(790, 110, "after", fill=GENERATOR),
        label(775, 306, "wanted: glasses; side effect: skin"),
    ]
    return document(editing, "Move one factor of a face, and see which others move", 340, *parts)
