from __future__ import annotations

import pytest
import torch

from gan_helpers import environment


@pytest.mark.parametrize(("value", "quick"), [("1", True), ("yes", True), ("0", False), ("", False), ("False", False)])
def test_quick_is_read_from_the_environment(monkeypatch, value, quick):
    monkeypatch.setenv("GAN_QUICK", value)
    assert environment.is_quick() is quick
    assert environment.budget(10, 2) == (2 if quick else 10)


def test_data_folders_begin_with_the_named_one(monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    assert environment.data_folders() == [tmp_path, environment.COURSE_ROOT / "data"]
    monkeypatch.delenv("GAN_DATA")
    assert environment.data_folders() == [environment.COURSE_ROOT / "data"]


def test_a_quick_run_never_overwrites_what_a_full_run_made(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "COURSE_ROOT", tmp_path)
    monkeypatch.setenv("GAN_QUICK", "0")
    full = environment.outputs_folder()
    monkeypatch.setenv("GAN_QUICK", "1")
    assert environment.outputs_folder() != full
    assert full.is_dir()


def test_set_up_repeats_the_random_numbers_and_says_what_the_run_is(monkeypatch, capsys):
    monkeypatch.setenv("GAN_DEVICE", "cpu")
    device = environment.set_up(seed=3)
    first = torch.rand(5)
    environment.set_up(seed=3)
    assert torch.equal(first, torch.rand(5))
    assert device.type == "cpu"
    assert "quick run" in capsys.readouterr().out


def test_denormals_are_flushed():
    environment.set_up()
    tiny = torch.tensor([1e-30]) * torch.tensor([1e-10])
    assert float(tiny) == 0.0


# --- devices ------------------------------------------------------------------------------------------


@pytest.fixture
def machine_with(monkeypatch):
    def pretend(*kinds: str) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)

    return pretend


@pytest.mark.parametrize(
    ("kinds", "named", "chosen"),
    [
        ((), None, "cpu"),
        (("cuda",), None, "cuda"),
        (("mps",), None, "mps"),
        (("mps",), "cpu", "cpu"),
        (("cuda",), "CPU", "cpu"),
        (("cuda",), " cuda:1 ", "cuda:1"),
        (("cuda",), "gpu", "cuda"),
        (("mps",), "GPU", "mps"),
        ((), "", "cpu"),
    ],
)
def test_the_device_is_the_one_named_or_the_fastest(machine_with, monkeypatch, kinds, named, chosen):
    machine_with(*kinds)
    monkeypatch.delenv("GAN_DEVICE", raising=False)
    if named is not None:
        monkeypatch.setenv("GAN_DEVICE", named)
    assert environment.best_device() == torch.device(chosen)


@pytest.mark.parametrize(
    ("kinds", "named"),
    [((), "mps"), ((), "cuda"), ((), "gpu"), (("mps",), "cuda:0"), ((), "tpu"), (("cuda",), "cuda:x")],
)
def test_a_device_that_is_not_here_is_told_with_those_that_are(machine_with, monkeypatch, kinds, named):
    machine_with(*kinds)
    monkeypatch.setenv("GAN_DEVICE", named)
    with pytest.raises(ValueError, match=r"GAN_DEVICE=.*cpu.*choose one of|GAN_DEVICE=.*choose one of cpu"):
        environment.best_device()


def test_a_machine_says_what_its_seconds_mean():
    assert "CPU threads" in environment.machine()
    assert "Apple" in environment.machine(torch.device("mps"))
