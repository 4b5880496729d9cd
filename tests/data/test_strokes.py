"""Stroke digits: the same for the same seed, varied, placed as in MNIST, and a way to learn to read MNIST."""

import os
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from gan_helpers.data import strokes
from gan_helpers.data.strokes import STROKES, stroke_digits

DIGITS = torch.arange(10).repeat(100)


@pytest.fixture(scope="module")
def pictures():
    return stroke_digits(DIGITS, seed=0)


@pytest.mark.parametrize("size", [8, 28, 64])
def test_pictures_are_grey_bytes_from_black_to_white(size):
    drawn = stroke_digits(DIGITS[:50], size=size)
    assert drawn.shape == (50, 1, size, size)
    assert drawn.dtype == torch.uint8
    assert drawn.amin() == 0
    assert drawn.amax() > 200


def test_no_labels_give_no_pictures():
    assert stroke_digits(DIGITS[:0]).shape == (0, 1, 28, 28)


def test_the_seed_alone_decides_and_the_global_state_is_left_alone(pictures):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    again = stroke_digits(DIGITS, seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(again, pictures)
    assert not torch.equal(stroke_digits(DIGITS, seed=1), pictures)


@pytest.mark.parametrize(
    ("labels", "size", "remedy"),
    [
        (torch.tensor([0, 10]), 28, "0 to 9"),
        (torch.tensor([-1]), 28, "0 to 9"),
        (torch.tensor([1.0]), 28, "long()"),
        (torch.tensor([[1]]), 28, "flatten()"),
        ([1, 2], 28, "torch.as_tensor"),
        (torch.tensor([1]), 7, "8 pixels or more"),
    ],
)
def test_wrong_arguments_are_refused_with_a_remedy(labels, size, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        stroke_digits(labels, size=size)


def test_no_two_pictures_of_a_digit_are_alike(pictures):
    flat = pictures.flatten(1).float() / 255
    for digit in range(10):
        distances = torch.pdist(flat[digit == DIGITS])
        assert distances.min() > 0.3
        assert distances.median() > 5  # MNIST: 6.8 to 10.2, digit by digit


def test_every_way_to_write_a_digit_is_drawn_and_no_other():
    generator = torch.Generator().manual_seed(0)
    ways = strokes._choose_ways(DIGITS, generator)
    assert ways.unique().tolist() == list(range(len(STROKES)))
    assert [STROKES[way][0] for way in ways] == DIGITS.tolist()


def test_the_ways_stand_in_order_and_inside_their_box():
    digits = [digit for digit, _ in STROKES]
    assert digits == sorted(digits)
    assert set(digits) == set(range(10))
    assert min(digits.count(digit) for digit in range(10)) >= 4
    paths, _ = strokes._library()
    assert paths.min() > -0.1
    assert paths.max() < 1.1


def test_a_lifted_pen_leaves_no_ink():
    path, pen_down = strokes._trace("0,0 0,100 / 100,0 100,100")
    radius = torch.ones(1, 1, 1)
    ink = strokes._ink(*strokes._place(path[None, :, :2], pen_down[None], radius), radius, size=28)[0]
    assert ink[:, 8:21].amax() == 0
    assert ink[6:23, :8].amax(1).min() == ink[6:23, 21:].amax(1).min() == 255


def test_digits_have_the_shapes_of_their_labels(pictures):
    means = torch.stack([pictures[digit == DIGITS, 0].float().mean(0) for digit in range(10)])
    assert means[:, 12:17, 12:17].mean((1, 2)).argmin() == 0  # hollow
    assert means.amax(1).sum(1).argmin() == 1  # narrow
    above, below = means[:, :6].sum((1, 2)), means[:, -5:].sum((1, 2))  # equally far from the centre at 14
    assert above[6] > 1.3 * below[6]  # a heavy bowl below pushes the stem up
    assert below[9] > 1.3 * above[9]


def test_ink_lies_where_mnist_has_it(pictures):
    ink = pictures[:, 0].float() / 255
    pixel = torch.arange(28.0)
    mass = ink.sum((1, 2))
    for axis in (2, 1):
        off_centre = ((ink.sum(axis) * pixel).sum(1) / mass - 14).abs()
        assert off_centre.max() < 2
        assert off_centre.mean() < 0.3  # MNIST: 0.25, for it centres to whole pixels
    height, width = ((ink.amax(axis) > 0.2).sum(1) for axis in (2, 1))
    longer = torch.maximum(height, width)
    assert longer.min() >= 18  # MNIST: 20
    assert longer.max() <= 22
    assert 0.11 < ink.mean() < 0.15  # MNIST: 0.131


def mnist_test_set():
    """Real MNIST's test pictures in [0, 1] and labels, from $GAN_DATA or the repository's data/, or skip."""
    torchvision = pytest.importorskip("torchvision")
    folder = os.environ.get("GAN_DATA") or Path(__file__).parents[2] / "data"
    try:
        test_set = torchvision.datasets.MNIST(folder, train=False, download=False)
    except RuntimeError:
        pytest.skip(f"no real MNIST in {folder}: set GAN_DATA to a folder that holds MNIST/raw")
    return test_set.data.unsqueeze(1) / 255, test_set.targets


def train_reader(images, labels, epochs=2):
    reader = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.3),
        nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(reader.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * len(images) // 100)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(reader(images[batch] / 255), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return reader.eval()


@pytest.fixture
def one_thread():
    """A small network gains little from a second thread and loses much where others share the processor."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_who_learned_to_read_from_strokes_reads_mnist():
    images, labels = mnist_test_set()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn_labels = torch.arange(30_000) % 10
        reader = train_reader(stroke_digits(drawn_labels, seed=0), drawn_labels)
    with torch.no_grad():
        right = reader(images).argmax(1) == labels
    assert right.float().mean() >= 0.90  # measured 0.94 to 0.95 over seeds


def test_colour_digits_are_the_stroke_digits_in_two_colours_each():
    labels = torch.arange(40) % 10
    drawn = strokes.colour_digits(labels, seed=3, size=32)
    assert drawn.shape == (40, 3, 32, 32)
    assert drawn.dtype == torch.uint8
    ink = stroke_digits(labels, seed=3, size=32)[:, 0]
    for picture, mask in zip(drawn.float(), ink, strict=True):
        pen, ground = picture[:, mask == 255].mean(1), picture[:, mask == 0].mean(1)
        mixed = torch.lerp(ground[:, None, None], pen[:, None, None], mask / 255)
        assert (picture - mixed).abs().max() < 1.1  # the ink says how much of each colour
        assert (pen - ground).abs().min() > 20  # legible in every channel
    assert torch.equal(drawn, strokes.colour_digits(labels, seed=3, size=32))
