from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from gan_helpers import viz
from gan_helpers.models import Generator
from gan_helpers.training.runs import History
from gan_helpers.viz import codes as viz_codes
from gan_helpers.viz import pictures, plots


def decode(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


class Alts(HTMLParser):
    """The alt texts of the pictures in some HTML, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes).get("alt"))


def stored(bundle: dict[str, str], kind: str = "png") -> bytes:
    return base64.b64decode(re.search(f'src="data:image/{kind};base64,([^"]*)"', bundle["text/html"])[1])


def test_an_alt_text_may_hold_anything():
    alt = "\"quoted\" <b> & 'single'"
    assert Alts(pictures.Picture(b"\x89PNG", alt)._repr_mimebundle_()["text/html"]).found == [alt]


def test_samples_of_any_kind_go_on_a_sheet():
    assert torch.equal(pictures.sample_sheet(torch.zeros(4, 3, 5, 5)), pictures.tile(torch.zeros(4, 3, 5, 5)))
    clips = torch.linspace(-1, 1, 16)[None, :, None, None].expand(9, 16, 28, 28)
    sheet = pictures.sample_sheet(clips, frames=4)
    assert sheet.shape == (1, 4 * 30 - 2, 4 * 30 - 2)
    assert sheet[0, 0, 0::30].tolist() == [0, 85, 170, 255]  # four moments from the first to the last
    points = pictures.sample_sheet(torch.tensor([[-2.0, -2.0], [2.0, 2.0], [float("nan"), 0.0]]), side=50)
    dark = (points[0] == 0).nonzero().tolist()
    assert [0, 49] in dark  # up and to the right
    assert [49, 0] in dark
    assert len(dark) == 12
    with pytest.raises(ValueError, match=r"shape \(5, 7\).*points \(N, 2\)"):
        pictures.sample_sheet(torch.zeros(5, 7))


def test_tile_puts_each_picture_in_its_place():
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 1, 3, 4) * 10
    sheet = pictures.tile(images, columns=2, gap=1)
    assert sheet.shape == (1, 3 * 3 + 2, 2 * 4 + 1)
    for i in range(5):
        y, x = (i // 2) * 4, (i % 2) * 5
        assert (sheet[0, y : y + 3, x : x + 4] == 10 * i).all()
    assert (sheet[0, :, 4] == 255).all()  # the gap is white


def test_tile_scales_floats():
    assert pictures.tile(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), gap=0).flatten().tolist() == [0, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_png_holds_the_very_pixels(channels):
    sheet = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8)
    found = decode(pictures.png_bytes(sheet, zoom=3))
    assert found.shape == (15, 21, 3)
    expected = sheet.expand(3, 5, 7).permute(1, 2, 0).numpy()
    assert (found[1::3, 1::3] == expected).all()


def test_a_gif_has_all_frames_runs_for_ever_and_rests_at_the_end():
    frames = [torch.full((1, 8, 8), value, dtype=torch.uint8) for value in (0, 128, 255)]
    picture = pictures.animate(frames, zoom=2, milliseconds=50)
    opened = Image.open(io.BytesIO(picture.content))
    assert picture.kind == "gif"
    assert (opened.n_frames, opened.info["loop"], opened.size) == (3, 0, (16, 16))
    opened.seek(2)
    assert opened.info["duration"] == 1000
    assert Alts(picture._repr_mimebundle_()["text/html"]).found == ["an animation of 3 frames"]


def test_a_picture_shows_itself_and_says_what_it_shows(tmp_path):
    picture = pictures.show_images(torch.zeros(4, 1, 5, 5), alt="four grey squares")
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == "four grey squares"
    assert Alts(bundle["text/html"]).found == ["four grey squares"]
    assert stored(bundle) == picture.content
    assert sum(map(len, bundle.values())) < 1.4 * len(picture.content) + 150  # base64 of it, once
    picture.save(tmp_path / "new" / "a.png")
    assert (tmp_path / "new" / "a.png").read_bytes() == picture.content


HISTORY = History(torch.rand(700, 4, generator=torch.Generator().manual_seed(0)))
PLOTS = {
    "lines": lambda: plots.plot_lines([1, 2, 3], {"a": [1, 4, 9]}, "x", "y", "squares", points={"p": (2, 4)}),
    "log": lambda: plots.plot_lines([1, 10], {"a": [1, 100]}, log="xy"),
    "losses": lambda: viz.plot_losses({"one": {"D": [1.4, 1.2], "G": [0.7, 0.9]}, "two": {"D": [9.0, 99.0]}}, log=True),
    "band": lambda: plots.plot_lines([1, 2], {"a": [1, 2]}, bands={"a": ([0, 1], [2, 3])}),
    "points": lambda: plots.plot_points({"a": torch.rand(5, 2), "b": torch.rand(99, 2)}, {"a": torch.rand(5)}, "p"),
    "bars": lambda: plots.plot_bars(range(3), torch.tensor([1.0, 2.0, 3.0]), "count", "classes"),
    "groups of bars": lambda: plots.plot_bars(range(3), {"a": [1, 2, 3], "b": [3, 2, 1]}, "count", "classes"),
    "histograms": lambda: plots.plot_histograms({"a": torch.randn(50), "b": torch.randn(9)}, x_label="v"),
    "values": lambda: plots.plot_pixel_values(torch.randint(0, 256, (1, 6, 6), dtype=torch.uint8)),
    "labelled": lambda: plots.plot_labelled_images(torch.rand(3, 1, 4, 4), ["a", "b", "c"], columns=2),
    "coloured": lambda: plots.plot_labelled_images(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), ["a"]),
    "signed": lambda: plots.plot_labelled_images(torch.randn(2, 1, 4, 4), ["a", "b"], signed=True),
    "history": lambda: viz.plot_history(HISTORY),
}


def test_a_sheet_in_colour_can_be_a_jpeg_which_is_smaller_and_nearly_the_same():
    images = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)).mul(255).to(torch.uint8)
    images = torch.nn.functional.interpolate(images, (64, 64), mode="bilinear")  # smooth, as photographs are
    exact, close = pictures.show_images(images, zoom=1), pictures.show_images(images, zoom=1, quality=90)
    bundle = close._repr_mimebundle_()
    assert stored(bundle, "jpeg") == close.content
    assert len(close.content) < len(exact.content) / 2
    pixels = [np.asarray(Image.open(io.BytesIO(picture.content)), dtype=float) for picture in (exact, close)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 4


@pytest.mark.parametrize(("channels", "zoom", "quality"), [(1, 2, 0), (3, 2, 0), (1, 4, 0), (3, 3, 90)])
def test_each_row_of_a_sheet_has_its_label_in_a_margin_beside_it(channels, zoom, quality):
    images = torch.rand(6, channels, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    plain = decode(pictures.show_images(images, columns=3, zoom=zoom, quality=quality).content)
    picture = pictures.show_images(images, zoom=zoom, quality=quality, rows=["real", "a longer\nlabel"])
    labelled = decode(picture.content)
    margin = labelled.shape[1] - plain.shape[1]
    assert margin > 40
    assert np.abs(labelled[:, margin:].astype(float) - plain).mean() < (15 if quality else 0.1)  # JPEG of pure noise
    dark = (labelled[:, :margin] < 100).all(axis=2)
    assert not dark[:, -4:].any()
    for row, below in ((0, 28 * zoom), (30 * zoom, len(dark))):  # black text within each row, away from its edges
        places = dark[row:below].any(axis=1).nonzero()[0]
        assert len(places) > 5
        assert abs((places[0] + places[-1]) / 2 - 14 * zoom) < 4
    assert picture.alt == "a sheet of 6 pictures, in rows: real, a longer label"


def test_a_label_is_as_wide_as_its_text_and_the_longest_fits():
    widths = [decode(pictures.show_images(torch.zeros(1, 1, 28, 28), rows=["m" * n]).content) for n in (1, 9, 30)]
    assert widths[0].shape[1] < widths[1].shape[1] < widths[2].shape[1]
    assert all((picture[:, :3] > 200).all() for picture in widths)  # no letter is cut off at the left


@pytest.mark.parametrize(("columns", "rows"), [(3, ["one"]), (3, ["a", "b", "c"]), (None, list("abcdefg"))])
def test_a_wrong_number_of_row_labels_is_named(columns, rows):
    with pytest.raises(ValueError, match=rf"{len(rows)} labels in rows for a sheet of \d rows: give one label a row"):
        pictures.show_images(torch.zeros(6, 1, 28, 28), columns=columns, rows=rows)


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_draws_something_and_describes_it(name):
    picture = PLOTS[name]()
    pixels = decode(picture.content)
    assert len(picture.alt) > 10
    assert pixels.std() > 1  # not an empty sheet
    assert len(picture.content) < 100_000


@pytest.mark.parametrize(
    "draw", [plots.plot_lines, plots.plot_histograms, plots.plot_bars], ids=["lines", "histograms", "bars"]
)
def test_the_first_curves_have_the_colours_that_are_asked_for_and_the_others_differ(draw):
    values = {name: torch.arange(3.0) + i for i, name in enumerate("abcd")}
    arguments = (values,) if draw is plots.plot_histograms else ([0, 1, 2], values)
    seen = []
    with mpl.rc_context(pictures.STYLE):
        figure, _ = draw.__wrapped__(*arguments, colours=(pictures.DATA, pictures.GENERATOR))
        handles, _ = figure.axes[0].get_legend_handles_labels()
        for handle in handles:
            filled = handle.patches[0] if draw is plots.plot_bars else handle
            shown = handle.get_color() if draw is plots.plot_lines else filled.get_facecolor()[:3]
            seen.append(mpl.colors.to_hex(shown))
    assert seen[:2] == [pictures.DATA.lower(), pictures.GENERATOR.lower()]
    assert len(set(seen)) == 4


def test_a_plot_shows_its_data():
    low, high = (plots.plot_lines([0, 1], {"a": [0, y], "b": [0, 2]}) for y in (0.5, 1.5))
    assert low.content != high.content


def test_losses_have_their_players_colours_and_the_line_of_an_undecided_d():
    def shares(*names):
        pixels = decode(viz.plot_losses({"run": {name: [1.0, 1.0, 1.0] for name in names}}).content).reshape(-1, 3)
        colours = ("#D55E00", "#0072B2", "#68707A")
        return [
            int((abs(pixels - np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)])).sum(1) < 20).sum()) for c in colours
        ]

    only_d, only_g = shares("D"), shares("G")
    assert only_d[0] > 100 > only_d[1] == 0
    assert only_g[1] > 100 > only_g[0] == 0
    assert only_d[2] > 100


def test_bands_and_balls_are_drawn():
    curve = {"a": [0, 1]}
    banded = plots.plot_lines([0, 1], curve, bands={"a": ([0, 0.5], [0, 2])})
    assert plots.plot_lines([0, 1], curve).content != banded.content
    points = {"a": torch.tensor([[0.0, 0.0], [1.0, 1.0]])}
    assert plots.plot_points(points).content != plots.plot_points(points, {"a": torch.tensor([0.1, 0.3])}).content


def test_smooth_keeps_the_mean_and_thins_long_series():
    values = torch.randn(1000)
    steps, means = viz.smooth(values, points=100)
    assert len(steps) == len(means) == 100
    assert float(means.mean()) == pytest.approx(float(values.mean()), abs=1e-5)
    assert float(steps[0]) == 5.5  # the middle of steps 1 to 10
    assert len(viz.smooth(torch.randn(7))[0]) == 7


@pytest.mark.parametrize("count", [2, 5, 8])
def test_the_legend_stands_beside_the_lines_and_within_the_figure(count):
    with mpl.rc_context(pictures.STYLE):
        figure, _ = plots.plot_lines.__wrapped__([0, 1], {f"curve {i}": [i, 1 - i] for i in range(count)})
        FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert legend.x0 >= axes.bbox.x1
    assert legend.x1 <= figure.bbox.x1


@pytest.mark.parametrize("seed", range(5))
def test_the_labels_of_codes_never_hide_one_another(seed):
    places = torch.rand(12, 2, generator=torch.Generator().manual_seed(seed)).tolist()
    moved = viz_codes._apart(places, 0.3, 0.1)
    for i, (x, y) in enumerate(moved):
        assert all(abs(x - u) >= 0.3 or abs(y - v) >= 0.1 for u, v in moved[:i])
        alone = all(abs(places[i][0] - u) >= 0.3 or abs(places[i][1] - v) >= 0.1 for u, v in moved[:i])
        assert ((x, y) == tuple(places[i])) == alone  # only what would hide another moves


@pytest.mark.parametrize("panel", [0, 1], ids=["codes", "plane"])
def test_classes_that_lie_together_can_all_be_read(panel):
    codes, labels = 0.1 * torch.randn(300, 2, generator=torch.Generator().manual_seed(0)), torch.arange(300) % 10
    with mpl.rc_context(pictures.STYLE):
        if panel:
            figure, _ = viz.plot_plane.__wrapped__(Generator(2, widths=(8,)), codes, labels, side=3)
        else:
            figure, _ = viz.plot_codes.__wrapped__({"a": codes}, labels)
        FigureCanvasAgg(figure).draw()
    boxes = [text.get_window_extent() for text in figure.axes[panel].texts]
    assert len(boxes) == 10
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_a_white_picture_has_a_frame_and_an_empty_place_has_none():
    colour = np.array([int(plots.FRAME[i : i + 2], 16) for i in (1, 3, 5)])
    white = torch.full((3, 1, 8, 8), 255, dtype=torch.uint8)
    framed = (np.abs(decode(plots.plot_labelled_images(white, [""] * 3, 2, 2.0).content) - colour) < 12).all(2)
    height, width = (side // 2 for side in framed.shape)
    quarters = [framed[:height, :width], framed[:height, width:], framed[height:, :width], framed[height:, width:]]
    sides = [int((part.sum(0) > 100).sum() + (part.sum(1) > 100).sum()) for part in quarters]
    assert all(count >= 4 for count in sides[:3])  # left, right, upper and lower, each at least one pixel thick
    assert sides[3] == 0


def test_captions_over_coloured_pictures_are_black_or_grey():
    coarse = torch.randn(6, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, 28, mode="bicubic")
    pixels = decode(plots.plot_labelled_images(smooth, [f"axis {i}" for i in range(6)], 3, signed=True).content)
    captions = pixels[:15].reshape(-1, 3).astype(int)
    ink = captions[captions.sum(1) == captions.sum(1).min()][0]
    assert ink.max() < 60
    assert ink.max() - ink.min() < 10


@pytest.mark.parametrize("draw", [viz.plot_history, viz.plot_case], ids=["history", "case"])
def test_probabilities_of_0_and_1_are_drawn_in_full_and_legends_lie_beside_the_lines(draw):
    history = History(torch.tensor([[0.1, 4.0, 1.0, 0.0]]).expand(50, 4))
    sheets = (torch.rand(20, 1, 4, 4), torch.rand(10, 1, 4, 4)) if draw is viz.plot_case else ()
    with mpl.rc_context(pictures.STYLE):
        figure, _ = draw.__wrapped__(history, *sheets)
        FigureCanvasAgg(figure).draw()
    scores = figure.axes[1]
    for line in scores.get_lines():
        (_, height), half = scores.transData.transform((1.0, line.get_ydata()[0])), line.get_linewidth()
        assert scores.bbox.y0 + half <= height <= scores.bbox.y1 - half
    for axes in figure.axes[:2]:
        assert not axes.get_legend().get_window_extent().overlaps(axes.bbox)
        assert axes.get_legend().get_window_extent().y0 >= 0


def test_paths_are_drawn_where_they_are_with_y_downwards():
    """Ink of a path in one quarter of the field lies in that quarter of its panel."""
    corner = torch.rand(1, 9, 2, generator=torch.Generator().manual_seed(0)) * 12 + 2  # x and y from 2 to 14 of 32
    for flip, quarter in ((torch.tensor([0.0, 0.0]), (0, 0)), (torch.tensor([18.0, 0.0]), (1, 0))):
        picture = plots.plot_paths({"one": corner + flip}, 32, margin=0)
        pixels = decode(picture.content).astype(int)
        coloured = np.abs(pixels - np.array([0, 114, 178])).sum(2) < 60  # GENERATOR's blue
        frame = (pixels.sum(2) < 150).nonzero()
        (top, bottom), (left, right) = ((axis.min(), axis.max()) for axis in frame)
        rows, columns = coloured.nonzero()
        assert int(np.median(columns) > (left + right) / 2) == quarter[0]
        assert int(np.median(rows) > (top + bottom) / 2) == quarter[1]
    assert "2 here" in plots.plot_paths({"here": corner.expand(2, 9, 2), "there": corner}, 32).alt
