"""Judging one step of training by its effect: what moved, how far, and what stayed as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Draw
from gan_helpers.exercises.values import as_tensor, distinct
from gan_helpers.models.dense import Discriminator, Generator

STALE = 0.2  # the gradient that lies in every weight before the step, as after another loss
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": partial(torch.optim.SGD, lr=0.1),
    "Adam": partial(torch.optim.Adam, lr=0.01),
    "SGD with momentum": partial(torch.optim.SGD, lr=0.05, momentum=0.9),
}


@dataclass
class Outcome:
    """What two steps in a row did: losses, how far the weights moved, and the networks afterwards."""

    losses: list[float]
    moved: Tensor
    networks: dict[str, nn.Module]
    steps: list[int] = field(default_factory=list)  # of the optimizer, in each call


@dataclass(frozen=True)
class Scene:
    """Two small networks, an optimizer for one of them, and two batches of arguments."""

    networks: dict[str, nn.Module]
    moves: str
    make: Callable[..., torch.optim.Optimizer]
    batches: list[tuple[Any, ...]]

    def play(self, step: Callable[..., Any]) -> Outcome:
        networks = {name: copy.deepcopy(network) for name, network in self.networks.items()}
        for parameter in weights_of(*networks.values()):
            parameter.grad = torch.full_like(parameter, STALE)
        mover, optimizer = networks[self.moves], self.make(networks[self.moves].parameters())
        made: list[int] = []
        optimizer.register_step_post_hook(lambda *_: made.append(1))
        outcome, start, places = Outcome([], torch.zeros(0), networks), flat(mover), []
        for batch in self.batches:
            before = len(made)
            outcome.losses.append(step(*networks.values(), optimizer, *(copy.deepcopy(part) for part in batch)))
            outcome.steps.append(len(made) - before)
            places.append(flat(mover) - start)
        outcome.moved = torch.cat(places)
        return outcome


def weights_of(*networks: nn.Module) -> list[nn.Parameter]:
    """All weights of several networks in one list."""
    return [parameter for network in networks for parameter in network.parameters()]


def flat(network: nn.Module) -> Tensor:
    """All weights of a network in one vector, in 64 bits."""
    return torch.cat([parameter.detach().flatten().double() for parameter in network.parameters()])


def apart(a: Tensor, b: Tensor) -> bool:
    """Do two movements differ by more than rounding, which Adam's first steps magnify?"""
    return bool((a - b).norm() > 0.02 * max(a.norm(), b.norm())) or not bool(a.isfinite().all())


def step_on(loss_of: Callable[..., Tensor], zero_grad: str = "before") -> Callable[..., float]:
    """The step down a loss of (generator, discriminator, *batch), zero_grad before, after or never."""

    def step(generator: nn.Module, discriminator: nn.Module, optimizer: torch.optim.Optimizer, *batch: Any) -> float:
        loss = loss_of(generator, discriminator, *batch)
        if zero_grad == "before":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if zero_grad == "after":
            optimizer.zero_grad()
        return float(loss.detach())

    return step


@dataclass(frozen=True)
class StepExercise:
    """Judges a step by playing it, twice in a row, with three optimizers, beside the reference step."""

    loss_of: Callable[..., Tensor]
    mistakes: dict[str, Callable[..., Tensor]]
    names: tuple[str, ...]
    moves: str
    rests: str

    def judge(self, answer: Any, draw: Draw) -> None:
        scenes = {name: self.scene(draw, make) for name, make in OPTIMIZERS.items()}
        expected, found = {}, {}
        for name, scene in scenes.items():
            expected[name] = scene.play(step_on(self.loss_of))
            found[name] = scene.play(lambda *arguments: self.call(answer, *arguments))
        for name in scenes:
            self.check_rest(scenes[name].networks, found[name])
            self.check_steps(found[name])
        for name, scene in scenes.items():
            self.check_result(scene, found[name], expected[name], name)
        if self.rests == "discriminator" and any(self.leaked(outcome) for outcome in found.values()):
            raise Hint(
                "G moves as it should, but its loss leaves a gradient in the discriminator's weights: freeze them with "
                "requires_grad_(False) while G learns, and set them back to True at the end."
            )

    def scene(self, draw: Draw, make: Callable[..., torch.optim.Optimizer]) -> Scene:
        shape, n, latent_dim = (1, draw.integer(4, 7), draw.integer(4, 7)), draw.integer(3, 9), draw.integer(3, 8)
        networks = {
            "generator": Generator(latent_dim, shape, widths=(12,), dropout=0.0),
            "discriminator": Discriminator(shape, widths=(10,), dropout=0.0),
        }
        for parameter in weights_of(*networks.values()):
            parameter.data += 0.2 * draw.normal(*parameter.shape)
        return Scene(networks, self.moves, make, [self.batch(draw, n, shape, latent_dim) for _ in range(2)])

    def batch(self, draw: Draw, n: int, shape: tuple[int, ...], latent_dim: int) -> tuple[Any, ...]:
        made = {
            "real_images": draw.uniform(-1, 1, n, *shape),
            "latents": draw.normal(n, latent_dim),
            "smoothing": draw.number(0.1, 0.3),
        }
        return tuple(made[name] for name in self.names[3:])

    def call(self, answer: Any, *arguments: Any) -> float:
        loss = as_tensor(call(answer, *arguments, names=self.names))
        if loss.numel() != 1:
            raise Hint(f"the loss that you give back has the shape {tuple(loss.shape)}; it should be a single number.")
        return float(loss)

    def check_rest(self, before: dict[str, nn.Module], found: Outcome) -> None:
        rests = found.networks[self.rests]
        if not torch.equal(flat(before[self.rests]), flat(rests)):
            raise Hint(f"the {self.rests} has moved: only the {self.moves} learns in this step.")
        if self.rests == "generator" and self.leaked(found):
            raise Hint("a gradient reached the generator: detach its pictures before D sees them.")
        for name, network in found.networks.items():
            if not all(parameter.requires_grad for parameter in network.parameters()):
                raise Hint(f"your step leaves the {name} frozen: set requires_grad back to True at the end.")
            if not network.training:
                raise Hint(f"your step leaves the {name} in evaluation mode.")

    def leaked(self, found: Outcome) -> bool:
        """Does the network that rests hold a new gradient?"""
        grads = [p.grad for p in found.networks[self.rests].parameters() if p.grad is not None]
        return any((grad != 0).any() and (grad != STALE).any() for grad in grads)

    def check_steps(self, found: Outcome) -> None:
        if 0 in found.steps:
            raise Hint(f"the optimizer `{self.names[2]}` never makes a step: zero_grad, backward, step.")
        if max(found.steps) > 1:
            raise Hint(f"the optimizer makes {max(found.steps)} steps in one call; one is asked for.")

    def check_result(self, scene: Scene, found: Outcome, expected: Outcome, optimizer: str) -> None:
        if apart(found.moved, expected.moved):
            raise Hint(self.name_mistake(scene, found) or self.how_far(found, expected, optimizer))
        for i, (a, b) in enumerate(zip(found.losses, expected.losses, strict=True)):
            if not abs(a - b) <= 1e-3 * (1 + abs(b)):
                ours, right = distinct(a, b)
                last = "" if i == 0 else " in the second call"
                raise Hint(
                    f"the {self.moves} moves as it should, but you give back the loss {ours}{last}; it is {right}."
                )

    def name_mistake(self, scene: Scene, found: Outcome) -> str | None:
        if not found.moved.any():
            return "the optimizer steps, and nothing moves: is zero_grad called between backward and step?"
        tried = {
            "old gradients are still there: call zero_grad before backward": step_on(self.loss_of, "never"),
            "zero_grad comes last: gradients that lay there before your step still count": step_on(
                self.loss_of, "after"
            ),
        }
        tried |= {text: step_on(loss) for text, loss in self.mistakes.items()}
        return next(
            (f"{text}." for text, step in tried.items() if not apart(scene.play(step).moved, found.moved)), None
        )

    def how_far(self, found: Outcome, expected: Outcome, optimizer: str) -> str:
        ours, right = distinct(found.losses[0], expected.losses[0])
        if abs(found.losses[0] - expected.losses[0]) > 1e-3 * (1 + abs(expected.losses[0])):
            return f"your loss is {ours}; it should be {right}, and the {self.moves} moves otherwise than it should."
        ours, right = distinct(float(found.moved.norm()), float(expected.moved.norm()))
        return (
            f"the loss is right, but with {optimizer} the {self.moves} moves otherwise than it should: over two steps "
            f"by {ours}, the reference by {right}. Does every part of the loss reach it?"
        )
