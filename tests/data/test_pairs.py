"""Pairs and unpaired sets: by name, from folders as readers have them, and every way to get them wrong."""

from __future__ import annotations

from pathlib import Path

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
from gan_helpers.data.image_folder import ORIENTATION, fitted

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


def test_the_source_names_the_direction(two_folders, tmp_path_factory):
    whole = tmp_path_factory.mktemp("halves")
    side_by_side(whole)
    name = two_folders.name
    pairs = load_pairs(two_folders, "test", 8)
    assert pairs.source == f"{name}, test: edges to photo"
    assert pairs.reversed().source == f"{name}, test: edges to photo, reversed"
    assert pairs.reversed().reversed().source == pairs.source
    assert load_pairs(whole, size=8)[:2].source == f"{whole.name}, train: left half to right half"


@pytest.mark.parametrize("size", [(40, 20), (41, 20), (56, 20), (32, 20)])
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


def test_a_half_keeps_the_detail_that_its_file_has(tmp_path):
    """A JPEG is decoded at a reduced size, which must leave enough pixels along the narrow side of each half too."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 80), dtype=np.uint8).repeat(8, 0).repeat(8, 1)  # 800x640
    Image.fromarray(np.concatenate([noise, noise], 1)).save(tmp_path / "a.jpg", quality=95)
    expected = fitted(Image.fromarray(noise), 100)[..., 0].astype(int)
    pairs = load_pairs(tmp_path, size=100)
    assert np.abs(pairs.inputs[0, 0].numpy() - expected).mean() < 4


def test_both_halves_are_cropped_alike(tmp_path):
    """A disc at the same place in both halves stays at the same place."""
    half = np.zeros((30, 40, 3), dtype=np.uint8)
    half[5:12, 22:28] = 255
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
    told = capsys.readouterr().out
    assert "left out 1 unreadable in photo: 03.png" in told
    assert "left out their partners: edges/03.png" in told


def test_partners_are_told_for_both_sides(two_folders, capsys):
    for name in ("photo/03.png", "edges/04.bmp", "photo/05.png", "edges/05.png"):
        (two_folders / name).write_bytes(b"not a picture")
    assert len(load_pairs(two_folders, size=8)) == 8  # of nine: one is held out
    told = capsys.readouterr().out
    assert "left out 2 unreadable in edges: 04.bmp, 05.png" in told
    assert "left out 2 unreadable in photo: 03.png, 05.png" in told
    assert "left out their partners: edges/03.png, photo/04.png\n" in told


def test_a_broken_picture_of_two_sets_is_named_with_its_folder(two_folders, capsys):
    (two_folders / "photo" / "03.png").write_bytes(b"not a picture")
    load_unpaired(two_folders, size=8)
    told = capsys.readouterr().out
    assert "left out 1 unreadable in photo: 03.png" in told
    assert "partners" not in told


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


def test_a_folder_beside_pictures_is_told(tmp_path):
    side_by_side(tmp_path, 3)
    save(tmp_path / "old" / "1.png", RED)
    expected = r"holds 1 subfolder \(old\): .*; 3 pictures lie beside it: for pairs side by side, take it away"
    with pytest.raises(DatasetError, match=expected):
        load_pairs(tmp_path)
    with pytest.raises(DatasetError, match=r"holds 1 subfolder \(old\): two sets of pictures lie in two, A and B"):
        load_unpaired(tmp_path)


@pytest.mark.parametrize(
    "size", [(20, 20), (60, 96), (120, 96), (1280, 960), (960, 640), (31, 20), (57, 20), (300, 100), (1000, 100)]
)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_that_is_no_pair_is_told_with_its_own_measures(tmp_path, size, ending):
    """Squares, photographs of 4:3 and 3:2, two portraits, three squares in a row, a strip."""
    save(tmp_path / f"1.{ending}", RED, size)
    with pytest.raises(DatasetError) as error:
        load_pairs(tmp_path, size=8)
    assert f"1.{ending} is {size[0]}x{size[1]}: a pair A|B side by side is 1.6 to 2.8 times as wide" in str(error.value)
    assert str(error.value).endswith("into two subfolders, A and B, under equal names")


def test_a_turned_picture_is_measured_as_it_is_seen(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # a quarter turn
    Image.new("RGB", (96, 192), RED).save(tmp_path / "1.jpg", exif=exif)
    assert len(load_pairs(tmp_path, size=8)) == 1
    Image.new("RGB", (192, 96), RED).save(tmp_path / "1.jpg", exif=exif)
    with pytest.raises(DatasetError, match=r"1\.jpg is 96x192"):
        load_pairs(tmp_path, size=8)


@pytest.mark.parametrize("form", [str, Path])
@pytest.mark.parametrize("load", [load_pairs, load_unpaired])
def test_two_folders_in_place_of_one_are_told(two_folders, load, form):
    a, b = form(two_folders / "edges"), form(two_folders / "photo")
    for wrong in ((a, b), ([a, b],), ((a, b),)):
        with pytest.raises(DatasetError, match="give one folder: put both, A and B, into it as its two subfolders"):
            load(*wrong)


def test_a_folder_train_where_we_are_is_no_second_folder(two_folders, tmp_path, monkeypatch):
    (tmp_path / "train").mkdir()
    for name in ("photo", "edges"):
        (two_folders / name).rename(tmp_path / "train" / name)
    monkeypatch.chdir(tmp_path)
    assert len(load_pairs(".", "train", 8)) == 12


@pytest.mark.parametrize("names", [("Train", "Test"), ("TRAIN", "Val")])
def test_splits_are_known_in_any_case(tmp_path, names):
    for name, count in zip(names, (4, 3), strict=True):
        side_by_side(tmp_path / "joined" / name, count)
        for side in "AB":
            for i in range(count):
                save(tmp_path / "two" / name / side / f"{i}.png", RED)
    for split, count in {"train": 4, "test": 3}.items():
        assert len(load_pairs(tmp_path / "joined", split, 8)) == len(load_pairs(tmp_path / "two", split, 8)) == count
        assert [len(side) for side in load_unpaired(tmp_path / "two", split, 8)] == [count, count]


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
            save(tmp_path / "capitals" / name.title() / f"{i}.png", RED)
    capitals = [load_unpaired(tmp_path / "capitals", split) for split in ("train", "test")]
    assert [len(side) for sides in capitals for side in sides] == [3, 4, 1, 2]
    assert [len(side) for side in load_unpaired(tmp_path)] == [3, 4]
    assert [len(side) for side in load_unpaired(tmp_path, "test")] == [1, 2]
    for path in (tmp_path / "testB").iterdir():
        path.unlink()
    (tmp_path / "testB").rmdir()
    with pytest.raises(DatasetError, match="not both testA and testB: add them"):
        load_unpaired(tmp_path, "test")


def test_an_empty_or_missing_side_is_told(tmp_path):
    save(tmp_path / "a" / "1.png", RED)
    with pytest.raises(DatasetError, match=r"holds 1 subfolder \(a\): two sets of pictures lie in two, A and B"):
        load_unpaired(tmp_path)
    with pytest.raises(DatasetError, match=r"a holds 0 subfolders: two sets"):
        load_unpaired(tmp_path / "a")
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
