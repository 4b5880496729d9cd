"""The exercises of notebook 09: convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor


def _multiplications_cases(draw: Draw) -> Iterator[Case]:
    yield 4, 1, 1, 3, 1, 0
    yield 32, 3, 64, 4, 2, 1
    yield 28, 1, 16, 5, 1, 2
    yield 9, 2, 5, 3, 2, 0
    yield 10, 3, 3, 2, 3, 0  # the last column is left over
    for _ in range(3):
        yield tuple(draw.integer(*ends) for ends in ((7, 40), (2, 9), (2, 9), (2, 5), (1, 3), (0, 2)))


def _places(side: int, kernel: int, stride: int, padding: int) -> int:
    return (side + 2 * padding - kernel) // stride + 1


@exercise(
    "multiplications",
    "each of m * m places of each of c_out maps multiplies c_in patches of k * k: many more than it has weights.",
    _multiplications_cases,
    {
        "that is one output channel: there are c_out": lambda n, a, b, k, s, p: a * (k * _places(n, k, s, p)) ** 2,
        "that is one input channel: a kernel reads all c_in": lambda n, a, b, k, s, p: (
            b * (k * _places(n, k, s, p)) ** 2
        ),
        "the places fill a square: m * m": lambda n, a, b, k, s, p: a * b * k**2 * _places(n, k, s, p),
        "a kernel is a square: k * k": lambda n, a, b, k, s, p: a * b * k * _places(n, k, s, p) ** 2,
        "those are the weights; each is used at m * m places": lambda n, a, b, k, s, p: a * b * k**2,
        "that counts a place for every pixel of the input": lambda n, a, b, k, s, p: a * b * (k * n) ** 2,
        "padding is on both sides": (lambda n, a, b, k, s, p: a * b * (k * ((n + p - k) // s + 1)) ** 2),
        "the first place counts as well: + 1": (lambda n, a, b, k, s, p: a * b * (k * ((n + 2 * p - k) // s)) ** 2),
        "a kernel that does not fit any more is left out: round down": (
            lambda n, a, b, k, s, p: a * b * (k * (-(-(n + 2 * p - k) // s) + 1)) ** 2
        ),
        "you count the biases, which are added, not multiplied": (
            lambda n, a, b, k, s, p: (a * k**2 + 1) * b * _places(n, k, s, p) ** 2
        ),
        "the stride is left out": lambda n, a, b, k, s, p: a * b * (k * _places(n, k, 1, p)) ** 2,
    },
)
def _multiplications(side: int, c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> int:
    return c_in * c_out * (kernel * _places(side, kernel, stride, padding)) ** 2


def _zeros_cases(draw: Draw) -> Iterator[Case]:
    for m, k, stride in ((2, 1, 2), (3, 2, 2), (4, 3, 3), (1, 4, 2), (5, 3, 1), (3, 5, 4)):
        yield draw.normal(m, m), draw.normal(k, k), stride


def _stamped(features: Tensor, kernel: Tensor, stride: int) -> Tensor:
    return F.conv_transpose2d(features[None, None], kernel[None, None], stride=stride)[0, 0]


@exercise(
    "zeros between",
    "stamps are a convolution of a spread-out picture: the two views are one computation.",
    _zeros_cases,
    {
        "the kernel is not turned: F.conv2d slides it as it is, so flip both its sides first": (
            lambda x, kernel, stride: _stamped(x, kernel.flip(0, 1), stride)
        ),
        "the kernel is transposed; turn it by half a circle: flip both its sides": (
            lambda x, kernel, stride: _stamped(x, kernel.T.flip(0, 1), stride)
        ),
        "only one side of the kernel is flipped": lambda x, kernel, stride: _stamped(x, kernel.flip(0), stride),
        "only the other side of the kernel is flipped": lambda x, kernel, stride: _stamped(x, kernel.flip(1), stride),
        "there are `stride` zeros between two neighbours; stride - 1 are right": (
            lambda x, kernel, stride: _stamped(x, kernel, stride + 1)
        ),
        "there is always one zero between neighbours; stride - 1 are right": (
            lambda x, kernel, stride: _stamped(x, kernel, 2)
        ),
        "zeros follow the last row and column as well; they belong between neighbours only": (
            lambda x, kernel, stride: F.pad(_stamped(x, kernel, stride), (0, stride - 1, 0, stride - 1))
        ),
        "the features are transposed": lambda x, kernel, stride: _stamped(x.T, kernel, stride),
    },
    required="conv2d",
)
def _zeros_between(features: Tensor, kernel: Tensor, stride: int) -> Tensor:
    return _stamped(features, kernel, stride)


@effect("even kernels", "a pixel gets size / stride stamps along each side: the same everywhere only for multiples.")
def _even_kernels(answer: Any, draw: Draw) -> None:
    for stride, most in ((2, 7), (3, 10), (1, 4), (4, 3), (2, 2), (5, 21)):
        case, found = (
            f"stride {stride}, sizes up to {most}",
            as_tensor(call(answer, stride, most, names=("stride", "most"))),
        )
        if found.ndim != 1:
            raise Hint(f"{case}: give a list of sizes; yours has the shape {tuple(found.shape)}.")
        sizes = found.tolist()
        if any(size != round(size) if size == size else True for size in sizes) or len(set(sizes)) < len(sizes):
            raise Hint(f"{case}: you give {sizes}; whole numbers are asked for, each once.")
        if any(not 1 <= size <= most for size in sizes):
            raise Hint(f"{case}: you give {[int(size) for size in sizes]}; sizes run from 1 to {most}.")
        for size in range(1, most + 1):
            counts = _stamp_counts(stride, size)
            if (size in sizes) != (len(set(counts)) == 1):
                verdict = "yours has it" if size in sizes else "yours lacks it"
                raise Hint(
                    f"{case}: with size {size} neighbouring pixels get {counts} stamps, and {verdict}. Is that even?"
                )


def _stamp_counts(stride: int, size: int) -> list[int]:
    """How many stamps each of ``stride`` neighbouring pixels gets, far from the rim."""
    row = F.conv_transpose1d(torch.ones(1, 1, 40), torch.ones(1, 1, size), stride=stride)[0, 0]
    return row[20 * stride : 21 * stride].int().tolist()
