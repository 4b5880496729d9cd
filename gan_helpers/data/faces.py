"""Faces drawn from formulas: 25 known factors each, of nobody. Notebook 10 learns to draw such faces.

A face is painted from the back to the front: hair, shoulders, head, eyes, mouth, glasses, hat. Every part is a
signed distance, below 0 inside, and covers a pixel by the share that lies inside, so edges are smooth. Factors
are drawn independently: no skin tone comes with a kind of hair, and none with a mood.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan_helpers.environment import budget

# What varies evenly from 0 to 1, in words: 0 / 1.
SCALES = {
    "skin": "light / dark",
    "hair colour": "black, brown, red, blond / grey",
    "hair length": "cropped / over the shoulders",
    "hair volume": "flat / wide",
    "curls": "straight / curly",
    "fringe": "high forehead / down to the brows",
    "parting": "on the left / on the right",
    "face width": "narrow / wide",
    "jaw": "pointed / square",
    "eye colour": "dark, hazel, green / blue",
    "eye size": "small / large",
    "eye distance": "close / far",
    "brow angle": "worried / stern",
    "brow weight": "fine / bushy",
    "nose": "short / long",
    "smile": "sad / happy",
    "mouth open": "closed / open",
    "turn": "to the left / to the right",
    "tilt": "to the left / to the right",
    "background": "hue: red to purple",
    "shirt": "hue: red to purple",
}


# What is there or not, 1 or 0, and how often it is there.
CHANCES = {"glasses": 0.4, "beard": 0.25, "earrings": 0.3, "hat": 0.1}
FACTORS = (*SCALES, *CHANCES)
_PIXELS_AT_ONCE = 130_000  # some 30 faces of 64x64: what is painted on stays in the processor's cache
_SKIN = ((250, 220, 198), (238, 195, 160), (215, 160, 118), (178, 120, 80), (132, 84, 54), (84, 52, 36))
_HAIR = ((30, 25, 26), (78, 50, 34), (150, 70, 36), (206, 160, 88), (226, 204, 158), (196, 196, 200))
_EYES = ((60, 38, 26), (120, 82, 36), (84, 122, 62), (70, 124, 190))
_HUES = ((226, 106, 100), (240, 184, 92), (150, 194, 104), (86, 178, 178), (98, 132, 212), (160, 108, 196))


def sample_factors(n: int, seed: int = 0) -> Tensor:
    """The factors of n faces, float32 (n, 25), columns as in ``FACTORS``, all drawn independently.

    Scales are uniform in [0, 1), chances are 0 or 1. torch's global random state is neither read nor changed.
    """
    table = torch.rand(n, len(FACTORS), generator=torch.Generator().manual_seed(seed))
    yes = table[:, len(SCALES) :] < torch.tensor(list(CHANCES.values()))
    return torch.cat([table[:, : len(SCALES)], yes.float()], 1)


def draw_faces(factors: Tensor, size: int = 64) -> Tensor:
    """One face for each row of factors (N, 25): uint8 (N, 3, size, size), on the CPU.

    The same factors give the same picture. ``set_factor`` sets one of them by hand.
    Raises ValueError, naming the remedy, for another shape, for factors outside [0, 1] and for sides below 16.
    """
    _check(factors, size)
    parts = factors.cpu().float().split(max(1, _PIXELS_AT_ONCE // size**2))
    return torch.cat([_draw(part, size) for part in parts])


def set_factor(factors: Tensor, name: str, value: float | Tensor) -> Tensor:
    """A copy of factors (N, 25) with one column set, for example ``set_factor(factors, "glasses", 1)``."""
    if name not in FACTORS:
        raise ValueError(f"unknown factor {name!r}: choose one of {', '.join(FACTORS)}")
    changed = factors.clone()
    changed[:, FACTORS.index(name)] = value
    return changed


def data_factors(split: str) -> Tensor:
    """The factors (N, 25) of the data set "faces", "train" or "test", in its order."""
    n = budget({"train": 20_000, "test": 5_000}, {"train": 640, "test": 200})[split]
    return sample_factors(n, seed=("train", "test").index(split))


def face_data(split: str, size: int) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Images, labels (with glasses or without) and class names of the data set "faces", "train" or "test"."""
    factors = data_factors(split)
    return draw_faces(factors, size), factors[:, FACTORS.index("glasses")].long(), ("no glasses", "glasses")


def _check(factors: Tensor, size: int) -> None:
    if factors.ndim != 2 or factors.shape[1] != len(FACTORS) or not len(factors):
        raise ValueError(f"factors must be (N, {len(FACTORS)}), not {tuple(factors.shape)}: see sample_factors(n)")
    if not (factors.min() >= 0 and factors.max() <= 1):
        raise ValueError(f"factors from {factors.min():.3g} to {factors.max():.3g}: clamp them to [0, 1]")
    if size < 16:
        raise ValueError(f"a face of {size} pixels shows nothing: take 16 or more; 64 is usual")


class _Easel:
    """A batch of faces in the making: the pixels' places, on the picture and on the tilted head, and the factors."""

    def __init__(self, factors: Tensor, size: int) -> None:
        self.f = {name: column.view(-1, 1, 1) for name, column in zip(FACTORS, factors.unbind(1), strict=True)}
        self.pixel = 2 / size
        line = (torch.arange(size) + 0.5) * self.pixel - 1  # the picture spans [-1, 1], y down
        self.page = line.view(1, 1, -1), line.view(1, -1, 1)
        angle = 0.3 * (self.f["tilt"] - 0.5)
        x, y = line.view(1, 1, -1), line.view(1, -1, 1) - 0.6  # the head tilts about the neck
        self.x, self.y = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin() + 0.6
        self.turn = 0.2 * (self.f["turn"] - 0.5)  # how far the features slide over the head
        self.wide, self.high = 0.4 + 0.12 * self.f["face width"], 0.58  # half axes of the head
        self.head = self.head_distance()  # below 0 on it
        self.skin, self.hair = mix(_SKIN, self.f["skin"]), mix(_HAIR, self.f["hair colour"])
        self.canvas = mix(_HUES, self.f["background"]).lerp(torch.ones(3, 1, 1), 0.45).repeat(1, 1, size, size)
        self.canvas *= 1.04 - 0.08 * self.page[1].unsqueeze(1)  # a little lighter above

    def head_distance(self) -> Tensor:
        """An ellipse that narrows below: pointed jaws more, square ones less."""
        below = (self.y / self.high).clamp(0, 1.2)
        narrower = 1 - (0.34 - 0.42 * self.f["jaw"]) * below.square()
        return _ellipse(self.x / narrower, self.y, self.wide, self.high)

    def cover(self, distance: Tensor) -> Tensor:
        """The share of each pixel inside a shape, 0 to 1, from signed distances (n, S, S)."""
        return (0.5 - distance / (1.25 * self.pixel)).clamp_(0, 1)

    def paint(self, cover: Tensor, colour: Tensor) -> None:
        """Lay a colour (n, 3, 1, 1) over the canvas where ``cover`` (n, S, S) says."""
        self.canvas.lerp_(colour, cover.unsqueeze(1))


def mix(palette: tuple[tuple[int, ...], ...], place: Tensor) -> Tensor:
    """The colour at ``place`` (n, 1, 1), 0 to 1, along a palette: (n, 3, 1, 1), 0 to 1."""
    colours = torch.tensor(palette, dtype=torch.float32) / 255
    at = place.flatten() * (len(colours) - 1)
    low = at.long().clamp(max=len(colours) - 2)
    return torch.lerp(colours[low], colours[low + 1], (at - low)[:, None])[..., None, None]


def _draw(factors: Tensor, size: int) -> Tensor:
    easel = _Easel(factors, size)
    for part in (_hair_behind, _shoulders, _ears, _head, _beard, _hair_in_front, _brows_and_eyes, _nose, _mouth):
        part(easel)
    for part in (_earrings, _glasses, _hat):
        part(easel)
    return easel.canvas.mul(255).round().clamp(0, 255).to(torch.uint8)


# --- shapes: signed distances in units of half the picture's side ---------------------------------------


def _ellipse(x: Tensor, y: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """Near its rim this is the distance to an ellipse around the origin with half axes a and b, but for its slant."""
    scale = torch.as_tensor(a * b).sqrt()
    return ((x / a).square() + (y / b).square()).sqrt_().sub_(1).mul_(scale)


def _arc(x: Tensor, y: Tensor, half: Tensor | float, rise: Tensor | float, pen: Tensor | float) -> Tensor:
    """A stroke of radius ``pen`` along a parabola through the origin; its ends, ``half`` away, are ``rise`` higher."""
    along = x.clamp(-half, half) if isinstance(half, float) else torch.minimum(torch.maximum(x, -half), half)
    return torch.hypot(x - along, y + rise * (along / half).square()) - pen


# --- parts, from the back to the front ------------------------------------------------------------------


def _hair_outline(easel: _Easel) -> Tensor:
    """All hair as if seen from behind: round above, straight below."""
    f = easel.f
    volume = f["hair volume"] * (1 - 0.7 * f["hat"])
    a, b = easel.wide + 0.04 + 0.2 * volume, easel.high + 0.05 + 0.16 * volume
    waves = 0.05 * f["curls"] * torch.sin(24 * easel.x) * torch.sin(24 * easel.y)
    outline = _ellipse(easel.x, easel.y.clamp(max=0), a, b)
    end = -0.15 + 1.0 * f["hair length"] + 0.12 * volume
    corner = torch.hypot((outline + 0.15).clamp(min=0), (easel.y - end + 0.15).clamp(min=0)) - 0.15
    return torch.maximum(corner, outline) + waves


def _hair_behind(easel: _Easel) -> None:
    easel.paint(easel.cover(_hair_outline(easel)), 0.72 * easel.hair)


def _shoulders(easel: _Easel) -> None:
    x, y = easel.page
    neck = torch.maximum((easel.x - 0.3 * easel.turn).abs() - 0.2, 0.2 - easel.y)
    easel.paint(easel.cover(neck), 0.82 * easel.skin)
    shirt = torch.maximum(_ellipse(x, y - 1.2, 0.85, 0.55), -_ellipse(x, y - 0.62, 0.22, 0.16))
    easel.paint(easel.cover(shirt), mix(_HUES, easel.f["shirt"]) * 0.85)


def _ears(easel: _Easel) -> None:
    for side in (-1, 1):
        ear = _ellipse(easel.x - side * (easel.wide + 0.01) + 0.25 * easel.turn, easel.y + 0.02, 0.085, 0.125)
        easel.paint(easel.cover(ear), 0.88 * easel.skin)


def _head(easel: _Easel) -> None:
    head = easel.cover(easel.head)
    easel.paint(head, easel.skin)
    shade = (0.5 * (easel.x / easel.wide + 0.4)).clamp(0, 0.5).square() * head
    easel.paint(shade, 0.6 * easel.skin)
    for side in (-1, 1):  # cheeks
        blush = (-5 * _ellipse(easel.x - side * 0.26 - easel.turn, easel.y - 0.17, 0.16, 0.12)).clamp(0, 0.4)
        easel.paint(blush * head, easel.skin * torch.tensor([1.0, 0.78, 0.74]).view(3, 1, 1))


def _beard(easel: _Easel) -> None:
    x = easel.x - easel.turn
    line = 0.36 - 1.3 * x.square()  # from ear to ear below the mouth
    lip = _ellipse(x, easel.y - 0.25, 0.19, 0.08)
    beard = torch.minimum(line - easel.y, lip)
    easel.paint(0.9 * easel.f["beard"] * easel.cover(torch.maximum(beard, easel.head)), 0.8 * easel.hair)


def _hair_in_front(easel: _Easel) -> None:
    f, a = easel.f, easel.wide
    x = easel.x - 0.6 * easel.turn - 0.44 * (f["parting"] - 0.5)
    line = -0.44 + 0.24 * f["fringe"] + (1.5 - 0.8 * f["fringe"]) * x.square() / (2.2 * a)
    waves = 0.03 * f["curls"] * torch.sin(24 * easel.x)
    line = torch.minimum(line, -0.12 + 0.2 * f["hair length"]) + waves
    crown = _ellipse(easel.x, easel.y, a + 0.03, 0.61 + 0.1 * f["hair volume"] * (1 - 0.7 * f["hat"]))
    cap = torch.maximum(crown, easel.y - line)
    cover = easel.cover(cap)
    easel.paint(cover, easel.hair)
    shine = (0.35 - 3 * _ellipse(easel.x + 0.18, easel.y + 0.5, 0.2, 0.07)).clamp(0, 0.35)
    easel.paint(shine * cover, (1.5 * easel.hair + 0.08).clamp(max=1))


def _eyes(easel: _Easel) -> list[tuple[int, Tensor, Tensor]]:
    """For both eyes: side, and the pixels' places around the eye."""
    distance = 0.17 + 0.08 * easel.f["eye distance"]
    return [(side, easel.x - side * distance - easel.turn, easel.y + 0.05) for side in (-1, 1)]


def _brows_and_eyes(easel: _Easel) -> None:
    f, size = easel.f, 0.75 + 0.5 * easel.f["eye size"]
    iris = mix(_EYES, f["eye colour"])
    dark, light = torch.full((3, 1, 1), 0.08), torch.full((3, 1, 1), 0.98)
    for side, x, y in _eyes(easel):
        white = easel.cover(_ellipse(x, y, 0.105 * size, 0.075 * size))
        easel.paint(white, light)
        look = x - 0.3 * easel.turn
        easel.paint(easel.cover(_ellipse(look, y, 0.062 * size, 0.062 * size)) * white, iris)
        easel.paint(easel.cover(_ellipse(look, y, 0.028 * size, 0.028 * size)) * white, dark)
        easel.paint(easel.cover(_ellipse(look + 0.02, y + 0.025, 0.018, 0.018)), light)
        easel.paint(0.85 * easel.cover(_arc(x, y + 0.08 * size, 0.11 * size, -0.05, 0.014)), 0.25 * easel.skin)
        slope = side * 0.9 * (f["brow angle"] - 0.5)
        brow = _arc(x, y + 0.185 + slope * x, 0.12, -0.03, 0.014 + 0.026 * f["brow weight"])
        easel.paint(0.92 * easel.cover(brow), 0.62 * easel.hair)


def _nose(easel: _Easel) -> None:
    x, tip = easel.x - 1.35 * easel.turn, 0.02 + 0.16 * easel.f["nose"]
    bridge = torch.hypot(x - 0.035, easel.y - easel.y.clamp(min=-0.05).minimum(tip)) - 0.016
    easel.paint(0.35 * easel.cover(bridge), 0.6 * easel.skin)
    easel.paint(0.85 * easel.cover(_arc(x, easel.y - tip, 0.065, 0.03, 0.018)), 0.62 * easel.skin)


def _mouth(easel: _Easel) -> None:
    f, half = easel.f, 0.17
    x, rise = easel.x - 1.1 * easel.turn, 0.26 * (f["smile"] - 0.5)
    along = (x / half).clamp(-1, 1).square()
    upper = 0.3 + rise * (0.5 - along)
    lower = upper + 0.14 * f["mouth open"] * (1 - along)
    beside, outside = x.abs() - half, torch.maximum(upper - easel.y, easel.y - lower)
    lips = torch.hypot(beside.clamp(min=0), outside.clamp(min=0)) - 0.03
    easel.paint(easel.cover(lips), 0.62 * easel.skin * torch.tensor([1.12, 0.72, 0.72]).view(3, 1, 1))
    inside = easel.cover(torch.maximum(beside, outside)) * (8 * f["mouth open"]).clamp(max=1)
    easel.paint(inside, torch.tensor([0.3, 0.06, 0.08]).view(3, 1, 1))
    teeth = (4 * f["smile"] - 1.2).clamp(0, 1) * easel.cover(easel.y - upper - 0.05)
    easel.paint(inside * teeth, torch.full((3, 1, 1), 0.96))


def _earrings(easel: _Easel) -> None:
    for side in (-1, 1):
        ring = _ellipse(easel.x - side * (easel.wide + 0.03) + 0.25 * easel.turn, easel.y - 0.17, 0.045, 0.055)
        easel.paint(easel.f["earrings"] * easel.cover(ring), torch.tensor([0.98, 0.82, 0.3]).view(3, 1, 1))


def _glasses(easel: _Easel) -> None:
    on, frame, glass = easel.f["glasses"], torch.tensor([0.13, 0.12, 0.17]).view(3, 1, 1), torch.full((3, 1, 1), 0.95)
    for side, x, y in _eyes(easel):
        rim = (x / 0.155).square().square() + (y / 0.125).square().square()  # between a circle and a square
        rim = rim.sqrt_().sqrt_().sub_(1).mul_(0.14)
        easel.paint(0.18 * on * easel.cover(rim), glass)
        stem = torch.hypot(x - x.clamp(-0.3, -0.15) if side < 0 else x - x.clamp(0.15, 0.3), y + 0.04) - 0.012
        stem = torch.maximum(stem, easel.head)
        easel.paint(on * easel.cover(torch.minimum(rim.abs() - 0.021, stem)), frame)
    bridge = _arc(easel.x - easel.turn, easel.y + 0.08, 0.05, -0.02, 0.018)
    easel.paint(on * easel.cover(bridge), frame)


def _hat(easel: _Easel) -> None:
    on, a, colour = easel.f["hat"], easel.wide, mix(_HUES, 1 - easel.f["shirt"])
    crown = torch.maximum(_ellipse(easel.x, easel.y + 0.3, a + 0.09, 0.5), easel.y + 0.34)
    easel.paint(on * easel.cover(crown), 0.8 * colour)
    band = torch.maximum(easel.x.abs() - a - 0.09, (easel.y + 0.38).abs() - 0.075)
    easel.paint(on * easel.cover(band), 0.62 * colour)


def held_out_faces(n: int, seed: int = 99) -> tuple[Tensor, Tensor]:
    """n drawn faces that no data set holds, uint8 (n, 3, 64, 64), and their factors (n, 25)."""
    factors = sample_factors(n, seed)
    return draw_faces(factors), factors
