"""The exercises of notebook 16: translating with pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import Network, load_shipped
from gan_helpers.data.edges import edge_map
from gan_helpers.data.faces import draw_faces, sample_factors
from gan_helpers.data.sets import scale_pixels
from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor

# --- the constant that the weighted L1 loss wants -------------------------------------------------------


def _weighted_constant_cases(draw: Draw) -> Iterator[Case]:
    for n in (1, 3, 6, 9, 20, 101):

        def make(n: int = n) -> tuple[Tensor, Tensor]:
            return 3 * draw.normal(n) + 1, draw.uniform(0.2, 5.0, n)

        yield draw.until(make, _is_settled)
    yield torch.tensor([0.0, 1.0, 100.0]), torch.tensor([1.0, 1.0, 3.0])


def _is_settled(values: Tensor, weights: Tensor) -> bool:
    """No value at which the two sides weigh the same: any constant up to the next would do as well."""
    share = weights[values.argsort()].cumsum(0) / weights.sum()
    return len(values) == 1 or bool((share - 0.5).abs().min() > 0.01 / len(values) ** 0.5)


def _at_share(values: Tensor, weights: Tensor, share: float = 0.5) -> Tensor:
    order = values.argsort()
    below = weights[order].cumsum(0)
    return values[order][(below < share * below[-1]).sum()]


@exercise(
    "weighted constant",
    "the slope of the loss is the weight below the constant minus the weight above it: 0 where they balance.",
    _weighted_constant_cases,
    {
        "that is the weighted mean, which squares want": lambda values, weights: (
            (values * weights).sum() / weights.sum()
        ),
        "that is the mean, which squares want": lambda values, weights: values.mean(),
        "that is the median of the values, each counted once": lambda values, weights: values.quantile(0.5),
        "that is torch's median of the values, each counted once": lambda values, weights: values.median(),
        "that is the value with the largest weight": lambda values, weights: values[weights.argmax()],
        "that is the median of values times weights": lambda values, weights: (values * weights).median(),
        "the weights have to be put in the order of the values": (
            lambda values, weights: values.sort().values[(weights.cumsum(0) < weights.sum() / 2).sum()]
        ),
        "the values have to be sorted first": (
            lambda values, weights: values[(weights.cumsum(0) < weights.sum() / 2).sum()]
        ),
        "that is the weighted sum": lambda values, weights: (values * weights).sum(),
        "that is where the squares of the weights balance": lambda values, weights: _at_share(values, weights**2),
    },
)
def _weighted_constant(values: Tensor, weights: Tensor) -> Tensor:
    return _at_share(values, weights)


# --- which rows of the picture a logit depends on --------------------------------------------------------


def _rows_seen_cases(draw: Draw) -> Iterator[Case]:
    four = (4, 2, 1)
    yield 0, [(3, 1, 0)]
    yield 3, [(4, 2, 1)]
    yield 2, [four, four, (4, 1, 1)]
    yield 0, [four, four, (4, 1, 1)]  # at the rim: it reaches out of the picture
    for count in (2, 3, 3, 4):
        layers = [(draw.integer(1, 5), draw.integer(1, 3), draw.integer(0, 2)) for _ in range(count)]
        yield draw.integer(0, 6), layers


def _rows(index: int, layers: list[tuple[int, int, int]]) -> list[int]:
    first = last = index
    for kernel, stride, padding in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + kernel - 1
    return [first, last]


@exercise(
    "rows seen",
    "from the logit back to the picture: each layer turns an output into the window that it was computed from.",
    _rows_seen_cases,
    {
        "begin at the last layer: the way goes back from the logit to the picture": (
            lambda index, layers: _rows(index, layers[::-1])
        ),
        "padding moves every window up by its own number of rows": (
            lambda index, layers: _rows(index, [(k, s, 0) for k, s, _ in layers])
        ),
        "padding moves a window up, not down": lambda index, layers: _rows(index, [(k, s, -p) for k, s, p in layers]),
        "both ends are rows that it sees: a kernel of 3 from row 5 on ends at row 7": (
            lambda index, layers: [_rows(index, layers)[0], _rows(index, layers)[1] + 1]
        ),
        "rows above the picture count as well: negative numbers say how far it reaches out": (
            lambda index, layers: [max(0, row) for row in _rows(index, layers)]
        ),
        "you leave the strides out": lambda index, layers: _rows(index, [(k, 1, p) for k, _, p in layers]),
        "that is the first row and how many there are; give the first and the last": (
            lambda index, layers: [_rows(index, layers)[0], 1 + _rows(index, layers)[1] - _rows(index, layers)[0]]
        ),
        "the last comes before the first": lambda index, layers: _rows(index, layers)[::-1],
        "that is what the first logit sees; move it on to the one that is asked for": (
            lambda index, layers: _rows(0, layers)
        ),
        "you take kernels of one row: a window has `kernel` rows": (
            lambda index, layers: _rows(index, [(1, s, p) for _, s, p in layers])
        ),
    },
)
def _rows_seen(index: int, layers: list[tuple[int, int, int]]) -> list[int]:
    return _rows(index, layers)


# --- lines of some length ---------------------------------------------------------------------------------


def _long_lines_cases(draw: Draw) -> Iterator[Case]:
    corner = torch.zeros(4, 5, dtype=torch.bool)
    corner[0, 0] = corner[1, 1] = corner[2, 2] = corner[0, 4] = True  # a slanted line, and a speck
    yield corner, 3
    yield corner, 4
    for height, width, share, least in ((6, 6, 0.3, 3), (9, 12, 0.22, 4), (16, 16, 0.2, 5), (12, 7, 0.35, 8)):
        yield draw.uniform(0, 1, height, width) < share, least
    yield torch.zeros(5, 5, dtype=torch.bool), 1


def _line_numbers(marks: Tensor, corners: bool = True) -> Tensor:
    """The largest pixel number in the line of each marked pixel, 0 elsewhere: (H, W)."""
    found, before = torch.where(marks, torch.arange(1, marks.numel() + 1).view_as(marks), 0), None
    while before is None or not torch.equal(before, found):
        before = found
        sides = [(3, 3)] if corners else [(3, 1), (1, 3)]
        near = [
            F.max_pool2d(found[None, None].float(), side, 1, (side[0] // 2, side[1] // 2))[0, 0].long()
            for side in sides
        ]
        found = torch.where(marks, torch.stack(near).amax(0), 0)
    return found


def _of_length(marks: Tensor, good: Callable[[Tensor], Tensor], corners: bool = True) -> Tensor:
    numbers = _line_numbers(marks, corners)
    return marks & good(torch.bincount(numbers.flatten())[numbers])


def _crowded(marks: Tensor, least: int) -> Tensor:
    near = F.avg_pool2d(marks[None, None].float(), 3, 1, 1, divisor_override=1)[0, 0]
    return marks & (near >= least)


@exercise(
    "long lines",
    "a line is what a path of marked neighbours joins: grow one pixel inside the marks until nothing is added.",
    _long_lines_cases,
    {
        "pixels that touch at a corner belong to one line as well": (
            lambda marks, least: _of_length(marks, lambda n: n >= least, corners=False)
        ),
        "a line of exactly `least` pixels stays": lambda marks, least: _of_length(marks, lambda n: n > least),
        "those are the short lines, which are to go": lambda marks, least: _of_length(marks, lambda n: n < least),
        "nothing was removed": lambda marks, least: marks,
        "everything was removed": lambda marks, least: torch.zeros_like(marks),
        "you count the marks in the 3x3 around a pixel; count those of its whole line": _crowded,
        "you keep the longest line alone": (lambda marks, least: _of_length(marks, lambda n: n == (n * marks).max())),
        "those are the lengths of the lines; give back which pixels stay": (
            lambda marks, least: torch.bincount(_line_numbers(marks).flatten())[_line_numbers(marks)] * marks
        ),
        "the marks of short lines went, and the pixels around the others came in": (
            lambda marks, least: _grown(_of_length(marks, lambda n: n >= least))
        ),
    },
)
def _long_lines(marks: Tensor, least: int) -> Tensor:
    return _of_length(marks, lambda n: n >= least)


def _grown(marks: Tensor) -> Tensor:
    return F.max_pool2d(marks[None, None].float(), 3, 1, 1)[0, 0] > 0


# --- an L1 loss that looks at the lines more ----------------------------------------------------------------


def _lines_first_cases(draw: Draw) -> Iterator[Case]:
    for n, c, side, times in (
        (1, 1, 2, 3.0),
        (2, 3, 4, 3.0),
        (4, 3, 5, 2.0),
        (3, 2, 6, 10.0),
        (2, 3, 3, 1.0),
        (5, 1, 4, 0.5),
    ):
        sources = torch.where(draw.uniform(0, 1, n, 1, side, side) < 0.4, 1.0, -1.0)
        sources[0, 0, 0, 0], sources[0, 0, 0, 1] = 1.0, -1.0  # one of each
        yield draw.uniform(-1, 1, n, c, side, side), draw.uniform(-1, 1, n, c, side, side), sources, times


def _weighted_error(fakes: Tensor, targets: Tensor, weights: Tensor, power: int = 1) -> Tensor:
    weights = weights.expand_as(fakes)
    return (weights * (fakes - targets).abs() ** power).sum() / weights.sum()


def _line_weights(sources: Tensor, times: float) -> Tensor:
    return torch.where(sources > 0, times, 1.0).to(sources)


@exercise(
    "lines first",
    "a weighted mean: its gradient is that of L1, larger on the lines by the factor and smaller elsewhere to make up.",
    _lines_first_cases,
    {
        "that is plain L1": lambda f, t, s, w: (f - t).abs().mean(),
        "divide by the sum of the weights, not by the number of pixels: else the loss grows with the lines": (
            lambda f, t, s, w: (_line_weights(s, w) * (f - t).abs()).mean()
        ),
        "one weight stands for all channels of a pixel: the sum of the weights counts it once a channel": (
            lambda f, t, s, w: (_line_weights(s, w) * (f - t).abs()).sum() / _line_weights(s, w).sum()
        ),
        "those are squares; the absolute difference is asked for": (
            lambda f, t, s, w: _weighted_error(f, t, _line_weights(s, w), 2)
        ),
        "that is the error on the lines alone": lambda f, t, s, w: _weighted_error(f, t, (s > 0).to(f)),
        "that is the error beside the lines alone": lambda f, t, s, w: _weighted_error(f, t, (s <= 0).to(f)),
        "the weights are exchanged: a line is where the source is above 0": (
            lambda f, t, s, w: _weighted_error(f, t, _line_weights(-s, w))
        ),
        "that is the sum; the weighted mean is asked for": (
            lambda f, t, s, w: (_line_weights(s, w) * (f - t).abs()).sum()
        ),
        "the sign of a difference is lost by abs(): yours may be negative": (
            lambda f, t, s, w: (_line_weights(s, w) * (f - t)).sum() / _line_weights(s, w).expand_as(f).sum()
        ),
        "the source itself is no weight: it is -1 off the lines": lambda f, t, s, w: (w * s * (f - t).abs()).mean(),
    },
    slopes=True,
)
def _lines_first(fakes: Tensor, targets: Tensor, sources: Tensor, times: float) -> Tensor:
    return _weighted_error(fakes, targets, _line_weights(sources, times))


# --- a lower error from the same translator -----------------------------------------------------------------

JUDGED, LOWER = 200, 0.97  # faces, and the share of the translator's own error that an answer must not exceed


@cache
def _shipped() -> Network:
    return load_shipped("edges_to_faces")[0]


@cache
def _unseen(seed: int) -> tuple[Tensor, Tensor]:
    """Edges and faces, in [-1, 1], of faces that no training has seen."""
    side = _shipped().config["image_shape"][1]
    faces = draw_faces(sample_factors(JUDGED, 1000 + seed), side)
    return scale_pixels(edge_map(faces)), scale_pixels(faces)


@effect(
    "lower error", "two answers to the same question, averaged: where they disagree, the middle is nearer on average."
)
def _lower_error(answer: Any, draw: Draw) -> None:
    sources, truth = _unseen(draw.integer(0, 1))
    with torch.no_grad():
        alone = float((_shipped()(sources) - truth).abs().mean())
        found = as_tensor(call(answer, _shipped(), sources.clone(), names=("translator", "sources")))
    if found.shape != truth.shape:
        raise Hint(
            f"for {len(truth)} pictures of edges give faces {tuple(truth.shape)}; yours are {tuple(found.shape)}."
        )
    if not found.isfinite().all():
        raise Hint("there are NaNs or infinite numbers in your faces.")
    error = float((found.float() - truth).abs().mean())
    if error > LOWER * alone:
        raise Hint(_too_high(error, alone))


def _too_high(error: float, alone: float) -> str:
    told = f"your error is {error:.4f}, and the translator's own {alone:.4f}."
    if abs(error - alone) < 1e-4 * alone:
        return f"{told} Those are its own faces. Ask it the same thing in another way, and use both answers"
    if error > alone:
        return f"{told} That is more. Whatever you do to the edges before, undo to the faces after"
    return f"{told} That is less, but {LOWER:.0%} of it is asked for"
