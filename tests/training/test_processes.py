"""Functions of a notebook in several processes: what travels, what comes back, and what goes wrong."""

from __future__ import annotations

import math

import pytest
import torch
import torch.distributed as dist

from gan_helpers.training import processes
from gan_helpers.training.processes import Processes

FACTOR = 3
TABLE = torch.arange(4.0)


@pytest.fixture(scope="module")
def two():
    return Processes(2, seconds=120)


def scaled(x):
    return FACTOR * x


def sum_of_ranks(x):
    total = scaled(x) + TABLE.sum() + dist.get_rank()
    dist.all_reduce(total)
    print("root", math.sqrt(4))
    return total


def test_a_function_travels_with_what_it_uses_and_the_processes_talk(two, capsys):
    found = two.run(sum_of_ranks, torch.tensor(2.0))
    assert found == [2 * (6 + 6) + 1] * 2
    assert capsys.readouterr().out == "process 0: root 2.0\nprocess 1: root 2.0\n"


def quarrel():
    if dist.get_rank() == 1:
        raise ValueError("no pictures here")
    dist.barrier()  # the other never comes


def test_a_failure_in_one_is_told_and_the_next_call_starts_afresh(two):
    with pytest.raises(RuntimeError, match=r"quarrel in 2 processes: .*(no pictures here|closed)"):
        two.run(quarrel)
    assert two.run(scaled, 5) == [15, 15]


def test_the_stop_button_ends_a_call_and_the_next_one_starts_afresh(two, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(processes, "wait", stopped)
        with pytest.raises(KeyboardInterrupt):
            two.run(endless)
    assert two.run(scaled, 2) == [6, 6]


class Doubling:
    def of(self, x):
        return 2 * scaled(x)


def with_a_class(function, x):
    return Doubling().of(function(x))


def test_classes_travel_too_and_functions_among_the_arguments(two):
    assert two.run(with_a_class, scaled, 1) == [18, 18]


def endless():
    if dist.get_rank() == 0:
        dist.barrier()


def test_a_call_without_an_end_is_given_up(two):
    two.run(scaled, 1)
    two.seconds = 0.5
    with pytest.raises(RuntimeError, match=r"no answer within 0.5 seconds"):
        two.run(endless)
    two.seconds = 120
