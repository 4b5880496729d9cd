"""The classifier that evaluation measures with: what it reads, how well, and the command that trains one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gan_helpers import __main__ as commands
from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.data.sets import load_images, scale_pixels
from gan_helpers.environment import ASSETS
from gan_helpers.metrics.readers import accuracy, load_classifier, read_images
from gan_helpers.models.classifiers import Classifier, Residual
from gan_helpers.training.augmenting import jitter
from gan_helpers.training.supervised import train_classifier


@pytest.fixture(scope="module")
def strokes():
    return load_images("strokes"), load_images("strokes", split="test")


def test_the_shipped_classifier_reads_mnist():
    test = load_images("mnist", split="test")
    if not test.source.startswith("MNIST"):
        pytest.skip("no copy of MNIST here")
    assert accuracy(load_classifier(), test) >= 0.993


def test_the_shipped_classifier_says_what_it_is_and_is_small():
    path = ASSETS / "weights" / "mnist_classifier.safetensors"
    _, facts = load_network(path, expect=Classifier)
    assert path.stat().st_size < 2_000_000
    assert facts["accuracy"] >= 0.993
    assert {"data", "epochs", "machine", "seed"} <= set(facts)
    classifier = load_classifier()
    assert not classifier.training
    assert not any(p.requires_grad for p in classifier.parameters())


def test_a_reading_holds_features_probabilities_and_labels():
    torch.manual_seed(0)
    classifier = Classifier((3, 9, 7), 4, channels=(5, 6), width=11)
    images = torch.randint(0, 256, (23, 3, 9, 7), dtype=torch.uint8)
    reading = read_images(classifier, images, batch_size=10)
    assert reading.features.shape == (23, 11)
    assert torch.allclose(reading.probabilities, classifier(scale_pixels(images)).softmax(1), atol=1e-5)
    assert torch.equal(reading.labels, reading.probabilities.argmax(1))
    assert not reading.features.requires_grad
    assert len(reading) == 23
    assert len(reading[3:8]) == 5
    assert torch.equal(reading[torch.tensor([4, 2])].features, reading.features[[4, 2]])
    same = read_images(classifier, scale_pixels(images))
    assert torch.allclose(same.features, reading.features, atol=1e-5)


def test_a_classifier_reads_pictures_of_its_own_shape_only():
    with pytest.raises(ValueError, match=r"\(3, 32, 32\), but the classifier reads \(1, 28, 28\): train one"):
        read_images(Classifier(), torch.zeros(2, 3, 32, 32))


def test_a_residual_block_adds_two_convolutions_to_its_maps():
    block, maps = Residual(3).eval(), torch.randn(2, 3, 5, 5)
    first, second = (layer for layer in block.layers if isinstance(layer, torch.nn.Conv2d))
    scale = (1 + 1e-5) ** -0.5  # of a batch norm that has seen nothing
    inner = F.relu(F.conv2d(maps, first.weight, padding=1) * scale)
    assert torch.allclose(block(maps), F.relu(maps + F.conv2d(inner, second.weight, padding=1) * scale), atol=1e-5)


def test_a_residual_classifier_has_a_block_after_each_convolution(tmp_path):
    classifier = Classifier((3, 32, 32), 4, (4, 6, 8), 16, residual=True).eval()
    assert [type(layer) for layer in classifier.features].count(Residual) == 3
    save_network(tmp_path / "c.safetensors", classifier)
    again, _ = load_network(tmp_path / "c.safetensors", Classifier)
    images = torch.rand(5, 3, 32, 32)
    assert classifier.features(images).shape == (5, 16)
    assert torch.equal(again(images), classifier(images))


def test_jitter_moves_each_picture_a_little_and_by_itself():
    torch.manual_seed(0)
    images = torch.full((50, 1, 28, 28), -1.0)
    images[:, :, 10:18, 10:18] = 1
    moved = jitter(images)
    assert moved.shape == images.shape
    assert -1 <= moved.min() < moved.max() <= 1
    assert not torch.allclose(moved[0], moved[1])
    places = torch.arange(28.0)
    weights = (moved[:, 0] + 1).sum(1) / (moved[:, 0] + 1).sum((1, 2))[:, None]
    centres = (weights * places).sum(1)
    assert 0.3 < (centres - 13.5).abs().mean() < 2  # 2 pixels at most, on average half of them
    assert (centres - 13.5).abs().max() < 2.5
    assert float(moved.add(1).mean() / images.add(1).mean()) == pytest.approx(1, abs=0.1)


def test_one_epoch_is_enough_for_most_stroke_digits(strokes):
    train, test = strokes
    lines = []
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    classifier = train_classifier(train, epochs=1, progress=lines.append).network
    assert torch.equal(torch.rand(2), expected)  # the reader's random numbers are left alone
    assert accuracy(classifier, test) > 0.8
    assert not classifier.training
    assert len(lines) == 1
    assert lines[0].startswith("epoch 1 of 1: loss ")


def test_too_little_to_learn_from_is_an_error(strokes):
    train, _ = strokes
    with pytest.raises(ValueError, match="at least 128 pictures"):
        train_classifier(train[:50])


def test_the_classifier_command_learns_the_subfolders_of_a_folder(tmp_path, capsys):
    for name, grey in (("dark", 20), ("bright", 200)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(90):
            Image.new("L", (12, 12), grey + i // 3).save(tmp_path / "data" / name / f"{i}.png")
    out = tmp_path / "judge.safetensors"
    folder = str(tmp_path / "data")
    commands.main(
        ["classifier", "--data", folder, "--size", "12", "--channels", "1", "--epochs", "9", "--out", str(out)]
    )
    classifier, facts = load_network(out, expect=Classifier)
    assert tuple(classifier.config["image_shape"]) == (1, 12, 12)
    assert classifier.config["classes"] == 2
    assert facts["accuracy"] == accuracy(classifier, load_images(folder, "test", 12, 1)) == 1
    assert {"data", "epochs", "machine", "seed"} <= set(facts)
    assert "saved" in capsys.readouterr().out
