from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
import torch

from gan_helpers import environment
from gan_helpers.data import sets
from gan_helpers.data.folders import DatasetError
from gan_helpers.data.sets import ImageSet, idx_is_whole, image_batches, load_images, scale_pixels, unscale_pixels
from gan_helpers.data.sources import wait_for_answer


def idx(values: np.ndarray) -> bytes:
    """The IDX format, as its inventors describe it: zero, zero, type, dimensions, sizes, values."""
    kind, layout = {"uint8": (8, ">u1"), "int32": (12, ">i4")}[str(values.dtype)]
    sizes = b"".join(int(size).to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, kind, values.ndim]) + sizes + values.astype(layout).tobytes()


def write_idx(folder, stem: str, images: np.ndarray, labels: np.ndarray, names: tuple[str, str]) -> None:
    raw = folder / stem / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    (raw / names[0]).write_bytes(idx(images))
    (raw / names[1]).write_bytes(idx(labels))


PICTURES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with tiny data sets in the real formats, and no other and no network."""
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    monkeypatch.setattr("gan_helpers.environment.COURSE_ROOT", tmp_path / "course")
    monkeypatch.setattr(sets, "_told", set())
    monkeypatch.setattr(sets, "wait_for_answer", no_network)
    for stem in ("MNIST", "FashionMNIST", "KMNIST"):
        write_idx(tmp_path, stem, PICTURES, LABELS, ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"))
        write_idx(tmp_path, stem, PICTURES[:5], LABELS[:5], ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"))
    for split, n in (("train", 12), ("test", 5)):
        names = f"emnist-balanced-{split}-images-idx3-ubyte", f"emnist-balanced-{split}-labels-idx1-ubyte"
        write_idx(tmp_path, "EMNIST", PICTURES[:n], LABELS[:n], names)
        rows = np.zeros((n, 8), dtype=np.int32)
        rows[:, 0] = LABELS[:n]
        names = (
            f"qmnist-{split}-images-idx3-ubyte",
            "qmnist-train-labels-idx2-int" if split == "train" else "qmnist-test-labels-idx2-int",
        )
        write_idx(tmp_path, "QMNIST", PICTURES[:n], rows, names)
    return tmp_path


def no_network(*_: object, **__: object) -> None:
    raise ConnectionError("no network, or the server does not answer")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "qmnist"])
def test_data_sets_in_idx_files(data, name):
    found = load_images(name)
    assert torch.equal(found.images[:, 0], torch.from_numpy(PICTURES))
    assert found.labels.tolist() == LABELS.tolist()
    assert found.images.dtype == torch.uint8
    assert found.labels.dtype == torch.int64
    assert len(found.classes) == 10
    assert found.shape == (1, 28, 28)


def test_the_test_split_is_another_file(data):
    assert len(load_images("mnist", split="test")) == 5


def test_emnist_is_turned_upright(data):
    found = load_images("emnist")
    assert torch.equal(found.images[:, 0], torch.from_numpy(PICTURES).transpose(1, 2))
    assert len(found.classes) == 47


def test_cifar10(data, monkeypatch):
    from torchvision.datasets import CIFAR10

    rows = np.random.default_rng(1).integers(0, 256, (4, 3 * 32 * 32), dtype=np.uint8)
    base = data / CIFAR10.base_folder
    base.mkdir()
    for name, _ in [*CIFAR10.train_list, *CIFAR10.test_list]:
        (base / name).write_bytes(pickle.dumps({"data": rows, "labels": [0, 1, 2, 3]}))
    (base / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    found = load_images("cifar10")
    assert found.images.shape == (20, 3, 32, 32)
    assert torch.equal(found.images[0].flatten(), torch.from_numpy(rows[0]))
    assert found.classes[3] == "d"


def test_svhn(data, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    pictures = np.random.default_rng(2).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    savemat(data / "train_32x32.mat", {"X": pictures, "y": np.array([[1], [2], [10], [3]])})
    monkeypatch.setattr(SVHN, "_check_integrity", lambda self: True)
    found = load_images("svhn")
    assert torch.equal(found.images[2], torch.from_numpy(pictures[..., 2].transpose(2, 0, 1)))
    assert found.labels.tolist() == [1, 2, 0, 3]  # SVHN writes a zero as 10


def test_mnist_without_copy_or_network_becomes_strokes_and_says_so_once(data, monkeypatch, capsys):
    monkeypatch.setenv("GAN_DATA", str(data / "nowhere"))
    found = load_images("mnist")
    load_images("mnist", split="test")
    assert "stroke digits" in found.source
    assert found.shape == (1, 28, 28)
    assert sorted(set(found.labels.tolist())) == list(range(10))
    assert capsys.readouterr().out.count("stroke digits") == 1


def test_photos_are_a_folder_beside_the_data_sets(data):
    from PIL import Image

    for index in range(20):
        path = data / "photos" / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (10 * index, 0, 255)).save(path)
    how_many = environment.budget(20, 2)  # a quick run reads every tenth
    train, test = load_images("photos"), load_images("photos", split="test")
    assert len(train) + len(test) == how_many
    assert train.shape == (3, 32, 32)
    assert train.images[0, :, 0, 0].tolist() == [0, 0, 255]
    assert train.source == "photos, train"


@pytest.mark.parametrize("size", [16, 64])
def test_photos_without_a_folder_are_cifar10_at_any_size(data, monkeypatch, size):
    from PIL import Image

    noise = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    found = ImageSet(noise, torch.tensor([0, 1]), ("a", "b"), "CIFAR10 train, through torchvision")
    monkeypatch.setattr(sets, "_named", lambda name, split: found)
    assert load_images("photos") is found
    fitted = load_images("photos", size=size).images
    oracle = Image.fromarray(noise[1].permute(1, 2, 0).numpy()).resize((size, size), Image.Resampling.BICUBIC)
    assert np.abs(fitted[1].permute(1, 2, 0).numpy().astype(int) - np.asarray(oracle)).max() <= 1


def test_photos_without_copy_or_network_become_colour_digits_and_say_so_once(data, monkeypatch, capsys):
    monkeypatch.setenv("GAN_DATA", str(data / "nowhere"))
    found = load_images("photos", size=16)
    assert len(load_images("photos", split="test")) == 1000
    assert found.shape == (3, 16, 16)
    assert "colour digits" in found.source
    notice = capsys.readouterr().out
    assert notice.count("\n") == 1
    assert "no network" in notice


def test_another_data_set_without_copy_or_network_is_an_error_with_a_remedy(data, monkeypatch):
    monkeypatch.setenv("GAN_DATA", str(data / "nowhere"))
    with pytest.raises(DatasetError, match=r"download failed.*Connect and run again.*strokes"):
        load_images("cifar10")


def test_an_unknown_name_lists_the_known_ones(data):
    with pytest.raises(DatasetError, match=r"'mnits' is neither a known data set \(mnist, .*strokes.*\) nor a folder"):
        load_images("mnits")
    with pytest.raises(DatasetError, match="split must be"):
        load_images("mnist", split="validation")


@pytest.mark.parametrize(
    "damage", [lambda b: b[:500], lambda b: b[:5] + b"\x99" + b[6:], lambda b: b[:3], lambda b: b""]
)
def test_a_damaged_idx_file_is_refused_by_name(data, damage):
    path = data / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match=r"damaged file: .*train-images-idx3-ubyte\. Delete it and run again"):
        load_images("mnist")


def test_idx_is_whole(data):
    path = data / "MNIST" / "raw" / "train-images-idx3-ubyte"
    assert idx_is_whole(path)
    path.write_bytes(path.read_bytes() + b"x")
    assert not idx_is_whole(path)


def test_a_network_that_never_answers_is_given_up_in_time(monkeypatch):
    def silence(*_: object, **__: object) -> None:
        time.sleep(3)
        raise TimeoutError

    monkeypatch.setattr("urllib.request.urlopen", silence)
    start = time.perf_counter()
    with pytest.raises(ConnectionError):
        wait_for_answer("http://example.invalid", timeout=0.3)
    assert time.perf_counter() - start < 1


def test_every_named_data_set_knows_its_address():
    from torchvision import datasets as torchvision_datasets

    for kind, _, _ in sets.NAMED.values():
        assert sets._address(getattr(torchvision_datasets, kind)).startswith("http")


def test_scaling_inverts_exactly_and_fills_the_range():
    pixels = torch.arange(256, dtype=torch.uint8)
    scaled = scale_pixels(pixels)
    assert torch.equal(unscale_pixels(scaled), pixels)
    assert (float(scaled[0]), float(scaled[-1])) == (-1, 1)
    assert scale_pixels(scaled) is scaled
    assert unscale_pixels(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


def test_an_epoch_holds_each_picture_once(tiny_images):
    batches = list(tiny_images.batches(16, seed=3))
    seen = unscale_pixels(torch.cat(batches)).flatten(1)
    assert sorted(seen.tolist()) == sorted(tiny_images.images.flatten(1).tolist())
    assert [len(batch) for batch in tiny_images.batches(50)] == [50, 50]  # the incomplete one is left out


def test_batches_depend_on_seed_and_epoch_alone(tiny_images):
    def first(**order: int) -> torch.Tensor:
        return next(image_batches(tiny_images.images, 8, **order))

    assert torch.equal(first(seed=1, epoch=2), first(seed=1, epoch=2))
    assert not torch.equal(first(seed=1, epoch=2), first(seed=1, epoch=3))
    assert not torch.equal(first(seed=1, epoch=2), first(seed=2, epoch=2))
    whole = list(image_batches(tiny_images.images, 8, 1, 2))
    rest = list(image_batches(tiny_images.images, 8, 1, 2, start=5))
    assert torch.equal(torch.cat(whole[5:]), torch.cat(rest))


def test_a_set_can_be_cut_like_a_tensor(tiny_images):
    bright = tiny_images[tiny_images.labels == 1]
    assert isinstance(bright, ImageSet)
    assert len(bright) == 64
    assert bright.images.float().mean() > tiny_images.images.float().mean()
