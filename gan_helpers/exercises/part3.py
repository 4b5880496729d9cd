"""The exercises of notebooks 08 to 11: labels, colour, faces, video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, agrees, effect, exercise, parts
from gan_helpers.exercises.values import as_tensor, copied, tell_apart
from gan_helpers.latent.paths import slerp
from gan_helpers.models.conditional import ConditionalGenerator
from gan_helpers.models.sampling import generate

# --- notebook 08 --------------------------------------------------------------------------------------


def _every_label_cases(draw: Draw) -> Iterator[Case]:
    for n, classes, f in ((3, 3, 2), (6, 4, 5), (2, 5, 3), (1, 10, 4), (7, 2, 1), (9, 10, 16)):
        yield draw.normal(n, f), draw.normal(classes, f), 3 * draw.normal(n)


@exercise(
    "every label",
    "one vector a class, one scalar product: a picture goes through the network once, for all labels together.",
    _every_label_cases,
    {
        "that is the labels' part alone: add rest, what D says of a picture whatever its label": lambda f, v, rest: (
            f @ v.T
        ),
        "a row is a picture, a column a class: turn it round": lambda f, v, rest: (rest[:, None] + f @ v.T).T,
        "rest belongs to the pictures: it is added along the wrong axis": lambda f, v, rest: f @ v.T + rest,
        "you add rest's part of the other pictures as well": lambda f, v, rest: f @ v.T + rest.sum(),
        "those are probabilities of the classes; logits are asked for": (
            lambda f, v, rest: (rest[:, None] + f @ v.T).softmax(1)
        ),
        "rest is subtracted, not added": lambda f, v, rest: f @ v.T - rest[:, None],
        "that is the largest logit of each picture; one for each class is asked for": (
            lambda f, v, rest: (rest[:, None] + f @ v.T).max(1).values
        ),
    },
)
def _every_label(features: Tensor, vectors: Tensor, rest: Tensor) -> Tensor:
    return rest[:, None] + features @ vectors.T


def _agreement_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]), 2
    for n, classes in ((60, 10), (25, 4), (9, 3), (200, 12), (5, 1)):
        asked = draw.labels(n, classes)
        wrong = (asked + draw.integers(1, max(classes - 1, 1), n)) % classes
        yield torch.where(draw.uniform(0, 1, n) < 0.65, asked, wrong), asked, classes


def _share_by_class(right: Tensor, of: Tensor, classes: int) -> Tensor:
    return torch.stack([right[of == k].double().mean() for k in range(classes)])


@exercise(
    "class agreement",
    "one number can hide a class that fails: 97 % may be nine at 100 % and one at 70 %.",
    _agreement_cases,
    {
        "you divide by how often a class was read; divide by how often it was asked for": (
            lambda read, asked, k: _share_by_class(read == asked, read, k)
        ),
        "that is the share of all; one share for each class is asked for": (
            lambda read, asked, k: (read == asked).double().mean()
        ),
        "those are numbers of pictures; shares are asked for": (
            lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k)
        ),
        "you divide by the number of all pictures; divide by how often the class was asked for": (
            lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k) / len(asked)
        ),
        "that is how often each class was read; count only where it was asked for as well": (
            lambda read, asked, k: torch.bincount(read, minlength=k) / torch.bincount(asked, minlength=k)
        ),
        "those are the shares that fail": lambda read, asked, k: 1 - _share_by_class(read == asked, asked, k),
    },
)
def _class_agreement(read: Tensor, asked: Tensor, classes: int) -> Tensor:
    return _share_by_class(read == asked, asked, classes)


def _sheet(latents: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    return latents.repeat(classes, 1), torch.arange(classes).repeat_interleave(len(latents))


def _rows_of_z(latents: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    return latents.repeat_interleave(classes, 0), torch.arange(classes).repeat(len(latents))


@effect("label sheet", "the list is read row by row: the labels change slowly, the latent vectors fast.")
def _label_sheet(answer: Any, draw: Draw) -> None:
    for n, latent_dim, classes in ((2, 3, 3), (4, 2, 6), (1, 5, 4), (3, 4, 1), (6, 3, 2)):
        latents = draw.normal(n, latent_dim)
        result = call(answer, copied(latents), classes, names=("latents", "classes"))
        case = f"for {n} latent vectors and {classes} classes"
        found, labels = parts(result, "latents", "labels")
        _check_accepted(found, labels, latent_dim, classes)
        given, expected = [as_tensor(part).double() for part in (found, labels)], _sheet(latents, classes)
        if not all(part.shape == right.shape for part, right in zip(given, expected, strict=True)):
            shapes = " and ".join(str(tuple(part.shape)) for part in given)
            raise Hint(
                f"{case} the shapes are {shapes}; they should be {(n * classes, latent_dim)} and {(n * classes,)}."
            )
        if n > 1 < classes and _both(given, _rows_of_z(latents, classes)):
            raise Hint("that is one row for each z, as above: here a row is a class, and a column a z.")
        for name, part, right in zip(("latents", "labels"), given, expected, strict=True):
            if not agrees(part, right.double(), 1e-4):
                raise Hint(f"{case} in the {name} {tell_apart(part, right.double(), 1e-4)}")


def _both(found: list[Tensor], expected: tuple[Tensor, Tensor]) -> bool:
    return all(agrees(part, right.double(), 1e-4) for part, right in zip(found, expected, strict=True))


def _check_accepted(latents: Any, labels: Any, latent_dim: int, classes: int) -> None:
    """Both must be what ``generate`` takes: tensors of the right types."""
    for name, part in (("latents", latents), ("labels", labels)):
        if not isinstance(part, Tensor):
            raise Hint(f"`generate` takes tensors; the {name} are of type {type(part).__name__}.")
    if not latents.is_floating_point() and labels.is_floating_point():
        raise Hint("the two are exchanged: first the latent vectors, then the labels.")
    if labels.dtype != torch.int64:
        raise Hint(f"`generate` takes labels of type int64, as torch.arange makes them; yours are {labels.dtype}.")
    try:
        generator = ConditionalGenerator(latent_dim, classes, (1, 2, 2), widths=(4,)).to(latents.dtype)
        generate(generator, latents.cpu(), labels.cpu())
    except Exception as error:
        raise Hint(f"`generate` refuses the two: {error}") from None


# --- notebook 09 --------------------------------------------------------------------------------------


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


# --- notebook 10 --------------------------------------------------------------------------------------


def _right_angles_cases(draw: Draw) -> Iterator[Case]:
    yield (torch.tensor([[3.0, 0.0], [1.0, -2.0]]),)
    for k, d in ((3, 7), (1, 4), (5, 5), (4, 20), (6, 9)):

        def make(k: int = k, d: int = d) -> tuple[Tensor]:
            sides = draw.integers(0, 1, k, 1) * 2 - 1
            return ((draw.normal(k, d) + 0.7 * draw.normal(1, d)) * sides,)  # far from right angles, to either side

        yield draw.until(make, lambda rows: bool(torch.linalg.svdvals(rows).min() > 0.4))


def _unit(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=1, keepdim=True)


def _one_by_one(rows: Tensor) -> Tensor:
    """Each row without its part along all earlier ones, not yet of length 1."""
    left: list[Tensor] = []
    for row in rows:
        left.append(row - sum((row @ other) / (other @ other) * other for other in left))
    return torch.stack(left)


def _against(rows: Tensor, others: Callable[[int], list[int]]) -> Tensor:
    """Each row without its part along single others as they came, one after the other."""
    found = []
    for i, row in enumerate(rows):
        for j in others(i):
            row = row - (row @ rows[j]) / (rows[j] @ rows[j]) * rows[j]
        found.append(row)
    return _unit(torch.stack(found))


@exercise(
    "right angles",
    "what is left of each direction moves nothing that the earlier ones move: the first keeps all, the last pays most.",
    _right_angles_cases,
    {
        "the lengths are not 1: divide each by its norm": _one_by_one,
        "they have length 1, but are not at right angles": _unit,
        "some directions point the other way: a QR decomposition may turn them round": (
            lambda rows: torch.linalg.qr(rows.T).Q.T
        ),
        "each is at right angles to the one before it, not to all earlier ones": (
            lambda rows: _against(rows, lambda i: list(range(max(i - 1, 0), i)))
        ),
        "you take away the parts along the earlier directions as they came; these are not at right angles to each "
        "other. Take away the parts along what was left of them": lambda rows: _against(rows, lambda i: list(range(i))),
        "you let each direction yield to all others; it should yield to the earlier ones alone": (
            lambda rows: _unit(torch.linalg.pinv(rows).T)
        ),
        "you begin with the last direction; the first is to stay as it is": (
            lambda rows: _unit(_one_by_one(rows.flip(0))).flip(0)
        ),
        "that is a basis of the same space, but not in order: the first direction is to stay as it is": (
            lambda rows: torch.linalg.svd(rows, full_matrices=False).Vh
        ),
        "you bend all of them a little; the first is to stay as it is": (
            lambda rows: (lambda u, s, v: u @ v)(*torch.linalg.svd(rows, full_matrices=False))
        ),
    },
)
def _right_angles(directions: Tensor) -> Tensor:
    return _unit(_one_by_one(directions))


def _true_share_cases(draw: Draw) -> Iterator[Case]:
    for _ in range(4):
        hit, false_alarm, share = draw.number(0.6, 0.98), draw.number(0.02, 0.35), draw.number(0.05, 0.95)
        yield share * hit + (1 - share) * false_alarm, hit, false_alarm
    yield 0.01, 0.9, 0.05  # by chance in the sample
    yield 0.99, 0.9, 0.05
    yield 0.8, 0.8, 0.3
    yield 0.2, 0.7, 0.2
    yield 0.43, 1.0, 0.0


@exercise(
    "true share",
    "seen = share * hit + (1 - share) * false_alarm, solved for the share.",
    _true_share_cases,
    {
        "no share is below 0 or above 1": lambda seen, hit, false: (seen - false) / (hit - false),
        "no share is below 0": lambda seen, hit, false: min(1.0, (seen - false) / (hit - false)),
        "no share is above 1": lambda seen, hit, false: max(0.0, (seen - false) / (hit - false)),
        "that takes the false alarms away, but not the hats that were missed among them: divide by hit - false_alarm": (
            lambda seen, hit, false: min(max((seen - false) / hit, 0), 1)
        ),
        "that corrects for missed hats alone, not for false alarms": lambda seen, hit, false: min(seen / hit, 1),
        "that is what the reader sees: write it as a sum over those with a hat and those without": lambda s, h, f: s,
        "that is the other way round: what the reader sees if `seen` is the true share": (
            lambda seen, hit, false: seen * hit + (1 - seen) * false
        ),
        "that is how sure a single `hat` is": (lambda seen, hit, false: seen * hit / (seen * hit + (1 - seen) * false)),
    },
)
def _true_share(seen: float, hit: float, false_alarm: float) -> float:
    return min(max((seen - false_alarm) / (hit - false_alarm), 0.0), 1.0)


# --- notebook 11 --------------------------------------------------------------------------------------


def _film_cases(draw: Draw) -> Iterator[Case]:
    for k, d, frames in ((2, 3, 2), (4, 12, 3), (3, 6, 5), (5, 8, 1), (2, 20, 7)):
        yield draw.normal(k, d), frames


def _way(corners: Tensor, places: list[float], walk: Callable[..., Tensor] = slerp) -> Tensor:
    """The points at places counted in legs: 1.5 is half-way from the second corner to the third."""
    legs = [min(int(place), len(corners) - 2) for place in places]
    return torch.stack([walk(corners[i], corners[i + 1], p - i) for i, p in zip(legs, places, strict=True)])


def _forth(corners: Tensor, frames: int) -> list[float]:
    return [i / frames for i in range((len(corners) - 1) * frames + 1)]


def _forth_and_back(corners: Tensor, frames: int, walk: Callable[..., Tensor] = slerp, ends: int = 0) -> Tensor:
    forth = _forth(corners, frames)
    back = {0: forth[-2:0:-1], 1: forth[::-1], 2: forth[-2::-1], 3: forth[:0:-1]}[ends]
    return _way(corners, forth + back, walk)


def _with_every_end(corners: Tensor, frames: int) -> Tensor:
    stops = [*corners, *corners.flip(0)[1:]]
    return torch.stack([slerp(a, b, i / frames) for a, b in pairwise(stops) for i in range(frames + 1)])


@exercise(
    "there and back",
    "the two turning points are shown once each, so the loop plays without a frame that stands still.",
    _film_cases,
    {
        "straight lines: in the middle of a leg z is too short. Take slerp(a, b, t)": (
            lambda c, n: _forth_and_back(c, n, torch.lerp)
        ),
        "both turning points are there twice": lambda c, n: _forth_and_back(c, n, ends=1),
        "the film ends where it begins: the first frame comes twice when it is played again": (
            lambda c, n: _forth_and_back(c, n, ends=2)
        ),
        "the far turning point is there twice": lambda c, n: _forth_and_back(c, n, ends=3),
        "the way back is missing": lambda c, n: _way(c, _forth(c, n)),
        "the way back is missing, and so is the last corner": lambda c, n: _way(c, _forth(c, n)[:-1]),
        "that way goes on from the last corner to the first; asked is the same way back": (
            lambda c, n: _way(torch.cat([c, c[:1]]), [i / n for i in range(len(c) * n)])
        ),
        "the inner corners are there twice: a leg leaves out its end, which is the next leg's start": _with_every_end,
    },
)
def _there_and_back(corners: Tensor, frames: int) -> Tensor:
    return _forth_and_back(corners, frames)


def _open_film_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([1.0, 3.0]), 3
    for frames, n in ((4, 4), (9, 20), (6, 2), (1, 5), (15, 7)):
        yield draw.uniform(0.2, 3, frames), n


def _moments(distances: Tensor, wanted: np.ndarray) -> Tensor:
    """The moments at which shares of the whole way are reached."""
    travelled = np.concatenate([[0.0], np.cumsum(np.asarray(distances, dtype=np.float64))])
    return torch.from_numpy(np.interp(wanted * travelled[-1], travelled, np.arange(len(travelled))))


def _travelled(distances: Tensor, n: int) -> Tensor:
    way = np.concatenate([[0.0], np.cumsum(np.asarray(distances, dtype=np.float64))])
    return torch.from_numpy(np.interp(np.linspace(0, len(distances), n), np.arange(len(way)), way))


@exercise(
    "open film",
    "the way travelled, read backwards: from equal shares of the way to the moments when they are reached.",
    _open_film_cases,
    {
        "that is a loop: it leaves out the end. Here the first and the last frame are both shown": (
            lambda d, n: _moments(d, np.arange(n) / n)
        ),
        "those moments are evenly spaced, whatever the distances": lambda d, n: torch.linspace(0, len(d), n),
        "that is the way travelled at even moments; asked are the moments at even shares of the way: the inverse": (
            _travelled
        ),
        "that is the inverse of what is asked, scaled to frames": lambda d, n: _travelled(d, n) * len(d) / d.sum(),
        "you round to whole frames; a moment may lie between two": lambda d, n: _moments(
            d, np.linspace(0, 1, n)
        ).round(),
        "you give shares of the film; count in frames": lambda d, n: _moments(d, np.linspace(0, 1, n)) / len(d),
        "you give the way travelled at each frame shown; asked is the moment": (
            lambda d, n: torch.linspace(0, 1, n) * d.sum()
        ),
        "the film begins at moment 0, not 1": lambda d, n: _moments(d, np.linspace(0, 1, n)) + 1,
        "the way begins at 0: put a 0 before the sums": (
            lambda d, n: np.interp(np.linspace(0, 1, n) * float(d.sum()), np.cumsum(d.numpy()), np.arange(len(d)))
        ),
    },
)
def _open_film(distances: Tensor, n: int) -> Tensor:
    return _moments(distances, np.linspace(0, 1, n))


def _swap_cases(draw: Draw) -> Iterator[Case]:
    for n, d, motion in ((2, 3, 1), (3, 7, 2), (4, 6, 3), (1, 5, 2), (5, 9, 8)):
        yield draw.normal(n, d), motion


def _crossed(latents: Tensor, motion_dim: int, first: bool = True) -> Tensor:
    n = len(latents)
    slow, fast = torch.arange(n * n) // n, torch.arange(n * n) % n
    content, motion = (slow, fast) if first else (fast, slow)
    return torch.cat([latents[content, :-motion_dim], latents[motion, -motion_dim:]], 1)


@exercise(
    "swap codes",
    "a row is one digit on all ways, a column one way for all digits: two codes, apart.",
    _swap_cases,
    {
        "that is one digit a column: in a row the content stays and the motion changes": (
            lambda z, motion_dim: _crossed(z, motion_dim, first=False)
        ),
        "whole vectors are repeated, row by row: split each into content and motion first": (
            lambda z, motion_dim: z.repeat_interleave(len(z), 0)
        ),
        "whole vectors are repeated, one after the other: split each into content and motion first": (
            lambda z, motion_dim: z.repeat(len(z), 1)
        ),
        "you took the *first* motion_dim numbers for the motion code": (
            lambda z, motion_dim: torch.cat([_crossed(z, z.shape[1] - motion_dim, first=False)], 1)
        ),
        "the content code has to stay in front, as `generate` expects it": (lambda z, m: _crossed(z, m).roll(m, 1)),
        "that is one list of N vectors, with shifted motion codes; asked are all N * N pairs": (
            lambda z, m: torch.cat([z[:, :-m], z.roll(1, 0)[:, -m:]], 1)
        ),
        "give one long list, row after row: flatten the first two axes": (
            lambda z, m: _crossed(z, m).view(len(z), len(z), -1)
        ),
    },
)
def _swap_codes(latents: Tensor, motion_dim: int) -> Tensor:
    return _crossed(latents, motion_dim)
