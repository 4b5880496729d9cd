"""Every maker of shipped weights, cut to one short epoch: what it saves loads again and says what it is."""

from __future__ import annotations

import pytest
import torch
from weights import MAKERS

from gan_helpers.checkpoints import load_network
from gan_helpers.data import moving, sets
from gan_helpers.environment import ASSETS

TRAININGS = ((training, "train_gan"), (autoencoders, "train_autoencoder"), (variational, "train_vaegan"))


@pytest.fixture
def one_short_epoch(monkeypatch):
    monkeypatch.setenv("GAN_QUICK", "1")
    load, move = sets.load_images, moving.moving_digits

    def few(name, *args, **kwargs):
        found = load(name, *args, **kwargs)
        return found if name in ("faces", "logograms") else found[torch.arange(0, len(found), len(found) // 300)]

    monkeypatch.setattr(sets, "load_images", few)
    monkeypatch.setattr(moving, "moving_digits", lambda data, n, **kwargs: move(data, min(n, 100), **kwargs))
    for room, name in (*TRAININGS, (factors, "train_reader")):
        train = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *a, _train=train, **kwargs: _train(*a, **{**kwargs, "epochs": 1}))


@pytest.mark.parametrize("name", MAKERS)
def test_what_a_maker_saves_is_built_like_what_ships_and_says_what_it_is(name, tmp_path, one_short_epoch):
    path = tmp_path / f"{name}.safetensors"
    MAKERS[name](path)
    network, facts = load_network(path)
    shipped, shipped_facts = load_network(ASSETS / "weights" / path.name)
    assert type(network) is type(shipped)
    assert network.config == shipped.config
    assert facts.keys() == shipped_facts.keys() >= {"data", "steps", "seconds", "machine", "seed"}
    assert 0 < facts["steps"] < shipped_facts["steps"]
    assert list(tmp_path.iterdir()) == [path]  # no checkpoint of the run is left


def test_weights_stay_small():
    """So that a clone stays quick: a file below 12 MB, all below 40 MB."""
    sizes = [path.stat().st_size for path in (ASSETS / "weights").glob("*.safetensors")]
    assert max(sizes) < 12e6
    assert sum(sizes) < 40e6
