"""Pairs and unpaired sets: by name, from folders as readers have them, and every way to get them wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers.data import (
    DatasetError,
    PairSet,
    check_unpaired,
    colour_digits,
    data_factors,
    draw_faces,
    edge_map,
    grey,
    load_images,
    load_pairs,
    load_unpaired,
)
from gan_helpers.data.faces import FACTORS

RED, BLUE = (200, 0, 0), (0, 0, 200)


def save(path, colour, size=(20, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def grey_level(i: int) -> tuple[int, int, int]:
    return (10 * i, 10 * i, 10 * i)


@pytest.fixture
def two_folders(tmp_path):
    """Twelve pairs: the input's brightness is the number, the target is the same and blue; files in mixed formats."""
    for i in range(12):
        save(tmp_path / "photo" / f"{i:02}.png", (10 * i, 10 * i, 200), (40, 20))
        save(tmp_path / "edges" / f"{i:02}.{'png' if i % 2 else 'bmp'}", grey_level(i), (80, 40))
    return tmp_path


def side_by_side(folder, n=12, size=(40, 20)) -> None:
    for i in range(n):
        pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
        pixels[:, : size[0] // 2], pixels[:, size[0] // 2 :] = grey_level(i), (10 * i, 10 * i, 200)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")


def numbers(images: torch.Tensor) -> list[int]:
    """Which pictures they are: all pixels of one have its brightness."""
    values = images[:, 0].flatten(1)
    assert torch.equal(values.amin(1), values.amax(1))
    return (values[:, 0] // 10).tolist()


# --- pairs ----------------------------------------------------------------------------------------------


def test_two_folders_pair_by_name_whatever_the_ending(two_folders):
    train, test = (load_pairs(two_folders, split, size=8) for split in ("train", "test"))
    assert train.inputs.shape == train.targets.shape == (11, 3, 8, 8)
    assert numbers(train.inputs) == numbers(train.targets) == [*range(9), 10, 11]
    assert numbers(test.inputs) == numbers(test.targets) == [9]
    assert (train.targets[:, 2] == 200).all()  # "edges" comes before "photo"
    back = train.reversed()
    assert torch.equal(back.inputs, train.targets)
    assert torch.equal(back.targets, train.inputs)
    assert numbers(train[2:4].inputs) == numbers(train[2:4].targets) == [2, 3]


@pytest.mark.parametrize("size", [(40, 20), (41, 20), (60, 20), (32, 20)])
def test_a_picture_of_both_is_cut_in_the_middle(tmp_path, size):
    side_by_side(tmp_path, 3, (size[0] // 2 * 2, size[1]))
    if size[0] % 2:  # a column too many, between them
        for path in tmp_path.iterdir():
            pixels = np.asarray(Image.open(path))
            half = pixels.shape[1] // 2
            Image.fromarray(np.insert(pixels, half, 255, axis=1)).save(path)
    pairs = load_pairs(tmp_path, size=16)
    assert numbers(pairs.inputs) == numbers(pairs.targets) == [0, 1]
    assert (pairs.inputs[:, 2] == pairs.inputs[:, 0]).all()
    assert (pairs.targets[:, 2] == 200).all()


def test_both_halves_are_cropped_alike(tmp_path):
    """A disc at the same place in both halves stays at the same place."""
    half = np.zeros((30, 50, 3), dtype=np.uint8)
    half[5:12, 30:36] = 255
    Image.fromarray(np.concatenate([half, 255 - half], 1)).save(tmp_path / "a.png")
    pairs = load_pairs(tmp_path, size=30)
    assert torch.equal(pairs.inputs, 255 - pairs.targets)
    assert pairs.inputs.max() == 255


@pytest.mark.parametrize("test_name", ["test", "val"])
def test_the_data_sets_of_pix2pix_bring_their_splits(tmp_path, test_name):
    side_by_side(tmp_path / "train", 12)
    side_by_side(tmp_path / test_name, 3)
    assert len(load_pairs(tmp_path, "train", 8)) == 12
    assert len(load_pairs(tmp_path, "test", 8)) == 3


def test_grey_pairs(two_folders):
    assert load_pairs(two_folders, size=8, channels=1).inputs.shape == (11, 1, 8, 8)


def test_a_pair_with_a_broken_half_is_left_out_and_told(two_folders, capsys):
    (two_folders / "photo" / "03.png").write_bytes(b"not a picture")
    (two_folders / "edges" / ".hidden.png").write_bytes(b"no")
    (two_folders / "edges" / "notes.txt").write_text("no")
    pairs = load_pairs(two_folders, size=8)
    assert numbers(pairs.inputs) == numbers(pairs.targets) == [0, 1, 2, *range(4, 10), 11]
    assert "left out 1 unreadable: 03.png" in capsys.readouterr().out


def test_names_that_differ_are_told_with_the_remedy(two_folders):
    (two_folders / "photo" / "03.png").rename(two_folders / "photo" / "three.png")
    with pytest.raises(DatasetError, match=r"1 only in .*edges: 03; 1 only in .*photo: three\. Rename or remove"):
        load_pairs(two_folders)


def test_two_of_one_name_are_told(two_folders):
    save(two_folders / "edges" / "03.bmp", RED)
    with pytest.raises(DatasetError, match="two pictures called 03, with different endings: remove one"):
        load_pairs(two_folders)


@pytest.mark.parametrize("empty", ["photo", "edges"])
def test_an_empty_side_is_told(two_folders, empty):
    for path in (two_folders / empty).iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match=rf"no picture in .*{empty}: it is empty"):
        load_pairs(two_folders)


def test_other_proportions_are_told_and_other_sizes_are_not(two_folders):
    save(two_folders / "photo" / "05.png", BLUE, (20, 20))
    with pytest.raises(DatasetError, match=r"05\.png is 80x40, .*05\.png 20x20: .*Crop or resize"):
        load_pairs(two_folders)


def test_a_third_folder_is_told(two_folders):
    save(two_folders / "more" / "1.png", RED)
    with pytest.raises(DatasetError, match=r"3 subfolders \(edges, more, photo\): two sets"):
        load_pairs(two_folders)


def test_a_square_picture_is_no_pair(tmp_path):
    save(tmp_path / "1.png", RED, (20, 20))
    with pytest.raises(DatasetError, match=r"1\.png is 20x20: .*about twice as wide as high.*two subfolders"):
        load_pairs(tmp_path)


def test_a_split_that_is_not_there_is_told(tmp_path):
    side_by_side(tmp_path / "train")
    with pytest.raises(DatasetError, match="holds train, but no folder test or val"):
        load_pairs(tmp_path, "test")


@pytest.mark.parametrize("load", [load_pairs, load_unpaired])
def test_other_names_are_told(load, tmp_path):
    with pytest.raises(DatasetError, match="nor a folder"):
        load("no-such-thing")
    with pytest.raises(DatasetError, match="name one of"):
        load(3)
    with pytest.raises(DatasetError, match="split must be"):
        load(tmp_path, "dev")
    with pytest.raises(DatasetError, match="channels must be 1 or 3"):
        load(tmp_path, channels=2)


def test_edges_of_drawn_faces():
    pairs = load_pairs("edges", "test", 32)
    assert torch.equal(pairs.targets, draw_faces(data_factors("test"), 32))
    assert torch.equal(pairs.inputs, edge_map(pairs.targets))
    with pytest.raises(DatasetError, match="leave channels out"):
        load_pairs("edges", channels=3)


def test_grey_photographs_and_their_colours():
    pairs = load_pairs("colours", "test")
    assert pairs.inputs.shape[1:] == (1, 32, 32)
    assert pairs.targets.shape[1:] == (3, 32, 32)
    assert torch.equal(pairs.inputs, grey(pairs.targets))
    again = load_images("photos", "test", 32)
    assert torch.equal(pairs.targets, again.images)


def pictures(n: int, channels: int = 3, h: int = 8, w: int = 8) -> torch.Tensor:
    return torch.zeros(n, channels, h, w, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("inputs", "targets", "remedy"),
    [
        (pictures(3), pictures(4), "3 inputs and 4 targets"),
        (pictures(0), pictures(0), "at least one input"),
        (
            pictures(2),
            pictures(2, 3, 16, 16),
            "inputs are 8x8, the targets 16x16: .*same size, .*size=8",
        ),
        (pictures(2).float(), pictures(2), "unscale_pixels"),
        (pictures(2)[0], pictures(2), r"images\[None\]"),
        ([1, 2], pictures(2), r"torch\.as_tensor"),
    ],
)
def test_sets_that_are_no_pairs_name_the_remedy(inputs, targets, remedy):
    with pytest.raises(ValueError, match=remedy):
        PairSet(inputs, targets, "made for a test")


# --- without pairs --------------------------------------------------------------------------------------


def test_faces_with_and_without_glasses_are_other_faces():
    without, having = load_unpaired("glasses", "test", 32)
    wears = data_factors("test")[:, FACTORS.index("glasses")] == 1
    faces = draw_faces(data_factors("test"), 32)
    assert torch.equal(without.images, faces[~wears])
    assert torch.equal(having.images, faces[wears])


def test_strokes_and_mnist_at_a_size_that_can_be_halved():
    strokes, mnist = load_unpaired("digits", "test")
    assert strokes.shape == mnist.shape == (1, 32, 32)
    assert strokes.source.startswith("stroke digits")
    assert check_unpaired(strokes, mnist) == (strokes, mnist)


def test_grey_digits_and_colour_digits():
    grey_ones, coloured = load_unpaired("colour digits", "test")
    assert grey_ones.shape == coloured.shape == (3, 32, 32)
    assert torch.equal(grey_ones.images[:, 0], grey_ones.images[:, 2])
    assert not torch.equal(coloured.images[:, 0], coloured.images[:, 2])
    again = colour_digits(coloured.labels, 1, 32)
    assert torch.equal(coloured.images, again)


def test_two_folders_without_pairs(tmp_path):
    for i in range(12):
        save(tmp_path / "horses" / f"h{i}.png", RED)
    for i in range(5):
        save(tmp_path / "zebras" / "more" / f"{i}.jpg", BLUE, (30, 20))
    (tmp_path / ".cache").mkdir()
    a, b = load_unpaired(tmp_path, size=8)
    assert (len(a), len(b)) == (11, 4)
    assert a.shape == b.shape == (3, 8, 8)
    assert a.images[0, :, 0, 0].tolist() == list(RED)
    a, b = load_unpaired(tmp_path, "test", 8, channels=1)
    assert (len(a), len(b)) == (1, 1)
    assert a.shape == (1, 8, 8)


def test_the_data_sets_of_cyclegan_bring_their_splits(tmp_path):
    for name, count in {"trainA": 3, "trainB": 4, "testA": 1, "testB": 2}.items():
        for i in range(count):
            save(tmp_path / name / f"{i}.png", RED)
    assert [len(side) for side in load_unpaired(tmp_path)] == [3, 4]
    assert [len(side) for side in load_unpaired(tmp_path, "test")] == [1, 2]
    for path in (tmp_path / "testB").iterdir():
        path.unlink()
    (tmp_path / "testB").rmdir()
    with pytest.raises(DatasetError, match="not both testA and testB: add them"):
        load_unpaired(tmp_path, "test")


def test_an_empty_or_missing_side_is_told(tmp_path):
    save(tmp_path / "a" / "1.png", RED)
    with pytest.raises(DatasetError, match=r"1 subfolders \(a\): two sets of pictures lie in two, A and B"):
        load_unpaired(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(DatasetError, match=r"no picture in .*b: it is empty"):
        load_unpaired(tmp_path)


@pytest.mark.parametrize(
    ("a", "b", "remedy"),
    [
        (pictures(0), pictures(2), "first of the two sets is empty"),
        (pictures(2), pictures(0), "second of the two sets is empty"),
        (
            pictures(2),
            pictures(3, 3, 8, 16),
            "first set's pictures are 8x8, the second set's 8x16: load both with the same size",
        ),
        (pictures(2, 1), pictures(2), "1 channel, the other 3, grey beside colour: load both with channels=3"),
        (pictures(2).float(), pictures(2), "unscale_pixels"),
    ],
)
def test_sets_that_do_not_go_together_name_the_remedy(a, b, remedy):
    with pytest.raises(ValueError, match=remedy):
        check_unpaired(a, b)
