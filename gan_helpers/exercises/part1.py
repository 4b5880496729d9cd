"""The exercises of notebooks 01 to 04: data, networks, losses, and the steps of training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call, run
from gan_helpers.exercises.judging import Case, Draw, effect, exercise, parts
from gan_helpers.exercises.steps import StepExercise
from gan_helpers.exercises.values import as_tensor, close, copied, tell_apart, tolerance
from gan_helpers.training.losses import discriminator_loss, fake_loss, generator_loss, real_loss

# --- notebook 01 --------------------------------------------------------------------------------------


def _rescale_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3), 0.0, 1.0
    yield draw.integers(20, 200, 2, 1, 3, 5).to(torch.uint8), -1.0, 1.0  # neither black nor white
    yield draw.integers(0, 255, 3, 3, 4, 2).to(torch.uint8), -0.5, 2.5
    yield draw.integers(0, 255, 1, 1, 2, 3).to(torch.uint8), 2, 10
    yield torch.tensor([77], dtype=torch.uint8).view(1, 1, 1, 1), -3, -1
    yield draw.integers(0, 255, 2, 1, 2, 2).to(torch.uint8), draw.number(1, 2), draw.number(-2, -1)  # inverted


@exercise(
    "rescale",
    "0 and 255 are fixed by what a pixel can be, not by the picture at hand: a dark picture stays dark.",
    _rescale_cases,
    {
        "you stretch each batch by its own largest pixel; 255 is white, whether it occurs or not": (
            lambda p, low, high: low + p / p.max() * (high - low)
        ),
        "you stretch from the darkest to the brightest pixel of the batch; 0 and 255 are the ends, even if absent": (
            lambda p, low, high: low + (p - p.min()) / (p.max() - p.min()) * (high - low)
        ),
        "you divide by 256: the largest pixel is 255": lambda p, low, high: low + p / 256 * (high - low),
        "the whole numbers overflow: a uint8 times a whole number stays a uint8. Make floats of the pixels first": (
            lambda p, low, high: low + p * (high - low) / 255
        ),
        "0 becomes 0: it should become `low`": lambda p, low, high: p / 255 * (high - low),
        "the width of the range is `high - low`, not `high`": lambda p, low, high: low + p / 255 * high,
        "you took 0 for `high` and 255 for `low`": lambda p, low, high: high + p / 255 * (low - high),
        "that is the range from -1 to 1, whatever `low` and `high` are": lambda p, low, high: p / 127.5 - 1,
        "that is the range from 0 to 1, whatever `low` and `high` are": lambda p, low, high: p / 255,
    },
)
def _rescale(pixels: Tensor, low: float, high: float) -> Tensor:
    return low + pixels.double() / 255 * (high - low)


def _least_ink_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[90, 10], [30, 30], [0, 200]], dtype=torch.uint8).view(3, 1, 1, 2), torch.tensor([2, 0, 1])
    for i, (n, classes, h, w) in enumerate(((40, 2, 4, 3), (60, 10, 5, 5), (90, 4, 3, 7), (80, 7, 6, 2))):
        levels = torch.linspace(40, 90, classes)[draw.order(classes)]
        levels = (
            levels.roll((i % 2 - 1 - int(levels.argmin())) % classes) if i < 2 else levels
        )  # the last class, the first
        lightest, inkiest = int(levels.argmin()), int(levels.argmax())
        # now and then many pictures have the class of least ink: its sum is large
        crowded = lightest if i % 2 else (lightest + 1) % classes
        labels = torch.cat([draw.labels(max(n // 2, 3 * classes), classes), torch.full((n // 2,), crowded)])
        images = levels[labels].view(-1, 1, 1, 1) + draw.uniform(-8, 8, len(labels), 1, h, w)
        images[labels == lightest, :, 0, 0] = 90.0  # and it has bright pixels
        # the class of most ink has mostly black ones, and the lightest picture of all
        images[labels == inkiest] = 255.0 * (draw.uniform(0, 1, len(labels), 1, h, w) < 0.45)[labels == inkiest]
        images[(labels == inkiest).nonzero()[0]] = 1.0
        yield images.to(torch.uint8), labels


def _means_by_class(images: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([images[labels == k].double().mean() for k in range(int(labels.max()) + 1)])


@exercise(
    "least ink",
    "a mean over the class, not a sum: a class with many pictures has much ink in all, and may have little in each.",
    _least_ink_cases,
    {
        "that is the class with the most ink": lambda images, labels: _means_by_class(images, labels).argmax(),
        "you add up the ink of a class: a class of many pictures then has much. Take the mean": (
            lambda images, labels: torch.bincount(labels, images.flatten(1).sum(1).double()).argmin()
        ),
        "that is the class of the one picture with the least ink, not of the class with the lowest mean": (
            lambda images, labels: labels[images.flatten(1).double().mean(1).argmin()]
        ),
        "that is the number of the picture with the least ink; the number of a class is asked for": (
            lambda images, labels: images.flatten(1).double().mean(1).argmin()
        ),
        "those are the mean pixels of the classes: which class has the lowest?": _means_by_class,
        "that is the lowest mean pixel; asked is which class has it": lambda i, y: _means_by_class(i, y).min(),
    },
)
def _least_ink(images: Tensor, labels: Tensor) -> Tensor:
    return _means_by_class(images, labels).argmin()


def _nearest_mean_cases(draw: Draw) -> Iterator[Case]:
    for n, classes, c, h, w in (
        (2, 3, 1, 1, 2),
        (20, 10, 1, 7, 5),
        (1, 4, 3, 4, 4),
        (30, 5, 1, 3, 3),
        (17, 2, 1, 6, 4),
    ):
        means = 128 + 40 * draw.normal(classes, c, h, w) * draw.uniform(0.3, 1.7, classes, 1, 1, 1)
        images = 128 + 50 * draw.normal(40 * n, c, h, w)
        nearest = _distances(images, means).topk(2, largest=False).values
        yield images[nearest[:, 1] > 1.05 * nearest[:, 0]][:n], means  # none half-way between two means


def _distances(images: Tensor, means: Tensor, p: float = 2) -> Tensor:
    return (images.flatten(1)[:, None] - means.flatten(1)).double().norm(p, dim=2)


@exercise(
    "nearest mean",
    "ten averages already read most digits: the classes are far apart on the whole.",
    _nearest_mean_cases,
    {
        "that is the class whose mean is farthest": lambda x, m: _distances(x, m).argmax(1),
        "that is the class with the largest scalar product: a bright mean then wins. Take the distance": (
            lambda x, m: (x.flatten(1) @ m.flatten(1).T).argmax(1)
        ),
        "you add up absolute differences; the Euclidean distance squares them": (
            lambda x, m: _distances(x, m, 1).argmin(1)
        ),
        "you found, for each mean, the nearest picture; asked is the nearest mean for each picture": (
            lambda x, m: _distances(x, m).argmin(0)
        ),
        "those are the distances; asked is the number of the class with the smallest": _distances,
        "that is the smallest distance of each picture; asked is the class it belongs to": (
            lambda x, m: _distances(x, m).min(1).values
        ),
    },
)
def _nearest_mean(images: Tensor, means: Tensor) -> Tensor:
    return _distances(images, means).argmin(1)


# --- notebook 02 --------------------------------------------------------------------------------------


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


# --- notebook 03 --------------------------------------------------------------------------------------


def _bce_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([-1.0, 2.0]), torch.tensor([0.0, 0.9])
    yield 2 * draw.normal(7), draw.uniform(0, 1, 7)
    yield 2 * draw.normal(6), draw.integers(0, 1, 6).float()
    yield draw.uniform(-1, 1, 1), draw.uniform(0, 1, 1)
    yield torch.tensor([-300.0, -120.0, 95.0, 300.0]), torch.tensor([0.9, 0.0, 1.0, 0.1])
    yield torch.tensor([40.0, -40.0, 20.0, -200.0, 0.0]), torch.tensor([0.0, 1.0, 0.0, 1.0, 0.5])
    yield torch.tensor([5.0, 9.0, -7.0]), torch.tensor([1.0, 1.0, 0.0])  # small losses


@exercise(
    "stable bce",
    "max(l, 0) - l * y + log(1 + exp(-|l|)) never takes the exponential of a large number.",
    _bce_cases,
    {
        "exp of a large positive number is infinite: take it of -|l| alone": lambda x, y: (1 + x.exp()).log() - x * y,
        "the sigmoid of a large logit is exactly 1 in float32, and then log meets 0": (
            lambda x, y: -(y * x.sigmoid().log() + (1 - y) * (1 - x.sigmoid()).log())
        ),
        "that is the mean; one loss for each logit is asked for": F.binary_cross_entropy_with_logits,
        "that is the sum; one loss for each logit is asked for": (
            lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="sum")
        ),
        "you took the label y for 1 - y": lambda x, y: F.softplus(x) - x * (1 - y),
        "the label has no part in it: - l * y is missing": lambda x, y: F.softplus(x),
        "max(l, 0) is missing: that is log(1 + exp(-|l|)) - l * y": lambda x, y: (-x.abs()).exp().log1p() - x * y,
        "with exp(-|l|) the first term is max(l, 0), not l": lambda x, y: x + (-x.abs()).exp().log1p() - x * y,
    },
    forbidden=(
        "softplus", "Softplus", "logsigmoid", "log_sigmoid", "LogSigmoid", "logaddexp", "logsumexp", "log_softmax",
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "BCELoss", "BCEWithLogitsLoss",
        "soft_margin_loss", "SoftMarginLoss", "cross_entropy",
    ),
)  # fmt: skip
def _stable_bce(logits: Tensor, labels: Tensor) -> Tensor:
    return F.softplus(logits) - logits * labels


def _optimum_cases(draw: Draw) -> Iterator[Case]:
    yield 0.3, 0.6, 0.1, 0.2, 2.0
    yield 0.8, 0.1, 0.1, 0.0, 3.0
    yield 0.25, 0.5, 0.0, 0.0, 1.0
    for _ in range(4):
        labels = draw.number(0.05, 0.3), draw.number(0.05, 0.3)
        yield draw.number(0.05, 2), draw.number(0.05, 2), *labels, draw.number(0.2, 0.8) * (1 + 5 * draw.number(0, 1))


def _best_probability(p: float, q: float, s: float, r: float, k: float) -> float:
    return ((1 - s) * p + k * r * q) / (p + k * q)


@exercise(
    "smoothed optimum",
    "only k q counts, never q alone: a D that sees k generated pictures for each real one expects them that often.",
    _optimum_cases,
    {
        "r, the label of generated pictures, has no part in it": lambda p, q, s, r, k: _best_probability(p, q, s, 0, k),
        "that is D's optimum without smoothing": lambda p, q, s, r, k: p / (p + k * q),
        "k has no part in it: that is the optimum for as many generated pictures as real ones": (
            lambda p, q, s, r, k: _best_probability(p, q, s, r, 1)
        ),
        "k weighs the real pictures; it is the generated ones that come k times as often": (
            lambda p, q, s, r, k: _best_probability(p, q, s, r, 1 / k)
        ),
        "k is missing in the denominator: there stand the weights of log d and of log(1 - d), added": (
            lambda p, q, s, r, k: ((1 - s) * p + k * r * q) / (p + q)
        ),
        "k is missing in the numerator: generated pictures pull with the weight k r q": (
            lambda p, q, s, r, k: ((1 - s) * p + r * q) / (p + k * q)
        ),
        "the labels are exchanged: real pictures get 1 - s, generated ones r": (
            lambda p, q, s, r, k: (r * p + (1 - s) * k * q) / (p + k * q)
        ),
        "the denominator is p + k q: what smoothing takes from log d, it gives to log(1 - d)": (
            lambda p, q, s, r, k: ((1 - s) * p + k * r * q) / ((1 - s) * p + k * q)
        ),
        "that is 1 - d, the probability of `generated`": lambda *args: 1 - _best_probability(*args),
        "generated pictures get the label r, not 1 - r": lambda p, q, s, r, k: _best_probability(p, q, s, 1 - r, k),
        "that is the logit; the probability is asked for": (
            lambda p, q, s, r, k: math.log(((1 - s) * p + k * r * q) / (s * p + k * (1 - r) * q))
        ),
    },
)
def _smoothed_optimum(p: float, q: float, s: float, r: float, k: float) -> float:
    return _best_probability(p, q, s, r, k)


def _shares(weights: Tensor) -> Tensor:
    return (weights.double() / weights.double().sum()).float()


def _jsd_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    for n in (3, 8):
        yield _shares(draw.uniform(0.1, 1, n)), _shares(draw.uniform(0.1, 1, n))
    yield torch.tensor([0.25, 0.75, 0.0]), torch.tensor([0.0, 0.5, 0.5])
    yield torch.tensor([0.0, 0.2, 0.8, 0.0]), torch.tensor([0.0, 0.6, 0.3, 0.1])
    yield torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])  # nothing in common: log 2
    yield torch.tensor([0.2, 0.0, 0.8]), torch.tensor([0.2, 0.0, 0.8])


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def _jsd(p: Tensor, q: Tensor) -> Tensor:
    return (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2


@exercise(
    "jensen shannon",
    "0 log 0 counts as 0. Nothing in common gives log 2, the most there is: the plateau on which G cannot learn.",
    _jsd_cases,
    {
        "0 * log 0 is NaN in torch; in the definition it counts as 0": (
            lambda p, q: ((p * (2 * p / (p + q)).log()).sum() + (q * (2 * q / (p + q)).log()).sum()) / 2
        ),
        "that is the sum of the two divergences: take half of it": lambda p, q: 2 * _jsd(p, q),
        "that is KL(p, q): compare both with the mixture m = (p + q) / 2": _kl,
        "that is KL(q, p): compare both with the mixture m = (p + q) / 2": lambda p, q: _kl(q, p),
        "you count in bits; nats are asked for: use the natural logarithm": lambda p, q: _jsd(p, q) / math.log(2),
        "that is the square root, the Jensen-Shannon *distance*": lambda p, q: _jsd(p, q).sqrt(),
        "the mixture is (p + q) / 2, not p + q": lambda p, q: _jsd(p, q) - math.log(2),
        "that is KL(p, m) alone: add KL(q, m), and halve": lambda p, q: _kl(p, (p + q) / 2),
        "the divergence is never negative: the sign is wrong": lambda p, q: -_jsd(p, q),
    },
)
def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    return _jsd(p, q)


# --- notebook 04 --------------------------------------------------------------------------------------


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


@effect("generator step", "gradients pass through D to G's pictures; frozen, D keeps none of them.")
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
