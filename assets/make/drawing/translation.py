"""The diagram of notebook 16: a U-Net beside a discriminator of patches."""

from __future__ import annotations

from collections.abc import Iterator

from drawing.latents import portrait
from drawing.svg import (
    DASHED,
    DATA,
    DISCRIMINATOR,
    GENERATOR,
    INK,
    Point,
    arrow,
    block,
    document,
    element,
    label,
    polyline,
)

SKIN, FIRST, PITCH = "#B2784F", 166, 55  # where the U-Net's first block stands, and how far apart they are
HEIGHTS = (150, 112, 78, 50, 78, 112, 150)  # of its maps: halved three times and doubled three times
MIDDLE = 178


def outlines(x: float, y: float) -> str:
    """The edges of the portrait, thin and white on black."""

    def oval(dx: float, dy: float, a: float, b: float) -> str:
        return element("ellipse", cx=x + dx, cy=y + dy, rx=a, ry=b, fill="none", stroke="#FFFFFF", stroke_width=1.5)

    lines: list[list[Point]] = [
        [(14, 96), (26, 82), (70, 82), (82, 96)],
        [(39, 69), (48, 72), (57, 69)],
        [(46, 46), (50, 46)],
    ]
    eyes = "".join(oval(dx, 48, r, r - 1) for dx in (36, 60) for r in (5, 10))
    drawn = [polyline([(x + i, y + j) for i, j in line], stroke="#FFFFFF", stroke_width=1.5) for line in lines]
    ground = element("rect", x=x, y=y, width=96, height=96, fill="#111111")
    return "\n".join([ground, oval(48, 40, 33, 34), oval(48, 52, 25, 31), eyes, *drawn])


def maps(heights: tuple[int, ...]) -> Iterator[str]:
    """The U-Net's maps as blocks, and above them what is handed across."""
    for i, height in enumerate(heights):
        x = FIRST + PITCH * i
        yield block(x, x + 22, MIDDLE, (height, height), GENERATOR, fill_opacity=0.28)
        if i:
            yield arrow((x - PITCH + 26, MIDDLE), (x - 4, MIDDLE), colour=GENERATOR)
    for level, height in enumerate(heights[:3]):
        left, right = FIRST + PITCH * level + 11, FIRST + PITCH * (6 - level) + 11
        top = MIDDLE - height / 2
        bend = top - 22
        yield arrow((left, top - 4), (left, bend), (right, bend), (right, top - 4), colour=INK, **DASHED)


def patches(x: float, y: float) -> Iterator[str]:
    """A grid of logits, each of its own shade."""
    shades = (0.2, 0.5, 0.35, 0.1, 0.75, 0.9, 0.6, 0.25, 0.45, 0.8, 0.3, 0.55, 0.15, 0.4, 0.7, 0.05)
    for i, shade in enumerate(shades):
        place = {"x": x + 24 * (i % 4), "y": y + 24 * (i // 4), "width": 22, "height": 22}
        yield element("rect", fill=DISCRIMINATOR, fill_opacity=shade, stroke=DISCRIMINATOR, **place)


def pix2pix() -> str:
    """A U-Net translates edges, x, into a face, G(x). Its maps are halved three times and doubled three times; dashed,
    each fine map is handed across to where maps of its size are drawn. A discriminator sees the edges together with a
    face, generated or real, and gives a grid of logits, one for each patch. L1 compares the generated face with the
    real one, y, pixel by pixel."""
    parts = [
        outlines(30, MIDDLE - 48) + label(78, MIDDLE + 72, "edges *x*"),
        arrow((130, MIDDLE), (FIRST - 6, MIDDLE), colour=GENERATOR),
        *maps(HEIGHTS),
        label(FIRST + 3 * PITCH + 11, MIDDLE + 106, "*G*, a U\N{NON-BREAKING HYPHEN}Net", font_size=18, fill=GENERATOR),
        label(FIRST + 3 * PITCH + 11, 60, "skips", fill=INK),
        arrow((FIRST + 6 * PITCH + 28, MIDDLE), (556, MIDDLE), colour=GENERATOR),
        portrait(562, MIDDLE - 48, SKIN, True) + label(610, MIDDLE + 72, "*G*(*x*)"),
        portrait(562, 292, "#E2B48C", True) + label(610, 410, "real face *y*"),
        arrow((610, MIDDLE + 80), (610, 286), colour=INK) + label(638, 274, "L1", font_size=18),
    ]
    parts += [
        block(714, 776, 262, (230, 110), DISCRIMINATOR) + label(745, 270, "*D*", font_size=26),
        arrow((664, MIDDLE), (708, MIDDLE + 24)) + arrow((664, 340), (708, 318)),
        arrow((78, MIDDLE + 84), (78, 442), (745, 442), (745, 364), colour=DATA),
        label(330, 432, "*D* sees the edges too"),
        arrow((780, 262), (796, 262)) + "\n".join(patches(801, 215)),
        label(848, 338, "a logit", "for each patch"),
    ]
    return document(pix2pix, "A U-Net translates, and a discriminator judges patches of the pair", 470, *parts)
