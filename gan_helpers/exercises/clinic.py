"""The clinic of notebook 15: ten runs that went wrong, as data, and the judge of what a change brought.

A case's broken code stands in the notebook, in full view. Here is the rest: causes and signs to choose from, the
outcome that counts as healthy, the change of one line that heals, and the commonest one that does not. Both are pairs
(old, new) of text in the notebook's cell, so that the tests change what a reader changes.
"""

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
from gan_helpers.exercises.checking import Verdict
from gan_helpers.metrics.distances import class_coverage, frechet_distance, nearest_distances
from gan_helpers.metrics.readers import Reading, load_classifier, read_images
from gan_helpers.training.runs import History
from gan_helpers.viz.pictures import Picture, image_tag
from gan_helpers.viz.plots import plot_before_after, plot_case

COMPARED, SEARCHED, FROM = 1000, 200, 5000  # pictures: scored; sought among the training pictures; of those at most
LAST = 50  # steps whose scores of D are averaged
Change = tuple[str, str]


@dataclass(frozen=True)
class Limits:
    """What is healthy; None: not asked for. A real run of the notebook's size keeps well within them."""

    distance: float = 600  # at most, to test digits, in the classifier's features
    classes: int = 8  # at least
    gap: float = 0.4  # at most, between the mean D(x) and D(G(z)) of the last steps
    agreement: float | None = None  # at least: pictures that are read as the class asked for
    nearness: float | None = None  # at least: distance to the nearest training picture, beside that of held-out ones


@dataclass(frozen=True)
class Case:
    """A run that went wrong. Of ``causes`` and ``signs`` the reader chooses one each, by letter and by number."""

    causes: dict[str, tuple[str, str]]  # letter: what may be wrong, and what speaks against it ("" for the right one)
    signs: dict[int, tuple[str, str]]  # number: what is seen, and why it does not tell ("" for the right one)
    why: str
    remedy: Change
    tempting: Change
    limits: Limits = Limits()

    @property
    def cause(self) -> str:
        return _right(self.causes)

    @property
    def sign(self) -> int:
        return _right(self.signs)


def _right(choices: dict[Any, tuple[str, str]]) -> Any:
    (right,) = (key for key, (_, against) in choices.items() if not against)
    return right


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


# --- the cases ----------------------------------------------------------------------------------------

LOWER_RATES = ("g_lr=2e-3, d_lr=2e-3", "g_lr=2e-4, d_lr=2e-4")
CASES: dict[str, Case] = {
    "still noise": Case(
        causes={
            "a": ("D learns too slowly", "then D could not tell the two apart; here it is sure of both"),
            "b": ("G learns too slowly", ""),
            "c": ("the pictures were not scaled", "then G's noise would have the wrong range; the pictures are scaled"),
            "d": ("the run is too short", "the healthy run had as many steps, and here nothing has begun to change"),
        },
        signs={
            1: ("D's loss is near 0", "it says that D wins, not why"),
            2: ("one learning rate is a hundredth of the other", ""),
            3: ("the samples are noise", "any generator that has not learned makes noise, for whatever reason"),
        },
        why="D wins because G hardly moves: its rate is a hundredth of D's. Look at the settings first.",
        remedy=("g_lr=2e-5", "g_lr=2e-3"),
        tempting=("betas=(0.0, 0.99)", "betas=(0.0, 0.99), label_smoothing=0.1"),
    ),
    "G's loss climbs": Case(
        causes={
            "a": ("G's rate is too low", "both rates are those of the healthy run"),
            "b": ("Adam's memory is too long for a game", ""),
            "c": ("there are too few pictures", "it learns from the same pictures as the healthy run"),
            "d": ("the labels are not flipped in G's loss", "then G would please D, and its loss would fall to 0"),
        },
        signs={
            1: ("G's loss climbs far above log 2", "it does so whenever D wins"),
            2: ("D(x) is near 1", "it is so whenever D wins"),
            3: ("the only setting that differs from the healthy run is betas", ""),
        },
        why="Adam's default betas, (0.9, 0.999), are made for a descent. This is a game: see notebook 04.",
        remedy=("betas=(0.9, 0.999)", "betas=(0.0, 0.99)"),
        tempting=("betas=(0.9, 0.999)", "betas=(0.9, 0.999), label_smoothing=0.1"),
    ),
    "one picture": Case(
        causes={
            "a": ("D is too slow to follow G", ""),
            "b": ("D is too strong", "then G's loss would be high; it is below log 2, G is winning"),
            "c": ("the training pictures show one thing only", "they are those of the healthy run"),
            "d": ("G forgets z because it has no batch norm", "it is the pair of the healthy run, with batch norm"),
        },
        signs={
            1: ("all samples are specks of one kind", "so they are in the run before, where D wins"),
            2: ("D(G(z)) stays as high as D(x) or above it, and G's loss is below log 2", ""),
            3: ("D's loss is not 0", "nor is it in a healthy run"),
        },
        why="G has found what this D takes for real, and D is too slow to change its mind.",
        remedy=("d_lr=2e-5", "d_lr=2e-3"),
        tempting=("g_lr=2e-3", "g_lr=2e-4"),
    ),
    "grey pictures": Case(
        causes={
            "a": ("the run is too short", "the shapes are those of digits; only the grey is wrong"),
            "b": ("tanh cannot make black", "tanh reaches -1, which is black, as in the healthy run"),
            "c": ("the training pictures fill half of tanh's range", ""),
            "d": ("D cannot see brightness", "D sees every pixel, and G does what D's pictures look like"),
        },
        signs={
            1: ("the curves are balanced", "that says G copies its pictures well, not which pictures they are"),
            2: ("the digits can be read", "so they can in a healthy run"),
            3: ("the background is mid-grey, the value 0, in every sample", ""),
        },
        why="pixels from 0 to 1 turn black into 0, the middle of tanh's range. The game is healthy; the data are not.",
        remedy=("data.images / 255", "data.images / 127.5 - 1"),
        tempting=("pictures, HEALTHY", "pictures, HEALTHY, 2 * STEPS"),
    ),
    "only ones": Case(
        causes={
            "a": (
                "collapse: G has found one picture that fools D",
                "the ones differ in slant and weight, and the curves are balanced",
            ),
            "b": ("the training pictures are nearly all ones", ""),
            "c": ("G's latent space is too small", "32 numbers are enough for ten classes in the healthy run"),
            "d": ("D wins", "D(x) and D(G(z)) are both near one half"),
        },
        signs={
            1: ("most samples are ones", "a collapse can look like that"),
            2: ("the curves are balanced and the samples vary within the class", ""),
            3: ("G's loss is not 0", "it is not in any of the runs so far, healthy or ill"),
        },
        why="a one has the least ink of all digits, so the selection is mostly ones. Look at what you train on.",
        remedy=("[: len(data) // 40]", ""),
        tempting=("train(small_pair(), clean", "train(with_statistics(small_pair()), clean"),
    ),
    "bad average": Case(
        causes={
            "a": ("the average is too slow", "it forgets within 20 steps or so"),
            "b": ("the average leaves out what batch norm has counted", ""),
            "c": ("the run has failed", "the curves are those of the healthy run"),
            "d": ("eval mode is wrong for sampling", "the healthy run is sampled in eval mode too"),
        },
        signs={
            1: ("the samples are bad", "they are bad in every case"),
            2: ("the loop over weights is by parameters(), which holds no running statistics", ""),
            3: ("the average is in eval mode", "that is right: one latent vector then always gives one picture"),
        },
        why="in eval mode batch norm uses its running statistics: buffers, no parameters. Here they stay at 0 and 1.",
        remedy=(
            "average.parameters(), run.generator.parameters()",
            "average.state_dict().values(), run.generator.state_dict().values()",
        ),
        tempting=("0.95 * a + 0.05 * g", "0.5 * a + 0.5 * g"),
    ),
    "wrong digit": Case(
        causes={
            "a": ("the generator ignores the class because D is too strong", "the curves are balanced"),
            "b": ("the classes are too much alike", "digits of ten classes are told apart by a small classifier"),
            "c": ("pictures and labels are no longer in the same order", ""),
            "d": ("too few steps for ten classes", "all ten classes are there; they come when another is asked for"),
        },
        signs={
            1: ("the digits are good, and the one asked for comes as often as chance has it", ""),
            2: ("the curves are balanced", "that is so in a healthy run as well"),
            3: ("some samples cannot be read", "that is so in a healthy run of this length as well"),
        },
        why="one in ten is chance: the labels say nothing about the pictures, so neither network can learn them.",
        remedy=("replace(data, images=data.images[order])", "data[order]"),
        tempting=("shuffled, HEALTHY", "shuffled, replace(HEALTHY, mismatched=1 / 3)"),
        limits=Limits(distance=800, agreement=0.3),
    ),
    "my own loop": Case(
        causes={
            "a": ("D's gradient reaches G, and stays there until G's step", ""),
            "b": (
                "retain_graph=True makes the sums wrong",
                "it keeps the graph for a second backward, and changes no sum",
            ),
            "c": ("the average is wrong", "update_average takes the whole state, buffers as well"),
            "d": ("one batch of z for both half steps", "the course's loop does the same"),
        },
        signs={
            1: ("the samples are noise", "so they are when G's rate is too low"),
            2: ("nothing clears G's gradients between D's backward and G's", ""),
            3: ("D(x) is above D(G(z))", "so it is whenever D wins"),
        },
        why="without detach D's backward leaves in G the gradient that helps D, and G steps along the sum of both.",
        remedy=("discriminator(real), discriminator(fake)", "discriminator(real), discriminator(fake.detach())"),
        tempting=("2e-3, (0.0", "2e-4, (0.0"),
    ),
    "NaN": Case(
        causes={
            "a": ("the rates are too high", "at a tenth of the rates the NaN comes at the very same step"),
            "b": ("the loss divides by 0 at a blank page", ""),
            "c": ("log(0): D has become certain", "softplus never takes the logarithm of 0"),
            "d": ("Adam divides by a vanishing second moment", "Adam adds a small number before it divides"),
        },
        signs={
            1: ("a loss is NaN", "all four causes would give that"),
            2: ("the step does not depend on the rates: it is the first batch with a blank page", ""),
            3: ("the message speaks of rates", "a message can only guess; this one names NaN in the pictures as well"),
        },
        why="a blank page has no ink, 1 / 0 is infinite, and infinite over infinite is NaN.",
        remedy=("1 / ink", "1 / ink.clamp(min=0.05)"),
        tempting=("images, HEALTHY", "images, replace(HEALTHY, g_lr=2e-4, d_lr=2e-4)"),
    ),
    "too good": Case(
        causes={
            "a": ("nothing is wrong", "look at how near the samples are to training pictures"),
            "b": ("G has learned the training pictures by heart", ""),
            "c": ("G has collapsed to one picture", "several classes are there"),
            "d": ("the rates are too high", "they are those of the healthy run"),
        },
        signs={
            1: ("the samples are nearer to training pictures than fresh digits are", ""),
            2: ("the samples are sharp", "so are good ones"),
            3: ("some classes are missing", "that does not tell copies from a narrow choice"),
        },
        why="100 pictures can be learned by heart, by D first, and then only what is near one of them passes.",
        remedy=("data[:100]", "data"),
        tempting=("few, HEALTHY", "few, replace(HEALTHY, label_smoothing=0.1)"),
        limits=Limits(nearness=0.8),
    ),
}
