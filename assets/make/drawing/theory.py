"""Losses, the smallest GAN, and what measures of samples see."""

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
    PAPER,
    REAL_DIGIT,
    Point,
    arrow,
    axes,
    block,
    document,
    element,
    label,
    number,
    picture,
    polyline,
)

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
