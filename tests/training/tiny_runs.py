"""Runs small enough to train in milliseconds, and what makes two of them the same."""

from __future__ import annotations

import torch

from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.training.runs import Run
from gan_helpers.training.settings import Settings

SETTINGS = Settings(batch_size=16)


def state(run: Run) -> dict[str, torch.Tensor]:
    parts = {"generator": run.generator, "discriminator": run.discriminator, "average": run.average}
    weights = {f"{name}/{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    return {**weights, "history": run.history.rows()}


def assert_identical(a: Run, b: Run) -> None:
    assert a.step == b.step
    for key, value in state(a).items():
        assert torch.equal(value, state(b)[key]), key


def fresh_pair() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    generator = Generator(4, (1, 6, 6), widths=(16, 16), dropout=0.1, batch_norm=True)
    return generator, Discriminator((1, 6, 6), widths=(16, 8), dropout=0.1)
