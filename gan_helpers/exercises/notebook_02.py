"""The exercises of notebook 02: counting weights, leaky ReLU, a pair of networks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call, run
from gan_helpers.exercises.judging import Case, Draw, effect, exercise, parts


def _count_cases(draw: Draw) -> Iterator[Case]:
    for widths in ((3, 1), (2, 5, 4), (784, 128, 64, 32, 1), (100, 32, 64, 128, 784)):
        yield widths, False
        yield widths, True
    yield tuple(draw.integers(2, 40, 6).tolist()), True


def _count(widths: tuple[int, ...], per_unit: int, bias: int = 1, units: slice = slice(1, -1)) -> int:
    return sum((a + bias) * b for a, b in pairwise(widths)) + per_unit * sum(widths[units])


@exercise(
    "count parameters",
    "a linear layer has n_in * n_out weights and n_out biases; batch norm adds two numbers a hidden unit.",
    _count_cases,
    {
        "the biases are missing": lambda widths, norm: _count(widths, 2 * norm, bias=0),
        "batch norm stands behind hidden layers only: you count it behind the last layer as well": (
            lambda widths, norm: _count(widths, 2 * norm, units=slice(1, None))
        ),
        "you count batch norm on the inputs as well": lambda widths, norm: _count(widths, 2 * norm, units=slice(0, -1)),
        "you leave batch norm out": lambda widths, norm: _count(widths, 0),
        "batch norm learns a scale *and* a shift for each hidden unit": lambda widths, norm: _count(widths, norm),
        "batch norm's running averages are measured, not learned: two numbers a hidden unit, not four": (
            lambda widths, norm: _count(widths, 4 * norm)
        ),
        "you count batch norm whether it is asked for or not": lambda widths, norm: _count(widths, 2),
    },
)
def _count_parameters(widths: tuple[int, ...], batch_norm: bool) -> int:
    return _count(widths, 2 * batch_norm)


def _leaky_relu_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([-2.0, -0.5, 1.0, 3.0]), 0.2
    for shape in ((5,), (2, 3), (4, 1, 3), (), (2, 3, 4, 5)):
        yield draw.away_from(0.1, *shape), draw.number(0.01, 0.6)  # at 0 there is no slope
    yield -draw.uniform(0.5, 2, 3), draw.number(0.01, 0.6)


@exercise(
    "leaky relu",
    "it passes what is positive, and a share of what is not, so no gradient is ever zero.",
    _leaky_relu_cases,
    {
        "that is plain ReLU: negative numbers keep the share `slope`": lambda x, slope: x.clamp(min=0),
        "the slope is on the wrong side: it belongs to negative numbers": lambda x, slope: torch.minimum(x, slope * x),
        "negative numbers stay negative: the sign is lost": lambda x, slope: torch.maximum(x, -slope * x),
        "that is `slope` itself in place of `slope` times x": lambda x, slope: x.clamp(min=slope),
        "you cut off at minus `slope`": lambda x, slope: x.clamp(min=-slope),
        "the slope is always 0.2 in your code: use `slope`": lambda x, slope: torch.maximum(x, 0.2 * x),
        "positive numbers get the negative part on top": lambda x, slope: x.clamp(min=0) + slope * x,
    },
    forbidden=("where", "leaky_relu", "leaky_relu_", "LeakyReLU", "prelu", "PReLU", "rrelu", "rrelu_", "RReLU"),
    slopes=True,
)
def _leaky_relu(x: Tensor, slope: float) -> Tensor:
    return torch.maximum(x, slope * x)


@effect(
    "mirrored pair", "only the two ends know the picture: G's last layer makes C * H * W numbers, D's first reads them."
)
def _mirrored_pair(answer: Any, draw: Draw) -> None:
    cases = (16, (1, 28, 28), (32, 64)), (7, (3, 8, 6), (5,)), (draw.integer(20, 40), (3, 16, 16), (12, 20, 9))
    for latent_dim, shape, widths in cases:
        pair = call(answer, latent_dim, shape, widths, names=("latent_dim", "image_shape", "widths"))
        generator, discriminator = parts(pair, "generator", "discriminator")
        for name, network in (("generator", generator), ("discriminator", discriminator)):
            if not isinstance(network, nn.Module):
                raise Hint(
                    f"the {name} is of type {type(network).__name__}, not a network: build it, with parentheses."
                )
        case = f"for latent_dim {latent_dim}, image_shape {shape} and widths {widths}"
        _check_widths(generator, discriminator, widths, case)
        _check_shapes(generator, discriminator, draw.normal(4, latent_dim), shape, case)


def _check_widths(generator: nn.Module, discriminator: nn.Module, widths: tuple[int, ...], case: str) -> None:
    ours, theirs = (
        tuple(layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear))[:-1]
        for network in (generator, discriminator)
    )
    if ours == widths[::-1] and theirs == widths and ours != theirs:
        raise Hint(f"{case} the widths are exchanged: `widths` are G's, and D has them in reverse order.")
    if ours != widths:
        raise Hint(f"{case} G's hidden layers have the widths {ours}; they should have {widths}.")
    if theirs != widths[::-1]:
        raise Hint(f"{case} D's hidden layers have the widths {theirs}; they should mirror G's: {widths[::-1]}.")


def _check_shapes(generator: nn.Module, discriminator: nn.Module, latents: Tensor, shape: tuple, case: str) -> None:
    try:
        pictures = run(generator, latents)
    except Hint as hint:
        raise Hint(f"{case} G does not take the latent vectors: {hint}") from None
    if not isinstance(pictures, Tensor) or tuple(pictures.shape) != (4, *shape):
        found = tuple(pictures.shape) if isinstance(pictures, Tensor) else type(pictures).__name__
        raise Hint(f"{case} four latent vectors give pictures of shape {found}, not {(4, *shape)}: tell G image_shape.")
    if run(generator.eval(), 1000 * latents).abs().max() > 1:
        raise Hint(f"{case} G's pictures leave the range from -1 to 1: end with tanh.")
    try:
        logits = run(discriminator, pictures.detach())
    except Hint as hint:
        raise Hint(f"{case} D does not take G's pictures: {hint}") from None
    if not isinstance(logits, Tensor) or tuple(logits.shape) != (4,):
        raise Hint(
            f"{case} D gives {getattr(logits, 'shape', type(logits))} for four pictures, not one logit each, (4,)."
        )
