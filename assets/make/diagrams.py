"""The course's diagrams, drawn as SVG text by the standard library alone: python assets/make/diagrams.py

No plotting library takes part, so the same code always gives the same bytes, and a test holds the files in
`assets/diagrams/` against it. A diagram's docstring is also its description in the file, for screen readers.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

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
HIDDEN = ("linear", "leaky ReLU 0.2", "dropout 0.3")


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


def gan_pipeline() -> str:
    """The generator G turns latents z into a generated picture G(z). The discriminator D gives each generated
    and each real picture a logit, D(G(z)) or D(x): real or generated? Dashed lines are the training signals:
    D's loss updates D, and G's loss flows back through D into G."""
    into_g = [(830, 205), (830, 62), (640, 62), (640, 196), (570, 196), (570, 62), (225, 62), (225, 103)]
    into_d = [(830, 285), (830, 402), (605, 402), (605, 348)]
    parts = [
        vector(80, 165, 112) + label(80, 246, "latents *z*"),
        block(160, 290, 165, (80, 150), GENERATOR) + label(225, 164, "*G*", font_size=26),
        label(225, 187, "generator"),
        picture(356, 117, FAKE_DIGIT) + label(404, 238, "generated picture *G*(*z*)"),
        picture(356, 277, REAL_DIGIT) + label(404, 398, "real picture *x*"),
        block(530, 680, 245, (260, 130), DISCRIMINATOR) + label(605, 254, "*D*", font_size=26),
        label(605, 277, "discriminator"),
        label(723, 232, "logit") + label(723, 270, "*D*(*x*)", "*D*(*G*(*z*))"),
        block(768, 892, 245, (80, 80), INK) + label(830, 240, "real or", "generated?"),
        *(arrow((left, 165), (right, 165)) for left, right in ((98, 154), (296, 350), (458, 524))),
        arrow((458, 325), (524, 325)) + arrow((686, 245), (762, 245)),
        arrow(*into_g, colour=GENERATOR, **DASHED) + arrow(*into_d, colour=DISCRIMINATOR, **DASHED),
        label(404, 46, "*G*’s loss flows back through *D* into *G*"),
        label(718, 428, "*D*’s loss updates *D*"),
        arrow((40, 355), (92, 355)) + label(104, 361, "data and scores", text_anchor="start"),
        arrow((92, 390), (40, 390), **DASHED) + label(104, 396, "training signals", text_anchor="start"),
    ]
    return document(gan_pipeline, "How a GAN is trained", 450, *parts)


def players(middle: float, moves: str, judged: float, heights: Point) -> list[str]:
    """z, G and its picture in a row, and D around y = `judged`; the network that moves is the darker one."""
    shade = {name: {"fill_opacity": 0.4 if name == moves else 0.08} for name in "GD"}
    parts = [vector(70, middle, 88) + label(70, middle + 68, "*z*") + arrow((88, middle), (144, middle))]
    parts += [block(150, 270, middle, (70, 120), GENERATOR, **shade["G"]), arrow((276, middle), (330, middle))]
    parts += [picture(336, middle - 48, FAKE_DIGIT) + label(384, middle + 70, "*G*(*z*)")]
    parts += [block(566, 700, judged, heights, DISCRIMINATOR, **shade["D"]), arrow((438, middle), (560, middle))]
    for name, x, y in (("G", 210, middle), ("D", 633, judged)):
        parts += [label(x, y, f"*{name}*", font_size=24), label(x, y + 24, "moves" if name == moves else "rests")]
    return [*parts, arrow((706, judged), (754, judged)), block(760, 900, judged, (116, 116), INK, fill_opacity=0.1)]


def half_steps() -> str:
    """Above, D's half of a training step: generated pictures G(z) and real pictures x go into D, whose loss has the
    label 1 for x and 0 for G(z). Its gradient, a dashed arrow, goes back into D and no further: detach cuts the way to
    G, so D moves and G rests. Below, G's half: only G(z) goes into D, and the loss has the label 1 for it. Its gradient
    goes back through D, whose weights rest, and through the pictures into G, which moves."""
    on_d, on_g = {"colour": DISCRIMINATOR, **DASHED}, {"colour": GENERATOR, **DASHED}
    heading = {"font_size": 18, "font_weight": "bold", "text_anchor": "start"}
    parts = [label(28, 42, "*D*’s half step", **heading), label(28, 412, "*G*’s half step", **heading)]
    parts += [*players(130, "D", 192, (240, 130)), *players(492, "G", 492, (150, 110))]
    parts += [picture(336, 225, REAL_DIGIT), label(384, 343, "*x*"), arrow((438, 273), (560, 273))]
    parts += [label(830, 176, "loss", "*x*: label 1", "*G*(*z*): label 0")]
    parts += [label(830, 487, "loss", "*G*(*z*): label 1")]
    parts += [arrow((754, 222), (706, 222), **on_d), arrow((560, 160), (504, 160), **on_d)]
    parts += [polyline([(499, 140), (499, 180)], stroke=INK, stroke_width=4), label(499, 202, "detach")]
    parts += [arrow((a, 522), (b, 522), **on_g) for a, b in ((754, 706), (560, 438), (330, 276))]
    for x, text, style in ((28, "data and scores", {}), (270, "gradient of *D*’s loss", on_d)):
        parts += [arrow(*((x, 614), (x + 52, 614))[:: -1 if style else 1], **style)]
        parts += [label(x + 64, 620, text, text_anchor="start")]
    parts += [arrow((622, 614), (570, 614), **on_g), label(634, 620, "gradient of *G*’s loss", text_anchor="start")]
    return document(half_steps, "The two half steps of a GAN, and where their gradients go", 644, *parts)


def layers(widths: Sequence[int], first: float, pitch: float, colour: str, *last: str) -> Iterator[str]:
    """A column for each width, every `pitch` from `first` on; between two, a band with captions below."""
    heights = [18 * width**0.4 for width in widths]  # in true proportion, the thin ones would be invisible
    for i, (width, height) in enumerate(zip(widths, heights, strict=True)):
        x = first + pitch * i
        if i:
            ends, faint = (heights[i - 1], height), {"fill_opacity": 0.07, "stroke": "none"}
            yield block(x - pitch + 13, x - 13, 190, ends, colour, **faint)
            yield arrow((x - pitch + 42, 190), (x - 42, 190))
            yield label(x - pitch / 2, 358, *(last if i == len(widths) - 1 else HIDDEN))
        yield block(x - 12, x + 12, 190, (height, height), colour) if i else vector(x, 190, height)
        yield label(x, 178 - height / 2, str(width), font_size=18, font_weight="bold")


def discriminator() -> str:
    """A picture x of 1 x 28 x 28 pixels, flattened to 784 numbers, passes linear layers of widths 128, 64,
    32, each followed by leaky ReLU with slope 0.2 and dropout 0.3, and a last of width 1: the logit D(x)."""
    parts = [
        picture(28, 142, REAL_DIGIT) + label(76, 130, "*x*", font_size=18) + label(76, 262, "1 × 28 × 28"),
        arrow((130, 190), (178, 190)) + label(152, 358, "flatten"),
        *layers((784, 128, 64, 32, 1), 200, 146, DISCRIMINATOR, "linear"),
        arrow((806, 190), (844, 190)) + label(876, 184, "logit", "*D*(*x*)"),
    ]
    return document(discriminator, "The discriminator, 784-128-64-32-1", 430, *parts)


def generator() -> str:
    """100 latents z pass linear layers of widths 32, 64, 128, each followed by leaky ReLU with slope 0.2 and
    dropout 0.3, and a last one of width 784 with tanh, reshaped to a picture G(z) of 1 x 28 x 28 pixels."""
    parts = [
        *layers((100, 32, 64, 128, 784), 72, 158, GENERATOR, "linear", "tanh"),
        label(72, 276, "latents *z*") + arrow((726, 190), (776, 190)) + label(751, 358, "reshape"),
        picture(788, 142, FAKE_DIGIT) + label(836, 130, "*G*(*z*)", font_size=18),
        label(836, 262, "1 × 28 × 28"),
    ]
    return document(generator, "The generator, 100-32-64-128-784", 430, *parts)


def autoencoder() -> str:
    """A picture x of 784 pixels enters the encoder, which narrows to the code z of 8 numbers, the bottleneck. The
    decoder widens from z to the rebuilt picture of 784 pixels. The loss compares it with x itself; dashed arrows, the
    training signal, lead from the loss back into decoder and encoder."""
    hat = "*x\N{COMBINING CIRCUMFLEX ACCENT}*"
    parts = [
        picture(28, 92, REAL_DIGIT) + label(76, 80, "picture *x*") + label(76, 212, "784 pixels"),
        block(176, 366, 140, (190, 60), DATA) + label(271, 138, "encoder", font_size=20),
        vector(460, 140, 92) + label(460, 80, "code *z*") + label(460, 212, "8 numbers,", "the bottleneck"),
        block(554, 744, 140, (60, 190), GENERATOR) + label(649, 138, "decoder", font_size=20),
        picture(796, 92, REBUILT_DIGIT) + label(844, 80, f"rebuilt {hat}") + label(844, 212, "784 pixels"),
        label(271, 162, "784 to 256 to 128", "to 8") + label(649, 162, "8 to 128 to 256", "to 784"),
        *(arrow((a, 140), (b, 140)) for a, b in ((130, 170), (372, 442), (478, 548), (750, 790))),
        block(370, 550, 318, (56, 56), INK) + label(460, 324, f"loss: {hat} against *x*"),
        arrow((76, 226), (76, 318), (364, 318)) + arrow((844, 226), (844, 318), (556, 318)),
        arrow((550, 300), (649, 300), (649, 226), colour=INK, **DASHED),
        arrow((370, 300), (271, 300), (271, 226), colour=INK, **DASHED),
    ]
    return document(autoencoder, "An autoencoder and its bottleneck", 380, *parts)


def denoiser() -> str:
    """A noisy picture of 28 by 28 pixels passes convolutions to maps of 14 by 14 and of 7 by 7, and back through 14 by
    14 to 28 by 28, where tanh ends it: the clean picture. Two short cuts, arrows above, end in plus signs: one carries
    the maps of 14 by 14 across, the other the noisy picture itself. A dashed arrow below leads from the clean picture
    back to the noisy one: to sample, add less noise than before, and repeat."""
    maps = ((190, 150, "14 × 14", "16 maps"), (300, 90, "7 × 7", "32 maps"), (410, 90, "7 × 7", "32 maps"))
    maps += ((520, 150, "14 × 14", "16 maps"), (668, 210, "28 × 28", "1 map"))
    parts = [picture(28, 152, NOISY_DIGIT) + label(76, 272, "noisy", "28 × 28")]
    for x, height, side, number_of in maps:
        parts += [block(x - 22, x + 22, 200, (height, height), GENERATOR), label(x, 330, side, number_of)]
    parts += [picture(796, 152, REAL_DIGIT) + label(844, 272, "clean", "28 × 28")]
    for x in (594, 732):
        parts += [element("circle", cx=x, cy=200, r=13, fill=PAPER, stroke=INK, stroke_width=2)]
        parts += [label(x, 207, "+", font_size=20)]
    ends = ((130, 162), (218, 272), (328, 382), (438, 492), (548, 579), (609, 640), (696, 717))
    parts += [arrow((a, 200), (b, 200)) for a, b in ends]
    parts += [arrow((747, 200), (790, 200)) + label(767, 188, "tanh")]
    parts += [arrow((245, 200), (245, 104), (594, 104), (594, 185)), label(420, 94, "short cut: maps of 14 × 14")]
    parts += [
        arrow((145, 200), (145, 50), (732, 50), (732, 185)),
        label(440, 40, "short cut: the noisy picture itself"),
    ]
    parts += [arrow((844, 312), (844, 396), (76, 396), (76, 312), colour=INK, **DASHED)]
    parts += [label(460, 420, "to sample: add less noise than before, and repeat")]
    return document(denoiser, "A denoiser with two short cuts", 440, *parts)


def variational() -> str:
    """A picture x enters the encoder, which names a Gaussian, with a mean and a deviation for each number of a code.
    A code z is drawn from it, and the decoder G draws the rebuilt picture. For a new picture the code comes from the
    prior instead, a standard normal distribution, through the same decoder. The bound compares the rebuilt picture
    with x, and the Gaussian with the prior. In the VAE-GAN a discriminator D judges the new pictures as well."""
    hat = "*x\N{COMBINING CIRCUMFLEX ACCENT}*"
    parts = [
        picture(28, 62, REAL_DIGIT) + label(76, 50, "picture *x*"),
        block(168, 298, 110, (170, 70), DATA) + label(233, 116, "encoder", font_size=20),
        block(340, 452, 110, (92, 92), CURVE, fill_opacity=0.1) + label(396, 94, "*q*(*z*|*x*)", font_size=18),
        label(396, 118, "mean *μ*") + label(396, 142, "deviation *s*"),
        block(340, 452, 296, (92, 92), CURVE, fill_opacity=0.1) + label(396, 280, "prior", font_size=18),
        label(396, 304, "mean 0") + label(396, 328, "deviation 1"),
        polyline([(396, 164), (396, 242)], stroke=INK, **DASHED) + label(408, 208, "KL", text_anchor="start"),
        vector(516, 203, 92) + label(516, 140, "code *z*"),
        block(580, 700, 203, (70, 170), GENERATOR) + label(640, 200, "*G*", font_size=24) + label(640, 226, "decoder"),
        picture(780, 62, REBUILT_DIGIT) + label(828, 50, f"rebuilt {hat}"),
        picture(780, 246, FAKE_DIGIT) + label(828, 362, "new picture"),
        arrow((130, 110), (162, 110)) + arrow((304, 110), (334, 110)),
        arrow((452, 110), (476, 110), (476, 190), (498, 190)) + arrow((452, 296), (476, 296), (476, 216), (498, 216)),
        arrow((534, 203), (574, 203)),
        arrow((706, 180), (736, 180), (736, 110), (774, 110)) + arrow((706, 226), (736, 226), (736, 294), (774, 294)),
        polyline([(76, 164), (76, 408), (892, 408), (892, 110), (882, 110)], stroke=INK, **DASHED),
        label(300, 400, f"squared error of {hat}, or of its features in *D*"),
        block(580, 700, 362, (64, 50), DISCRIMINATOR) + label(640, 369, "*D*", font_size=22),
        arrow((774, 330), (740, 330), (740, 362), (706, 362)),
    ]
    return document(variational, "A variational autoencoder, and the discriminator that may join it", 430, *parts)


def video_gan() -> str:
    """The latent vector has two parts. The content code goes through one network to the sprite, a small picture; the
    motion code goes through a recurrent network to a path of 16 points. The sprite placed along the path is the clip,
    16 frames. Two discriminators judge it: one sees all 16 frames at once, the other the square around the ink of a
    single frame, drawn at random."""
    path = [(330, 300), (346, 282), (362, 264), (378, 246), (394, 258), (410, 276), (426, 294), (438, 306)]
    field = [
        block(546 + 10 * i, 638 + 10 * i, 186 - 10 * i, (92, 92), "#111111", stroke=PAPER, fill_opacity=1)
        for i in (3, 2, 1, 0)
    ]
    parts = [
        vector(50, 96, 96) + label(50, 166, "content", "code") + vector(50, 272, 56) + label(50, 322, "motion", "code"),
        block(124, 254, 96, (64, 130), GENERATOR) + label(189, 102, "sprite network"),
        block(124, 254, 272, (84, 84), GENERATOR) + label(189, 266, "path network", "(recurrent)"),
        picture(336, 48, FAKE_DIGIT) + label(384, 166, "sprite"),
        polyline(path, stroke=GENERATOR) + "".join(element("circle", cx=x, cy=y, r=4, fill=GENERATOR) for x, y in path),
        label(384, 340, "path, 16 points"),
        *field,
        element("g", picture(0, 0, FAKE_DIGIT), transform="translate(556 176) scale(0.5)"),
        label(608, 260, "clip, 16 frames") + label(494, 192, "place"),
        block(744, 890, 96, (110, 70), DISCRIMINATOR) + label(817, 92, "judge of clips", "all frames"),
        block(744, 890, 272, (110, 70), DISCRIMINATOR) + label(817, 268, "judge of frames", "one, at random"),
        *(arrow((a, y), (b, y)) for y in (96, 272) for a, b in ((68, 118), (260, 320))),
        arrow((440, 96), (494, 96), (494, 172))
        + arrow((446, 272), (494, 272), (494, 202))
        + arrow((522, 186), (540, 186)),
        arrow((676, 172), (708, 172), (708, 96), (738, 96)) + arrow((676, 186), (708, 186), (708, 272), (738, 272)),
    ]
    return document(video_gan, "A video GAN: sprite, path and two judges", 366, *parts)


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


def leaky_relu() -> str:
    """Left: for positive x, ReLU and leaky ReLU both equal x; for negative x, ReLU is 0 and leaky ReLU 0.2 x.
    Right: for positive x, both gradients are 1; for negative x, ReLU's is 0 and leaky ReLU's is 0.2."""
    wide, thin = {"stroke": PALE, "stroke_width": 9}, {"stroke": CURVE, "stroke_width": 3}
    grid, at = axes(70, 450, (-2, 0, 2, 4), -2, 4)
    values = [
        grid + label(295, 44, "leaky ReLU, *y* = max(0.2*x*, *x*)", font_size=18),
        polyline([at(-4, 0), at(0, 0), at(4, 4)], id="relu", **wide),
        polyline([at(x, max(0.2 * x, x)) for x in (-4, 0, 4)], id="leaky_relu", **thin),
        label(*at(-2.8, 0.35), "ReLU: 0", fill=DATA) + label(*at(1.6, 3.2), "both: *x*"),
        label(*at(-2.5, -1.4), "leaky ReLU: 0.2*x*", fill=CURVE),
    ]
    grid, at = axes(610, 270, (0, 0.2, 1), -0.1, 1.2)
    slopes = [grid + label(745, 44, "gradient", font_size=18)]
    for name, low, style in (("relu", 0, wide), ("leaky_relu", 0.2, thin)):
        slopes.append(polyline([at(-4, low), at(0, low)], id=f"{name}-gradient-left", **style))
        slopes.append(polyline([at(0, 1), at(4, 1)], id=f"{name}-gradient-right", **style))
    slopes += [label(*at(-2, 0.06), "ReLU", fill=DATA), label(*at(2, 1.06), "both")]
    slopes += [label(*at(-2, 0.26), "leaky ReLU", fill=CURVE)]
    panels = element("g", *values, id="leaky_relu-values"), element("g", *slopes, id="leaky_relu-gradients")
    return document(leaky_relu, "Leaky ReLU and its gradient", 410, *panels)


def tanh() -> str:
    """tanh(x) for x from -4 to 4 rises in an S from the dashed line -1 through 0 to the dashed line 1. A bar
    beside it shows which pixel each value stands for: -1 is black and 1 is white."""
    grid, at = axes(70, 670, (-1, 0, 1), -1.3, 1.3)
    parts = [grid + label(405, 44, "*y* = tanh(*x*)", font_size=18) + label(794, 84, "pixel")]
    parts += [polyline([at(-4, y), at(4, y)], stroke=DATA, **DASHED) for y in (-1, 1)]
    curve = [at(x / 10, math.tanh(x / 10)) for x in range(-40, 41)]
    parts.append(polyline(curve, id="tanh", stroke=CURVE, stroke_width=3))
    parts.append(label(*at(-2.6, 1.07), "asymptote *y* = 1", fill=DATA))
    parts.append(label(*at(2.6, -1.19), "asymptote *y* = -1", fill=DATA))
    for value in range(-5, 6):
        (x, y), shade = at(4.5, value / 5), f"{round(255 * (value + 5) / 10):02X}"
        parts.append(block(x, x + 26, y, (22.3, 22.3), f"#{3 * shade}", fill_opacity=1, stroke=DATA))
    places = [(*at(4.95, value - 0.05), name) for value, name in ((1, "white"), (0, "grey"), (-1, "black"))]
    parts += [label(*place, text_anchor="start") for place in places]
    return document(tanh, "tanh", 410, element("g", *parts, id="tanh-values"))


REAL_GAUSSIAN, FAKE_GAUSSIAN = (-1, 0.7), (1, 1.5)  # mean and deviation, as in notebook 03


def density(x: float, mean: float, deviation: float) -> float:
    return math.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


def best_discriminator() -> str:
    """Left: two densities over pictures of a single pixel x, a narrow one, p, of real pictures and a wide one, q, of
    generated ones. Right: the probability of real that the best D gives at each x, p / (p + q). Where a dashed line
    stands on the left, p is much higher than q, and the probability on the right is high as well."""
    xs = [x / 20 for x in range(-80, 81)]
    p, q = ([density(x, *gaussian) for x in xs] for gaussian in (REAL_GAUSSIAN, FAKE_GAUSSIAN))
    best, at_line = [a / (a + b) for a, b in zip(p, q, strict=True)], xs.index(-1)
    grid, at = axes(80, 340, (0, 0.2, 0.4, 0.6), 0, 0.65)
    left = [grid + label(250, 44, "how often a picture *x* comes", font_size=18)]
    left += [polyline([at(-1, 0), at(-1, p[at_line])], stroke=INK, **DASHED)]
    for name, curve, colour in (("p", p, DATA), ("q", q, GENERATOR)):
        left.append(polyline(map(at, xs, curve), id=f"density-{name}", stroke=colour, stroke_width=3))
        left.append(element("circle", cx=at(-1, 0)[0], cy=at(-1, curve[at_line])[1], r=5, fill=colour))
    left += [label(*at(-2.6, 0.45), "real, *p*", fill=DATA), label(*at(2.3, 0.31), "generated, *q*", fill=GENERATOR)]
    grid, at = axes(540, 340, (0, 0.5, 1), 0, 1)
    right = [grid + label(710, 44, "best *D*’s probability of “real”", font_size=18)]
    right += [polyline([at(-1, 0), at(-1, best[at_line])], stroke=INK, **DASHED)]
    right.append(polyline(map(at, xs, best), id="best", stroke=DISCRIMINATOR, stroke_width=3))
    right += [element("circle", cx=at(-1, 0)[0], cy=at(-1, best[at_line])[1], r=5, fill=DISCRIMINATOR)]
    right += [label(*at(1.6, 0.62), "*p* / (*p* + *q*)", fill=DISCRIMINATOR, font_size=18)]
    panels = element("g", *left, id="densities"), element("g", *right, id="probability")
    return document(best_discriminator, "What the best discriminator says", 410, *panels)


REAL_POINTS = [(70, 175), (90, 120), (125, 245), (150, 150), (185, 215), (225, 95), (290, 115), (315, 175)]
FAKE_POINTS = [(90, 185), (115, 145), (125, 200), (160, 180), (160, 240), (345, 265), (385, 235)]


def balls(centres: Sequence[Point], others: Sequence[Point], colours: Point | Sequence[str], left: float) -> str:
    """Balls around centres, as wide as the way to the nearest other centre; covered points are filled."""
    shift = {"transform": f"translate({number(left)} 60)"}
    radii = [min(math.dist(a, b) for b in centres if a != b) for a in centres]
    inside = [any(math.dist(p, c) <= r for c, r in zip(centres, radii, strict=True)) for p in others]
    shapes = [
        element("circle", cx=x, cy=y, r=r, fill=colours[0], fill_opacity=0.09, stroke=colours[0], class_="ball")
        for (x, y), r in zip(centres, radii, strict=True)
    ]
    shapes += [element("circle", cx=x, cy=y, r=5, fill=colours[0], class_="centre") for x, y in centres]
    for (x, y), hit in zip(others, inside, strict=True):
        style = {"fill": colours[1] if hit else PAPER, "stroke": colours[1], "stroke_width": 2.5}
        shapes.append(element("circle", cx=x, cy=y, r=6, class_="hit" if hit else "miss", **style))
    return element("g", *shapes, label(215, 352, f"{sum(inside)} of {len(inside)} covered", font_size=18), **shift)


def precision_recall() -> str:
    """Left: a ball around each of eight real points, as wide as the way to the nearest other; precision is the share
    of generated points inside a ball. Right: balls around the generated points; recall is the share of real points
    inside one. Points outside every ball are hollow."""
    parts = [
        balls(REAL_POINTS, FAKE_POINTS, (DATA, GENERATOR), 20)
        + label(235, 50, "precision: generated points in real balls"),
        balls(FAKE_POINTS, REAL_POINTS, (GENERATOR, DATA), 470)
        + label(685, 50, "recall: real points in generated balls"),
        label(370, 452, "● real", fill=DATA) + label(530, 452, "● generated", fill=GENERATOR),
    ]
    return document(precision_recall, "Improved precision and recall", 480, *parts)


def dirac_steps(start: float, gamma: float, alternating: bool) -> Iterator[Point]:
    """(theta, psi) of the Dirac-GAN of notebook 07: 60 steps of rate 0.5 from (start, 0)."""
    theta, psi = start, 0.0
    for _ in range(61):
        yield theta, psi
        before, psi = psi, psi - 0.5 * (theta / (1 + math.exp(-theta * psi)) + gamma * psi)
        judge = psi if alternating else before
        theta += 0.5 * judge / (1 + math.exp(-theta * judge))


def dirac() -> str:
    """The Dirac-GAN: the generated point theta across, the slope psi of D upwards; the goal is the dot at (0, 0).
    Left: simultaneous steps spiral outwards from (1, 0), alternating ones circle for ever. Right: with the penalty
    R1, alternating steps that begin at (2, 0) spiral into the goal."""
    parts = [label(64, 54, "*ψ*, slope of *D*"), label(255, 86, "simultaneous: outwards", fill=DISCRIMINATOR)]
    parts += [label(255, 344, "alternating: for ever", fill=GENERATOR), label(695, 344, "inwards", fill=CURVE)]
    free = [("simultaneous", DISCRIMINATOR, (1, 0, False)), ("alternating", GENERATOR, (1, 0, True))]
    damped = [("r1", CURVE, (2, 0.2, True))]
    for left, name, paths in ((110, "without a penalty", free), (550, "with R1", damped)):
        grid, at = axes(left, 290, (-4, -2, 0, 2, 4), -4, 4)
        lines = [polyline([at(*q) for q in dirac_steps(*p)], id=key, stroke=colour) for key, colour, p in paths]
        notes = label(left + 145, 44, name, font_size=18) + label(left + 145, 410, "*θ*, what *G* makes")
        goal = element("circle", cx=left + 145, cy=215, r=5, fill=INK)
        parts.append(element("g", grid, *lines, goal, notes, id=f"dirac-{paths[-1][0]}"))
    return document(dirac, "The Dirac-GAN, without and with R1", 440, *parts)


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


def judging() -> str:
    """What each measure looks at. Real and generated pictures pass one classifier, which gives 128 features and ten
    class probabilities each. Fréchet and kernel distance compare the clouds of features as wholes; precision and recall
    compare them ball by ball; class shares, certainty and classifier score see the probabilities alone. Memorisation
    passes the classifier by: it compares pixels with the nearest training picture."""
    boxes = [
        (70, CURVE, "the two clouds as wholes", "Fréchet distance, kernel distance"),
        (160, CURVE, "one ball at a time", "precision, recall"),
        (250, INK, "what the pictures are read as", "classes, certainty, classifier score"),
        (340, DATA, "the nearest training picture", "memorisation"),
    ]
    parts = [
        picture(36, 50, REAL_DIGIT) + label(84, 166, "real", fill=DATA),
        picture(36, 196, FAKE_DIGIT) + label(84, 312, "generated", fill=GENERATOR),
        block(200, 310, 170, (190, 110), INK, fill_opacity=0.08) + label(255, 176, "classifier"),
        arrow((138, 98), (194, 130)) + arrow((138, 244), (194, 212)),
        arrow((316, 150), (416, 150), (416, 70), (544, 70)) + arrow((416, 150), (416, 160), (544, 160)),
        arrow((316, 190), (416, 190), (416, 250), (544, 250)) + arrow((138, 270), (160, 270), (160, 340), (544, 340)),
        label(480, 60, "features") + label(480, 240, "probabilities") + label(350, 330, "pixels"),
    ]
    for middle, colour, what, names in boxes:
        parts.append(block(550, 890, middle, (74, 74), colour, fill_opacity=0.1))
        parts.append(label(720, middle - 6, names, font_weight="bold") + label(720, middle + 20, what))
    return document(judging, "What each measure looks at", 400, *parts)


def label_paths() -> str:
    """Where a label enters. In the generator G, the label y picks a row of scales and shifts in every norm, and z
    passes through. In the discriminator D, the picture becomes features; y picks a vector, and its scalar product
    with the features joins what a linear layer says of the picture whatever its label. The sum is the logit."""
    parts = [
        vector(60, 120, 96) + label(60, 196, "*z*") + arrow((78, 120), (134, 120)),
        block(140, 290, 120, (80, 140), GENERATOR) + label(215, 118, "*G*", font_size=26),
        label(215, 144, "norms") + arrow((296, 120), (340, 120)),
        picture(346, 72, FAKE_DIGIT) + label(394, 192, "*G*(*z*, *y*), or *x*") + arrow((448, 120), (492, 120)),
        block(498, 608, 120, (140, 90), DISCRIMINATOR) + label(553, 118, "*D*", font_size=26),
        label(553, 144, "layers") + arrow((614, 120), (640, 120)) + vector(658, 120, 96) + label(658, 196, "features"),
        arrow((676, 96), (704, 72)) + block(710, 800, 66, (52, 52), DISCRIMINATOR) + label(755, 72, "linear"),
        arrow((676, 144), (704, 168)) + block(710, 800, 176, (52, 52), DISCRIMINATOR) + label(755, 182, "product"),
        arrow((806, 66), (836, 108)) + arrow((806, 176), (836, 134)) + label(848, 129, "+", font_size=26),
        label(886, 126, "logit") + block(24, 96, 300, (52, 52), INK, fill_opacity=0.1) + label(60, 306, "*y* = 3"),
        block(140, 290, 300, (66, 66), GENERATOR) + label(215, 295, "row 3 of scales", "and of shifts"),
        arrow((102, 300), (134, 300)) + arrow((215, 261), (215, 168)),
        block(498, 608, 300, (66, 66), DISCRIMINATOR) + label(553, 295, "row 3 of", "vectors"),
        arrow((60, 332), (60, 366), (553, 366), (553, 339)) + arrow((614, 300), (755, 300), (755, 208)),
        label(305, 392, "the same label goes to both networks"),
    ]
    return document(label_paths, "Where a label enters the two networks", 416, *parts)


STAMPS = {"stamps of 3": (1, 1, 1), "stamps of 4": (1, 1, 1, 1), "repeat, then 3": (1, 2, 2, 1)}


def stamping() -> str:
    """Three ways to double a row of four inputs. Above the inputs, below them the stamp of each, two outputs further
    from row to row, and at the bottom how much ink each output gets. Stamps of 3 overlap at every other output: 2, 1,
    2, 1. Stamps of 4 overlap evenly: 2 each. To repeat each input and then add up 3 neighbours is a stamp of 1, 2, 2,
    1: 3 each."""
    parts = [label(460, 356, "the ink that each output gets, away from the rim")]
    for panel, (title, stamp) in enumerate(STAMPS.items()):
        left, ink = 40 + 290 * panel, [0] * 10
        parts.append(label(left + 120, 44, title, font_weight="bold"))
        for i in range(4):
            parts.append(block(left + 48 + 38 * i, left + 78 + 38 * i, 76, (24, 24), DATA, fill_opacity=0.4))
            for place, weight in enumerate(stamp, 2 * i):
                ink[place] += weight
                start, shade = left + 24 * place, {"fill_opacity": 0.25 * weight, "stroke_width": 1}
                parts.append(block(start, start + 24, 122 + 26 * i, (18, 18), GENERATOR, **shade))
        for place in range(2, 8):
            start, height = left + 24 * place, 24 * ink[place]
            parts.append(block(start + 2, start + 22, 304 - height / 2, (height, height), DATA, fill_opacity=0.5))
            parts.append(label(start + 12, 324, str(ink[place]), class_=f"ink-{panel}"))
    return document(stamping, "Three ways to double the side", 380, *parts)


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


FLOORS = (  # the highest first: on each its wings, or modules, and what lives there
    (("widgets", "explorer, monitor, canvas"), ("exercises", "check, parts 1 to 4, clinic")),
    (("viz", "plots, pictures, films, fields"), ("latent", "points, paths, mixtures, inversion, editing")),
    (("training", "losses, the loop, the run, toys"), ("metrics", "readers, distances, filters, score cards")),
    (("models", "networks only: dense, convolutional, conditional, autoencoders, clips"),),
    (("data", "pictures as one tensor: by name, from a folder, or drawn"),),
    (("environment", "seed, device, quick or full"), ("checkpoints", "networks in files, refused when damaged")),
)


def wings() -> str:
    """The package gan_helpers as a house of six floors. At the top widgets and exercises, below them viz and latent,
    then training and metrics, then models, then data, at the bottom environment and checkpoints. A wing imports only
    from floors below its own. Notebooks, the command line and the scripts in assets/make import from all of them."""
    left, right, pitch = 130, 890, 72
    parts = [label(64, 64, "who imports")]
    users = ("notebooks/", "the command line", "assets/make/", "tests/")
    for start, name in zip((130, 325, 520, 715), users, strict=True):
        parts += [block(start, start + 175, 58, (40, 40), DATA, fill_opacity=0.06, **DASHED)]
        parts += [label(start + 175 / 2, 64, name)]
    for row, floor in enumerate(FLOORS):
        middle, width = 148 + pitch * row, (right - left - 20 * (len(floor) - 1)) / len(floor)
        parts += [label(64, middle + 6, f"floor {len(FLOORS) - 1 - row}", fill=DATA)]
        for i, (name, what) in enumerate(floor):
            start = left + i * (width + 20)
            parts.append(block(start, start + width, middle, (60, 60), CURVE if row < 5 else INK, fill_opacity=0.1))
            parts.append(label(start + width / 2, middle - 5, name, font_size=19, font_weight="bold", class_="wing"))
            parts.append(label(start + width / 2, middle + 19, what))
    parts += [arrow((64, 172 + pitch * row), (64, 194 + pitch * row)) for row in range(len(FLOORS) - 1)]
    parts += [arrow((64, 80), (64, 122)), label(510, 574, "A wing imports only from floors below its own.", fill=DATA)]
    return document(wings, "The wings of gan_helpers", 600, *parts)


QUESTIONS = (  # of notebook 15: what to ask, and where to look if the answer is no
    (("all losses finite?",), "*NaN*", "a division by 0 or a log of 0, in that step’s batch"),
    (("*D*’s curves", "stay together?"), "one is ahead", "the two rates, Adam’s betas, the paths of the gradients"),
    (("range and classes", "as in the data?"), "grey, one class", "what you train on, after scaling and selecting"),
    (("new pictures?",), "copies", "how many pictures there are to learn from"),
    (("sampled as", "it was trained?"), "not as asked", "labels, averages, eval mode"),
)


def repair() -> str:
    """Five questions in the order in which to ask them of a broken run: are all losses finite, do D's two curves stay
    together, have the samples the range and classes of the data, are they new, are they sampled as the generator was
    trained? Yes leads down to the next question, no leads right to where the cause is to be sought."""
    parts = []
    for row, (question, seen, where) in enumerate(QUESTIONS):
        middle = 66 + 96 * row
        colour = (INK, DISCRIMINATOR, DATA, DATA, GENERATOR)[row]
        parts.append(block(30, 230, middle, (64, 64), colour, fill_opacity=0.1))
        parts.append(label(130, middle + (6 if len(question) == 1 else -5), *question))
        parts += [arrow((236, middle), (404, middle)), label(318, middle - 10, f"no: {seen}")]
        parts.append(block(410, 890, middle, (50, 50), colour, fill_opacity=0.04, **DASHED))
        parts.append(label(650, middle + 6, where))
        if row:
            parts += [arrow((130, middle - 64), (130, middle - 34)), label(152, middle - 46, "yes")]
    return document(repair, "Where to look in a broken run", 516, *parts)


def processes() -> str:
    """Two processes. Each holds the whole of G and D, draws latents z of its own, and sees its own half of the real
    pictures x of every batch. Their gradients meet in an all-reduce, dashed, which gives both the same mean. Then both
    take the same step, so their weights stay the same."""
    parts = []
    for number, middle in enumerate((120, 340)):
        y, digit = middle - 4, (REAL_DIGIT, REBUILT_DIGIT)[number]
        parts += [block(20, 620, middle, (190, 190), DATA, fill_opacity=0.06)]
        parts += [label(86, middle - 66, f"process {number}", font_weight="bold")]
        parts += [vector(60, y, 72), label(60, middle + 66, "own *z*"), arrow((78, y), (110, y))]
        parts += [block(116, 206, y, (60, 110), GENERATOR), label(161, y + 8, "*G*", font_size=26)]
        parts += [picture(248, middle - 52, FAKE_DIGIT), label(296, middle + 66, "*G*(*z*)"), arrow((212, y), (242, y))]
        parts += [picture(362, middle - 52, digit), label(410, middle + 66, "own half of *x*")]
        parts += [arrow((464, y), (494, y)), block(500, 590, y, (110, 60), DISCRIMINATOR)]
        parts += [label(545, y + 8, "*D*", font_size=26)]
        parts += [arrow((626, middle - 14), (734, middle - 14), **DASHED), label(680, middle - 26, "gradients")]
        parts += [arrow((734, middle + 14), (626, middle + 14), **DASHED), label(680, middle + 42, "their mean")]
    parts += [block(740, 896, 230, (330, 330), INK, fill_opacity=0.06)]
    parts += [label(818, 220, "all\N{NON-BREAKING HYPHEN}reduce", font_size=19)]
    parts += [label(818, 248, "the same mean", "for the same step")]
    return document(processes, "One step in two processes", 460, *parts)


NETWORKS = (gan_pipeline, discriminator, generator, leaky_relu, tanh)
GAME = (half_steps, best_discriminator, dirac, repair)
BEYOND = (label_paths, stamping, editing, variational, video_gan, processes)
IDEAS = (*GAME, latent_space, inversion, judging, precision_recall, autoencoder, denoiser, *BEYOND)
DRAWERS = (*NETWORKS, *IDEAS, wings)
DIAGRAMS: dict[str, Callable[[], str]] = {draw.__name__: draw for draw in DRAWERS}


def write_diagrams(folder: Path) -> list[Path]:
    """Write every diagram to `folder/<name>.svg`; a reader never meets a half-written file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.svg" for name in DIAGRAMS]
    for path in paths:
        draft = path.with_suffix(".part")
        draft.write_text(DIAGRAMS[path.stem](), encoding="utf-8", newline="\n")
        draft.replace(path)
    return paths


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "diagrams")
    options = parser.parse_args(arguments)
    print(f"drew {len(write_diagrams(options.out))} diagrams into {options.out}")


if __name__ == "__main__":
    main()
