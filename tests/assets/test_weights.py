"""Every recipe of shipped weights, cut to one epoch on few pictures: what it saves loads again and says what it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import weights
from weights import RECIPES

from gan_helpers.checkpoints import load_network, load_shipped
from gan_helpers.environment import ASSETS

FACTS = {"architecture", "data", "steps", "seconds", "machine", "scores", "seed"}


TRAININGS = (
    "train_gan",
    "train_vaegan",
    "train_autoencoder",
    "train_classifier",
    "train_reader",
    "train_pix2pix",
    "train_cyclegan",
)


@pytest.fixture
def few(monkeypatch):
    """Recipes on 300 pictures; of faces and logograms a quick run draws few."""
    monkeypatch.setenv("GAN_QUICK", "1")
    for name, recipe in RECIPES.items():

        def load(split, full=recipe.load):
            data = full(split)
            return data[torch.arange(0, len(data), max(1, len(data) // 300))]

        if not name.startswith(("face", "logogram")):
            monkeypatch.setitem(RECIPES, name, replace(recipe, load=load))


def test_there_is_a_recipe_for_every_file_that_ships():
    assert sorted(RECIPES) == sorted(path.stem for path in (ASSETS / "weights").iterdir())


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_saves_is_built_like_what_ships_and_says_what_it_is(name, tmp_path, few):
    path = tmp_path / f"{name}.safetensors"
    weights.main([name, "--out", str(path)])
    (network, facts), (shipped, shipped_facts) = load_network(path), load_shipped(name)
    assert type(network) is type(shipped)
    assert network.config == shipped.config
    assert facts.keys() == FACTS | ({"classes"} if "classes" in network.config else set())
    assert facts["seed"] == shipped_facts["seed"]
    assert facts["steps"] > 0
    assert all(isinstance(value, float) for value in facts["scores"].values())
    assert list(tmp_path.iterdir()) == [path]  # no checkpoint of the run is left


def test_a_quick_run_leaves_what_ships_alone(few, monkeypatch, tmp_path):
    monkeypatch.setattr(weights.environment, "outputs_folder", lambda: tmp_path)
    before = (ASSETS / "weights" / "mnist_denoiser.safetensors").read_bytes()
    weights.main(["mnist_denoiser"])
    assert (ASSETS / "weights" / "mnist_denoiser.safetensors").read_bytes() == before
    assert (tmp_path / "mnist_denoiser.safetensors").is_file()


@pytest.mark.parametrize("name", ["mnist_generator", "logogram_generator", "mnist_vaegan", "mnist_denoiser"])
def test_an_interrupted_training_replaces_nothing(name, tmp_path, few, monkeypatch):
    for train in ("train_gan", "train_vaegan", "train_autoencoder"):
        full = getattr(weights.training, train)
        monkeypatch.setattr(weights.training, train, lambda *a, full=full, **k: stopped(full(*a, **k)))
    path = tmp_path / "kept.safetensors"
    path.write_bytes(b"what ships")
    with pytest.raises(SystemExit, match="nothing was replaced"):
        weights.main([name, "--out", str(path)])
    assert path.read_bytes() == b"what ships"


def stopped(run):
    run.interrupted = True
    return run


def images_of(data):
    return getattr(data, "images", getattr(data, "targets", data))


class Reached(Exception):
    """A training was called, on the devices that the message names."""


@pytest.mark.parametrize("name", RECIPES)
def test_networks_and_pictures_are_moved_to_the_device_that_is_announced(name, few, monkeypatch, tmp_path):
    def reach(*arguments, **_):
        tensors = [next(x.parameters()) if hasattr(x, "parameters") else images_of(x) for x in arguments]
        raise Reached({x.device.type for x in tensors if isinstance(x, torch.Tensor)})

    monkeypatch.setattr(weights.environment, "best_device", lambda: torch.device("meta"))
    monkeypatch.setattr(weights.environment, "set_up", lambda seed: weights.environment.best_device())
    for train in TRAININGS:
        monkeypatch.setattr(weights.training, train, reach)
    with pytest.raises(Reached, match=r"^{'meta'}$"):
        weights.make(name, tmp_path / name)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("mnist_vea", "did you mean mnist_vae?"),
        ("face", "did you mean face_"),
        ("xyz", "choose one of mnist_classic, "),
    ],
)
def test_a_mistyped_name_gets_a_suggestion(typed, hint, capsys):
    with pytest.raises(SystemExit):
        weights.main([typed])
    assert hint in capsys.readouterr().err


def test_help_names_the_short_trial_and_every_recipe(capsys):
    with pytest.raises(SystemExit):
        weights.main(["--help"])
    told = capsys.readouterr().out
    assert "GAN_QUICK=1" in told
    assert all(name in told for name in RECIPES)


def test_weights_stay_small():
    """So that a clone stays quick: a file below 12 MB, all below 40 MB."""
    sizes = [path.stat().st_size for path in (ASSETS / "weights").glob("*.safetensors")]
    assert max(sizes) < 12e6
    assert sum(sizes) < 40e6
