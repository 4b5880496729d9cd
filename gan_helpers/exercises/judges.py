"""The judges behind the exercises, notebook by notebook: each looks at what an answer does.

A new exercise is one function, decorated with its name and the reason that a right answer is told.
It returns a hint, or None if all is well. ``exercises.check`` calls it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.data.sets import scale_pixels
from gan_helpers.metrics.distances import covered, frechet_distance
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import count_parameters
from gan_helpers.training.losses import (
    discriminator_loss,
    fake_loss,
    generator_loss,
    relativistic_loss,
    squared_gradient,
)

Judge = Callable[[Any], "str | None"]
EXERCISES: dict[str, tuple[Judge, str]] = {}


class NotAnswered(Exception):
    """The reader's function still returns ``...`` or None."""


def call(function: Any, *arguments: Any) -> Any:
    """Call a reader's function; NotAnswered if its body is still the placeholder."""
    if not callable(function):
        raise TypeError(f"the answer should be a function, not {type(function).__name__}")
    value = function(*arguments)
    if value is None or value is ...:
        raise NotAnswered
    return value


def exercise(name: str, reason: str) -> Callable[[Judge], Judge]:
    """Register a judge under ``name``."""

    def register(judge: Judge) -> Judge:
        EXERCISES[name] = judge, reason
        return judge

    return register


def differs(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> bool:
    """Not the same numbers, or not the same shape."""
    return found.shape != expected.shape or not torch.allclose(found.float(), expected.float(), atol=tolerance)


# --- notebook 01 --------------------------------------------------------------------------------------


@exercise("scale", "x / 127.5 - 1 takes 0 to -1 and 255 to 1, just where tanh ends.")
def _scale(answer: Any) -> str | None:
    pixels = torch.arange(256, dtype=torch.uint8)
    found = call(answer, pixels)
    if not found.is_floating_point():
        return "the result is still whole numbers: turn the pixels into floats first, or 1 / 127.5 is lost."
    if found.min() >= 0:
        return (
            f"your values run from {found.min():.3g} to {found.max():.3g}: stretch to a width of 2, then shift by -1."
        )
    if differs(found, scale_pixels(pixels), 1e-5):
        return f"0 becomes {found[0]:.4g} and 255 becomes {found[-1]:.4g}; they should become -1 and 1."
    return None


@exercise("least ink", "a 1 is a single stroke: on average it has little more than half the ink of a typical digit.")
def _least_ink(answer: Any) -> str | None:
    digit, means = answer
    if digit is None or digit is ...:
        raise NotAnswered
    expected = int(torch.as_tensor(means).flatten(1).mean(1).argmin())
    return (
        None if digit == expected else f"not {digit}: compare means.flatten(1).mean(1), the mean pixel of each class."
    )


@exercise("nearest mean", "ten averages already read most digits: the classes are far apart on the whole.")
def _nearest_mean(answer: Any) -> str | None:
    means = torch.randn(10, 1, 28, 28)
    labels = torch.arange(200) % 10
    found = call(answer, means[labels] + 0.3 * torch.randn(200, 1, 28, 28), means)
    if found.shape != labels.shape:
        return f"the answer has shape {tuple(found.shape)}; it should be one class number a picture, (200,)."
    right = (found == labels).float().mean()
    return None if right == 1 else f"only {right:.0%} are right: take the class whose mean is at the smallest distance."


# --- notebook 02 --------------------------------------------------------------------------------------


@exercise("count parameters", "each linear layer has n_in * n_out weights and n_out biases.")
def _count_parameters(answer: Any) -> str | None:
    for widths in ((3, 1), (784, 128, 64, 32, 1), (100, 32, 64, 128, 784)):
        layers = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(widths)))
        found = call(answer, widths)
        if found != count_parameters(layers):
            return f"for {widths} you count {found}, PyTorch {count_parameters(layers)}: are the biases in?"
    return None


@exercise("leaky relu", "it passes what is positive, and a fifth of what is not, so no gradient is ever zero.")
def _leaky_relu(answer: Any) -> str | None:
    x = torch.linspace(-3, 3, 25, requires_grad=True)
    found = call(answer, x)
    if differs(found, F.leaky_relu(x, 0.2)):
        return f"at -1 you give {float(call(answer, torch.tensor(-1.0))):.3g}; it should be -0.2."
    (slope,) = torch.autograd.grad(found.sum(), x)
    if (slope == 0).any():
        return "the values are right but no gradient flows: compute with torch's own operations."
    return None


@exercise("colour generator", "only the last layer knows the picture's shape: 3 * 32 * 32 = 3,072 outputs, reshaped.")
def _colour_generator(answer: Any) -> str | None:
    latent_dim = getattr(answer, "config", {}).get("latent_dim")
    if latent_dim is None:
        return "give the generator itself: Generator(...), with a suitable image_shape."
    found = answer.eval()(torch.randn(4, latent_dim))
    if found.shape != (4, 3, 32, 32):
        return f"it makes pictures of shape {tuple(found.shape[1:])}, not (3, 32, 32): set image_shape."
    return None


# --- notebook 03 --------------------------------------------------------------------------------------


@exercise("stable bce", "max(l, 0) - l * y + log(1 + exp(-|l|)) never takes the exponential of a large number.")
def _stable_bce(answer: Any) -> str | None:
    logits = torch.tensor([-200.0, -30.0, -1.0, 0.0, 2.0, 40.0, 300.0])
    labels = torch.tensor([1.0, 0.0, 0.9, 0.5, 0.0, 0.0, 1.0])
    found = torch.as_tensor(call(answer, logits, labels))
    expected = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    if not found.isfinite().all():
        bad = float(logits[~found.expand_as(logits).isfinite()][0])
        return f"the loss at logit {bad:g} is not finite: avoid exp of a large positive number."
    if differs(found.mean(), expected.mean(), 1e-3):
        return f"the mean loss is {found.mean():.4f}; it should be {expected.mean():.4f}."
    return None


@exercise("smoothed optimum", "smoothing takes the share s away from the numerator alone: (1 - s) p / (p + q).")
def _smoothed_optimum(answer: Any) -> str | None:
    for p, q, s in ((0.3, 0.3, 0.1), (0.8, 0.1, 0.1), (0.2, 0.7, 0.0), (0.5, 0.25, 0.3)):
        found, expected = call(answer, p, q, s), (1 - s) * p / (p + q)
        if abs(float(found) - expected) > 1e-6:
            return f"for p = {p}, q = {q}, s = {s} you give {float(found):.4f}; D's loss is lowest at {expected:.4f}."
    return None


@exercise("flipped labels", "with the label 'real' the gradient is largest just where D is surest that G failed.")
def _flipped_labels(answer: Any) -> str | None:
    logits = torch.linspace(-5, 3, 11)
    found, expected = float(call(answer, logits)), float(generator_loss(logits))
    if abs(found - expected) < 1e-5:
        return None
    if abs(found - float(fake_loss(logits))) < 1e-5:
        return "that is D's loss on generated pictures: flip the label from 0 to 1."
    return f"for logits -5 to 3 you give {found:.4f}; it should be {expected:.4f}."


# --- notebook 04 --------------------------------------------------------------------------------------


@exercise("discriminator step", "detach cuts the graph at the pictures, so the generator keeps its weights.")
def _discriminator_step(answer: Any) -> str | None:
    generator, discriminator = Generator(8, widths=(16,), dropout=0.0), Discriminator(widths=(16,), dropout=0.0)
    g_before, d_before = (copy.deepcopy(n.state_dict()) for n in (generator, discriminator))
    real_images, latents = torch.rand(6, 1, 28, 28) * 2 - 1, torch.randn(6, 8)
    expected = discriminator_loss(discriminator(real_images), discriminator(generator(latents)), 0.1).item()
    optimizer = torch.optim.SGD(discriminator.parameters(), 0.1)
    found = call(answer, generator, discriminator, optimizer, real_images, latents).item()
    if abs(found - expected) > 1e-4:
        return f"your loss is {found:.4f}, expected {expected:.4f}: real (smoothing 0.1) plus generated."
    if any(p.grad is not None for p in generator.parameters()):
        return "a gradient reached the generator: detach its pictures before D sees them."
    if _same(d_before, discriminator):
        return "the discriminator has not moved: zero_grad, backward, step."
    return None if _same(g_before, generator) else "the generator has moved: only D's optimizer may step."


def _same(before: dict[str, Tensor], network: nn.Module) -> bool:
    return all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@exercise("average", "each step keeps the share `decay` of the past: old values fade, noise cancels.")
def _average(answer: Any) -> str | None:
    values, decay = torch.randn(50).tolist(), 0.9
    expected = values[0]
    for value in values[1:]:
        expected = decay * expected + (1 - decay) * value
    found = float(call(answer, values, decay))
    if abs(found - expected) < 1e-6:
        return None
    return f"you give {found:.4f}, not {expected:.4f}: begin with the first value; a = decay * a + (1 - decay) * v."


# --- notebook 05 --------------------------------------------------------------------------------------


@exercise(
    "truncated latents", "values that are too large are drawn again, so the bell keeps its shape up to the limit."
)
def _truncated_latents(answer: Any) -> str | None:
    found = call(answer, 4000, 64, 1.0)
    if tuple(found.shape) != (4000, 64):
        return f"the shape is {tuple(found.shape)}; it should be (n, latent_dim), here (4000, 64)."
    if found.abs().max() > 1:
        return f"the largest value is {float(found.abs().max()):.2f}, above the limit of 1."
    if (found.abs() > 0.999).float().mean() > 0.01:
        return "values pile up at the limit: draw them again instead of clamping them."
    if abs(float(found.std()) - 0.5396) > 0.01:  # closed form for a normal cut off at one standard deviation
        return f"the standard deviation is {float(found.std()):.3f}, not 0.540: only what is too large is drawn again."
    return None


@exercise("nearest picture", "the smallest distance over all training pictures: 0 would mean an exact copy.")
def _nearest_picture(answer: Any) -> str | None:
    pictures = torch.rand(40, 1, 28, 28) * 2 - 1
    chosen = torch.tensor([3, 17, 39])
    found = torch.as_tensor(call(answer, pictures[chosen] + 0.01 * torch.randn(3, 1, 28, 28), pictures))
    if found.shape != chosen.shape:
        return f"the answer has shape {tuple(found.shape)}; it should be one index a sample, (3,)."
    return None if (found == chosen).all() else f"you give {found.tolist()} where {chosen.tolist()} are nearest."


# --- notebook 06 --------------------------------------------------------------------------------------


@exercise("frechet 1d", "in one dimension all covariances commute, so the root of their product is sigma_a sigma_b.")
def _frechet_1d(answer: Any) -> str | None:
    for shift, scale, what in ((3.0, 1.0, "means"), (0.0, 2.0, "spreads"), (-1.0, 0.5, "both")):
        a, b = (F.layer_norm(torch.randn(n), (n,)) for n in (400, 300))  # mean 0
        b = shift + scale * b * a.std() / b.std()
        found, expected = float(call(answer, a, b)), frechet_distance(a[:, None], b[:, None])
        if abs(found - expected) > 1e-3:
            return f"where {what} differ you give {found:.4f}, not {expected:.4f}: add both squared differences."
    return None


@exercise("recall", "the balls are the generated pictures' own, so what they never reach is missing.")
def _recall(answer: Any) -> str | None:
    real, fake = torch.randn(300, 4), 0.5 * torch.randn(200, 4)
    found, right, swapped = float(call(answer, real, fake)), *map(_share, ((real, fake), (fake, real)))
    why = "that is the precision" if abs(found - swapped) < 1e-4 else "give a share of the real points"
    return None if abs(found - right) < 1e-4 else f"{found:.3f} is not {right:.3f}: {why}; the balls belong to fake."


def _share(sets: tuple[Tensor, Tensor]) -> float:
    return float(covered(*sets).double().mean())


@exercise("fool frechet", "a Gaussian with the ring's mean and covariance is enough: nothing else enters the formula.")
def _fool_frechet(answer: Any) -> str | None:
    angle = 2 * torch.pi * torch.rand(1000)
    real = torch.stack([3 * angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(1000, 2)
    found = torch.as_tensor(call(answer, real.clone())).to(real)
    if found.shape != real.shape:
        return f"the answer has shape {tuple(found.shape)}; it should be as many points, {tuple(real.shape)}."
    if (distance := frechet_distance(found, real)) > 0.01:
        return f"the Fréchet distance is {distance:.3f}, not below 0.01: match the mean and covariance of real."
    good = _share((found, real))
    return None if good < 0.5 else f"{good:.0%} lie on the manifold, not fewer than half: draw them from a Gaussian."


# --- notebook 07 --------------------------------------------------------------------------------------


@exercise("r1 penalty", "create_graph keeps the way to D's weights open, so the penalty can teach D to be flat.")
def _r1_penalty(answer: Any) -> str | None:
    discriminator, images = Discriminator(widths=(16,), dropout=0.0), torch.randn(6, 1, 28, 28)
    found = torch.as_tensor(call(answer, discriminator, images))
    if abs((ratio := (found / squared_gradient(discriminator, images)).item()) - 1) > 1e-3:
        return f"you give {ratio:.3g} times the penalty: average half of each picture's squared length."
    return None if found.requires_grad else "the value is right but D cannot learn from it: set create_graph=True."


@exercise("relativistic", "only differences count, so D gains nothing from calling everything real, or nothing.")
def _relativistic(answer: Any) -> str | None:
    real, fake = 3 * torch.randn(2, 6)
    found, right, swapped = float(call(answer, real, fake)), *map(relativistic_loss, (real, fake), (fake, real))
    hint = "that is G's loss" if abs(found - swapped) < 1e-4 else "average softplus over the pairs"
    return None if abs(found - right) < 1e-4 else f"you give {found:.4f}, not {right:.4f}: {hint}."


@exercise("critical damping", "at gamma = 2 f'(0) the root is 0: less damping still turns, more crawls home slowly.")
def _critical_damping(answer: Any) -> str | None:
    for pull in (0.5, 0.2):
        if abs((gamma := float(call(answer, pull))) - 2 * pull) > 1e-6:
            wrong = "it still turns" if gamma < 2 * pull else "it is slower than it could be"
            return f"with f'(0) = {pull} and gamma = {gamma:.3g} {wrong}: which gamma makes the root 0?"
    return None
