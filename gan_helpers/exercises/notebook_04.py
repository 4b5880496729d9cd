"""The exercises of notebook 04: the two half steps, the average."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect
from gan_helpers.exercises.steps import StepExercise
from gan_helpers.exercises.values import as_tensor, close, copied, tell_apart, tolerance
from gan_helpers.training.losses import discriminator_loss, fake_loss, generator_loss, real_loss


def _d_loss(generator: nn.Module, discriminator: nn.Module, real: Tensor, latents: Tensor, smoothing: float) -> Tensor:
    return discriminator_loss(discriminator(real), discriminator(generator(latents).detach()), smoothing)


D_MISTAKES = {
    "real pictures have the label 1 - smoothing: you leave the smoothing out": (
        lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z).detach()))
    ),
    "only real pictures are smoothed: generated ones keep the label 0": (
        lambda g, d, real, z, s: real_loss(d(real), s) + real_loss(d(g(z).detach()), 1 - s)
    ),
    "the labels are exchanged: real pictures get 1 - smoothing, generated ones 0": (
        lambda g, d, real, z, s: fake_loss(d(real)) + real_loss(d(g(z).detach()), s)
    ),
    "D learns from real pictures only: the loss on generated ones is missing, or detached after D": (
        lambda g, d, real, z, s: real_loss(d(real), s) + fake_loss(d(g(z)).detach())
    ),
    "D learns from generated pictures only: the loss on real ones is missing, or detached": (
        lambda g, d, real, z, s: real_loss(d(real), s).detach() + fake_loss(d(g(z).detach()))
    ),
    "the two losses are added up, not averaged": lambda g, d, real, z, s: _d_loss(g, d, real, z, s) / 2,
    "D walks up its loss: the sign is wrong": lambda g, d, real, z, s: -_d_loss(g, d, real, z, s),
    "the generated pictures are called real: that is G's loss": (
        lambda g, d, real, z, s: real_loss(d(real), s) + generator_loss(d(g(z).detach()))
    ),
}


@effect("discriminator step", "zero_grad forgets the last batch, detach keeps the loss from reaching the generator.")
def _discriminator_step(answer: Any, draw: Draw) -> None:
    names = ("generator", "discriminator", "d_optimizer", "real_images", "latents", "smoothing")
    StepExercise(_d_loss, D_MISTAKES, names, moves="discriminator", rests="generator").judge(answer, draw)


G_MISTAKES = {
    "that is D's loss on generated pictures: G wants them to be called real": lambda g, d, z: fake_loss(d(g(z))),
    "that is the saturating loss: flip the label to 1 in place of the sign": lambda g, d, z: -fake_loss(d(g(z))),
    "G walks up its loss: the sign is wrong": lambda g, d, z: -generator_loss(d(g(z))),
    "G's label is a full 1: smoothing is for D's real pictures": lambda g, d, z: real_loss(d(g(z)), 0.1),
    "the loss is the mean over the batch; you add it up": lambda g, d, z: len(z) * generator_loss(d(g(z))),
    "G's loss is the cross-entropy; you take the logits themselves": lambda g, d, z: -d(g(z)).mean(),
}


@effect("generator step", "gradients pass through D to G's pictures, and D keeps none of them.")
def _generator_step(answer: Any, draw: Draw) -> None:
    names = ("generator", "discriminator", "g_optimizer", "latents")
    loss = lambda g, d, z: generator_loss(d(g(z)))  # noqa: E731
    StepExercise(loss, G_MISTAKES, names, moves="generator", rests="discriminator").judge(answer, draw)


def _average_cases(draw: Draw) -> Iterator[Case]:
    for decay, layers in ((0.9, (nn.Linear(2, 1), nn.BatchNorm1d(1))), (0.5, (nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))):
        network = nn.Sequential(*layers)
        states = [
            {
                key: draw.normal(*value.shape) if value.is_floating_point() else draw.integers(low, low + 50)
                for key, value in network.state_dict().items()
            }
            for low in (100, 1000)
        ]
        yield *states, decay
    yield {"weight": draw.normal(3, 2)}, {"weight": draw.normal(3, 2)}, draw.number(0.7, 0.99)


def _averaged(average: dict, state: dict, decay: float, whole: Any = lambda a, b, decay: b) -> dict:
    return {
        key: decay * average[key] + (1 - decay) * value
        if value.is_floating_point()
        else whole(average[key], value, decay)
        for key, value in state.items()
    }


AVERAGE_MISTAKES = {
    "the shares are exchanged: the average keeps `decay` of itself": lambda a, b, decay: _averaged(a, b, 1 - decay),
    "whole numbers are averaged as well: a count of batches is copied from `state`": (
        lambda a, b, decay: _averaged(a, b, decay, lambda x, y, d: d * x + (1 - d) * y)
    ),
    "whole numbers are averaged as well, and cut off: a count of batches is copied from `state`": (
        lambda a, b, decay: _averaged(a, b, decay, lambda x, y, d: (d * x + (1 - d) * y).long())
    ),
    "whole numbers stay those of the average: a count of batches is copied from `state`": (
        lambda a, b, decay: _averaged(a, b, decay, lambda x, y, d: x)
    ),
    "that is the average as it was": lambda a, b, decay: a,
    "that is `state` itself": lambda a, b, decay: b,
    "you add the whole of `state` to a share of the average: its share is 1 - decay": (
        lambda a, b, decay: {key: decay * a[key] + b[key] if b[key].is_floating_point() else b[key] for key in b}
    ),
}


@effect("average weights", "floats are averaged, weights and batch norm's statistics alike; a count has no average.")
def _average_weights(answer: Any, draw: Draw) -> None:
    trials = []
    for average, state, decay in list(_average_cases(draw)):
        given = copied(state)
        found = call(answer, copied(average), given, decay, names=("average", "state", "decay"))
        _check_entries(found, state)
        if any(not torch.equal(given[key], state[key]) for key in state):
            raise Hint(
                "your code changes `state` itself. state_dict() hands out a network's own weights, not copies: G would "
                "change with it."
            )
        trials.append(((average, state, decay), {key: as_tensor(found[key]) for key in state}))
    wrong = [(case, found, key) for case, found in trials for key in found if not _same(found, _averaged(*case), [key])]
    if wrong:
        (average, state, decay), found, key = wrong[0]
        expected = _averaged(average, state, decay)[key].double()
        named = (text for text, m in AVERAGE_MISTAKES.items() if all(_same(f, m(*case), list(f)) for case, f in trials))
        text = next(named, None)
        shown = f"with decay {decay}, `{key}`: {tell_apart(found[key].double(), expected, tolerance(found[key]))}"
        raise Hint(f"{text}. {shown[0].upper()}{shown[1:]}" if text else shown)


def _check_entries(found: Any, state: dict) -> None:
    if not isinstance(found, dict):
        raise Hint(f"give a dict back, with the keys of `state`; yours is of type {type(found).__name__}.")
    if set(found) != set(state):
        missing, more = sorted(set(state) - set(found)), sorted(map(str, set(found) - set(state)))
        raise Hint(f"the entry `{missing[0]}` is missing." if missing else f"there is no entry `{more[0]}` in `state`.")


def _same(found: dict, expected: dict, keys: list[str]) -> bool:
    return all(
        found[key].shape == expected[key].shape
        and bool(close(found[key].double(), expected[key].double(), tolerance(found[key])).all())
        for key in keys
    )
