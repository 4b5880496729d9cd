"""Logograms: words of a made-up script, each a ring of black ink on white paper, with blots, tendrils and splatter.

Every word has its own blots and tendrils, at angles of its own. Each picture of it is brushed anew: turned a
little, thinner or thicker, its tendrils longer or more curled, its finest hairs and splatter at random.
The signs are ours; the idea, circular writing in ink, is that of the film *Arrival* (2016).
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.environment import budget

# A word: three blots "degrees,size" and, behind the slash, four tendrils "degrees,length,curl". Degrees run clockwise
# from the right; size 1 is as thick as the brush; a length is in radii, below 0 into the ring; a curl in turns.
WORDS: dict[str, str] = {
    "time": "270,2.6 300,1.4 90,0.6 / 285,0.9,0.6 255,0.7,-0.5 300,-0.5,0.5 100,0.4,0.7",
    "water": "0,1.4 120,1.5 240,1.6 / 10,0.8,-0.6 130,0.8,-0.6 250,0.8,-0.6 0,-0.4,0.6",
    "ask": "215,2.4 190,1.5 30,0.5 / 205,1.1,0.9 225,0.6,0.3 180,0.5,-0.6 20,0.5,0.5",
    "give": "20,2.2 340,1.6 180,0.8 / 0,1,-0.35 25,0.9,0.5 335,0.8,-0.6 170,-0.6,0.8",
    "begin": "135,2.8 110,1.2 315,0.3 / 150,0.7,0.9 120,0.9,-0.4 140,-0.7,0.4 90,0.4,0.5",
    "return": "60,1.6 240,1.7 270,1 / 70,1,1.1 250,1,1.1 50,-0.5,0.5 230,-0.5,0.5",
    "sleep": "90,2.4 65,1.5 120,1.5 / 90,-0.6,0.7 70,0.6,-0.8 110,0.6,0.8 270,0.3,0.5",
    "star": "315,2 45,1 200,1.2 / 320,1,0.2 40,0.8,-0.3 195,0.8,0.3 270,0.6,-0.3",
}
_FRAME, _RADIUS, _BRUSH = 64.0, 18.0, 1.15  # the paper's side, the ring, and half its thickness, in one unit
_RING, _TENDRIL, _HAIRS, _HAIR, _LUMPS, _DROPS = 112, 36, 9, 14, 5, 16  # how many points of ink each part has
_EDGE = math.sqrt(2 * math.log(2))  # a stroke of Gaussians ends where their sum falls to a half
_BRUSHED, _PRESSED = 1000, 65_536  # pictures brushed, and pixels pressed, at a time: small enough for the cache


def draw_logograms(labels: Tensor, seed: int = 0, size: int = 64) -> Tensor:
    """Brush one sign for each label: black ink, 0, on white paper, 255.

    labels: int64 (N,), the number of a word in ``WORDS``.  size: side of a picture in pixels, at least 32.
    Returns uint8 (N, 1, size, size) on the CPU. The same labels, seed and size give the same pictures; torch's
    global random state is neither read nor changed.
    Raises ValueError, naming the remedy, for labels of another type, shape or range and for a smaller size.
    """
    _check(labels, size)
    random = torch.Generator().manual_seed(seed)
    signs = [_brush(part, random) for part in labels.cpu().split(_BRUSHED)]
    sheets = [_press(part, size) for sign in signs for part in sign.split(max(1, _PRESSED // size**2))]
    return torch.cat(sheets)


def logogram_data(split: str, size: int) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Pictures, labels and words of a data set for "train" or "test": every word equally often, no sign in both."""
    count = budget({"train": 10_000, "test": 2_000}, {"train": 1_024, "test": 512})[split]
    labels = torch.arange(count) % len(WORDS)
    return draw_logograms(labels, seed=int(split == "test"), size=size), labels, tuple(WORDS)


def _check(labels: Tensor, size: int) -> None:
    if not torch.is_tensor(labels) or labels.dtype != torch.int64 or labels.dim() != 1:
        raise ValueError("labels must be an int64 tensor (N,): try torch.as_tensor(labels).long().flatten()")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(WORDS):
        last = len(WORDS) - 1
        raise ValueError(f"labels must be 0 to {last}, not {labels.min()} to {labels.max()}: leave out the others")
    if size < 32:
        raise ValueError(f"size {size} is too small for tendrils: take 32 pixels or more; the course draws 64 and 128")


@functools.cache
def _script() -> tuple[Tensor, ...]:
    """The blots of all words (words, 3, 2) and their tendrils (words, 4, 3)."""
    halves = zip(*(word.split("/") for word in WORDS.values()), strict=True)
    return tuple(
        torch.tensor([[[*map(float, mark.split(","))] for mark in w.split()] for w in half]) for half in halves
    )


def _brush(labels: Tensor, random: torch.Generator) -> Tensor:
    """Points of ink (n, P, 4): x, y, the radius of the ink there, and the length of path that each stands for."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(len(labels), *shape, generator=random)

    blots, tendrils = (marks[labels] for marks in _script())  # (n, 3, 2) and (n, 4, 3)
    turn, brush = 0.08 * normal(1), _BRUSH * torch.exp(0.12 * normal(1))
    radius = _RADIUS * (1 + 0.03 * normal(1))
    spots, heavy = blots[..., 0].deg2rad() + turn + 0.05 * normal(3), blots[..., 1] * torch.exp(0.12 * normal(3))
    roots = tendrils[..., 0].deg2rad() + turn + 0.06 * normal(4)
    lengths, curls = tendrils[..., 1] * radius * torch.exp(0.12 * normal(4)), tendrils[..., 2] + 0.06 * normal(4)
    anywhere = math.pi * normal(_HAIRS)
    bend = normal(_HAIRS)
    hairs = radius * 0.35 * normal(_HAIRS).clamp(-2, 2), 0.15 * bend + 0.12 * bend.sign()
    parts = [
        _ring(spots, heavy, brush, radius, random),
        _strands(roots, radius.expand(-1, 4), lengths, curls, brush, lean=0.9, points=_TENDRIL),
        _strands(anywhere, radius + 0.7 * normal(_HAIRS), *hairs, 0.5 * brush, lean=1.35, points=_HAIR),
        _lumps(spots, heavy, brush, radius, random),
        _drops(spots, heavy, radius, random),
    ]
    return torch.cat(parts, 1)


def _ring(spots: Tensor, heavy: Tensor, brush: Tensor, radius: Tensor, random: torch.Generator) -> Tensor:
    """A circle that wavers, swollen at the blots (n, 3), thin on the side away from the first of them."""
    angles = torch.linspace(0, 2 * math.pi, _RING + 1)[:-1].expand(len(spots), -1)
    nearness = torch.cos(angles.unsqueeze(2) - spots.unsqueeze(1))  # (n, R, 3)
    swell = (heavy.unsqueeze(1) * torch.exp(14 * (nearness - 1))).sum(2)
    grain = _waves(angles, (5, 7, 9, 11, 14, 17), random)
    thick = 0.55 + 0.2 * nearness[..., 0] + swell + 0.08 * grain * (1 + swell)
    thick = brush * thick.clamp(0.3, 3.4)
    away = radius * (1 + 0.016 * _waves(angles, (2, 3, 4), random))
    return _ink(away * angles.cos(), away * angles.sin(), thick, 2 * math.pi * radius / _RING)


def _waves(angles: Tensor, counts: tuple[int, ...], random: torch.Generator) -> Tensor:
    """A random sum of waves that fit so many times around the circle: the same shape as angles (n, R)."""
    phases = angles.unsqueeze(2) * torch.tensor(counts, dtype=torch.float32)  # (n, R, waves)
    sines, cosines = torch.randn(2, len(angles), 1, len(counts), generator=random)
    return (sines * phases.sin() + cosines * phases.cos()).sum(2)


def _strands(
    roots: Tensor, radii: Tensor, lengths: Tensor, curls: Tensor, brush: Tensor, lean: float, points: int
) -> Tensor:
    """Strokes (n, S) that leave the ring, outwards or, if the length is below 0, inwards, and curl ever tighter."""
    time = torch.linspace(0, 1, points)
    start = roots - curls.sign() * lean * lengths.sign() + math.pi * (lengths < 0)
    heading = start.unsqueeze(2) + 2 * math.pi * curls.unsqueeze(2) * time**1.6  # (n, S, points)
    step = (lengths.abs() / points).unsqueeze(2)
    x = (radii * roots.cos()).unsqueeze(2) + (step * heading.cos()).cumsum(2)
    y = (radii * roots.sin()).unsqueeze(2) + (step * heading.sin()).cumsum(2)
    taper = brush.unsqueeze(2) * (1.0 - 0.7 * time**0.5)
    return _ink(x, y, taper, step).flatten(1, 2)


def _lumps(spots: Tensor, heavy: Tensor, brush: Tensor, radius: Tensor, random: torch.Generator) -> Tensor:
    """What makes the blots (n, 3) uneven: rounds of ink that overlap them."""
    spots, heavy = spots.repeat_interleave(_LUMPS, 1), brush * heavy.repeat_interleave(_LUMPS, 1)
    along, across = torch.randn(2, *spots.shape, generator=random)
    size = heavy * (0.25 + 0.45 * torch.rand(spots.shape, generator=random))
    return _rounds(spots + 0.16 * along, radius + 0.75 * heavy * across.clamp(-1.8, 1.8), size)


def _drops(spots: Tensor, heavy: Tensor, radius: Tensor, random: torch.Generator) -> Tensor:
    """Splatter, more of it near the heavy blots."""
    spots = spots.gather(1, torch.multinomial(heavy, _DROPS, replacement=True, generator=random))
    along, across = torch.randn(2, *spots.shape, generator=random)
    size = 0.4 + 0.5 * torch.rand(spots.shape, generator=random) ** 2
    return _rounds(spots + 0.35 * along, radius * (1 + 0.22 * across), size)


def _rounds(angles: Tensor, radii: Tensor, size: Tensor) -> Tensor:
    return _ink(radii * angles.cos(), radii * angles.sin(), size, size / _EDGE * math.sqrt(2 * math.pi))


def _ink(x: Tensor, y: Tensor, radius: Tensor, length: Tensor) -> Tensor:
    return torch.stack(torch.broadcast_tensors(x, y, radius, length), -1)


def _press(points: Tensor, size: int) -> Tensor:
    """Paper (n, 1, size, size), uint8: ink where the points' Gaussians add up to more than a half.

    So what lies close together flows together, as ink does. A Gaussian is a factor for x times one for y:
    a matrix product sums them all. Each pixel is the mean of four, half its size.
    """
    pixel = _FRAME / size / 2
    centres = (torch.arange(2 * size) + 0.5) * pixel - _FRAME / 2
    x, y, radius, length = points.unsqueeze(3).unbind(2)  # (n, P, 1) each
    blur = (radius / _EDGE).clamp(min=0.7 * pixel)
    columns, rows = (  # cut off at e^-40, for a CPU is slow with denormal numbers
        (centres - middle).square_().mul_(-0.5 / blur**2).clamp_(min=-40).exp_() for middle in (x, y)
    )
    rows *= length / (blur * math.sqrt(2 * math.pi))
    field = rows.transpose(1, 2) @ columns  # (n, 2 size, 2 size)
    ink = field.sub_(0.5).mul_(5).add_(0.5).clamp_(0, 1)
    return F.avg_pool2d(1 - ink.unsqueeze(1), 2).mul_(255).round_().to(torch.uint8)


# --- to clean signs that a generator made -------------------------------------------------------------


def specks(ink: Tensor, largest: int = 4) -> Tensor:
    """Which ink is a speck, for booleans (N, 1, H, W) that say where ink is: booleans (N, 1, H, W).

    Specks are what a square frame without ink fits around, with at most ``largest`` pixels along its inside.
    """
    found, dots = torch.zeros_like(ink), ink.float()
    for side in range(1, largest + 1):
        inside = F.avg_pool2d(dots, side, stride=1, divisor_override=1)  # a sum over each window
        framed = F.avg_pool2d(F.pad(dots, (1, 1, 1, 1)), side + 2, stride=1, divisor_override=1)
        alone = F.pad((inside == framed).float(), (side - 1,) * 4)
        found |= ink & F.max_pool2d(alone, side, stride=1).bool()  # a pixel is in up to side x side windows
    return found


def speck_share(images: Tensor, largest: int = 4) -> float:
    """How much of the ink, pixels darker than mid-grey, lies in specks: 0 to 1, for images (N, 1, H, W) in [-1, 1]."""
    ink = images < 0
    return float(specks(ink, largest).sum() / ink.sum().clamp(min=1))


def fog_share(images: Tensor, fog: float = 0.9) -> float:
    """The share of pixels that are neither ink nor paper, but grey between -fog and fog, of images in [-1, 1]."""
    return float((images.abs() < fog).float().mean())


def clean_ink(images: Tensor, gain: float = 2.0, largest: int = 4) -> Tensor:
    """Images (N, 1, H, W) in [-1, 1] with the greys pushed to ink or paper, and then without specks."""
    images = (gain * images).clamp(-1, 1)
    return torch.where(specks(images < 1, largest), torch.ones_like(images), images)


def enlarge_ink(images: Tensor, times: int = 4) -> Tensor:
    """Images (N, 1, H, W) in [-1, 1] without specks, ``times`` as large, with a smooth rim between ink and paper.

    The greys are pushed apart only after the picture is enlarged, along a smooth curve through its pixels (bicubic).
    """
    without_specks = torch.where(specks(images < 0.5), 1.0, images)
    return (times * F.interpolate(without_specks, scale_factor=times, mode="bicubic")).clamp(-1, 1)
