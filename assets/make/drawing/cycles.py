"""Two translators without pairs: notebook 17."""

from __future__ import annotations

from drawing.latents import portrait
from drawing.svg import DASHED, DATA, DISCRIMINATOR, GENERATOR, arrow, block, document, label, polyline

SKINS = ("#E2B48C", "#B2784F", "#8A5A3C", "#F0C8A4")


def there_and_back() -> str:
    """Two translators, two discriminators, two cycles. Upper row, from A and back: a face without glasses goes through
    the translator to B, which puts glasses on, and through the translator to A, which takes them off; dashed, the cycle
    loss compares the result with the face given. The discriminator of B looks at the translation in the middle, and at
    other faces that really have glasses. Lower row, from B and back, the other way round, with the discriminator of A.
    No face is ever seen both with glasses and without."""
    parts = [label(90, 40, "A: without", fill=DATA), label(90, 500, "B: with", fill=DATA)]
    for middle, up, glasses, skins in ((186, -1, False, SKINS[:2]), (354, 1, True, SKINS[2:])):
        first, second, judge = ("to B", "to A", "*D* of B") if not glasses else ("to A", "to B", "*D* of A")
        top = middle - 48
        parts += [portrait(42, top, skins[0], glasses), arrow((146, middle), (182, middle))]
        parts += [block(188, 288, middle, (70, 70), GENERATOR), label(238, middle + 6, first)]
        parts += [arrow((294, middle), (330, middle)), portrait(338, top, skins[0], not glasses)]
        parts += [arrow((442, middle), (478, middle)), block(484, 584, middle, (70, 70), GENERATOR)]
        parts += [label(534, middle + 6, second), arrow((590, middle), (626, middle))]
        parts += [portrait(634, top, skins[0], glasses)]
        far = middle + up * 116  # where the discriminator stands
        parts += [block(336, 436, far, (52, 52), DISCRIMINATOR), label(386, far + 6, judge)]
        parts += [arrow((386, middle + up * 54), (386, far - up * 32), colour=DISCRIMINATOR)]
        parts += [portrait(484, far - 48 + up * 4, skins[1], not glasses), arrow((478, far), (442, far), colour=DATA)]
        parts += [label(650, far - 6 + up * 12, "another face,", "really of that set", fill=DATA)]
        edge = middle + up * 66
        parts += [polyline([(90, middle + up * 52), (90, edge), (330, edge)], stroke=GENERATOR, **DASHED)]
        parts += [polyline([(442, edge), (682, edge), (682, middle + up * 52)], stroke=GENERATOR, **DASHED)]
        parts += [label(830, middle - 5, "cycle loss:", "back to the start?", fill=GENERATOR)]
    return document(there_and_back, "Two translators, two discriminators, two cycles", 556, *parts)
