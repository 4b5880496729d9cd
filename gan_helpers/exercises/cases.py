"""The ten broken runs of notebook 15, as data.

A case's broken code stands in the notebook, in full view. Here is the rest: causes and signs to choose from, the
outcome that counts as healthy, the change of one line that heals, and the commonest one that does not. Both are pairs
(old, new) of text in the notebook's cell, so that the tests change what a reader changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
