"""Encoders and decoders."""

from __future__ import annotations

from drawing.svg import (
    CURVE,
    DASHED,
    DATA,
    DISCRIMINATOR,
    FAKE_DIGIT,
    GENERATOR,
    INK,
    NOISY_DIGIT,
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
