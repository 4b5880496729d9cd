"""python -m gan_helpers: what train and classifier save, and the one line that a mistake gets."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers import __main__ as commands
from gan_helpers.checkpoints import load_network
from gan_helpers.data import load_images
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.metrics import accuracy
from gan_helpers.training import STABLE, TrainingDiverged


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Forty pictures in two subfolders, dark and bright, of mixed sizes; outputs go beside them."""
    monkeypatch.setattr(commands.environment, "outputs_folder", lambda: tmp_path / "outputs")
    return make_pictures(tmp_path / "mine", seed=0)


def make_pictures(folder, seed, each=20):
    draw = np.random.default_rng(seed)
    for name, low in (("dark", 0), ("bright", 156)):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = draw.integers(low, low + 100, (12 + i % 5, 14, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def train(folder, *more):
    small = ["--size", "8", "--channels", "1", "--batch-size", "16", "--epochs", "2"]
    commands.main(["train", "--data", str(folder), *small, *more])


def test_train_saves_a_generator_that_says_what_it_is(folder, tmp_path, capsys):
    train(folder)
    generator, facts = load_network(tmp_path / "outputs" / "mine_generator.safetensors")
    assert generator.config["image_shape"] == (1, 8, 8)
    assert facts["steps"] == 2 * (36 // 16)  # every tenth picture is held out
    assert facts["data"] == "mine, train"
    assert {"seconds", "machine", "seed"} <= facts.keys()
    assert "saved" in capsys.readouterr().out


def test_a_named_data_set_keeps_its_own_size(tmp_path, monkeypatch):
    out = tmp_path / "g.safetensors"
    commands.main(["train", "--data", "strokes", "--epochs", "0.1", "--out", str(out)])
    generator, facts = load_network(out)
    assert tuple(generator.config["image_shape"]) == (1, 28, 28)
    assert facts["steps"] == round(0.1 * (6000 // STABLE.batch_size))
    assert "stroke digits" in facts["data"]


def test_resume_goes_on_with_the_same_pictures_and_refuses_others_in_one_line(folder, tmp_path, capsys):
    out = tmp_path / "g.safetensors"
    train(folder, "--out", str(out))
    train(folder, "--out", str(out), "--resume", "--epochs", "3")
    assert load_network(out)[1]["steps"] == 6
    before, checkpoint = out.read_bytes(), out.with_suffix(".run.safetensors").read_bytes()
    others = make_pictures(tmp_path / "others", seed=1)
    line = failure(["train", "--data", str(others), "--size", "8", "--channels", "1", "--batch-size", "16", "--resume",
                    "--out", str(out)])  # fmt: skip
    assert "belongs to another run: its data is 36 pictures of 1x8x8, " in line
    assert "without --resume" in line
    assert (out.read_bytes(), out.with_suffix(".run.safetensors").read_bytes()) == (before, checkpoint)


def test_resume_without_a_checkpoint_says_that_it_begins(folder, tmp_path, capsys):
    train(folder, "--out", str(tmp_path / "g.safetensors"), "--resume")
    assert "begins at step 0" in capsys.readouterr().out


def failure(arguments) -> str:
    """The one line with which a command ends; its status is 1."""
    with pytest.raises(SystemExit) as caught:
        commands.main(arguments)
    line = str(caught.value.code)
    assert line.startswith("error: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("command", ["train", "classifier"])
@pytest.mark.parametrize("kind", ["a folder", "below a file"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_loaded(command, kind, folder, monkeypatch):
    monkeypatch.setattr(commands, "load_images", lambda *_, **__: pytest.fail("the pictures were loaded first"))
    out = folder if kind == "a folder" else folder / "dark" / "0.png" / "g.safetensors"
    line = failure([command, "--data", str(folder), "--out", str(out)])
    assert str(out) in line
    assert "--out" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--data", "mnits"], "mnits"),
        (["train", "--data", "no/such/folder"], "no/such/folder"),
        (["classifier", "--data", "nothing"], "nothing"),
        (["train", "--data", "FOLDER", "--size", "8"], "a batch of 64 from 36 pictures"),
        (["classifier", "--data", "FOLDER", "--size", "8"], "at least 128 pictures"),
        (["train", "--data", "EMPTY"], "no picture in"),
    ],
)
def test_what_a_user_can_mend_is_told_in_one_line(arguments, words, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    places = {"FOLDER": str(folder), "EMPTY": str(tmp_path / "empty")}
    assert words in failure([places.get(argument, argument) for argument in arguments])


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (TrainingDiverged("a loss is no longer a finite number at step 7"), "at step 7"),
        (OSError(28, "No space left on device"), "No space left"),
        (MemoryError("too many"), "too many"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), "smaller --size"),
    ],
)
def test_a_run_that_fails_ends_in_one_line(raised, words, folder, monkeypatch):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(commands, "train_gan", fail)
    assert words in failure(["train", "--data", str(folder), "--size", "8", "--batch-size", "16"])


def test_a_fault_of_our_own_is_not_dressed_up(folder, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(commands, "train_gan", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        commands.main(["train", "--data", str(folder), "--size", "8", "--batch-size", "16"])


@pytest.mark.parametrize(
    "wrong",
    [
        ["--size", "0"],
        ["--size", "big"],
        ["--channels", "2"],
        ["--epochs", "0"],
        ["--epochs", "nan"],
        ["--epochs", "-3"],
        ["--batch-size", "1"],
        ["--seed", "-1"],
        ["--epoch-number", "3"],
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_named(wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        commands.main(["train", "--data", "strokes", *wrong])
    assert caught.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_classifier_learns_the_subfolders_of_a_folder(tmp_path, monkeypatch, capsys):
    folder, out = make_pictures(tmp_path / "two", seed=0, each=150), tmp_path / "judge.safetensors"
    size = ["--size", "12", "--channels", "1", "--epochs", "3"]
    commands.main(["classifier", "--data", str(folder), *size, "--out", str(out)])
    classifier, facts = load_network(out)
    assert facts["accuracy"] == accuracy(classifier, load_images(folder, "test", 12, 1)) == 1
    assert str(out) in capsys.readouterr().out


def test_networks_and_pictures_go_to_the_device_that_is_announced(folder, monkeypatch):
    class Reached(Exception):
        pass

    def reach(*arguments, **_):
        devices = {next(x.parameters()).device if hasattr(x, "parameters") else x.images.device for x in arguments[:2]}
        raise Reached({device.type for device in devices})

    monkeypatch.setattr(commands.environment, "set_up", lambda seed: torch.device("meta"))
    monkeypatch.setattr(commands, "train_gan", reach)
    monkeypatch.setattr(commands, "train_classifier", lambda data, *_, **__: reach(data))
    for command in ("train", "classifier"):
        with pytest.raises(Reached, match=r"^{'meta'}$"):
            commands.main([command, "--data", str(folder), "--size", "8"])


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["classifier", "--help"], []])
def test_help_names_every_command_and_option(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        commands.main(arguments)
    said = capsys.readouterr()
    assert caught.value.code == (0 if arguments else 2)
    words = {"train": ["--data", "--resume", "Ctrl-C"], "classifier": ["--data", "subfolder"]}
    for word in words.get(arguments[0] if arguments else "", ["train", "classifier"] if arguments else ["COMMAND"]):
        assert word in said.out + said.err


def test_no_traceback_reaches_a_terminal():
    command = [sys.executable, "-m", "gan_helpers", "train", "--data", "mnits"]
    done = subprocess.run(command, cwd=COURSE_ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: 'mnits' is neither a known data set")
    assert done.stderr.count("\n") == 1
