"""Pictures drawn from formulas: ten handwriting-like digits when MNIST is out of reach, in colour where asked.

A digit is a pen's path through a few points. Each picture picks one of several ways to write its digit, bends
the path smoothly, slants it, fits it to a box as MNIST does, and inks it with a soft round pen.
"""

from __future__ import annotations

import functools
import math

import torch

# The ways to write a digit, in order: points "x,y" in percent of a box, y down. A curve runs through them; a
# point written twice is a sharp corner; "/" lifts the pen. All ways of a digit are drawn equally often.
STROKES: tuple[tuple[int, str], ...] = (
    (0, "50,0 22,14 10,50 22,86 50,100 78,86 90,50 78,14 50,0"),
    (0, "62,4 26,10 8,50 24,92 58,98 88,64 84,22 56,2 30,10"),  # the ends overlap
    (0, "64,0 32,22 20,66 34,100 62,84 80,36 64,0"),  # narrow and tilted
    (0, "42,8 14,36 16,80 48,100 84,78 88,32 64,5 52,14"),  # left open
    (0, "40,10 10,28 0,62 24,92 66,96 98,66 94,28 60,8 34,16"),  # broad
    (0, "36,0 52,16 26,14 8,50 24,92 56,98 84,66 78,24 50,8"),  # a hair above
    (1, "50,0 50,100"),
    (1, "42,0 58,100"),
    (1, "60,0 40,100"),
    (1, "46,0 52,50 50,100"),
    (1, "50,0 47,72 53,98 62,96"),  # a hook at the foot
    (1, "34,24 52,0 52,0 52,100"),  # a flag
    (1, "30,22 52,0 52,0 50,100 / 24,100 80,100"),  # flag and foot
    (2, "15,20 45,0 80,16 68,50 15,100 15,100 90,98"),
    (2, "15,22 40,0 76,10 74,45 45,85 18,96 8,82 26,74 55,90 94,95"),  # a loop at the foot
    (2, "12,8 50,4 78,8 66,40 18,96 18,96 92,94"),  # like a Z
    (2, "8,32 22,6 54,0 74,20 66,52 38,82 5,98 5,98 40,86 70,98 98,88"),
    (2, "30,16 52,0 72,16 64,50 36,88 10,96 2,80 22,64 54,76 74,94 100,82"),  # a large loop
    (2, "22,8 44,0 54,18 40,56 10,96 10,96 60,92 100,94"),  # a small head on a long foot
    (2, "28,26 52,0 82,18 78,58 50,94 16,96 10,70 40,60 68,76 92,100"),  # the loop meets the back
    (3, "15,12 45,0 78,15 70,40 40,48 40,48 80,62 80,88 45,100 12,88"),
    (3, "15,15 50,0 80,20 46,47 82,72 50,100 12,88"),
    (3, "15,3 82,3 82,3 42,42 42,42 85,62 75,92 45,100 12,90"),  # a flat top
    (3, "18,10 55,0 78,20 55,44 34,50 44,42 74,54 82,76 55,100 10,92"),  # a small loop in the middle
    (3, "30,14 58,0 76,14 44,36 44,36 78,50 74,84 36,100 4,84 14,74"),  # a curled tail
    (3, "20,16 52,0 86,8 74,34 50,44 50,44 72,58 60,88 4,98"),
    (3, "30,10 62,0 70,22 40,52 40,52 70,58 66,84 28,100"),  # small turns
    (4, "22,2 16,50 16,50 88,48 / 78,0 72,100"),
    (4, "20,0 12,42 30,58 86,45 / 82,0 70,100"),
    (4, "64,100 64,0 64,0 10,65 10,65 95,64"),  # closed
    (4, "58,2 14,60 14,60 92,54 / 78,14 56,100"),
    (4, "20,4 14,42 44,54 80,36 84,0 84,0 74,100"),  # in one stroke
    (5, "28,5 22,45 22,45 60,42 85,65 70,95 35,100 10,88 / 28,5 88,2"),
    (5, "88,3 32,5 32,5 22,45 56,40 82,62 64,96 10,94"),  # in one stroke
    (5, "86,2 42,8 26,34 62,52 74,80 46,100 10,90"),  # like an S
    (5, "30,14 24,48 60,46 80,70 50,100 12,90 / 36,12 92,0"),  # the flag stands off
    (5, "96,2 44,12 44,12 34,46 62,52 66,80 40,98 4,96"),
    (5, "36,8 22,42 22,42 50,40 58,66 44,90 8,100 / 36,8 66,8 100,0"),
    (5, "24,10 18,40 18,40 54,34 88,54 82,90 40,100 8,86 20,78 / 22,8 80,4"),  # a curled tail
    (6, "70,0 36,25 16,65 30,98 65,97 78,72 55,55 20,72"),
    (6, "30,0 18,50 20,85 50,100 80,80 60,60 22,80"),  # a straight stem
    (6, "85,8 60,2 26,30 12,70 35,100 70,92 75,65 45,58 18,78"),
    (6, "62,0 30,40 18,78 36,100 60,90 62,70 44,66 24,84"),  # a small bowl
    (6, "32,0 10,44 10,84 46,100 88,82 92,46 66,34 42,56 40,92"),  # a large bowl
    (7, "10,8 85,5 85,5 40,100"),
    (7, "12,28 16,6 16,6 85,5 85,5 45,100"),  # a flag on the left
    (7, "10,5 85,5 85,5 40,100 / 26,52 80,48"),  # barred
    (7, "8,14 40,4 84,8 60,46 38,100 / 20,54 86,50"),
    (7, "15,10 60,6 82,16 80,50 72,100"),
    (7, "8,20 28,5 56,12 92,3 60,50 45,100"),
    (7, "10,32 18,4 18,4 50,14 86,8 82,50 72,100"),
    (7, "6,34 14,10 14,10 48,12 86,4 70,50 60,100 / 40,58 96,46"),
    (8, "78,12 48,0 24,20 46,44 76,70 60,98 32,96 22,76 48,48 80,22 74,8"),
    (8, "50,0 26,20 50,45 74,20 50,0 / 50,45 20,72 50,100 80,72 50,45"),  # two circles
    (8, "86,10 52,2 26,22 50,47 74,76 46,100 22,80 50,52 90,4"),  # open at the top
    (8, "84,14 56,0 30,16 44,40 60,64 56,94 30,98 26,76 56,46 84,14"),
    (8, "74,14 40,2 12,22 40,44 62,66 54,94 30,98 26,76 56,46 96,4"),  # a large head, the end flung out
    (8, "52,2 18,14 28,42 56,54 62,82 40,100 24,84 44,56 80,34 78,8 48,2"),
    (9, "75,15 45,0 18,25 36,48 70,34 78,8 78,8 72,100"),
    (9, "80,10 42,2 20,30 45,50 76,26 80,10 76,60 70,100"),
    (9, "78,12 44,0 18,26 42,48 78,14 80,60 64,96 30,98 16,86"),  # a curled tail
    (9, "82,6 46,4 22,26 40,42 80,8 66,50 44,100"),  # leaning
    (9, "70,22 52,0 26,12 30,44 60,44 72,16 76,60 74,100"),
    (9, "86,16 54,0 12,18 10,46 46,54 80,24 84,12 78,52 62,100"),  # a large head
    (9, "64,8 36,4 24,22 44,34 68,10 72,44 60,100"),  # a small head
    (9, "60,6 26,14 14,40 46,46 84,20 88,2 78,56 64,100"),  # left open
    (9, "80,22 66,2 30,10 24,30 46,44 70,34 80,22 60,60 50,100"),
)
_SEGMENTS = 63  # a path's straight pieces, each about a pixel long
_PIXELS_AT_ONCE = 1_600_000  # some 2000 pictures of 28x28, with steps of 28 MB
_FRAME, _BOX = 28.0, 20.0  # MNIST's picture and the box that its digits fill, in pixels
_BLUR = 0.8  # MNIST pixels; pieces of path closer than this count as one
_CATMULL_ROM = 0.5 * torch.tensor([[0.0, -1, 2, -1], [2, 0, -5, 3], [0, 1, 4, -3], [0, 0, -1, 1]])


def stroke_digits(labels: torch.Tensor, seed: int = 0, size: int = 28) -> torch.Tensor:
    """Draw one handwritten-looking digit for each label: white ink on black, placed as in MNIST.

    labels: int64 (N,), values 0 to 9.  size: side of a picture in pixels, at least 8.
    Returns uint8 (N, 1, size, size), 0 to 255, on the CPU. The same labels, seed and size give the same
    pictures; torch's global random state is neither read nor changed.
    Raises ValueError, naming the remedy, for labels of another type, shape or range and for a smaller size.
    """
    _check(labels, size)
    generator = torch.Generator().manual_seed(seed)
    parts = labels.cpu().split(max(1, _PIXELS_AT_ONCE // size**2))
    return torch.cat([_draw(part, generator, size) for part in parts]).unsqueeze(1)  # (N, 1, size, size)


def colour_digits(labels: torch.Tensor, seed: int = 0, size: int = 32) -> torch.Tensor:
    """Stroke digits in a random colour on a ground of another: uint8 (N, 3, size, size). Else as ``stroke_digits``."""
    ink = stroke_digits(labels, seed, size) / 255  # (N, 1, size, size), 0 to 1
    generator = torch.Generator().manual_seed(seed)
    dark, light = 0.45 * torch.rand(2, len(labels), 3, 1, 1, generator=generator)
    swapped = torch.rand(len(labels), 1, 1, 1, generator=generator) < 0.5
    ink = torch.where(swapped, 1 - ink, ink)
    return (255 * torch.lerp(dark, light + 0.55, ink)).round().to(torch.uint8)


def _check(labels: torch.Tensor, size: int) -> None:
    if not torch.is_tensor(labels) or labels.dtype != torch.int64 or labels.dim() != 1:
        raise ValueError("labels must be an int64 tensor (N,): try torch.as_tensor(labels).long().flatten()")
    if len(labels) and not 0 <= labels.min() <= labels.max() <= 9:
        raise ValueError(f"labels must be 0 to 9, not {labels.min()} to {labels.max()}: leave out the others")
    if size < 8:
        raise ValueError(f"size {size} is too small to read a digit: take 8 pixels or more; MNIST has 28")


def _draw(labels: torch.Tensor, generator: torch.Generator, size: int) -> torch.Tensor:
    paths, pen_down = _library()
    ways = _choose_ways(labels, generator)
    points = _bend(paths[ways], generator)
    # Most pens are fine and a few are broad, as in MNIST, whose strokes are 1.6 to 4 pixels wide.
    radius = 0.75 + 1.3 * torch.rand(len(labels), 1, 1, generator=generator) ** 1.5
    middles, lengths = _place(points, pen_down[ways], radius)
    return _ink(middles, lengths, radius, size)


def _choose_ways(labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """For each label the library's row of one way to write it, every way equally likely."""
    count = torch.bincount(torch.tensor([digit for digit, _ in STROKES]))
    first = count.cumsum(0) - count
    return first[labels] + (torch.rand(len(labels), generator=generator) * count[labels]).long()


@functools.cache
def _library() -> tuple[torch.Tensor, torch.Tensor]:
    """All ways to write: points (ways, P, 3) of x, y and time, and pen down (ways, P - 1, 1), 0 or 1."""
    traced = [_trace(way) for _, way in STROKES]
    return torch.stack([path for path, _ in traced]), torch.stack([pen_down for _, pen_down in traced])


def _trace(way: str) -> tuple[torch.Tensor, torch.Tensor]:
    curves = [_smooth(stroke) for stroke in way.split("/")]
    lengths = torch.stack([_travelled(curve)[-1] for curve in curves])
    stops = (lengths.cumsum(0) / lengths.sum() * (_SEGMENTS + 1)).round().long()
    counts = stops.diff(prepend=torch.zeros(1).long())  # each stroke gets points in proportion to its length
    path = torch.cat([_space_evenly(curve, int(count)) for curve, count in zip(curves, counts, strict=True)])
    pen_down = torch.ones(_SEGMENTS, 1)
    pen_down[stops[:-1] - 1] = 0
    return torch.cat([path, torch.linspace(0, 1, len(path)).unsqueeze(1)], dim=1), pen_down


def _smooth(stroke: str) -> torch.Tensor:
    """Dense points (M, 2) in a unit box on the Catmull-Rom curve through a stroke's K control points."""
    percent = [[float(number) for number in point.split(",")] for point in stroke.split()]
    control = torch.tensor(percent) / 100
    windows = torch.cat([control[:1], control, control[-1:]]).unfold(0, 4, 1)  # (K - 1, 2, 4)
    time = torch.linspace(0, 1, 50)
    powers = torch.stack([time**0, time, time**2, time**3])  # (4, 50)
    return (windows @ _CATMULL_ROM @ powers).transpose(1, 2).flatten(0, 1)


def _travelled(curve: torch.Tensor) -> torch.Tensor:
    steps = curve.diff(dim=0).norm(dim=1)
    return torch.cat([steps.new_zeros(1), steps.cumsum(0)])


def _space_evenly(curve: torch.Tensor, count: int) -> torch.Tensor:
    travelled = _travelled(curve)
    return curve[torch.searchsorted(travelled, torch.linspace(0, 1, count) * travelled[-1])]


def _bend(paths: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Give each path (n, P, 3) a hand of its own: wobble, slant, stretch and turn -> points (n, P, 2)."""
    n = len(paths)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(n, *shape, generator=generator)

    # Waves in place keep together what touches; waves in time part what was drawn early from what came late.
    waves = torch.sin(3 * (paths @ normal(3, 5) + normal(1, 5)))
    wobble = 0.06 * torch.rand(n, 1, 1, generator=generator)
    points = paths[:, :, :2] + wobble * waves @ normal(5, 2)
    slant, turn, stretch = 0.1 + 0.22 * normal(), 0.12 * normal(), torch.exp(0.24 * normal())
    cos, sin = torch.cos(turn), torch.sin(turn)
    slanted = torch.stack([stretch, torch.zeros(n), -slant, torch.ones(n)], dim=1).view(n, 2, 2)
    turned = torch.stack([cos, sin, -sin, cos], dim=1).view(n, 2, 2)
    return points @ slanted @ turned


def _place(points: torch.Tensor, pen_down: torch.Tensor, radius: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Fill MNIST's box and centre the mass: segments' middles (n, S, 2) and lengths (n, S, 1) in pixels."""
    extent = (points.amax(1, keepdim=True) - points.amin(1, keepdim=True)).amax(2, keepdim=True)
    points = points * (_BOX - 2 * radius) / extent
    lengths = points.diff(dim=1).norm(dim=2, keepdim=True) * pen_down
    middles = (points[:, 1:] + points[:, :-1]) / 2
    centre = (middles * lengths).sum(1, keepdim=True) / lengths.sum(1, keepdim=True)
    return middles - centre + _FRAME / 2, lengths


def _ink(middles: torch.Tensor, lengths: torch.Tensor, radius: torch.Tensor, size: int) -> torch.Tensor:
    """Ink, with a soft edge, the pixels within the pen's radius of the path -> uint8 (n, size, size).

    With blur b the distance to the path is sqrt(-2 b^2 log sum exp(-d^2 / 2 b^2)), a soft minimum of the
    distances d to its segments. The exponential is a factor for x times one for y: a matrix product sums it.
    """
    pixel = _FRAME / size
    offsets = torch.arange(size) * pixel - middles.unsqueeze(3)
    columns, rows = torch.exp(-(offsets**2) / (2 * _BLUR**2)).unbind(2)  # (n, S, size) each
    density = (rows * lengths).transpose(1, 2) @ columns
    density = density / (_BLUR * math.sqrt(2 * math.pi))  # (n, size, size), 1 on a long straight stroke
    distance = _BLUR * torch.sqrt(-2 * torch.log(density.clamp(1e-12, 1)))
    edge = max(pixel, 1.25)
    return (((radius - distance) / edge + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
