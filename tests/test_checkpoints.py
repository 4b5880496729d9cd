"""Damage, disguise and full disks: a checkpoint is whole, or it is refused by name."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from gan_helpers import checkpoints
from gan_helpers.checkpoints import (
    CheckpointError,
    Network,
    load_network,
    load_tensors,
    save_network,
    save_tensors,
    write_atomically,
)
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import generate, sample_latents


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = Generator(3, (1, 2, 2), widths=(4,), batch_norm=True, latent="uniform")
    path = tmp_path / "generator.safetensors"
    save_network(path, network, steps=7, data="test")
    return path, network


def test_a_network_comes_back_without_being_told_its_class(saved):
    path, network = saved
    found, facts = load_network(path)
    latents = sample_latents(network, 5)
    assert type(found) is Generator
    assert found.config == network.config
    assert not found.training
    assert torch.equal(generate(found, latents), generate(network, latents))
    assert (facts["steps"], facts["data"]) == (7, "test")


def test_every_kind_of_tensor_comes_back(tmp_path):
    tensors = {
        "half": torch.randn(3).half(),
        "count": torch.tensor(5),
        "bytes": torch.arange(4, dtype=torch.uint8),
        "turned": torch.randn(2, 3).T,
        "empty": torch.empty(0, 4),
    }
    save_tensors(tmp_path / "t", tensors, {"nested": {"a": [1, None]}})
    found, facts = load_tensors(tmp_path / "t")
    assert facts == {"nested": {"a": [1, None]}}
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_no_flipped_byte_goes_unnoticed(saved):
    path, _ = saved
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x20]) + good[position + 1 :])
        with pytest.raises(CheckpointError, match=r"generator\.safetensors"):
            load_network(path)


@pytest.mark.parametrize("length", [0, 4, 40, -1])
def test_a_truncated_file_is_refused_by_name(saved, length):
    path, _ = saved
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"generator\.safetensors is damaged .*restore it from a copy"):
        load_network(path)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_a_pickle_is_refused_without_running_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"bomb": Bomb()}, "zip.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Bomb()))
    for name in ("zip.pt", "bare.pt"):
        with pytest.raises(CheckpointError, match=f"{name} is a pickle"):
            load_network(name)
    assert not (tmp_path / "exploded").exists()


def test_a_file_whose_length_begins_like_a_pickle_still_loads(tmp_path):
    path, starts = tmp_path / "facts.safetensors", set()
    for words in range(0, 400, 4):  # headers of all lengths, so that the first byte, their length, runs through all
        save_tensors(path, {"x": torch.ones(2)}, {"note": "w" * words})
        starts.add(path.read_bytes()[:1])
        assert load_tensors(path)[1] == {"note": "w" * words}
    assert b"\x80" in starts


def test_another_architecture_is_refused(saved, tmp_path):
    path, _ = saved
    with pytest.raises(CheckpointError, match="holds a Generator, not a Discriminator"):
        load_network(path, expect=Discriminator)
    tensors, facts = load_tensors(path)
    facts["architecture"]["arguments"]["widths"] = [5]
    save_tensors(tmp_path / "liar", tensors, facts)
    with pytest.raises(CheckpointError, match="tensors of another architecture than it states"):
        load_network(tmp_path / "liar")


def test_unknown_classes_and_arguments_are_named(saved, tmp_path, monkeypatch):
    path, _ = saved
    tensors, facts = load_tensors(path)
    facts["architecture"]["arguments"]["colour"] = "red"
    save_tensors(tmp_path / "newer", tensors, facts)
    with pytest.raises(CheckpointError, match="saved by another version of Generator"):
        load_network(tmp_path / "newer")
    monkeypatch.setattr(Network, "known", {})
    with pytest.raises(CheckpointError, match="holds a Generator, unknown here"):
        load_network(path)


def test_a_run_is_not_a_network_and_a_missing_file_is_no_file(tmp_path):
    save_tensors(tmp_path / "run", {"a": torch.zeros(1)}, {})
    with pytest.raises(CheckpointError, match="holds no single network"):
        load_network(tmp_path / "run")
    with pytest.raises(CheckpointError, match="there is no file .*train and save first"):
        load_network(tmp_path / "absent")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_litter(saved, monkeypatch, call):
    path, network = saved
    before = path.read_bytes()

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints.os, call, no_space)
    with pytest.raises(CheckpointError, match=r"No space left.*untouched.*MB free"):
        save_network(path, network, steps=8)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a Unix matter")
def test_a_write_that_is_really_cut_short_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.bin"
    write_atomically(path, b"good")
    script = f"""
import resource, signal
from pathlib import Path
from gan_helpers.checkpoints import CheckpointError, write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path({str(path)!r}), b"x" * 5000)
except CheckpointError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=COURSE_ROOT, capture_output=True, text=True)
    assert "refused: cannot write" in done.stdout, done.stderr
    assert path.read_bytes() == b"good"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="folder permissions are a Unix matter")
def test_a_read_only_folder_is_an_error_with_a_remedy():
    script = """
import os, sys
from pathlib import Path
from gan_helpers.checkpoints import CheckpointError, write_atomically
if os.geteuid() == 0:
    os.setuid(65534)  # permissions do not stop the administrator
try:
    write_atomically(Path(sys.argv[1]) / "a.bin", b"x")
except CheckpointError as error:
    print("refused:", error)
"""
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, which other users cannot enter at all
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", script, folder]
        done = subprocess.run(command, cwd=COURSE_ROOT, capture_output=True, text=True)
        Path(folder).chmod(0o755)
    assert "Permission denied" in done.stdout, done.stderr
    assert "Choose a folder that you may write to" in done.stdout
