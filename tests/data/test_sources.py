"""Named data sets in tiny files of the real formats: found however packed, refused by name when damaged."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets as torchvision_datasets

from gan_helpers.data import sources
from gan_helpers.data.downloads import DownloadError
from gan_helpers.data.folders import DatasetError
from gan_helpers.data.sets import load_images
from gan_helpers.data.sources import ARCHIVES, Unavailable, celeba_folder, load_archive, parse_idx

CODES = {
    "uint8": (8, ">u1"),
    "int32": (12, ">i4"),
    "int16": (11, ">i2"),
    "float32": (13, ">f4"),
    "float64": (14, ">f8"),
}
PICTURES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)
TEST = 5  # so many of them are the test split


def idx(values: np.ndarray) -> bytes:
    """The IDX format, as its inventors describe it: zero, zero, type, dimensions, sizes, values."""
    kind, layout = CODES[str(values.dtype)]
    sizes = b"".join(int(size).to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, kind, values.ndim]) + sizes + values.astype(layout).tobytes()


def idx_files(kind: str, train: str, test: str, labels: str = "labels-idx1-ubyte", rows: bool = False) -> dict:
    files = {}
    for stem, n in ((train, 12), (test, TEST)):
        numbers = np.zeros((n, 8), np.int32) if rows else LABELS[:n]
        if rows:
            numbers[:, 0] = LABELS[:n]
        files[f"{kind}/raw/{stem}-images-idx3-ubyte"] = idx(PICTURES[:n])
        files[f"{kind}/raw/{stem}-{labels}"] = idx(numbers)
    return files


def cifar_files() -> dict[str, bytes]:
    files = {}
    for name, rows in {
        **{f"data_batch_{i}": slice(2 * i, 2 * i + 2) for i in range(1, 6)},
        "test_batch": slice(0, TEST),
    }.items():
        batch = {"data": COLOURS[rows].reshape(-1, 3072), "labels": LABELS[rows].tolist()}
        files[f"cifar-10-batches-py/{name}"] = pickle.dumps(batch)
    return files


def svhn_files() -> dict[str, bytes]:
    files = {}
    for split, n in (("train", 12), ("test", TEST)):
        content = io.BytesIO()
        labels = np.where(LABELS[:n] == 0, 10, LABELS[:n])  # SVHN writes a zero as 10
        savemat(content, {"X": COLOURS[:n].transpose(2, 3, 1, 0), "y": labels[:, None]})
        files[f"{split}_32x32.mat"] = content.getvalue()
    return files


FILES = {
    "mnist": idx_files("MNIST", "train", "t10k"),
    "fashion-mnist": idx_files("FashionMNIST", "train", "t10k"),
    "kmnist": idx_files("KMNIST", "train", "t10k"),
    "emnist": idx_files("EMNIST", "emnist-balanced-train", "emnist-balanced-test"),
    "qmnist": idx_files("QMNIST", "qmnist-train", "qmnist-test", "labels-idx2-int", rows=True),
    "cifar10": cifar_files(),
    "svhn": svhn_files(),
}
IDX = ["mnist", "fashion-mnist", "kmnist", "emnist", "qmnist"]


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def write(folder: Path, files: dict[str, bytes], pack: Callable[[bytes], bytes] = bytes, end: str = "") -> None:
    for name, content in files.items():
        path = folder / f"{name}{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(content))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder, no other, and no network; torchvision's checksums are those of our tiny files."""
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    monkeypatch.setattr("gan_helpers.environment.COURSE_ROOT", tmp_path / "course")
    monkeypatch.setattr("gan_helpers.data.sets._told", set())
    monkeypatch.setattr(sources, "fetch", no_network)
    monkeypatch.setattr(sources, "wait_for_connection", no_network)
    cifar, svhn = torchvision_datasets.CIFAR10, torchvision_datasets.SVHN
    sums = {Path(name).name: md5(content) for name, content in FILES["cifar10"].items()}
    monkeypatch.setattr(cifar, "train_list", [[name, sums[name]] for name, _ in cifar.train_list])
    monkeypatch.setattr(cifar, "test_list", [[name, sums[name]] for name, _ in cifar.test_list])
    rows = {s: [svhn.split_list[s][0], f, md5(FILES["svhn"][f])] for s in ("train", "test") for f in [f"{s}_32x32.mat"]}
    monkeypatch.setattr(svhn, "split_list", rows)
    return tmp_path


def no_network(*_: object, **__: object) -> None:
    raise DownloadError("no network, for a test")


def expected(name: str, split: str) -> tuple[torch.Tensor, list[int]]:
    train = slice(2 if name == "cifar10" else 0, 12)
    rows = train if split == "train" else slice(0, TEST)
    images = torch.from_numpy(COLOURS if name in ("cifar10", "svhn") else PICTURES[:, None])
    return (images.transpose(2, 3) if name == "emnist" else images)[rows], LABELS[rows].tolist()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", FILES)
def test_each_data_set_is_read_as_it_was_written(data, name, split):
    write(data, FILES[name])
    found = load_images(name, split)
    images, labels = expected(name, split)
    assert torch.equal(found.images, images)
    assert found.images.dtype == torch.uint8
    assert found.images.is_contiguous()
    assert found.labels.tolist() == labels
    assert found.labels.dtype == torch.int64
    assert found.source == f"{ARCHIVES[name].kind} {split}, through torchvision"


def test_each_data_set_is_read_as_torchvision_reads_it(data):
    """Our files and our reader against an independent reader."""
    for name in ("mnist", "fashion-mnist", "kmnist", "qmnist", "emnist"):
        write(data, FILES[name])
        extra = {"split": "balanced"} if name == "emnist" else {}
        oracle = getattr(torchvision_datasets, ARCHIVES[name].kind)(data, train=True, **extra)
        images, labels, classes, _ = load_archive(name, "train")
        assert torch.equal(images[:, 0].mT if name == "emnist" else images[:, 0], oracle.data)
        assert labels.tolist() == [int(target) for _, target in oracle]
        assert classes == tuple(str(c).split(" - ")[0] for c in oracle.classes)


def test_idx_values_of_every_type_come_back():
    for kind in CODES:
        values = (np.random.default_rng(3).random((3, 2, 5)) * 100).astype(kind)
        read = parse_idx(np.frombuffer(idx(values), np.uint8))
        assert np.array_equal(read, values)


# --- packed, partly there, elsewhere --------------------------------------------------------------------


@pytest.mark.parametrize("name", IDX)
def test_gz_copies_are_used_offline_and_unpacked_where_they_lie(data, name):
    write(data, FILES[name], gzip.compress, ".gz")
    for split in ("train", "test"):
        found = load_images(name, split)
        assert torch.equal(found.images, expected(name, split)[0])
    for path, content in FILES[name].items():
        assert (data / path).read_bytes() == content
        assert (data / f"{path}.gz").exists()
    assert not list(data.rglob(".*"))


@pytest.mark.parametrize("name", ["mnist", "qmnist", "cifar10", "emnist"])
def test_packed_copies_in_a_folder_that_takes_no_files_are_read(data, monkeypatch, name):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    pack(data, name) if ARCHIVES[name].packed else write(data, FILES[name], gzip.compress, ".gz")
    before = sorted(data.rglob("*"))
    monkeypatch.setattr(sources, "written", refuse)
    assert torch.equal(load_images(name).images, expected(name, "train")[0])
    assert sorted(data.rglob("*")) == before


def pack(folder: Path, name: str) -> Path:
    """The archive that a data set is downloaded as, with a file more than we need."""
    path = folder / ARCHIVES[name].packed
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "emnist":
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in FILES[name].items():
                archive.writestr(f"gzip/{Path(file).name}.gz", gzip.compress(content))
            archive.writestr("gzip/emnist-byclass-train-images-idx3-ubyte.gz", b"not needed")
    else:
        with tarfile.open(path, "w:gz") as archive:
            for file, content in {**FILES[name], "cifar-10-batches-py/readme.html": b"not needed"}.items():
                info = tarfile.TarInfo(file)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["emnist", "cifar10"])
def test_an_archive_is_unpacked_once(data, name):
    packed = pack(data, name)
    assert torch.equal(load_images(name).images, expected(name, "train")[0])
    packed.unlink()
    assert torch.equal(load_images(name, "test").images, expected(name, "test")[0])
    assert sorted(p.relative_to(data).as_posix() for p in data.rglob("*") if p.is_file()) == sorted(FILES[name])


def test_other_spellings_and_copies_that_a_browser_has_unpacked_or_renamed(data):
    content = FILES["mnist"]
    names = list(content)
    write(data, {names[0].replace("-idx3", ".idx3"): content[names[0]]})
    write(data, {names[1]: content[names[1]]}, gzip.compress)  # packed, without the ending
    write(data, {names[2]: content[names[2]]}, end=".gz")  # not packed, with it
    write(data, {names[3].replace("-idx1", ".idx1"): content[names[3]]}, gzip.compress, ".gz")
    for split in ("train", "test"):
        assert torch.equal(load_images("mnist", split).images, expected("mnist", split)[0])


def test_the_first_folder_with_all_files_is_used(data, tmp_path):
    course = tmp_path / "course" / "data"
    write(course, FILES["mnist"])
    write(data, dict(list(FILES["mnist"].items())[:3]))  # one is missing
    assert load_images("mnist").source.startswith("MNIST train")
    (course / "MNIST" / "raw" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(Unavailable, match=r"no full copy here and no download"):
        load_archive("mnist", "train")
    (data / "MNIST" / "raw" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(
        Unavailable, match=r"no train-labels-idx1-ubyte here and no download \(no network, for a test\)"
    ):
        load_archive("mnist", "train")


# --- damaged: refused by name, never absent ---------------------------------------------------------------

HARM = {
    "empty": lambda content: b"",
    "a few bytes": lambda content: content[:3],
    "half": lambda content: content[: len(content) // 2],
    "one byte less": lambda content: content[:-1],
    "one byte more": lambda content: content + b"x",
    "a web page": lambda content: b"<html>404 not found</html>",
    "another header": lambda content: content[:2] + b"\x99" + content[3:],
    "noise": lambda content: np.random.default_rng(len(content)).bytes(len(content)),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_by_name_and_kept(data, name, harm):
    for number, victim in enumerate(FILES[name]):
        write(data, FILES[name])
        path = data / victim
        path.write_bytes(HARM[harm](FILES[name][victim]))
        split = "test" if any(word in victim for word in ("t10k", "test")) else "train"
        with pytest.raises(DatasetError, match=r"damaged file: \S+\. Delete it and run again") as caught:
            load_images(name, split)
        assert path.name in str(caught.value), number
        assert not isinstance(caught.value, Unavailable)
        assert path.exists()
        path.write_bytes(FILES[name][victim])


@pytest.mark.parametrize("harm", ["empty", "half", "one byte less", "a web page", "noise", "another header"])
@pytest.mark.parametrize("name", ["mnist", "emnist", "cifar10", "qmnist"])
def test_a_damaged_packed_file_is_refused_by_name_and_leaves_nothing(data, name, harm):
    if ARCHIVES[name].packed:
        path = pack(data, name)
    else:
        write(data, FILES[name], gzip.compress, ".gz")
        path = data / f"{next(iter(FILES[name]))}.gz"
    if (name, harm) == ("cifar10", "one byte less"):
        harm = "half"  # the last byte lies behind the end of a tar archive
    path.write_bytes(HARM[harm](path.read_bytes()))
    before = sorted(data.rglob("*"))
    with pytest.raises(DatasetError, match=r"damaged file: .*Delete it") as caught:
        load_images(name)
    assert path.name in str(caught.value)
    assert sorted(data.rglob("*")) == before


def test_pictures_and_labels_that_do_not_belong_together_are_refused(data):
    raw = data / "MNIST" / "raw"
    for labels in (LABELS[:11], LABELS + 1, np.zeros((12, 2, 2), np.uint8)):
        write(data, FILES["mnist"])
        (raw / "train-labels-idx1-ubyte").write_bytes(idx(labels))
        with pytest.raises(DatasetError, match=r"damaged file: \S+images-idx3-ubyte or \S+labels-idx1-ubyte\. Delete"):
            load_images("mnist")
    write(data, FILES["mnist"])
    (raw / "train-images-idx3-ubyte").write_bytes(idx(PICTURES.astype(np.int32)))
    with pytest.raises(DatasetError, match="damaged file"):
        load_images("mnist")


def test_a_file_that_may_not_be_read_is_refused_by_name(data, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    write(data, FILES["mnist"])
    monkeypatch.setattr(sources.np, "fromfile", refuse)
    with pytest.raises(DatasetError, match=r"cannot read \S+train-images-idx3-ubyte \(Permission denied\)"):
        load_images("mnist")


# --- downloads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_what_is_absent_is_downloaded_from_where_torchvision_says_and_read(data, monkeypatch, name):
    fetched = []

    def deliver(addresses, path, checksum):
        assert all(address.startswith("http") for address in addresses)
        assert len(checksum) == 32
        relative = path.relative_to(data).as_posix()
        fetched.append(relative)
        if relative == ARCHIVES[name].packed:
            pack(data, name)
        elif name == "svhn":
            write(data, {relative: FILES[name][relative]})
        else:
            plain = relative.removesuffix(".gz")
            write(data, {plain: FILES[name][plain]}, gzip.compress, ".gz")

    monkeypatch.setattr(sources, "fetch", deliver)
    assert torch.equal(load_images(name).images, expected(name, "train")[0])
    first = len(fetched)
    assert torch.equal(load_images(name, "test").images, expected(name, "test")[0])
    together = ARCHIVES[name].whole or ARCHIVES[name].packed
    assert len(fetched) == (first if together else 2 * first)


def test_only_what_is_missing_is_downloaded(data, monkeypatch):
    fetched = []
    names = list(FILES["mnist"])
    write(data, {name: FILES["mnist"][name] for name in names[1:]})

    def deliver(_, path, __):
        fetched.append(path.name)
        write(data, {names[0]: FILES["mnist"][names[0]]}, gzip.compress, ".gz")

    monkeypatch.setattr(sources, "fetch", deliver)
    assert torch.equal(load_images("mnist").images, expected("mnist", "train")[0])
    assert fetched == ["train-images-idx3-ubyte.gz"]


@pytest.mark.parametrize("name", [name for name in FILES if name != "mnist"])
def test_another_data_set_that_cannot_be_had_is_an_error_with_a_remedy(data, name):
    match = r"no copy here and no download \(no network, for a test\)\. Run again .* put .* into .*or use load_images"
    with pytest.raises(Unavailable, match=match):
        load_images(name)


def test_a_torchvision_that_tells_no_address_is_no_raw_error(data, monkeypatch):
    monkeypatch.setattr(sources, "_torchvision", lambda kind: object())
    assert "stroke digits" in load_images("mnist").source
    with pytest.raises(Unavailable, match="this torchvision tells no address"):
        load_images("qmnist")


# --- CelebA ---------------------------------------------------------------------------------------------


def celeba_zip(folder: Path) -> Path:
    path = folder / "celeba" / "img_align_celeba.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(30):
            content = io.BytesIO()
            Image.new("RGB", (8, 8), (8 * index, 0, 0)).save(content, "png")
            archive.writestr(f"img_align_celeba/{index:06}.png", content.getvalue())
    return path


def test_celebas_zip_file_is_unpacked_where_it_lies(data):
    celeba_zip(data)
    assert celeba_folder() == data / "celeba" / "img_align_celeba"
    assert len(list(celeba_folder().iterdir())) == 30
    assert sorted(path.name for path in (data / "celeba").iterdir()) == ["img_align_celeba", "img_align_celeba.zip"]


@pytest.mark.parametrize("harm", ["empty", "half", "a web page", "noise"])
def test_celebas_damaged_zip_file_is_refused_by_name(data, harm):
    path = celeba_zip(data)
    path.write_bytes(HARM[harm](path.read_bytes()))
    with pytest.raises(
        DatasetError, match=r"damaged file: .*img_align_celeba\.zip\. Delete it and run again"
    ) as caught:
        load_images("celeba", size=8)
    assert not isinstance(caught.value, Unavailable)
    assert [path.name for path in (data / "celeba").iterdir()] == ["img_align_celeba.zip"]


def test_celeba_without_a_download_says_what_to_do_and_leaves_nothing(data, monkeypatch):
    match = r"no network.*with a browser.*put it into .*celeba, or unpack it there\. Or .*'faces'"
    with pytest.raises(Unavailable, match=match):
        load_images("celeba", size=64)

    def half(root, download):
        Path(root, "celeba").mkdir()
        Path(root, "celeba", "img_align_celeba.zip").write_bytes(b"<html>quota</html>")
        raise RuntimeError("File not found\nor corrupted.")

    monkeypatch.setattr(sources, "wait_for_connection", lambda _: None)
    monkeypatch.setattr(torchvision_datasets, "CelebA", half)
    with pytest.raises(Unavailable, match=r"no download \(File not found or corrupted\.\)"):
        load_images("celeba", size=64)
    assert not [path for path in data.rglob("*") if path.is_file()]


def test_celeba_that_arrives_is_moved_into_place(data, monkeypatch):
    def whole(root, download):
        with zipfile.ZipFile(celeba_zip(Path(root))) as archive:
            archive.extractall(Path(root, "celeba"))

    monkeypatch.setattr(sources, "wait_for_connection", lambda _: None)
    monkeypatch.setattr(torchvision_datasets, "CelebA", whole)
    assert len(list(celeba_folder().iterdir())) == 30
    assert sorted(path.name for path in (data / "celeba").iterdir()) == ["img_align_celeba", "img_align_celeba.zip"]
