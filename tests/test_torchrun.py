"""torchrun -m gan_helpers train: two processes on MNIST, or on drawn digits where there is none."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import torch

from gan_helpers import __main__ as commands
from gan_helpers import environment
from gan_helpers.checkpoints import load_network
from gan_helpers.data import load_images
from gan_helpers.environment import COURSE_ROOT

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "gan_helpers"]
BATCH = 32


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no Ctrl-C for one process alone")
def test_two_processes_train_are_interrupted_and_go_on(tmp_path):
    out, log = tmp_path / "digits.safetensors", (tmp_path / "log").open("w+")
    train = [*TORCHRUN, "train", "--data", "mnist", "--batch-size", str(BATCH), "--out", str(out)]
    with subprocess.Popen(
        [*train, "--epochs", "99"], cwd=COURSE_ROOT, stdout=subprocess.PIPE, stderr=log, text=True
    ) as first:
        begun = next((line for line in first.stdout if line.startswith("step 1:")), "")
        first.send_signal(signal.SIGINT)
        rest = first.stdout.read()
    log.seek(0)
    assert begun, log.read()
    assert rest.count("saved ") == 1, rest
    assert "the same command with --resume goes on" in rest
    steps = load_network(out)[1]["steps"]
    epochs = (steps + 2) / (len(load_images("mnist")) // BATCH)
    done = subprocess.run(
        [*train, "--resume", "--epochs", str(epochs)], cwd=COURSE_ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert load_network(out)[1]["steps"] == steps + 2
    assert done.stdout.count("torch ") == done.stdout.count("saved ") == 1  # one process speaks
    assert f"step {steps + 1}:" in done.stdout


@pytest.mark.parametrize("number", [0, 1])
def test_what_all_have_met_is_told_by_the_first(number, monkeypatch):
    waits = []
    monkeypatch.setenv("RANK", str(number))
    monkeypatch.setattr(commands.time, "sleep", waits.append)
    with pytest.raises(SystemExit, match="error: too few pictures"):
        commands.end("error: too few pictures", None)
    assert waits == [commands.FIRST_SPEAKS] * number


def test_without_the_others_the_command_ends_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(SystemExit, match=r"^error: process 0 of 2 cannot reach the others .* torchrun"):
        commands.main(["train", "--data", "strokes"])


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("GAN_DEVICE", raising=False)
    assert environment.best_device() == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert environment.best_device() == torch.device("cuda", 3)


def test_a_number_of_processes_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ValueError, match="WORLD_SIZE=two is no number"):
        environment.process_count()
