from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers import environment
from gan_helpers.data import sets, sources
from gan_helpers.data.downloads import DownloadError
from gan_helpers.data.image_folder import DatasetError
from gan_helpers.data.sets import NAMES, ImageSet, image_batches, load_images, scale_pixels, unscale_pixels
from gan_helpers.data.sources import Unavailable
from gan_helpers.environment import COURSE_ROOT

GREY = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
LABELS = torch.arange(12) % 10
DIGITS = tuple("0123456789")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder, no other, and no network."""
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    monkeypatch.setattr("gan_helpers.environment.COURSE_ROOT", tmp_path / "course")
    monkeypatch.setattr(sets, "_told", set())
    monkeypatch.setattr(sources, "fetch", no_network)
    monkeypatch.setattr(sources, "wait_for_connection", no_network)
    sets._read_once.cache_clear()
    return tmp_path


def no_network(*_: object, **__: object) -> None:
    raise DownloadError("no network, for a test")


@pytest.fixture
def archives(data, monkeypatch):
    """Every named archive is at hand, with 12 pictures."""

    def load(name, split):
        images = torch.from_numpy(COLOUR if name in ("cifar10", "svhn") else GREY[:, None])
        return images, LABELS, DIGITS, f"{name} {split}"

    monkeypatch.setattr(sets, "load_archive", load)
    return data


# --- fallbacks ------------------------------------------------------------------------------------------


def test_mnist_that_cannot_be_had_becomes_strokes_and_one_line_says_why_and_how_to_get_it(data, capsys):
    found = load_images("mnist")
    load_images("mnist", split="test")
    assert "stroke digits" in found.source
    assert found.shape == (1, 28, 28)
    assert sorted(set(found.labels.tolist())) == list(range(10))
    notice = capsys.readouterr().out
    assert notice.count("\n") == 1  # for both splits
    assert notice.startswith("MNIST: no copy here and no download (no network, for a test); these are stroke digits")
    assert f"put its four files into {data / 'MNIST' / 'raw'}, or set GAN_DATA" in notice


def test_another_cause_is_told_anew(data, monkeypatch, capsys):
    def expired(*_):
        raise DownloadError("the certificate has expired")

    load_images("mnist")
    monkeypatch.setattr(sources, "fetch", expired)
    load_images("mnist")
    first, second = capsys.readouterr().out.splitlines()
    assert "no network" in first
    assert "the certificate has expired" in second


@pytest.mark.parametrize("name", ["mnist", "photos"])
def test_a_damaged_copy_never_becomes_drawn_digits(data, name):
    path = data / ("MNIST/raw/train-images-idx3-ubyte" if name == "mnist" else "cifar-10-python.tar.gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    for end in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (path.parent / f"{end}-ubyte").write_bytes(b"damaged")
    path.write_bytes(b"damaged")
    with pytest.raises(DatasetError, match=rf"damaged file: \S+{path.name}") as caught:
        load_images(name)
    assert not isinstance(caught.value, Unavailable)


def test_photos_are_a_folder_beside_the_data_sets(data):
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
    assert load_images("photos", size=8, channels=1).shape == (1, 8, 8)


@pytest.mark.parametrize("size", [16, 64])
def test_photos_without_a_folder_are_cifar10_at_any_size(archives, size):
    assert torch.equal(load_images("photos").images, torch.from_numpy(COLOUR))
    fitted = load_images("photos", size=size).images
    oracle = Image.fromarray(COLOUR[1].transpose(1, 2, 0)).resize((size, size), Image.Resampling.BICUBIC)
    assert np.abs(fitted[1].permute(1, 2, 0).numpy().astype(int) - np.asarray(oracle)).max() <= 1


def test_photos_without_copy_or_network_become_colour_digits_and_say_so_once(data, capsys):
    found = load_images("photos", size=16)
    assert len(load_images("photos", split="test")) == environment.budget(5000, 1000)
    assert found.shape == (3, 16, 16)
    assert "colour digits" in found.source
    assert load_images("photos", channels=1).shape == (1, 32, 32)
    notice = capsys.readouterr().out
    assert notice.count("\n") == 1
    assert "no network" in notice
    assert str(data / "photos") in notice


def test_the_notice_reaches_a_terminal_that_knows_ascii_only(tmp_path):
    folder = tmp_path / "Ünïcode \U0001f600"
    script = "from gan_helpers.data import load_images; print(load_images().source)"
    unset = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # nobody answers there
    environment = {"GAN_DATA": str(folder), "GAN_QUICK": "1", "PYTHONIOENCODING": "ascii", "PATH": "", **unset}
    script = f"import gan_helpers.environment as e, pathlib; e.COURSE_ROOT = pathlib.Path({str(folder)!r}); {script}"
    done = subprocess.run([sys.executable, "-c", script], cwd=COURSE_ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"127.0.0.1 refuses the connection" in done.stdout
    assert b"\\U0001f600" in done.stdout


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MNIST", "Mnist", "Fashion-MNIST", "fashion_mnist", "FashionMNIST", "fashion mnist"])
def test_capitals_hyphens_and_spaces_do_not_matter(archives, name):
    known = "fashion-mnist" if "fashion" in name.lower() else "mnist"
    assert load_images(name).source == f"{known} train"


@pytest.mark.parametrize("name", ["CIFAR-10", "cifar_10", "CIFAR10", "SVHN", "K-MNIST", "EMNIST", "q mnist"])
def test_every_name_has_its_spellings(archives, name):
    assert load_images(name).source.split()[0] in name.lower().replace("-", "").replace("_", "").replace(" ", "")


def test_drawn_sets_have_theirs_too(data):
    assert load_images("Strokes", "test").source.startswith("stroke digits")
    assert load_images(" Faces", "test", 16).source.startswith("faces")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("mnits", "mnist"),
        ("fashon-mnist", "fashion-mnist"),
        ("cifar", "cifar10"),
        ("photo", "photos"),
        ("fases", "faces"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one_and_the_list(data, wrong, right):
    with pytest.raises(DatasetError) as caught:
        load_images(wrong)
    told = str(caught.value)
    assert told.startswith(f"{wrong!r} is neither a known data set (")
    assert told.endswith(f"nor a folder on this machine. Did you mean {right!r}?")
    assert all(name in told for name in NAMES)


def test_what_is_no_name_is_refused_with_the_remedy(data, tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"PK")
    cases = {
        "": "neither a known data set",
        "xyzzy": "nor a folder on this machine$",
        "no/such/folder": r"there is no folder .*no.such.folder: is the path right\? Relative ones start at",
        tmp_path / "absent": "there is no folder .*absent",
        tmp_path / "pictures.zip": r"pictures\.zip is a file: give the folder .* unpack an archive first",
        str(tmp_path / "pictures.zip"): "is a file",
        None: "as text or Path, not NoneType",
        7: "as text or Path, not int",
        "nul\0": "neither a known data set",
        "x" * 5000: "nor a folder",
    }
    for name, match in cases.items():
        with pytest.raises(DatasetError, match=match):
            load_images(name)
    with pytest.raises(DatasetError, match=r"split must be one of \('train', 'test'\), not 'validation'"):
        load_images("mnist", split="validation")


def test_a_folder_comes_before_another_spelling_and_a_path_is_always_one(archives, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("MNIST", "mnist"):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.new("L", (4, 4), 9).save(tmp_path / name / "a.png")
    assert load_images("mnist").source == "mnist train"
    assert load_images("MNIST", size=4).source == "MNIST, train"
    assert load_images(tmp_path / "mnist", size=4).source == "mnist, train"
    monkeypatch.chdir(tmp_path / "mnist")
    assert load_images(".", size=4).source == "mnist, train"
    assert load_images(".").classes == ("mnist",)


# --- size and channels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_without_size_and_channels_a_named_set_stays_as_it_is(archives, name):
    own = COLOUR if name == "cifar10" else GREY[:, None]
    side, channels = own.shape[-1], own.shape[1]
    for asked in ({}, {"size": side}, {"channels": channels}, {"size": side, "channels": channels}):
        assert np.array_equal(load_images(name, **asked).images.numpy(), own)


@pytest.mark.parametrize("size", [1, 7, 16, 33, 64])
@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("name", ["mnist", "svhn"])
def test_a_named_set_is_fitted_to_size_and_channels_as_pillow_would(archives, name, size, channels):
    found = load_images(name, size=size, channels=channels)
    own = 3 if name == "svhn" else 1
    assert found.images.shape == (12, channels or own, size, size)
    assert found.images.dtype == torch.uint8
    assert found.images.is_contiguous()
    assert torch.equal(found.labels, LABELS)
    assert (found.classes, found.source) == (DIGITS, f"{name} train")
    for ours, pixels in zip(found.images, COLOUR if name == "svhn" else GREY, strict=True):
        picture = Image.fromarray(pixels.transpose(1, 2, 0) if name == "svhn" else pixels)
        picture = picture.convert("L") if channels == 1 else picture
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)  # Pillow's is antialiased
        picture = picture.convert("RGB") if channels == 3 else picture
        theirs = np.asarray(picture).reshape(size, size, -1).transpose(2, 0, 1)
        assert np.abs(ours.numpy().astype(int) - theirs).max() <= 1


def test_grey_is_exactly_pillows_and_colour_of_grey_three_times_the_same(archives):
    grey = load_images("cifar10", channels=1).images[:, 0]
    for ours, pixels in zip(grey, COLOUR, strict=True):
        assert np.array_equal(ours.numpy(), np.asarray(Image.fromarray(pixels.transpose(1, 2, 0)).convert("L")))
    assert np.array_equal(load_images("mnist", channels=3).images.numpy(), np.repeat(GREY[:, None], 3, 1))


@pytest.mark.parametrize("name", ["strokes", "faces", "logograms"])
def test_drawn_sets_take_size_and_channels_and_keep_their_labels(data, name):
    plain = load_images(name, "test")
    assert plain.shape == {"strokes": (1, 28, 28), "faces": (3, 32, 32), "logograms": (1, 32, 32)}[name]
    for size, channels in ((40, 1), (40, 3)):
        found = load_images(name, "test", size, channels)
        assert found.shape == (channels, size, size)
        assert torch.equal(found.labels, plain.labels)


def test_strokes_in_place_of_mnist_are_fitted_too(data):
    assert load_images("mnist", "test", size=64, channels=3).shape == (3, 64, 64)


@pytest.mark.parametrize("size", [0, -3, 2.5, 64.0, "64", True, 10**6, (32, 32), float("nan")])
@pytest.mark.parametrize("name", ["mnist", "strokes", "photos", "faces", "celeba", "folder"])
def test_sizes_that_make_no_sense_are_refused(archives, name, size):
    with pytest.raises(DatasetError, match=r"size must be a whole number of pixels from 1 to 4096, such as 64, not "):
        load_images(archives if name == "folder" else name, size=size)


@pytest.mark.parametrize("channels", [0, 2, 4, -1, "grey", True, 1.5])
@pytest.mark.parametrize("name", ["mnist", "logograms", "folder"])
def test_other_channels_are_refused(archives, name, channels):
    with pytest.raises(DatasetError, match="channels must be 1 or 3, for grey or colour, not "):
        load_images(archives if name == "folder" else name, channels=channels)


def test_sizes_that_a_drawing_or_this_machine_cannot_have_are_refused(archives, monkeypatch):
    with pytest.raises(DatasetError, match="take 16 or more"):
        load_images("faces", size=4)
    with pytest.raises(DatasetError, match="take 32 pixels or more"):
        load_images("logograms", size=4)
    monkeypatch.setattr("os.sysconf", lambda name: 1000)  # a megabyte of memory
    assert load_images("mnist", size=64).shape == (1, 64, 64)
    with pytest.raises(DatasetError, match=r"12 pictures of 3x512x512 take 0 GB; this machine has 0: choose a smaller"):
        load_images("mnist", size=512, channels=3)


def test_numpy_numbers_are_sizes(archives):
    assert load_images("mnist", size=np.int64(14)).shape == (1, 14, 14)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "strokes", "faces", "logograms", "photos"])
def test_float64_as_default_type_changes_nothing(archives, name):
    plain = load_images(name, "test", 32, 3)
    torch.set_default_dtype(torch.float64)
    try:
        found = load_images(name, "test", 32, 3)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found.images, plain.images)
    assert torch.equal(found.labels, plain.labels)


# --- ImageSet and batches -------------------------------------------------------------------------------


def pictures(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (
            np.zeros((2, 1, 4, 4), np.uint8),
            r"images must be a tensor, not ndarray: torch\.as_tensor\(images\) makes one",
        ),
        ([[1]], "images must be a tensor, not list"),
        (pictures(2, 4, 4), r"shape \(N, C, H, W\), not \(2, 4, 4\): images\[:, None\] adds the channel"),
        (pictures(4, 4), r"not \(4, 4\): images\[None, None\] is a set of one"),
        (pictures(2), r"not \(2,\)$"),
        (pictures(2, 28, 28, 3), r"channels come second.*images\.permute\(0, 3, 1, 2\) moves them"),
        (pictures(2, 28, 28, 1), r"channels come second"),
        (torch.zeros(2, 1, 4, 4), r"uint8, 0 to 255, not float32: unscale_pixels\(images\)"),
        (torch.zeros(2, 1, 4, 4).double(), r"not float64: unscale_pixels"),
        (pictures(2, 1, 4, 4).int(), r"not int32: images\.byte\(\)"),
    ],
)
def test_images_that_do_not_fit_are_refused_with_the_remedy(images, match):
    with pytest.raises(ValueError, match=match):
        ImageSet(images, torch.tensor([0, 0]), ("a",), "test")


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.array([0, 0]), r"labels must be a tensor, not ndarray"),
        ([0, 0], r"labels must be a tensor, not list: torch\.as_tensor\(labels\) makes one"),
        (torch.tensor([0]), r"2 pictures need labels of shape \(2,\), not \(1,\)"),
        (torch.zeros(2, 1).long(), r"not \(2, 1\)"),
        (torch.zeros(2), r"labels must be int64, not float32: labels\.long\(\)"),
        (torch.tensor([0, 1], dtype=torch.uint8), r"not uint8: labels\.long\(\)"),
        (torch.tensor([1, 2]), r"labels run from 1 to 2, but 2 classes count from 0: labels - 1"),
        (torch.tensor([0, 9]), r"labels run from 0 to 9, but 2 classes count from 0: name 10 classes"),
        (torch.tensor([-1, 1]), r"labels run from -1 to 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_the_remedy(labels, match):
    with pytest.raises(ValueError, match=match):
        ImageSet(pictures(2, 1, 4, 4), labels, ("a", "b"), "test")


def test_the_remedies_work():
    stack = np.zeros((2, 28, 28, 3), np.uint8)
    labels = torch.as_tensor(np.array([0, 1], np.uint8)).long()
    assert ImageSet(torch.as_tensor(stack).permute(0, 3, 1, 2), labels, ("a", "b"), "test").shape == (3, 28, 28)
    assert ImageSet(pictures(2, 4, 4)[:, None], labels, ("a", "b"), "test").shape == (1, 4, 4)
    assert len(ImageSet(pictures(3, 4, 4)[None], torch.tensor([0]), ("a",), "test")) == 1
    assert ImageSet(unscale_pixels(torch.zeros(2, 1, 4, 4)), labels, ("a", "b"), "test").images.max() == 128


@pytest.mark.parametrize("index", [3, -1, np.int64(3), torch.tensor(3)])
def test_one_picture_alone_is_refused_with_the_remedy(tiny_images, index):
    with pytest.raises(TypeError, match=r"take a slice, a mask or indices, such as \[.*one picture is data\.images\["):
        tiny_images[index]
    with pytest.raises(TypeError, match="one picture is"):
        next(iter(tiny_images))


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


def test_what_no_batches_can_be_made_of_is_refused(tiny_images):
    with pytest.raises(TypeError, match=r"ImageSet or a tensor, not ndarray: torch\.as_tensor\(data\)"):
        next(image_batches(tiny_images.images.numpy(), 8))
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        next(tiny_images.batches(0))


@pytest.mark.parametrize(
    "chosen", [slice(3, 9), torch.tensor([5, 1]), np.array([5, 1]), [5, 1], torch.arange(128) < 7, slice(0, 0)]
)
def test_a_set_can_be_cut_like_a_tensor(tiny_images, chosen):
    part = tiny_images[chosen]
    assert isinstance(part, ImageSet)
    assert torch.equal(part.images, tiny_images.images[chosen])
    assert torch.equal(part.labels, tiny_images.labels[chosen])
    assert (part.classes, part.source) == (tiny_images.classes, tiny_images.source)
