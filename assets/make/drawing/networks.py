"""The first GAN: its networks, and where its gradients go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from drawing.svg import (
    CURVE,
    DASHED,
    DATA,
    DISCRIMINATOR,
    FAKE_DIGIT,
    GENERATOR,
    INK,
    PALE,
    REAL_DIGIT,
    Point,
    arrow,
    axes,
    block,
    document,
    element,
    label,
    picture,
    polyline,
    vector,
)


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


HIDDEN = ("linear", "leaky ReLU 0.2", "dropout 0.3")


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
