"""The clinic of notebook 15: the judge of a diagnosis, and of what a change brought."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

from torch import Tensor

from gan_helpers.data.sets import load_images, scale_pixels
from gan_helpers.exercises.cases import CASES, Case, Change, Limits
from gan_helpers.exercises.checking import Verdict
from gan_helpers.metrics.distances import class_coverage, frechet_distance, nearest_distances
from gan_helpers.metrics.readers import Reading, load_classifier, read_images
from gan_helpers.training.runs import History
from gan_helpers.viz.histories import plot_before_after, plot_case
from gan_helpers.viz.pictures import Picture, image_tag

COMPARED, SEARCHED, FROM = 1000, 200, 5000  # pictures: scored; sought among the training pictures; of those at most
LAST = 50  # steps whose scores of D are averaged


# --- the diagnosis ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diagnosis(Verdict):
    """A verdict that shows what there is to choose from, for as long as nothing has been chosen."""

    choices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *self.choices])

    def _repr_html_(self) -> str:
        return "<br>".join([super()._repr_html_(), *map(escape, self.choices)])


def diagnose(name: str, cause: Any = ..., sign: Any = ...) -> Diagnosis:
    """Judge a diagnosis: the letter of a cause, and the number of the sign that tells it from the others.

    With ``...`` for either the choices are listed. A wrong choice is answered with what speaks against it.

    Raises:
        KeyError: there is no case of that name.
    """
    case = case_of(name)
    if cause is ... or sign is ... or cause is None or sign is None:
        listed = [f"cause {key}: {text}" for key, (text, _) in case.causes.items()]
        listed += [f"sign {key}: {text}" for key, (text, _) in case.signs.items()]
        return Diagnosis("not answered yet", "", tuple(listed))
    cause, sign = str(cause).strip(" ().").lower(), str(sign).strip(" ().")
    for kind, key, choices in (
        ("cause", cause, case.causes),
        ("sign", sign, {str(k): v for k, v in case.signs.items()}),
    ):
        if key not in choices:
            return Diagnosis("hint", f"{key!r} is no {kind}: choose one of {', '.join(choices)}")
    if against := case.causes[cause][1]:
        return Diagnosis("hint", f"not {cause}: {against}")
    if against := case.signs[int(sign)][1]:
        return Diagnosis("hint", f"the cause is {cause}, but sign {sign} does not tell it from the others: {against}")
    return Diagnosis("right", case.why)


def case_of(name: str) -> Case:
    """The case of that name; KeyError, naming all of them, if there is none."""
    if name not in CASES:
        raise KeyError(f"no case is called {name!r}; there are {', '.join(CASES)}")
    return CASES[name]


# --- the judge of the outcome -------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """One measure of a visit: its value as text, what is asked, and whether that is met."""

    name: str
    value: str
    asked: str
    met: bool

    def __str__(self) -> str:
        return f"{'✓' if self.met else '✗'} {self.name} {self.value} (asked: {self.asked})"


@dataclass(frozen=True)
class Visit:
    """A run as the judge found it: what was measured, and the picture of its curves and samples."""

    name: str
    findings: tuple[Finding, ...]
    pictures: Tensor  # the first ones, (N, C, H, W)
    picture: Picture

    @property
    def healthy(self) -> bool:
        return all(finding.met for finding in self.findings)

    def __str__(self) -> str:
        return "\n".join([f"{'healthy' if self.healthy else 'ill'}: {self.name}", *map(str, self.findings)])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        first, *rest = str(self).split("\n")
        text = "<br>".join([f"<b>{escape(first)}</b>", *map(escape, rest)])
        shown = image_tag(self.picture.content, self.picture.kind, self.picture.alt)
        return {"text/html": f"{shown}<br>{text}", "text/plain": str(self)}


VISITS: dict[str, list[Visit]] = {}  # of this session, by case, in order


def examine(
    name: str, history: History, pictures: Tensor, asked: Tensor | None = None, trained_on: Any = None
) -> Visit:
    """Measure what a run came to, and remember the visit.

    Args:
        history: of the run.
        pictures: 1,000 or more of its generator, (N, 1, 28, 28) in [-1, 1]; the first 1,000 are measured.
        asked: the classes (N,) that a conditional generator was asked for.
        trained_on: the ImageSet that it learned from, where copies are sought.

    Raises:
        KeyError: there is no case of that name; "healthy" is the run to compare with.
        ValueError: fewer than 1,000 pictures.
    """
    limits = Limits() if name == "healthy" else case_of(name).limits
    if len(pictures) < COMPARED:
        raise ValueError(f"{len(pictures)} pictures, but {COMPARED} are compared: generate more")
    pictures = pictures[:COMPARED].cpu()
    findings = (_finite(history, pictures),)
    if findings[0].met:
        findings = (*findings, *_of_pictures(limits, pictures), _of_curves(limits, history))
    if findings[0].met and asked is not None and limits.agreement is not None:
        findings = (*findings, _of_classes(limits.agreement, pictures, asked[:COMPARED].cpu()))
    if findings[0].met and trained_on is not None and limits.nearness is not None:
        findings = (*findings, _of_copies(limits.nearness, pictures, trained_on.images.cpu()))
    visit = Visit(name, findings, pictures[:40], plot_case(history, pictures[:40], held_out()[0][:10]))
    VISITS.setdefault(name, []).append(visit)
    return visit


@lru_cache(maxsize=1)
def held_out() -> tuple[Tensor, Reading]:
    """1,000 test digits, uint8, and what the classifier reads in them."""
    images = load_images("mnist", split="test").images[:COMPARED]
    return images, read_images(load_classifier(), images)


def _finite(history: History, pictures: Tensor) -> Finding:
    rows = history.rows()
    bad = (~rows.isfinite()).any(1).nonzero()
    met = len(bad) == 0 and bool(pictures.isfinite().all())
    return Finding("losses and pictures", "finite" if met else f"NaN from step {_first(bad)} on", "finite", met)


def _first(bad: Tensor) -> str:
    return str(int(bad[0]) + 1) if len(bad) else "the last"


def _of_pictures(limits: Limits, pictures: Tensor) -> tuple[Finding, Finding]:
    read, (_, real) = read_images(load_classifier(), pictures), held_out()
    distance, classes = frechet_distance(read.features, real.features), class_coverage(read.labels, 10)
    return (
        Finding("Fréchet distance", f"{distance:.0f}", f"{limits.distance:.0f} at most", distance <= limits.distance),
        Finding("classes", f"{classes} of 10", f"{limits.classes} at least", classes >= limits.classes),
    )


def _of_curves(limits: Limits, history: History) -> Finding:
    real, fake = (float(history.column(name)[-LAST:].mean()) for name in ("d_real", "d_fake"))
    asked = f"no further apart than {limits.gap:g}"
    return Finding("D(x) and D(G(z))", f"{real:.2f} and {fake:.2f}", asked, abs(real - fake) <= limits.gap)


def _of_classes(least: float, pictures: Tensor, asked: Tensor) -> Finding:
    share = float((read_images(load_classifier(), pictures).labels == asked).double().mean())
    return Finding("read as the digit asked for", f"{share:.0%}", f"{least:.0%} at least", share >= least)


def _of_copies(least: float, pictures: Tensor, images: Tensor) -> Finding:
    learned = scale_pixels(images[:FROM]).flatten(1)
    fake, fresh = (scale_pixels(x[:SEARCHED]).flatten(1) for x in (pictures, held_out()[0]))
    ratio = float(nearest_distances(fake, learned).mean() / nearest_distances(fresh, learned).mean())
    asked = f"{least:g} at least; fresh digits have 1"
    return Finding("distance to the nearest training picture", f"{ratio:.2f}", asked, ratio >= least)


# --- all of them again --------------------------------------------------------------------------------


def cell_of(name: str, cells: Sequence[str] | None = None) -> str:
    """The last of ``cells`` that examines the case: by default of the notebook's, as they were run.

    Raises:
        ValueError: none of them does.
    """
    cells = _cells_run() if cells is None else cells
    found = [cell for cell in cells if f'examine("{name}"' in cell]
    if not found:
        raise ValueError(f"the cell of the case {name!r} has not been run yet: run it first")
    return found[-1]


def _cells_run() -> list[str]:
    """The notebook's cells as they were run. Who runs it without a history leaves them for tracebacks alone."""
    compiled = [entry[2] for name, entry in linecache.cache.items() if len(entry) == 4 and "ipykernel_" in name]
    return ["".join(lines) for lines in compiled] + sys.modules["IPython"].get_ipython().user_ns["In"]


def treated(cell: str, change: Change, scope: dict[str, Any]) -> Visit:
    """Run a case's cell with ``change`` made, in a copy of ``scope``, and return the visit with which it ends.

    Where the old text is not in the cell, because it was repaired already, the cell is run as it is.
    """
    scope = dict(scope)
    *body, last = ast.parse(cell.replace(*change)).body
    exec(compile(ast.Module(body, []), "the cell", "exec"), scope)
    return eval(compile(ast.Expression(last.value), "the cell", "eval"), scope)  # type: ignore[attr-defined]


def before_and_after(repaired: Mapping[str, Visit], shown: int = 10) -> Picture:
    """For each case the samples of its last ill visit in this session, beside those of the repaired one."""
    pairs = {}
    for name, visit in repaired.items():
        before = [v for v in VISITS[name] if not v.healthy] or VISITS[name]
        pairs[name] = before[-1].pictures[:shown], visit.pictures[:shown]
    return plot_before_after(pairs)
