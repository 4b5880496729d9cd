"""What surrounds the first GAN: labels, colour, clips, repair, several processes."""

from __future__ import annotations

from drawing.svg import (
    DASHED,
    DATA,
    DISCRIMINATOR,
    FAKE_DIGIT,
    GENERATOR,
    INK,
    PAPER,
    REAL_DIGIT,
    REBUILT_DIGIT,
    arrow,
    block,
    document,
    element,
    label,
    picture,
    polyline,
    vector,
)


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
