"""The committed diagrams are what the code draws, are sound SVG, and say what PyTorch says."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from diagrams import DIAGRAMS, main
from torch.nn.functional import conv1d, conv_transpose1d, leaky_relu, relu

from gan_helpers.environment import COURSE_ROOT
from gan_helpers.latent import slerp
from gan_helpers.metrics import covered, nearest_distances
from gan_helpers.training import dirac_path

FOLDER = COURSE_ROOT / "assets" / "diagrams"
SVG = "{http://www.w3.org/2000/svg}"
every_diagram = pytest.mark.parametrize("name", DIAGRAMS)


def parse(name):
    return ElementTree.fromstring(DIAGRAMS[name]())


def texts(root):
    return ["".join(text.itertext()).replace("\N{MINUS SIGN}", "-") for text in root.iter(f"{SVG}text")]


def scale(panel, axis):
    """Pixels to values, from where the panel's own tick numbers stand: a wrong number bends the line."""
    ticks = panel.findall(f".//{SVG}g[@class='{axis}-tick']")
    places = [re.findall(r"[-\d.]+", tick.get("transform"))["xy".index(axis)] for tick in ticks]
    pixels, values = np.array(places, float), np.array([float(texts(tick)[0]) for tick in ticks])
    slope, offset = np.polyfit(pixels, values, 1)
    np.testing.assert_allclose(slope * pixels + offset, values, atol=1e-3)
    return lambda pixel: slope * pixel + offset


def curve(diagram, panel, line):
    """The points of one polyline, in the panel's coordinates."""
    group = parse(diagram).find(f".//{SVG}g[@id='{panel}']")
    text = group.find(f".//{SVG}polyline[@id='{line}']").get("points")
    pixels = np.array([point.split(",") for point in text.split()], float)
    return [torch.tensor(scale(group, axis)(pixels[:, i])) for i, axis in enumerate("xy")]


@every_diagram
def test_committed_file_is_what_the_code_draws(name):
    committed, remedy = (FOLDER / f"{name}.svg").read_bytes(), "run python assets/make/diagrams.py"
    assert committed == DIAGRAMS[name]().encode(), remedy


def test_the_script_draws_every_file_and_there_is_no_stray_one(tmp_path):
    main(["--out", str(tmp_path / "new")])
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    assert drawn == {path.name: path.read_bytes() for path in FOLDER.iterdir()}


@every_diagram
def test_is_an_accessible_image_with_unique_ids(name):
    root = parse(name)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text
    assert len(description.text) > 80
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@every_diagram
def test_text_is_large_enough_at_800_pixels(name):
    root = parse(name)
    sizes = [float(element.get("font-size")) for element in root.iter() if element.get("font-size")]
    assert min(sizes) * 800 / float(root.get("width")) >= 13


@every_diagram
def test_everything_lies_inside_the_frame(name):
    root = parse(name)
    for shape in [*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}polygon")]:
        points = np.array([point.split(",") for point in shape.get("points").split()], float)
        assert (points >= 20).all()
        assert (points <= np.array([float(root.get("width")), float(root.get("height"))]) - 20).all()


@pytest.mark.parametrize(
    ("name", "widths", "last"),
    [
        ("discriminator", (784, 128, 64, 32, 1), ["linear"]),
        ("generator", (100, 32, 64, 128, 784), ["linear", "tanh"]),
    ],
)
def test_networks_show_the_widths_in_order(name, widths, last):
    root = parse(name)
    numbers = [text for text in root.iter(f"{SVG}text") if (text.text or "").isdigit()]
    numbers.sort(key=lambda text: float(text.get("x")))
    assert tuple(int(text.text) for text in numbers) == widths
    hidden = ["linear", "leaky ReLU 0.2", "dropout 0.3"]
    steps = {"linear", "leaky ReLU 0.2", "dropout 0.3", "tanh"}
    assert [text for text in texts(root) if text in steps] == 3 * hidden + last
    assert all(str(width) in root.find(f"{SVG}desc").text for width in widths)


@pytest.mark.parametrize(("panel", "kernel"), [(0, [1, 1, 1]), (1, [1, 1, 1, 1]), (2, None)])
def test_the_ink_below_the_stamps_is_that_of_torch(panel, kernel):
    root = parse("stamping")
    shown = [int(text.text) for text in root.iter(f"{SVG}text") if text.get("class") == f"ink-{panel}"]
    inputs = torch.ones(1, 1, 4)
    if kernel is None:  # repeat each input, then add up three neighbours
        ink = conv1d(inputs.repeat_interleave(2, 2), torch.ones(1, 1, 3), padding=2)
    else:
        ink = conv_transpose1d(inputs, torch.tensor([[kernel]]).float(), stride=2)
    assert shown == ink[0, 0, 2:8].int().tolist()


def test_pipeline_uses_the_vocabulary():
    shown = set(texts(parse("gan_pipeline")))
    expected = {"latents z", "G", "generated picture G(z)", "real picture x", "D", "logit", "D(x)", "D(G(z))"}
    assert expected <= shown


@pytest.mark.parametrize(
    ("line", "function"),
    [("leaky_relu", lambda x: leaky_relu(x, 0.2)), ("relu", relu)],
    ids=["leaky", "relu"],
)
def test_leaky_relu_curves_and_gradients_are_those_of_torch(line, function):
    x, y = curve("leaky_relu", "leaky_relu-values", line)
    assert (x.min().item(), x.max().item()) == pytest.approx((-4, 4), abs=1e-2)
    torch.testing.assert_close(y, function(x), atol=0.01, rtol=0)
    for side, inside in (("left", -2.0), ("right", 2.0)):
        _, y = curve("leaky_relu", "leaky_relu-gradients", f"{line}-gradient-{side}")
        slope = torch.func.grad(function)(torch.tensor(inside, dtype=y.dtype))
        torch.testing.assert_close(y, slope.expand(2), atol=0.001, rtol=0)


def test_tanh_curve_is_that_of_torch():
    x, y = curve("tanh", "tanh-values", "tanh")
    assert len(x) > 50
    assert (x.min().item(), x.max().item()) == pytest.approx((-4, 4), abs=1e-2)
    torch.testing.assert_close(y, torch.tanh(x), atol=0.001, rtol=0)


def test_the_latent_space_has_its_middles_where_slerp_and_lerp_have_them():
    root = parse("latent_space")
    dots = {c.get("id"): [float(c.get(k)) for k in ("cx", "cy")] for c in root.iter(f"{SVG}circle") if c.get("id")}
    zero = torch.tensor(dots["latent-zero"])
    a, b, half, on_arc, long, short = (
        torch.tensor(dots[f"latent-{name}"]) - zero for name in ("a", "b", "half", "on-arc", "long", "short")
    )
    torch.testing.assert_close(half, (a + b) / 2, atol=0.02, rtol=0)
    torch.testing.assert_close(on_arc, slerp(a, b, 0.5), atol=0.02, rtol=0)
    torch.testing.assert_close(short, long / 2**0.5, atol=0.02, rtol=0)
    lengths = torch.stack([a, b, on_arc, long]).norm(dim=1)
    torch.testing.assert_close(lengths, lengths[:1].expand(4), atol=0.02, rtol=0)
    arc = root.find(f".//{SVG}polyline[@id='latent-arc']").get("points").split()
    points = torch.tensor([[float(number) for number in point.split(",")] for point in arc]) - zero
    for t, point in zip(torch.linspace(0, 1, len(points)).tolist(), points, strict=True):
        torch.testing.assert_close(point, slerp(a, b, t), atol=0.02, rtol=0)


def test_the_best_discriminator_is_that_of_the_two_densities_of_notebook_03():
    (x, p), (_, q) = (curve("best_discriminator", "densities", f"density-{name}") for name in "pq")
    _, best = curve("best_discriminator", "probability", "best")
    real, generated = torch.distributions.Normal(-1.0, 0.7), torch.distributions.Normal(1.0, 1.5)
    torch.testing.assert_close(p, real.log_prob(x).exp(), atol=0.002, rtol=0)
    torch.testing.assert_close(q, generated.log_prob(x).exp(), atol=0.002, rtol=0)
    torch.testing.assert_close(best, torch.sigmoid(real.log_prob(x) - generated.log_prob(x)), atol=0.005, rtol=0)
    assert len(x) > 100


def test_precision_and_recall_are_counted_as_evaluation_counts():
    panels = [group for group in parse("precision_recall").iter(f"{SVG}g") if group.get("transform")]
    assert len(panels) == 2
    clouds = []
    for panel in panels:
        circles = {kind: [] for kind in ("ball", "centre", "hit", "miss")}
        for circle in panel.iter(f"{SVG}circle"):
            circles[circle.get("class")].append([float(circle.get(key)) for key in ("cx", "cy", "r")])
        rows = {kind: torch.tensor(found, dtype=torch.float64) for kind, found in circles.items()}
        centres = rows["centre"][:, :2]
        torch.testing.assert_close(rows["ball"][:, :2], centres)
        torch.testing.assert_close(rows["ball"][:, 2], nearest_distances(centres, centres, 2), atol=0.01, rtol=0)
        assert covered(rows["hit"][:, :2], centres, k=1).all()
        assert not covered(rows["miss"][:, :2], centres, k=1).any()
        clouds.append((centres, torch.cat([rows["hit"], rows["miss"]])[:, :2]))
        assert f"{len(rows['hit'])} of {len(clouds[-1][1])} covered" in texts(panel)
        assert (rows["ball"][:, :2] + rows["ball"][:, 2:]).max() < 450  # inside its half of the frame
    (real, fake), (fake_again, real_again) = clouds
    assert sorted(real.tolist()) == sorted(real_again.tolist())
    assert sorted(fake.tolist()) == sorted(fake_again.tolist())


@pytest.mark.parametrize(
    ("panel", "line", "options"),
    [
        ("alternating", "simultaneous", {"start": (1, 0)}),
        ("alternating", "alternating", {"start": (1, 0), "alternating": True}),
        ("r1", "r1", {"start": (2, 0), "alternating": True, "gamma": 0.2}),
    ],
    ids=["simultaneous", "alternating", "r1"],
)
def test_dirac_paths_are_those_of_the_package(panel, line, options):
    shown = torch.stack(curve("dirac", f"dirac-{panel}", line), 1)
    torch.testing.assert_close(shown, dirac_path(0.5, 60, **options), atol=0.01, rtol=0)


def floors_of_the_contract():
    """The floors that import-linter holds, the highest first, from pyproject.toml; without the command line on top."""
    text = (COURSE_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^    "(.+)",$', re.search(r"\nlayers = \[\n(.*?)\]", text, re.DOTALL)[1], re.MULTILINE)
    return [set(re.findall(r"gan_helpers\.([a-z]\w+)", line)) for line in lines[1:]]


def test_the_wings_stand_on_the_floors_that_import_linter_holds():
    names = [text for text in parse("wings").iter(f"{SVG}text") if text.get("class") == "wing"]
    heights = sorted({float(text.get("y")) for text in names})
    shown = [{text.text for text in names if float(text.get("y")) == y} for y in heights]
    assert shown == floors_of_the_contract()
    assert len(shown) == 6
