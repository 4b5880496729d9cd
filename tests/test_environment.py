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
