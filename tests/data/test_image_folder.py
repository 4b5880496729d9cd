"""Folders as readers have them: every format and mode, links, leftovers of systems, broken files, odd names."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps, features

from gan_helpers.data import image_folder
from gan_helpers.data.image_folder import DatasetError, eight_bits, picture_suffixes, read_folder
from gan_helpers.data.sets import load_images
from gan_helpers.environment import COURSE_ROOT

RAMP = np.linspace(0, 1, 256)  # level k of 255, exactly


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


def told(capsys) -> str:
    """What was said besides the progress bar."""
    return capsys.readouterr().out.rsplit("/s]")[-1].strip().replace("\\\\", "/")


def one(folder, name, size=8, channels=3) -> np.ndarray:
    """The only picture of a folder, (H, W, C)."""
    images, _, _ = read_folder(folder, size, channels)
    assert len(images) == 1, name
    return images[0].permute(1, 2, 0).numpy()


def test_mixed_sizes_and_modes_are_fitted(folder, capsys):
    images, labels, classes = read_folder(folder, 12, 3)
    assert images.shape == (5, 3, 12, 12)
    assert images.dtype == torch.uint8
    assert images.is_contiguous()
    assert classes == ("cats", "dogs")
    assert labels.tolist() == [0, 0, 1, 1, 1]
    red, grey, clear, deep, _ = images
    assert red[:, 6, 6].tolist() == [255, 0, 0]
    assert abs(int(grey[0, 6, 6]) - 100) <= 2
    assert clear.min() == 255  # transparent is white
    assert deep[:, 6, 6].tolist() == [128, 128, 128]  # 16 bits are scaled, not clipped
    assert told(capsys) == f"left out 1 unreadable in {folder.name}: dogs/broken.png; passed over 1: 1 .txt"


def test_one_channel(folder):
    assert read_folder(folder, 8, 1)[0].shape == (5, 1, 8, 8)


def test_the_middle_square_is_kept(tmp_path):
    picture = np.zeros((10, 30, 3), dtype=np.uint8)
    picture[:, 10:20] = 200
    Image.fromarray(picture).save(tmp_path / "wide.png")
    found = load_images(tmp_path, size=10)
    assert (found.images == 200).all()
    assert found.classes == (tmp_path.name,)


def test_without_size_and_channels_a_folder_is_read_in_colour_at_32(folder):
    assert load_images(folder).shape == (3, 32, 32)
    assert load_images(folder, size=20, channels=1).shape == (1, 20, 20)


# --- which files ----------------------------------------------------------------------------------------

WRITTEN = ["png", "apng", "jpg", "jpeg", "jfif", "jpe", "mpo", "webp", "gif", "bmp", "dib", "tif", "tiff", "ppm", "pnm"]
WRITTEN += ["tga", "pcx", "jp2", "j2k", "ico", "icns", "sgi", "rgb", "dds", "im", "avif", "qoi"]


@pytest.mark.parametrize("end", WRITTEN)
def test_every_format_that_pillow_reads_and_writes_is_read(tmp_path, end, capsys):
    if end in ("avif", "webp") and not features.check(end):
        pytest.skip(f"this Pillow has no {end}")
    Image.init()
    if Image.registered_extensions().get(f".{end}") not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {end}")
    Image.new("RGB", (32, 32), (200, 100, 0)).save(tmp_path / f"picture.{end.upper()}")
    assert np.abs(one(tmp_path, end).astype(int) - (200, 100, 0)).max() <= 8
    assert told(capsys) == ""


def test_the_endings_are_those_that_pillow_decodes():
    suffixes = picture_suffixes()
    assert {".jfif", ".png", ".tif", ".webp", ".ico", ".mpo"} <= suffixes
    assert not suffixes & {".pdf", ".mpg", ".h5", ".txt", ""}


def test_a_format_that_a_plugin_adds_later_is_read(tmp_path):
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "phone.heic", "png")
    with pytest.raises(DatasetError, match=r"no picture in .*: it holds only 1 \.heic\. It needs files such as \.png"):
        read_folder(tmp_path, 8, 3)
    Image.register_extension("PNG", ".heic")
    try:
        assert one(tmp_path, "heic")[0, 0].tolist() == [1, 2, 3]
    finally:
        del Image.EXTENSION[".heic"]


def picture(path, grey: int = 50) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), grey).save(path)


HIDDEN = [".ipynb_checkpoints/a.png", "cats/._a.png", "__MACOSX/cats/a.png", "cats/@eaDir/a.png", ".hidden.png"]


def test_hidden_files_and_folders_are_passed_over_and_counted(tmp_path, capsys):
    picture(tmp_path / "cats" / "a.png")
    for path in HIDDEN:
        picture(tmp_path / path)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / "cats" / name).write_bytes(b"")
    _, _, classes = read_folder(tmp_path, 4, 1)
    assert classes == ("cats",)
    assert told(capsys) == "passed over 8: 8 hidden"


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path):
    picture(tmp_path / ".cache" / "a.png")
    assert load_images(tmp_path / ".cache", size=4).classes == (".cache",)


def test_files_that_are_no_pictures_are_counted_by_kind(tmp_path, capsys):
    picture(tmp_path / "a.png")
    for name in ("b.txt", "c.TXT", "d.mp4", "README", "archive.tar.gz", "e.xmp", "f.json", "g.csv"):
        (tmp_path / name).write_text("")
    read_folder(tmp_path, 4, 1)
    line = told(capsys)
    assert line.startswith("passed over 8: 2 .txt, 1 ")
    assert line.endswith(", others")


def test_links_are_followed_without_going_in_circles(tmp_path, capsys):
    pictures, elsewhere = tmp_path / "pictures", tmp_path / "elsewhere"
    picture(elsewhere / "deep" / "a.png", 10)
    picture(elsewhere / "b.png", 20)
    picture(pictures / "own" / "c.png", 30)
    (pictures / "linked").symlink_to(elsewhere, target_is_directory=True)
    (pictures / "again").symlink_to(elsewhere, target_is_directory=True)
    (pictures / "d.png").symlink_to(elsewhere / "b.png")
    (pictures / "own" / "circle").symlink_to(pictures, target_is_directory=True)
    (elsewhere / "back").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "loop").symlink_to(elsewhere / "loop")
    (pictures / "broken.png").symlink_to(tmp_path / "nowhere.png")
    images, labels, classes = read_folder(pictures, 4, 1)
    assert classes == ("again", "linked", "own", "pictures")
    assert images[:, 0, 0, 0].tolist() == [20, 10, 20, 20, 10, 30]
    assert labels.tolist() == [0, 0, 3, 1, 1, 2]
    assert "1 broken link" in told(capsys)


def test_a_linked_folder_itself_can_be_asked_for(tmp_path):
    picture(tmp_path / "far" / "a.png")
    (tmp_path / "near").symlink_to(tmp_path / "far", target_is_directory=True)
    assert load_images(tmp_path / "near", size=4).classes == ("near",)


def test_a_pipe_with_a_pictures_name_is_not_waited_for(tmp_path):
    picture(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    assert len(read_folder(tmp_path, 4, 1)[0]) == 1


def test_the_classes_are_the_first_subfolders_however_deep_the_pictures(tmp_path):
    for path in ("b/x/y/z.png", "b/a.png", "a/q/r.png", "top.png", "a.png/inside.png"):
        picture(tmp_path / path)
    _, labels, classes = read_folder(tmp_path, 4, 1)
    assert classes == ("a", "a.png", "b", tmp_path.name)
    assert labels.tolist() == [0, 1, 2, 2, 3]


def test_the_order_is_that_of_sorted_paths(tmp_path):
    names = ["b/1.png", "a b/2.png", "a/3.png", "a-b/4.png", "B/5.png", "z.png", "a/b/6.png", "a/b.png"]
    for grey, name in enumerate(names):
        picture(tmp_path / name, grey)
    images, _, _ = read_folder(tmp_path, 4, 1)
    order = sorted(tmp_path / name for name in names)
    assert [tmp_path / names[int(grey)] for grey in images[:, 0, 0, 0]] == order


def test_a_folder_that_cannot_be_opened_is_counted(tmp_path, monkeypatch, capsys):
    picture(tmp_path / "a" / "a.png")
    picture(tmp_path / "b" / "b.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert read_folder(tmp_path, 4, 1)[2] == ("a",)
    assert told(capsys) == "passed over 1: 1 folder that cannot be opened"


def test_no_folder_at_all_is_an_error_with_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match=r"no picture in .*: it is empty\. It needs files such as \.png, \.jpg"):
        load_images(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "notes.txt").write_text("")
    with pytest.raises(DatasetError, match=r"it holds only 1 \.txt"):
        load_images(tmp_path)
    picture(tmp_path / "a.png")
    for load in (lambda: load_images(tmp_path / "a.png"), lambda: read_folder(tmp_path / "a.png", 4, 1)):
        with pytest.raises(DatasetError, match=r"a\.png is a file.* give the folder that holds"):
            load()


def test_a_folder_of_broken_pictures_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="none of the 1 pictures"):
        load_images(tmp_path)


# --- broken files ---------------------------------------------------------------------------------------

RAISED = [struct.error, TypeError, RuntimeError, SyntaxError, ValueError, OSError, KeyError, IndexError, EOFError]
RAISED += [ZeroDivisionError, OverflowError, AttributeError, RecursionError, MemoryError, Image.DecompressionBombError]


@pytest.mark.parametrize("kind", RAISED)
def test_any_exception_from_one_file_lists_that_file_and_no_other(tmp_path, monkeypatch, capsys, kind):
    def raising(path, *args, **options):
        if str(path).endswith("bad.png"):
            raise kind("malformed")
        return opened(path, *args, **options)

    opened = Image.open
    for name in ("a", "bad", "c"):
        picture(tmp_path / f"{name}.png")
    monkeypatch.setattr(Image, "open", raising)
    assert len(read_folder(tmp_path, 4, 1)[0]) == 2
    assert told(capsys) == f"left out 1 unreadable in {tmp_path.name}: bad.png"


@pytest.mark.parametrize("seed", range(3))
def test_files_with_random_damage_never_stop_a_folder(tmp_path, seed):
    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    for end in ("png", "jpg", "gif", "tif", "bmp", "webp", "tga", "ppm", "ico", "jp2"):
        options = {"exif": exif} if end in ("png", "jpg", "tif", "webp") else {}
        Image.fromarray(noise).save(tmp_path / f"whole.{end}", **options)
        content = np.frombuffer((tmp_path / f"whole.{end}").read_bytes(), np.uint8)
        for number in range(12):
            harmed = content[: random.integers(1, len(content) + 1)].copy()
            places = random.integers(0, min(len(harmed), 200 if number % 2 else 10**9), 4)
            harmed[places] = random.integers(0, 256, 4)
            (tmp_path / f"harmed{number}.{end}").write_bytes(harmed.tobytes())
    images, _, _ = read_folder(tmp_path, 8, 3)
    assert 10 <= len(images) <= 130


def test_many_unreadable_files_are_counted_and_some_named(tmp_path, capsys):
    picture(tmp_path / "a.png")
    for number in range(15):
        (tmp_path / f"b{number:02}.png").write_bytes(b"broken")
    read_folder(tmp_path, 4, 1)
    line = told(capsys)
    assert line.startswith(f"left out 15 unreadable in {tmp_path.name}: b00.png, b01.png")
    assert line.endswith("b09.png and 5 more")


def test_huge_pictures_are_listed_and_large_ones_read_without_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    for side in (4, 10, 20):  # a warning from 60 pixels on, an error from 120
        Image.new("L", (side, side), side).save(tmp_path / f"{side:02}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images, _, _ = read_folder(tmp_path, 4, 1)
    assert images[:, 0, 0, 0].tolist() == [4, 10]
    assert told(capsys) == f"left out 1 unreadable in {tmp_path.name}: 20.png"


def exif_with(*entries: tuple[int, int, int, int]) -> bytes:
    """EXIF of entries (tag, type, count, value or offset), malformed as they may be."""
    packed = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"Exif\0\0MM\0\x2a\0\0\0\x08" + struct.pack(">H", len(entries)) + packed + b"\0\0\0\0"


TURNED = (0x0112, 3, 1, 6 << 16)
MALFORMED = [
    exif_with(TURNED, (0x010E, 2, 10**6, 10**6)),  # a text beyond the end
    exif_with(TURNED, (0x011A, 5, 1, 8)),  # a fraction of nonsense
    exif_with(TURNED, (0x9286, 99, 4, 0)),  # of no type
    exif_with((0x0100, 4, 2**31, 4), TURNED),
    exif_with((0x8769, 4, 1, 2**31), TURNED),  # the next directory is nowhere
    exif_with(TURNED, (0xA005, 12, 1, 2)),
    exif_with(TURNED)[:-9],  # cut off
    b"Exif\0\0MM\0\x2a\xff\xff\xff\xff",
    b"Exif\0\0nonsense",
    b"Exif\0\0",
]


@pytest.mark.parametrize("exif", MALFORMED)
@pytest.mark.parametrize("end", ["jpg", "png", "webp"])
def test_malformed_exif_costs_no_pixels(tmp_path, capsys, exif, end):
    half = np.zeros((16, 16), np.uint8)
    half[:8] = 255
    Image.fromarray(half).save(tmp_path / f"photo.{end}", exif=exif)
    pixels = one(tmp_path, end, 16, 1)[..., 0]
    upright, turned = (np.abs(pixels - seen.astype(float)).max() < 60 for seen in (half, np.rot90(half, -1)))
    assert upright or turned
    assert told(capsys) == ""


def test_an_entry_that_cannot_be_read_does_not_hide_the_orientation(tmp_path):
    half = np.zeros((16, 16), np.uint8)
    half[:8] = 255
    Image.fromarray(half).save(tmp_path / "photo.png", exif=MALFORMED[0])
    assert np.array_equal(one(tmp_path, "photo", 16, 1)[..., 0], np.rot90(half, -1))


@pytest.mark.parametrize("kind", [struct.error, TypeError, RuntimeError, SyntaxError, ValueError, KeyError])
def test_an_orientation_that_cannot_be_read_costs_no_pixels(tmp_path, monkeypatch, kind):
    def raising(self):
        raise kind("malformed")

    picture(tmp_path / "a.jpg", 77)
    monkeypatch.setattr(Image.Image, "getexif", raising)
    assert (one(tmp_path, "a", 4, 1) == 77).all()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("end", ["png", "tif", "webp"])
def test_pictures_stand_as_exif_says_and_pillow_turns_them(tmp_path, orientation, end):
    noise = np.random.default_rng(orientation).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if end == "webp" else {}
    Image.fromarray(noise).save(tmp_path / f"a.{end}", exif=exif, **options)
    with Image.open(tmp_path / f"a.{end}") as opened:
        oracle = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    assert np.array_equal(one(tmp_path, end, 9), oracle)


# --- depth and modes ------------------------------------------------------------------------------------

LEVELS = np.arange(256)


@pytest.mark.parametrize(
    ("ramp", "white"),
    [
        (LEVELS.astype(np.uint8), None),
        (LEVELS.astype(np.int32), None),  # 8 bits in a larger box
        (LEVELS.astype(np.uint16), None),
        (np.round(RAMP * 4095).astype(np.uint16), None),  # 12 bits
        (np.round(RAMP * 4095).astype(np.int32), None),
        (np.round(RAMP * 65535).astype(np.uint16), None),
        (np.round(RAMP * 65535).astype(np.int32), None),
        (np.round(RAMP * 2_000_000).astype(np.int32), None),  # its own range
        (np.round(RAMP * 300).astype(np.int32) - 150, None),
        (np.round(RAMP * 1023).astype(np.uint16), 1023),  # as the file states
        (RAMP.astype(np.float32), None),
        (RAMP.astype(np.float64), None),
        ((2 * RAMP - 1).astype(np.float32), None),
        ((255 * RAMP).astype(np.float32), None),
        ((65535 * RAMP).astype(np.float32), None),
        ((1e6 * RAMP - 3e5).astype(np.float32), None),
        ((3.7 * RAMP).astype(np.float32), None),  # neither of 1 nor, dark, of 255
    ],
)
def test_a_ramp_from_black_to_white_is_one_whatever_its_numbers(ramp, white):
    shown = eight_bits(ramp, white).astype(int)
    assert (shown[0], shown[-1]) == (0, 255)
    assert np.abs(shown - LEVELS).max() <= 1
    assert (np.diff(shown) >= 0).all()


def test_pictures_of_one_kind_share_their_range_though_they_are_dim():
    dim = np.linspace(0, 0.2, 50).astype(np.float32)
    assert eight_bits(dim).max() == 51
    assert eight_bits(np.array([0, 2048], np.uint16)).max() == 128
    assert eight_bits(np.array([0, 32768], np.uint16)).max() == 128
    assert eight_bits(np.array([0, 100], np.int32)).max() == 100
    assert eight_bits(np.array([0, 40000], np.uint16)).tolist() == [0, 40000 // 256]


def test_a_little_beyond_the_range_of_floats_is_clipped_and_no_number_is_black():
    values = np.array([-0.02, 0, 0.5, 1, 1.04, np.nan, np.inf, -np.inf], np.float32)
    assert eight_bits(values).tolist() == [0, 0, 128, 255, 255, 0, 255, 0]
    assert eight_bits(np.full(3, 1e6, np.float32)).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="no value is a finite number"):
        eight_bits(np.array([np.nan]))


RAMPS = {
    "int32": (np.round(RAMP * 1_000_000).astype(np.int32), "tif"),
    "12 of 16 bits": (np.round(RAMP * 4095).astype(np.uint16), "tif"),
    "16 bits": (np.round(RAMP * 65535).astype(np.uint16), "tif"),
    "16 bits as PNG": (np.round(RAMP * 65535).astype(np.uint16), "png"),
    "float": (RAMP.astype(np.float32), "tif"),
    "float to 255": ((255 * RAMP).astype(np.float32), "tif"),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", RAMPS)
def test_deep_pictures_keep_their_greys(tmp_path, kind, channels):
    ramp, end = RAMPS[kind]
    Image.fromarray(np.repeat(ramp[None], 256, 0)).save(tmp_path / f"a.{end}")
    shown = one(tmp_path, kind, 256, channels).astype(int)
    assert np.abs(shown - LEVELS[None, :, None]).max() <= 1


def test_a_dark_png_of_16_bits_stays_dark(tmp_path):
    Image.fromarray(np.full((8, 8), 4095, np.uint16)).save(tmp_path / "a.png")
    assert (one(tmp_path, "dark", 8, 1) == 15).all()  # PNG's white is always 65535


def test_a_pgm_of_10_bits_is_scaled_by_what_it_states(tmp_path):
    ramp = np.repeat(np.round(RAMP * 1023).astype(">u2")[None], 256, 0)
    (tmp_path / "a.pgm").write_bytes(b"P5 256 256 1023\n" + ramp.tobytes())
    assert np.abs(one(tmp_path, "pgm", 256, 1)[..., 0].astype(int) - LEVELS).max() <= 1


@pytest.mark.parametrize("brightest", [4095, 200])
def test_a_tiff_of_12_bits_is_scaled_by_what_it_states(tmp_path, brightest):
    """Two values in three bytes, in a file built here by hand."""
    ramp = np.repeat(np.round(RAMP * brightest).astype(np.uint32)[None], 256, 0)
    first, second = ramp.reshape(-1, 2).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8).tobytes()
    tags = {256: 256, 257: 256, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 256, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start = b"II*\0" + struct.pack("<I", 8 + len(packed))
    (tmp_path / "a.tif").write_bytes(start + packed + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0")
    shown = one(tmp_path, "12 bits", 256, 1)[..., 0].astype(int)
    assert np.abs(shown - LEVELS * brightest / 4095).max() <= 1


def saved(folder, name: str, picture: Image.Image, **options: object) -> list[int]:
    picture.save(folder / name, **options)
    return one(folder, name)[4, 4].tolist()


def test_transparent_parts_are_white_in_every_mode(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    cases = {
        "RGBA": (Image.new("RGBA", (8, 8), (100, 0, 0, 0)), {}),
        "LA": (Image.new("LA", (8, 8), (100, 0)), {}),
        "palette": (palette, {"transparency": 1}),
        "palette with a table": (palette, {"transparency": b"\xff\x00"}),
        "grey": (Image.new("L", (8, 8), 7), {"transparency": 7}),
        "RGB": (Image.new("RGB", (8, 8), (1, 2, 3)), {"transparency": (1, 2, 3)}),
        "one bit": (Image.new("1", (8, 8), 0), {"transparency": 0}),
    }
    for name, (transparent, options) in cases.items():
        (tmp_path / name).mkdir()
        assert saved(tmp_path / name, "a.png", transparent, **options) == [255, 255, 255], name


def test_half_transparent_parts_are_half_white(tmp_path):
    assert saved(tmp_path, "a.png", Image.new("LA", (8, 8), (0, 128))) == [127, 127, 127]


def test_opaque_pictures_of_other_modes_keep_their_colours(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    cases = {
        "palette.png": (palette, (10, 20, 30)),
        "cmyk.jpg": (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), (255, 0, 0)),
        "cmyk.tif": (Image.new("CMYK", (8, 8), (255, 0, 255, 0)), (0, 255, 0)),
        "ycbcr.jpg": (Image.new("RGB", (8, 8), (0, 0, 255)), (0, 0, 255)),
        "bits.png": (Image.new("1", (8, 8), 1), (255, 255, 255)),
        "la.png": (Image.new("LA", (8, 8), (90, 255)), (90, 90, 90)),
    }
    for name, (opaque, colour) in cases.items():
        place = tmp_path / name.replace(".", "_")
        place.mkdir()
        assert np.abs(np.array(saved(place, name, opaque)) - colour).max() <= 3, name


@pytest.mark.parametrize("end", ["gif", "webp", "png", "tif"])
def test_of_a_film_the_first_picture_is_read(tmp_path, end):
    frames = [Image.new("RGB", (8, 8), (60 * n, 200, 0)) for n in range(4)]
    frames[0].save(tmp_path / f"a.{end}", save_all=True, append_images=frames[1:])
    assert np.abs(one(tmp_path, end)[4, 4].astype(int) - (0, 200, 0)).max() <= 4


# --- names ----------------------------------------------------------------------------------------------

NAMES = [b"caf\xe9", "\U0001f600".encode(), "naïve".encode(), b"line\nbreak", b"escape\x1b[31m"]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_names_that_the_terminal_cannot_show_never_stop_a_folder(tmp_path, encoding):
    for name in NAMES:
        place = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(place)
        picture_path = os.path.join(place, b"good " + name + b".png")
        with open(picture_path, "wb") as file:
            Image.new("L", (4, 4), 5).save(file, "png")
        with open(os.path.join(place, b"broken " + name + b".png"), "wb") as file:
            file.write(b"broken")
    script = (
        "import sys; from gan_helpers.data import load_images; found = load_images(sys.argv[1], size=4);"
        "print('shape', len(found), len(found.classes)); [name.encode() for name in found.classes]"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=COURSE_ROOT, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    lines = done.stdout.decode(encoding).replace("\r", "\n").splitlines()
    assert lines[-1] == "shape 4 5"
    assert lines[-2].startswith("left out 5 unreadable in ")
    assert "\x1b" not in lines[-2]


def test_a_folder_with_a_name_of_half_characters_is_a_class(tmp_path):
    place = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(place)
    picture_file = os.path.join(place, b"a.png")
    with open(picture_file, "wb") as file:
        Image.new("L", (4, 4), 5).save(file, "png")
    for found in (load_images(tmp_path, size=4), load_images(os.fsdecode(place), size=4)):
        assert found.classes == ("caf\\udce9",)
        found.source.encode()


# --- splits ---------------------------------------------------------------------------------------------


def greys(folder, count: int) -> None:
    for grey in range(count):
        Image.new("L", (4, 4), grey).save(folder / f"{grey:03}.png")


@pytest.mark.parametrize("count", [2, 3, 5, 9, 10, 11, 19, 20, 31])
def test_the_splits_share_a_folder_and_neither_is_empty(tmp_path, count):
    greys(tmp_path, count)
    train, test = (load_images(tmp_path, split, size=4, channels=1).images[:, 0, 0, 0] for split in ("train", "test"))
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(count))
    assert len(test) == max(1, count // 10)
    assert len(train)
    if count >= 10:
        assert test.tolist() == list(range(9, count, 10))


def test_one_picture_trains_but_cannot_be_split(tmp_path):
    greys(tmp_path, 1)
    assert len(load_images(tmp_path, size=4)) == 1
    with pytest.raises(DatasetError, match=rf"{tmp_path.name} holds one picture: a test split needs two or more"):
        load_images(tmp_path, "test", size=4)


def test_impossible_sizes_and_channels_are_refused(folder):
    with pytest.raises(DatasetError, match="channels must be 1 or 3"):
        load_images(folder, channels=4)
    with pytest.raises(DatasetError, match="size must be"):
        read_folder(folder, 0, 3)


def test_more_pictures_than_memory_are_refused_before_they_are_read(folder, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 1000)
    monkeypatch.setattr(image_folder, "_read_all", None)
    with pytest.raises(DatasetError, match="6 pictures of 3x4000x4000 take 0 GB"):
        load_images(folder, size=4000)


def test_celeba_is_the_folder_of_its_photographs_one_in_five(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    monkeypatch.setenv("GAN_QUICK", "0")
    pictures = tmp_path / "celeba" / "img_align_celeba"
    pictures.mkdir(parents=True)
    for index in range(60):
        Image.new("RGB", (178, 218), (4 * index, 0, 0)).save(pictures / f"{index:06}.png")
    train, test = (load_images("CelebA", split, size=64) for split in ("train", "test"))
    assert (len(train), len(test)) == (11, 1)  # of 12
    assert train.shape == (3, 64, 64)
    assert train.images[:, 0, 0, 0].tolist() == [20 * index for index in (*range(9), 10, 11)]
