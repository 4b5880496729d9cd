"""The exercises of notebook 13: noise."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from gan_helpers.exercises.judging import Case, Draw, exercise


def _psnr_cases(draw: Draw) -> Iterator[Case]:
    for n, c, h, w in ((1, 1, 1, 2), (3, 1, 4, 5), (5, 3, 3, 6), (1, 2, 5, 5), (8, 1, 7, 3)):
        clean = draw.uniform(-1, 1, n, c, h, w)
        yield clean + draw.uniform(0.1, 1, n, 1, 1, 1) * draw.away_from(0.1, n, c, h, w), clean


def _errors(images: Tensor, clean: Tensor) -> Tensor:
    return (images - clean).square().flatten(1).mean(1)


@exercise(
    "psnr of each",
    "papers report the mean of these. The PSNR of all pixels together is lower: the worst pictures weigh more in it.",
    _psnr_cases,
    {
        "you took 1 for the peak: pixels from -1 to 1 have a range of 2": lambda a, b: 10 * (1 / _errors(a, b)).log10(),
        "you took 255 for the peak: pixels from -1 to 1 have a range of 2": (
            lambda a, b: 10 * (255**2 / _errors(a, b)).log10()
        ),
        "a decibel counts powers of ten: use log10": lambda a, b: 10 * (4 / _errors(a, b)).log(),
        "the peak is squared, as the error is": lambda a, b: 10 * (2 / _errors(a, b)).log10(),
        "that is one number for all pictures together; each has its own": (
            lambda a, b: 10 * (4 / (a - b).square().mean()).log10()
        ),
        "that is the mean of what is asked for: leave one number for each picture": (
            lambda a, b: (10 * (4 / _errors(a, b)).log10()).mean()
        ),
        "with the root of the error the factor is 20, not 10": lambda a, b: 10 * (2 / _errors(a, b).sqrt()).log10(),
        "the factor is 10 for a squared error; 20 belongs to its root": lambda a, b: 20 * (4 / _errors(a, b)).log10(),
        "you took the mean absolute error": lambda a, b: 20 * (2 / (a - b).abs().flatten(1).mean(1)).log10(),
        "the fraction is upside down": lambda a, b: 10 * (_errors(a, b) / 4).log10(),
        "you add the squares up; take their mean": lambda a, b: 10 * (4 / (a - b).square().flatten(1).sum(1)).log10(),
        "the channels of a picture belong together": (lambda a, b: 10 * (4 / (a - b).square().mean((2, 3))).log10()),
        "you clip the pictures first; measure them as they are": (
            lambda a, b: 10 * (4 / _errors(a.clamp(-1, 1), b)).log10()
        ),
        "decibels count powers of ten in tenths: the factor 10 is missing": lambda a, b: (4 / _errors(a, b)).log10(),
    },
)
def _psnr_of_each(images: Tensor, clean: Tensor) -> Tensor:
    return 10 * (4 / _errors(images, clean)).log10()


def _median_cases(draw: Draw) -> Iterator[Case]:
    for h, w, window in ((3, 3, 3), (7, 9, 3), (6, 5, 5), (4, 2, 1), (10, 8, 7), (5, 12, 3)):
        yield 2 * draw.normal(h, w), window


def _windows(image: Tensor, window: int) -> Tensor:
    return image.unfold(0, window, 1).unfold(1, window, 1)


@exercise(
    "median of windows",
    "one wild pixel among nine moves the mean, not the median.",
    _median_cases,
    {
        "that is the mean of each window, which a single wild pixel can spoil": lambda x, k: _windows(x, k).mean(
            (2, 3)
        ),
        "that is the median of the medians of rows; take it of all numbers of a window": (
            lambda x, k: _windows(x, k).median(3).values.median(2).values
        ),
        "that is the median of the medians of columns; take it of all numbers of a window": (
            lambda x, k: _windows(x, k).median(2).values.median(2).values
        ),
        "the window is always 3 in your code": lambda x, k: _windows(x, 3).flatten(2).median(2).values,
        "the windows are a single row": lambda x, k: x.unfold(1, k, 1).median(2).values[: x.shape[0] - k + 1],
        "those are the numbers of the pixels in their windows; take the values": (
            lambda x, k: _windows(x, k).flatten(2).median(2).indices
        ),
        "that is the largest of each window": lambda x, k: _windows(x, k).amax((2, 3)),
        "that is the smallest of each window": lambda x, k: _windows(x, k).amin((2, 3)),
        "you clip the result; leave it as it is": lambda x, k: _windows(x, k).flatten(2).median(2).values.clamp(-1, 1),
        "that is one median for the whole picture": lambda x, k: x.median(),
        "you left out the last row and column of windows": lambda x, k: (
            _windows(x, k).flatten(2).median(2).values[:-1, :-1]
        ),
    },
)
def _median_of_windows(image: Tensor, window: int) -> Tensor:
    return _windows(image, window).flatten(2).median(2).values
