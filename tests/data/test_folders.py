from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers.data import folders
from gan_helpers.data.folders import DatasetError
from gan_helpers.data.sets import load_images


@pytest.fixture
def folder(tmp_path):
    """Pictures of several modes and sizes in two classes, one broken, one not a picture."""
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (60, 40), (255, 0, 0)).save(tmp_path / "cats" / "a.png")
    Image.new("L", (7, 90), 100).save(tmp_path / "cats" / "b.jpg", quality=95)
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(tmp_path / "dogs" / "clear.PNG")
    Image.new("P", (16, 16), 0).save(tmp_path / "dogs" / "palette.gif")
    Image.fromarray(np.full((9, 9), 32768, dtype=np.uint16)).save(tmp_path / "dogs" / "deep.png")
    (tmp_path / "dogs" / "broken.png").write_bytes(b"\x89PNG not really")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_mixed_sizes_and_modes_are_fitted(folder, capsys):
    found = load_images(folder, size=12)
    assert found.images.shape == (5, 3, 12, 12)
    assert found.images.dtype == torch.uint8
    assert found.classes == ("cats", "dogs")
    assert found.labels.tolist() == [0, 0, 1, 1, 1]
    red, grey, clear, deep, _ = found.images
    assert red[:, 6, 6].tolist() == [255, 0, 0]
    assert abs(int(grey[0, 6, 6]) - 100) <= 2
    assert clear.min() == 255  # transparent is white
    assert deep[:, 6, 6].tolist() == [128, 128, 128]  # 16 bits are scaled, not clipped
    assert "left out 1 unreadable: dogs/broken.png" in capsys.readouterr().out.replace("\\", "/")


def test_one_channel(folder):
    assert load_images(folder, size=8, channels=1).images.shape == (5, 1, 8, 8)


def test_the_middle_square_is_kept(tmp_path):
    picture = np.zeros((10, 30, 3), dtype=np.uint8)
    picture[:, 10:20] = 200
    Image.fromarray(picture).save(tmp_path / "wide.png")
    found = load_images(tmp_path, size=10)
    assert (found.images == 200).all()
    assert found.classes == (tmp_path.name,)


def test_every_tenth_picture_is_held_out(tmp_path):
    for i in range(20):
        Image.new("L", (4, 4), i).save(tmp_path / f"{i:02}.png")
    train, test = (load_images(tmp_path, split, size=4, channels=1) for split in ("train", "test"))
    assert test.images[:, 0, 0, 0].tolist() == [9, 19]
    assert len(train) == 18


def test_a_folder_without_pictures_says_what_it_needs(tmp_path):
    with pytest.raises(DatasetError, match=r"no picture in .*: it needs files ending in .*\.png"):
        load_images(tmp_path)


def test_a_folder_of_broken_pictures_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="none of the 1 pictures"):
        load_images(tmp_path)


def test_impossible_sizes_and_channels_are_refused(folder):
    with pytest.raises(DatasetError, match="channels must be 1 or 3"):
        load_images(folder, channels=4)


def test_celeba_is_the_folder_of_its_photographs_one_in_five(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    monkeypatch.setenv("GAN_QUICK", "0")
    pictures = tmp_path / "celeba" / "img_align_celeba"
    pictures.mkdir(parents=True)
    for index in range(60):
        Image.new("RGB", (178, 218), (4 * index, 0, 0)).save(pictures / f"{index:06}.png")
    train, test = (load_images("celeba", split, size=64) for split in ("train", "test"))
    assert (len(train), len(test)) == (11, 1)  # of 12
    assert train.shape == (3, 64, 64)
    assert train.images[:, 0, 0, 0].tolist() == [20 * index for index in (*range(9), 10, 11)]


def test_celeba_without_a_download_says_what_to_do(tmp_path, monkeypatch):
    def refuse(address):
        raise ConnectionError("no network")

    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    monkeypatch.setattr(folders, "wait_for_answer", refuse)
    with pytest.raises(DatasetError, match=r"no network.*with a browser.*unpack it.*img_align_celeba holds.*'faces'"):
        load_images("celeba", size=64)
