"""The exercises of notebook 08: labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, agrees, effect, exercise, parts
from gan_helpers.exercises.values import as_tensor, copied, tell_apart
from gan_helpers.models.conditional import ConditionalGenerator
from gan_helpers.models.sampling import generate


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
