"""Damage, disguise and full disks: a checkpoint is whole, or it is refused by name."""

from __future__ import annotations

import copy
import errno
import importlib
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_helpers import checkpoints
from gan_helpers.checkpoints import (
    CheckpointError,
    Network,
    load_network,
    load_shipped,
    load_tensors,
    save_network,
    save_tensors,
    write_atomically,
)
from gan_helpers.data.sets import NAMES
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.models.dense import Discriminator, Generator, add_minibatch_statistics, add_spectral_norm
from gan_helpers.models.mixed import stable_pair
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


def test_unknown_arguments_are_named(saved, tmp_path):
    path, _ = saved
    tensors, facts = load_tensors(path)
    facts["architecture"]["arguments"]["colour"] = "red"
    save_tensors(tmp_path / "newer", tensors, facts)
    with pytest.raises(CheckpointError, match="saved by another version of Generator"):
        load_network(tmp_path / "newer")


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


# --- which class a file names -------------------------------------------------------------------------


def define(width: int, name: str = "Generator", module: str = "__main__") -> type[Network]:
    """A reader's own class, as a notebook's cell makes it, each time the cell is run."""

    def __init__(self, bias: bool = True) -> None:
        Network.__init__(self)
        self.layer = torch.nn.Linear(width, 1, bias)

    return type(name, (Network,), {"__init__": __init__, "__module__": module, "__qualname__": name})


@pytest.fixture(autouse=True)
def forget_classes():
    before = dict(Network.defined)
    for name in [name for name in before if not name.startswith("gan_helpers.")]:
        del Network.defined[name]  # other tests run cells that define classes
    yield
    Network.defined.clear()
    Network.defined.update(before)


def test_a_class_that_was_edited_and_run_again_is_the_one_that_loads(tmp_path):
    define(2)
    edited = define(3)
    save_network(tmp_path / "mine", edited(bias=False))
    again, _ = load_network(tmp_path / "mine")
    assert type(again) is edited
    assert again.layer.weight.shape == (1, 3)
    assert again.layer.bias is None


def test_a_readers_own_generator_is_never_taken_for_ours(saved, tmp_path):
    path, _ = saved
    own = define(2)
    save_network(tmp_path / "mine", own())
    assert type(load_network(path)[0]) is Generator
    assert type(load_network(tmp_path / "mine")[0]) is own
    Network.defined.pop("__main__.Generator")
    with pytest.raises(CheckpointError, match=r"__main__\.Generator, which is not defined here: run the cell"):
        load_network(tmp_path / "mine")


def test_a_class_that_has_moved_to_a_module_is_found_by_its_name(tmp_path):
    save_network(tmp_path / "mine", define(2, "Mine")())
    Network.defined.pop("__main__.Mine")
    moved = define(2, "Mine", "my_networks")
    assert type(load_network(tmp_path / "mine")[0]) is moved


def test_files_that_name_the_class_alone_still_load(saved, tmp_path):
    path, _ = saved
    tensors, facts = load_tensors(path)
    facts["architecture"] = {"class": "Generator", "arguments": facts["architecture"]["arguments"]}
    save_tensors(tmp_path / "old", tensors, facts)
    assert type(load_network(tmp_path / "old")[0]) is Generator


each_shipped = pytest.mark.parametrize(
    "path", sorted((COURSE_ROOT / "assets" / "weights").iterdir()), ids=lambda path: path.stem
)


@each_shipped
def test_every_shipped_header_names_its_data_as_load_images_does_and_modules_that_there_are(path):
    data = load_tensors(path)[1]["data"]
    assert data.partition(",")[0].removeprefix("edges of ").removesuffix(" train").lower() in NAMES
    for module in re.findall(r"gan_helpers[\w.]*", data):
        importlib.import_module(module)


@each_shipped
def test_every_shipped_file_loads_in_a_fresh_kernel_that_has_imported_nothing_else(path):
    script = f"from gan_helpers.checkpoints import load_shipped; print(type(load_shipped({path.stem!r})[0]).__name__)"
    done = subprocess.run([sys.executable, "-c", script], cwd=COURSE_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == load_tensors(path)[1]["architecture"]["class"].rpartition(".")[2]


def test_a_file_can_name_no_code_outside_the_course(tmp_path):
    for name in ("os.system", "gan_helpers.environment.set_up", "gan_helpers.models.prod", "builtins.print"):
        save_tensors(tmp_path / "evil", {}, {"architecture": {"class": name, "arguments": {}}})
        with pytest.raises(CheckpointError, match="not defined here"):
            load_network(tmp_path / "evil")


def test_a_shipped_name_that_there_is_not_lists_those_that_there_are():
    with pytest.raises(CheckpointError, match="choose one of .*mnist_generator"):
        load_shipped("mnist_generatr")


# --- networks that were changed after they were built -------------------------------------------------


@pytest.mark.parametrize("change", [add_minibatch_statistics, add_spectral_norm])
def test_a_changed_discriminator_comes_back_as_it_was(change, tmp_path):
    torch.manual_seed(0)
    network = change(Discriminator((1, 6, 6), widths=(8, 4), dropout=0.0))
    images = torch.rand(5, 1, 6, 6)
    network(images)  # spectral norm's estimate moves in training mode
    save_network(tmp_path / "d", copy.deepcopy(network))
    again, _ = load_network(tmp_path / "d")
    assert torch.equal(again(images), network.eval()(images))
    save_network(tmp_path / "again", again)
    assert torch.equal(load_network(tmp_path / "again")[0](images), network(images))


def test_both_networks_of_the_stable_pair_can_be_saved(tmp_path):
    for name, network in zip("gd", stable_pair((1, 6, 6)), strict=True):
        save_network(tmp_path / name, network)
        assert load_network(tmp_path / name)[0].state_dict().keys() == network.state_dict().keys()


def test_what_could_not_be_loaded_is_not_written(tmp_path):
    network = Discriminator((1, 6, 6), widths=(8,))
    network.layers.append(torch.nn.Linear(1, 1))
    with pytest.raises(
        CheckpointError, match="Discriminator could not be loaded.*with the same arguments.*rebuildable"
    ):
        save_network(tmp_path / "d", network)
    assert not (tmp_path / "d").exists()


def test_a_constructor_that_needs_more_than_a_file_can_hold(tmp_path):
    class Given(Network):
        def __init__(self, activation) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(2, 1), activation)

    with pytest.raises(CheckpointError, match="Given's argument activation is a Tanh, which a file cannot hold"):
        save_network(tmp_path / "g", Given(torch.nn.Tanh()))


def test_keyword_arguments_of_any_name_are_kept(tmp_path):
    class Free(Network):
        def __init__(self, **options) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(options["width"], 1)

    save_network(tmp_path / "f", Free(width=3))
    assert load_network(tmp_path / "f")[0].layer.weight.shape == (1, 3)


def test_saving_leaves_random_numbers_alone(tmp_path):
    torch.manual_seed(1)
    network = Generator(3, (1, 2, 2), widths=(4,))
    before = torch.get_rng_state()
    save_network(tmp_path / "g", network)
    assert torch.equal(torch.get_rng_state(), before)


# --- facts and tensors of every kind ------------------------------------------------------------------


def test_facts_may_be_numbers_of_numpy_and_torch(saved, tmp_path):
    _, network = saved
    facts = {
        "score": np.float32(0.5),
        "steps": np.int64(7),
        "classes": torch.tensor([1, 2]),
        "loss": torch.tensor(0.25),
        "path": tmp_path,
        "table": {"a": np.arange(2)},
        3: "a number as a name",
    }
    save_tensors(tmp_path / "t", network.state_dict(), facts)
    found = load_tensors(tmp_path / "t")[1]
    assert found == {"score": 0.5, "steps": 7, "classes": [1, 2], "loss": 0.25, "path": str(tmp_path),
                     "table": {"a": [0, 1]}, "3": "a number as a name"}  # fmt: skip


def test_a_fact_that_no_file_can_hold_is_named(saved, tmp_path):
    with pytest.raises(CheckpointError, match="the fact 'recipe' is a function"):
        save_network(tmp_path / "g", saved[1], recipe=lambda: None)


def test_tied_weights_are_saved_and_tied_again(tmp_path):
    class Tied(Network):
        def __init__(self, width: int = 3) -> None:
            super().__init__()
            self.encode, self.decode = torch.nn.Linear(width, width), torch.nn.Linear(width, width)
            self.decode.weight = self.encode.weight

    network = Tied()
    save_network(tmp_path / "tied", network)
    again, _ = load_network(tmp_path / "tied")
    assert torch.equal(again.decode.weight, network.encode.weight)
    assert again.decode.weight is again.encode.weight
