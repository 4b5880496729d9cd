"""The translation of what is drawn, chosen or uploaded: it is the network's own, whatever comes in."""

from __future__ import annotations

import base64
import io
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image
from test_canvas import encoded
from test_explorer import find, pixels, png_file, upload

from gan_helpers.checkpoints import Network
from gan_helpers.data import draw_faces, edge_map, grey, load_images, sample_factors, unscale_pixels
from gan_helpers.models import TranslatorPair, UNet, apply
from gan_helpers.widgets import Translation, explore_translation

SIDE = 16


def shaken(network: Network) -> Network:
    """Weights that make something of each pixel."""
    torch.manual_seed(0)
    for p in network.parameters():
        p.data += 0.2 * torch.randn_like(p)
    return network.eval()


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return draw_faces(sample_factors(5, seed=3), SIDE)


@pytest.fixture(scope="module")
def unet() -> UNet:
    return shaken(UNet((3, SIDE, SIDE), source_channels=1, width=4, halvings=2))


@pytest.fixture(scope="module")
def pair() -> TranslatorPair:
    return shaken(TranslatorPair((3, SIDE, SIDE), width=4))


def file(image: Image.Image, kind: str = "png", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def result(view: Translation, css: str = "gan-result") -> torch.Tensor:
    """The translation on the page, uint8 (1, C, H, W)."""
    shown = pixels(find(view, css)[0].value)
    return torch.from_numpy(shown.copy()).reshape(*shown.shape[:2], -1).permute(2, 0, 1)[None]


def expected(network: Network, source: torch.Tensor) -> torch.Tensor:
    return unscale_pixels(apply(network, source))


# --- drawing ------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(drawing=arrays(np.bool_, (SIDE, SIDE)))
def test_a_drawing_is_translated_as_the_network_does_it(drawing, unet):
    pytest.importorskip("anywidget")
    view, ink = explore_translation(unet, pen=1), drawing.astype(np.uint8) * 255
    view.canvas.picture = encoded(Image.fromarray(ink).convert("RGBA"))  # as browsers send it
    source = torch.from_numpy(ink)[None, None]
    assert torch.equal(view.source, source)
    assert torch.equal(result(view), expected(unet, source))


def test_the_canvas_has_the_pictures_pixels_and_begins_with_the_first_example(unet, faces):
    pytest.importorskip("anywidget")
    view = explore_translation(unet, faces, edge_map, pen=2)
    assert (view.canvas.columns, view.canvas.rows, view.canvas.pen) == (SIDE, SIDE, 2)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(view.canvas.picture.split(",")[1]))))
    assert (shown == edge_map(faces[:1])[0, 0].numpy()).all()
    assert {*np.unique(shown)} == {0, 255}
    view.example.value = 3
    assert torch.equal(view.source, edge_map(faces[3:4]))
    assert torch.equal(result(view), expected(unet, edge_map(faces[3:4])))
    assert "picture 4" in view.said.value
    assert (pixels(view.taken.value) == faces[3].permute(1, 2, 0).numpy()).all()  # the face itself, beside it


def test_a_drawing_goes_on_from_an_example_says_so_and_can_be_started_over(unet, faces):
    pytest.importorskip("anywidget")
    view = explore_translation(unet, faces, edge_map, pen=1)
    more = edge_map(faces[:1])[0, 0].numpy().copy()
    more[2:5, 7] = 255
    view.canvas.picture = encoded(Image.fromarray(more))
    assert "your drawing, from picture 1" in view.said.value
    assert torch.equal(result(view), expected(unet, torch.from_numpy(more)[None, None]))
    find(view, "gan-again")[0].click()
    assert "your drawing" not in view.said.value
    assert torch.equal(view.source, edge_map(faces[:1]))
    view.canvas.picture = encoded(Image.new("L", (SIDE, SIDE)))  # wiped: nothing of the example is left
    assert view.said.value == "<div>your drawing</div>"


def test_a_drawing_that_is_none_is_said_and_the_next_one_taken(unet, faces):
    pytest.importorskip("anywidget")
    view = explore_translation(unet, faces, edge_map, pen=1)
    before = result(view)
    for bad in ("hello", encoded(Image.new("L", (5, 9)))):
        view.canvas.picture = bad
        assert "draw again" in view.said.value
        assert torch.equal(result(view), before)
    view.canvas.picture = encoded(Image.new("L", (SIDE, SIDE), 255))
    assert torch.equal(result(view), expected(unet, torch.full((1, 1, SIDE, SIDE), 255, dtype=torch.uint8)))


def test_a_colour_translator_takes_white_lines_on_a_picture(pair, faces):
    pytest.importorskip("anywidget")
    view = explore_translation(pair, faces, pen=1)
    drawn = Image.fromarray(faces[0].permute(1, 2, 0).numpy())
    drawn.paste((255, 255, 255), (3, 3, 9, 4))
    view.canvas.picture = encoded(drawn)
    source = torch.from_numpy(np.asarray(drawn).copy()).permute(2, 0, 1)[None]
    assert torch.equal(result(view), expected(pair.to_b, source))


def test_without_anywidget_examples_and_uploads_remain(unet, faces, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    view = explore_translation(unet, faces, edge_map, pen=1)
    assert view.canvas is None
    assert find(view, "gan-canvas") == []
    assert "pip install anywidget" in view.note.value
    assert (pixels(find(view, "gan-seen")[0].value) == edge_map(faces[:1])[0, 0].numpy()).all()
    upload(view.upload, "mine.png", png_file(np.eye(SIDE) * 255))
    assert torch.equal(result(view), expected(unet, view.source))


# --- both directions ------------------------------------------------------------------------------------


def test_both_ways_of_a_pair_and_back(pair, faces):
    view = explore_translation(pair, faces, ways=("add glasses", "remove glasses"))
    for way, there, back in (("add glasses", pair.to_b, pair.to_a), ("remove glasses", pair.to_a, pair.to_b)):
        view.way.value = way
        assert torch.equal(result(view), expected(there, faces[:1]))
        both = unscale_pixels(apply(back, apply(there, faces[:1])))
        assert torch.equal(torch.from_numpy(pixels(view.back.value).copy()).permute(2, 0, 1)[None], both)
        assert f"{way}: picture 1" in view.said.value
        assert view.result_label.value == way
        assert way in view.frontend.alt(view.result)
    view.example.value = 2  # the way stays
    assert torch.equal(result(view), expected(pair.to_a, faces[2:3]))


def test_a_pair_of_a_class_that_a_cell_has_defined_is_one_too(faces):
    class TranslatorPair(Network):  # not the package's
        def __init__(self) -> None:
            super().__init__()
            self.to_a, self.to_b = (shaken(UNet((3, SIDE, SIDE), None, 4, 2, residual=True)) for _ in "ab")

    view = explore_translation(TranslatorPair(), faces, ways=("there", "here"))
    assert list(view.translators) == ["there", "here"]
    assert torch.equal(result(view), expected(view.translators["there"], faces[:1]))


def test_one_translator_shows_no_choice_of_ways(unet, faces):
    view = explore_translation(unet, faces, edge_map)
    assert view.way.layout.display == "none"
    assert view.canvas is None  # without a pen


# --- uploads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F", "LAB"])
@pytest.mark.parametrize("size", [(1, 1), (SIDE, SIDE), (50, 17), (7, 90)])
def test_any_mode_and_size_is_translated_or_refused_by_name(unet, faces, mode, size):
    view = explore_translation(unet, faces, edge_map)
    before = result(view)
    kind = {"CMYK": "jpeg", "YCbCr": "jpeg", "F": "tiff", "LAB": "tiff", "I": "tiff"}
    upload(view.upload, "odd.file", file(Image.new(mode, size), kind.get(mode, "png")))
    assert not view.upload.value  # emptied, so that the same file can come again
    assert "odd.file" in view.said.value
    if "cannot be read" in view.said.value:
        assert torch.equal(result(view), before)
    else:
        assert view.source.shape == (1, 1, SIDE, SIDE)
        assert torch.equal(result(view), expected(unet, view.source))


@pytest.mark.parametrize("size", [(SIDE, SIDE), (64, 40), (33, 77)])
def test_an_upload_is_prepared_as_a_folders_pictures_are(pair, unet, faces, size, tmp_path):
    random = np.random.default_rng(0).integers(0, 256, (size[1] // 3 + 1, size[0] // 3 + 1, 3), dtype=np.uint8)
    picture = Image.fromarray(random).resize(size, Image.Resampling.BICUBIC)
    picture.save(tmp_path / "mine.png")
    for i in range(5):  # a folder has a training part
        picture.save(tmp_path / f"copy{i}.png")
    loaded = load_images(tmp_path, "train", size=SIDE, channels=3).images[:1]
    for network, prepare, seen in (
        (pair, None, loaded),
        (unet, edge_map, edge_map(loaded)),
        (unet, None, grey(loaded)),
    ):
        view = explore_translation(network, faces, prepare)
        upload(view.upload, "mine.png", file(picture))
        assert torch.equal(view.source, seen)
        assert torch.equal(result(view), expected(getattr(network, "to_b", network), seen))


def test_a_photograph_is_turned_as_its_camera_says(pair, faces):
    picture = Image.new("RGB", (20, 20), "black")
    picture.paste("white", (0, 0, 20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    view = explore_translation(pair, faces)
    upload(view.upload, "photo.png", file(picture, exif=exif))
    assert view.source[0, :, :, -4:].min() == 255
    assert view.source[0, :, :, :4].max() == 0


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40), b"II*" + bytes(100)])
def test_a_broken_upload_is_said_and_breaks_nothing(unet, faces, content):
    view = explore_translation(unet, faces, edge_map)
    before = result(view)
    upload(view.upload, "broken.png", content)
    assert "broken.png cannot be read as a picture" in view.said.value
    assert torch.equal(result(view), before)
    view._heard({"event": "file", "target": "picture", "name": "<b>two</b>.png"}, [png_file(np.eye(9) * 255)])
    assert "&lt;b&gt;two" in view.said.value  # the next one is taken, and its name is no markup
    assert not torch.equal(result(view), before)
    view._heard({"event": "refused", "text": "huge.tif is too large"}, [])
    assert "huge.tif is too large" in view.said.value


def test_an_upload_becomes_the_drawing_to_go_on_with(unet, faces):
    pytest.importorskip("anywidget")
    view = explore_translation(unet, prepare=edge_map, pen=1)
    upload(view.upload, "face.png", file(Image.fromarray(faces[1].permute(1, 2, 0).numpy())))
    assert torch.equal(view.source, edge_map(faces[1:2]))
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(view.canvas.picture.split(",")[1]))))
    assert (shown == view.source[0, 0].numpy()).all()
    assert view.taken_box.layout.display is None
    view.canvas.picture = encoded(Image.fromarray(np.maximum(shown, np.eye(SIDE, dtype=np.uint8) * 255)))
    assert "your drawing, from face.png" in view.said.value


def test_a_prepare_that_fails_is_said_by_its_own_words(unet, faces):
    def prepare(images: torch.Tensor) -> torch.Tensor:
        if images.float().std() < 1:
            raise RuntimeError("nothing to see")
        return edge_map(images)

    view = explore_translation(unet, faces, prepare)
    upload(view.upload, "flat.png", file(Image.new("RGB", (9, 9))))
    assert "prepare failed on flat.png: RuntimeError: nothing to see" in view.said.value


# --- what does not fit ----------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused_with_the_remedy(unet, pair, faces):
    cases = [
        ("uint8", {"translator": unet, "examples": faces.float(), "prepare": edge_map}),
        (r"\(N, 3, 16, 16\)", {"translator": pair, "examples": edge_map(faces)}),
        (r"16x16, not examples of 8x8", {"translator": unet, "examples": faces[..., :8, :8], "prepare": edge_map}),
        ("prepare made", {"translator": unet, "examples": faces, "prepare": lambda images: images}),
        ("prepare made", {"translator": unet, "examples": faces, "prepare": lambda images: None}),
        ("prepare failed", {"translator": unet, "examples": faces, "prepare": lambda images: 1 / 0}),
        ("pen=-1", {"translator": unet, "pen": -1}),
        ("two names", {"translator": pair, "ways": ("a", "a")}),
        ("image_shape", {"translator": torch.nn.Identity()}),
    ]
    for words, arguments in cases:
        with pytest.raises(ValueError, match=words):
            explore_translation(**arguments)


# --- the reader's page ----------------------------------------------------------------------------------


def test_a_cell_run_twice_makes_two_that_do_not_meet_and_one_can_be_closed(unet, faces):
    pytest.importorskip("anywidget")
    first, second = (explore_translation(unet, faces, edge_map, pen=1) for _ in range(2))
    before = result(first)
    second.example.value = 2
    assert torch.equal(result(first), before)
    first.widget.close()
    first.canvas.picture = encoded(Image.new("L", (SIDE, SIDE), 255))  # late word from the page
    second.example.value = 1
    assert torch.equal(result(second), expected(unet, edge_map(faces[1:2])))


def test_it_shows_a_translator_in_training_and_leaves_its_mode_and_randomness_alone(faces):
    network = UNet((3, SIDE, SIDE), 1, 4, 2).train()
    view = explore_translation(network, faces, edge_map)
    before, state = result(view), torch.get_rng_state()
    for p in network.parameters():
        p.data.add_(0.1)
    view.example.value = 1
    view.example.value = 0
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(result(view), expected(network, edge_map(faces[:1])))  # as the weights are now
    assert not torch.equal(result(view), before)


def test_every_control_and_picture_says_what_it_is(unet, pair, faces):
    for view in (explore_translation(unet, faces, edge_map), explore_translation(pair, faces)):
        for css in ("gan-again", "gan-upload"):
            (control,) = find(view, css)
            assert control.description
        seen = [image for image in find(view, "gan-thumb") if image.value]
        assert len(seen) >= 2
        assert all(len(view.frontend.alt(image)) > 10 for image in seen)


def test_without_a_kernel_a_still_picture_stands_in(unet, pair, faces):
    assert 'alt="picture 1, and translated"' in explore_translation(pair, faces)._repr_mimebundle_()["text/html"]
    view = explore_translation(unet, faces, edge_map)
    html = view._repr_mimebundle_()["text/html"]
    assert "they need a running kernel" in html
    assert 'alt="what the translator sees of picture 1, and translated"' in html
    still = pixels(base64.b64decode(html.split("base64,")[1].split('"')[0]))
    zoom = 256 // SIDE
    assert (still[: SIDE * zoom : zoom, : SIDE * zoom : zoom, 0] == edge_map(faces[:1])[0, 0].numpy()).all()
    assert (still[: SIDE * zoom : zoom, -SIDE * zoom :: zoom] == result(view)[0].permute(1, 2, 0).numpy()).all()
