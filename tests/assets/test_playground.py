"""The page without a kernel: what is exported, and in a real browser what it draws and how fast."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from lab import keep_screenshot
from PIL import Image
from playground import (
    describe_network,
    describe_unet,
    load_translator,
    main,
    playground_page,
    translator_model,
    write_playground,
)
from torch import nn

from gan_helpers.checkpoints import CheckpointError, Network, load_shipped, save_network
from gan_helpers.data import CHANCES, draw_faces, edge_map, sample_factors, unscale_pixels
from gan_helpers.environment import ASSETS, COURSE_ROOT
from gan_helpers.latent import random_points
from gan_helpers.metrics import load_classifier, read_images
from gan_helpers.models import Generator, UNet, apply, generate, sample_latents

SHIPPED = ASSETS / "weights" / "mnist_generator.safetensors"


class ConvGenerator(Network):
    """Every layer that the page knows, with batch norm that has seen data."""

    def __init__(self, latent_dim: int = 6, image_shape: tuple[int, ...] = (3, 10, 12), latent: str = "normal") -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 9),
            nn.BatchNorm1d(9),
            nn.ReLU(),
            nn.Linear(9, 4 * 5 * 6, bias=False),
            nn.Unflatten(1, (4, 5, 6)),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 5, 4, 2, 1, bias=False),
            nn.BatchNorm2d(5),
            nn.LeakyReLU(0.2),
            nn.Conv2d(5, 4, 4, 2, 1),
            nn.BatchNorm2d(4, affine=False),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(4, 3, 3, 1, 1),
            nn.Tanh(),
        )

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.layers(latents)


def trained_a_little(generator: Network) -> Network:
    torch.manual_seed(0)
    for p in generator.parameters():
        p.data += 0.3 * torch.randn_like(p)
    generator.train()
    for _ in range(20):
        generator(torch.randn(64, generator.config["latent_dim"]))
    return generator.eval()


def model_in(page: str) -> dict:
    return json.loads(re.search(r'<script id="model" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def test_batch_norm_is_folded_without_changing_the_network():
    generator = trained_a_little(Generator(5, (1, 6, 6), (16, 12), dropout=0.3, batch_norm=True))
    specs, weights = describe_network(generator)
    assert [spec["kind"] for spec in specs] == ["linear", "leaky", "linear", "leaky", "linear", "tanh"]
    x, taken = np.random.default_rng(0).normal(size=5), 0
    expected = generate(generator, torch.tensor(x[None], dtype=torch.float32)).flatten().numpy()
    for spec in specs:
        if spec["kind"] == "linear":
            n = spec["in"] * spec["out"]
            w, b = (
                weights[taken : taken + n].view(spec["out"], spec["in"]),
                weights[taken + n : taken + n + spec["out"]],
            )
            x, taken = w.double().numpy() @ x + b.double().numpy(), taken + n + spec["out"]
        else:
            x = np.tanh(x) if spec["kind"] == "tanh" else np.where(x < 0, spec["slope"] * x, x)
    assert taken == len(weights)
    assert np.abs(x - expected).max() < 1e-5


def test_the_page_stands_alone_and_is_small():
    page = (ASSETS / "playground.html").read_text(encoding="utf-8")
    assert len(page) < 5_000_000
    assert not re.search(r"https?://|<link|src=", page)
    model = model_in(page)
    generator, _ = load_shipped("mnist_generator")
    assert model["weights"] == model_in(playground_page(generator))["weights"]  # the page holds the shipped weights
    assert len(base64.b64decode(model["weights"])) % 2 == 0


def test_what_the_page_cannot_compute_is_refused_by_name():
    class Odd(Network):
        def __init__(self, latent_dim: int = 2, latent: str = "normal") -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(2, 4), nn.Softplus())

    with pytest.raises(ValueError, match="Softplus"):
        describe_network(Odd())
    huge = Generator(2, (1, 2, 2), (4,), dropout=0.0)
    next(huge.parameters()).data.fill_(1e6)
    with pytest.raises(ValueError, match="half precision"):
        playground_page(huge)


def test_a_batch_norm_that_cannot_be_folded_is_refused():
    generator = Generator(2, (1, 2, 2), (4,), dropout=0.0)
    generator.layers = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Tanh())
    with pytest.raises(ValueError, match="cannot compute BatchNorm1d"):
        describe_network(generator)


def test_the_script_writes_the_page_that_ships(tmp_path, capsys):
    out = tmp_path / "page.html"
    main(["--out", str(out)])
    made, shipped = (path.read_text(encoding="utf-8") for path in (out, ASSETS / "playground.html"))
    ours, theirs = model_in(made), model_in(shipped)
    directions = [torch.tensor(model.pop("directions")) for model in (ours, theirs)]
    assert ours == theirs
    assert torch.allclose(directions[0].abs(), directions[1].abs(), atol=1e-3)  # a library may turn a sign
    script = made[made.index("<script>") :]
    assert script == shipped[shipped.index("<script>") :]
    assert str(out) in capsys.readouterr().out


def test_the_script_takes_any_generator_and_says_in_one_line_what_it_cannot_use(tmp_path, capsys):
    generator, path = trained_a_little(Generator(5, (1, 6, 6), (16,))), tmp_path / "own.safetensors"
    save_network(path, generator)
    main(["--weights", str(path), "--out", str(tmp_path / "page.html")])
    model = model_in((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert model["image_shape"] == [1, 6, 6]
    assert model["weights"] == model_in(playground_page(generator))["weights"]
    with pytest.raises(SystemExit, match=r"^there is no file .*absent"):
        main(["--weights", str(tmp_path / "absent"), "--out", str(tmp_path / "page.html")])


@pytest.fixture
def page(browser):
    """A page that fails the test on any error in its console."""
    errors = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert errors == []


@pytest.mark.parametrize("kind", ["shipped", "convolutional"])
def test_its_pixels_are_those_of_pytorch(kind, page, tmp_path):
    generator = load_shipped("mnist_generator")[0] if kind == "shipped" else trained_a_little(ConvGenerator())
    write_playground(generator, tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    torch.manual_seed(1)
    latents = sample_latents(generator, 10)
    expected = unscale_pixels(generate(generator, latents)).int()  # (10, C, H, W)
    c, h, w = expected.shape[1:]
    for z, picture in zip(latents, expected, strict=True):
        made = page.evaluate("z => Array.from(playground.generate(z))", z.tolist())
        pixels = torch.tensor(made).view(h, w, 4)[..., :c].permute(2, 0, 1)
        assert (pixels - picture).abs().max() <= 2
    assert expected.float().std() > 20  # it was not all one colour


def drawn(page) -> None:
    """Wait until what was asked for is on the screen: the page draws once a frame."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def picture(page) -> str:
    drawn(page)
    return page.evaluate("() => document.getElementById('picture').toDataURL()")


def said(page) -> str:
    drawn(page)
    return page.inner_text("#said")


def test_a_reader_can_slide_surprise_undo_keep_morph_and_jump(page):
    page.goto((ASSETS / "playground.html").as_uri())
    first = picture(page)
    page.locator("#directions-0").focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    moved = picture(page)
    assert moved != first
    assert "direction 1: 2.0" in said(page)
    page.locator("#tab-directions").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#coordinates-63").is_visible()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#directions-7").is_visible()
    page.click("#undo")
    assert picture(page) == first
    page.fill("#seed", "42")
    page.press("#seed", "Enter")
    found = picture(page)
    assert found != first
    page.click("#surprise")
    assert picture(page) != found
    page.fill("#seed", "42")
    page.press("#seed", "Enter")
    assert picture(page) == found  # a seed can be shared
    page.click("#keep")
    assert page.locator("#tray .go").count() == 4
    page.click("#play")
    page.wait_for_timeout(300)
    one = picture(page)
    page.wait_for_timeout(300)
    assert one != picture(page)
    page.click("#surprise")  # any move ends it
    still = picture(page)
    page.wait_for_timeout(300)
    assert picture(page) == still
    assert page.inner_text("#play") == "Play"
    page.locator("#map").click(position={"x": 150, "y": 150})
    assert "map" in said(page)
    keep_screenshot(page, "playground")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename.endswith(".png")


@pytest.mark.parametrize(
    ("dim", "latent"), [(64, "normal"), (20, "normal"), (5, "normal"), (7, "uniform"), (16, "normal")]
)
def test_a_seed_is_the_same_point_as_in_the_notebooks(page, tmp_path, dim, latent):
    generator = Generator(dim, (1, 4, 4), (8,), dropout=0.0, latent=latent)
    write_playground(generator, tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    for seed in (0, 2, 999_999_999):
        found = torch.tensor(page.evaluate("seed => playground.seeded(seed)", seed))
        assert torch.allclose(found, random_points(generator, seed)[0], atol=1e-5)


def test_page_and_notebook_open_at_one_seed_and_at_clear_digits(page):
    """The seeds are chosen for the generator that ships: another one asks for others."""
    page.goto((ASSETS / "playground.html").as_uri())
    opening = [int(name.split()[-1]) for name in page.locator("#from option").all_inner_texts()]
    assert said(page) == f"Shown: seed {opening[0]}."
    assert page.input_value("#seed") == str(opening[0])
    notebook = (COURSE_ROOT / "notebooks" / "05_sample_new_digits.ipynb").read_text(encoding="utf-8")
    seeds = re.findall(r"explore\(generator, \w+.*?(?:seed=(\d+))?\)\\?[n\"]", notebook)
    assert seeds == [str(opening[0])] * 2
    generator, _ = load_shipped("mnist_generator")
    points = torch.cat([random_points(generator, seed) for seed in opening])
    assert read_images(load_classifier(), generate(generator, points)).probabilities.amax(1).min() > 0.9999


def test_kept_pictures_can_be_removed_by_touch_and_the_focus_stays(browser):
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto((ASSETS / "playground.html").as_uri())
    for left in (2, 1, 0):
        page.locator("#tray .remove").first.tap()
        assert page.locator("#tray .go").count() == left
        assert page.evaluate("document.activeElement !== document.body")
        assert f"{left} are left" in page.inner_text("#said")
    assert page.locator("#play").is_disabled()
    assert not page.locator("#map").is_visible()
    page.click("#keep")
    assert page.locator("#tray .go").count() == 1
    page.close()


def faults_of(page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    tags = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
    found = Axe().run(page, options=tags).response["violations"]
    return [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")]


def small_targets(page) -> list[str]:
    sizes = page.eval_on_selector_all(
        "button, input, select",
        "parts => parts.filter(p => p.offsetParent).map(p => [p.id, p.getBoundingClientRect()])",
    )
    return [name for name, box in sizes if min(box["width"], box["height"]) < 24]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_and_targets_are_large(browser, scheme):
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1024, "height": 800})
    page.goto((ASSETS / "playground.html").as_uri())
    page.wait_for_timeout(300)
    assert faults_of(page) == []
    assert small_targets(page) == []
    page.close()


@pytest.mark.parametrize("width", [1024, 1440])
def test_the_picture_stays_in_sight_beside_the_map(browser, width):
    page = browser.new_page(viewport={"width": width, "height": 768})
    page.goto((ASSETS / "playground.html").as_uri())
    page.mouse.wheel(0, 5000)
    page.wait_for_function("window.scrollY > 100")
    box = page.locator("#picture").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 768
    page.close()


def test_it_fits_a_phone(browser):
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    phone.goto((ASSETS / "playground.html").as_uri())
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    phone.locator("#map").scroll_into_view_if_needed()
    box = phone.locator("#picture").bounding_box()
    assert box["y"] >= 0  # the picture stays in sight
    assert box["width"] <= 150
    keep_screenshot(phone, "playground_phone_dark")
    phone.close()


# --- the second panel: draw edges, see a face -----------------------------------------------------------


def shaken(unet: UNet) -> UNet:
    """Weights that no rounding to half precision hides, and that make something of each pixel."""
    torch.manual_seed(0)
    for p in unet.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return unet.eval()


@pytest.fixture(scope="module")
def unet() -> UNet:
    return shaken(UNet((3, 32, 32), source_channels=1, width=5, halvings=3))


@pytest.fixture(scope="module")
def drawing_page(unet, tmp_path_factory):
    """The address of a page with both panels, opened at the second."""
    path = tmp_path_factory.mktemp("playground") / "page.html"
    write_playground(load_shipped("mnist_generator")[0], path, translator_model(unet, pen=1))
    return f"{path.as_uri()}#draw"


def ink(page) -> torch.Tensor:
    """What stands on the drawing canvas, uint8 (1, 1, H, W)."""
    drawn(page)
    made = page.evaluate(
        """() => { const c = document.querySelector("#easel canvas");
        return [c.height, c.width, [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data]]; }"""
    )
    return torch.tensor(made[2], dtype=torch.uint8).view(1, *made[:2], 4)[..., :1].permute(0, 3, 1, 2)


def face(page) -> torch.Tensor:
    """What the page shows of it, (1, 3, H, W)."""
    drawn(page)
    made = page.evaluate(
        """() => { const c = document.getElementById("face");
        return [c.height, c.width, [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data]]; }"""
    )
    return torch.tensor(made[2]).view(1, *made[:2], 4)[..., :3].permute(0, 3, 1, 2)


def is_translated(page, unet: UNet) -> bool:
    """Half precision and another order of adding: two levels of 255."""
    ours = unscale_pixels(apply(unet, ink(page))).int()
    return bool((ours - face(page)).abs().max() <= 2) and bool(ours.float().std() > 5)


@pytest.mark.parametrize(("side", "width", "halvings"), [(32, 5, 3), (16, 3, 2), (48, 4, 4), (16, 7, 1)])
def test_the_pages_unet_is_pytorchs(page, tmp_path, side, width, halvings):
    unet = shaken(UNet((3, side, side), 1, width, halvings))
    write_playground(Generator(4, (1, 4, 4), (8,)).eval(), tmp_path / "page.html", translator_model(unet, pen=1))
    page.goto(f"{(tmp_path / 'page.html').as_uri()}#draw")
    page.wait_for_function("document.getElementById('face-said').textContent")
    random = torch.Generator().manual_seed(side)
    lines = (torch.rand(4, 1, side, side, generator=random) < 0.1).byte() * 255
    greys = torch.randint(0, 256, (2, 1, side, side), generator=random).byte()
    sources = torch.cat([lines, greys, edge_map(draw_faces(sample_factors(4, 1), side))])
    for source, ours in zip(sources, unscale_pixels(apply(unet, sources)).int(), strict=True):
        made = page.evaluate("x => [...playground.translate(x)]", (source / 127.5 - 1).flatten().tolist())
        assert (torch.tensor(made).view(side, side, 4)[..., :3].permute(2, 0, 1) - ours).abs().max() <= 2
        assert ours.float().std() > 5


def test_a_unet_that_the_page_cannot_compute_is_refused():
    for options in ({"skips": False}, {"residual": True}):
        with pytest.raises(ValueError, match="skips=False, not residual=True"):
            describe_unet(UNet((1, 8, 8), 1, 3, 1, **options))


def test_its_weights_come_from_the_file_that_ships_or_there_is_no_second_panel(page, tmp_path, unet):
    assert load_translator(tmp_path / "absent.safetensors") is None
    save_network(tmp_path / "one.safetensors", unet, pen=2)
    model = load_translator(tmp_path / "one.safetensors")
    assert model["pen"] == 2
    assert model["weights"] == translator_model(unet, pen=2)["weights"]
    save_network(tmp_path / "other.safetensors", Generator(2, (1, 2, 2), (4,)))
    with pytest.raises(CheckpointError, match="UNet"):
        load_translator(tmp_path / "other.safetensors")
    write_playground(load_shipped("mnist_generator")[0], tmp_path / "page.html")
    page.goto(f"{(tmp_path / 'page.html').as_uri()}#draw")
    assert not page.locator("#pages").is_visible()
    assert not page.locator("#draw").is_visible()
    assert page.locator("#picture").is_visible()


def test_it_begins_with_edges_of_faces_of_each_kind(unet):
    factors = sample_factors(200, seed=99)
    known = edge_map(draw_faces(factors, 32))
    kinds = set()
    for url in translator_model(unet, pen=1)["drawings"]:
        picture = torch.from_numpy(np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))))
        (index,) = [i for i, edges in enumerate(known) if torch.equal(edges[0], picture)]
        kinds.add(tuple(factors[index, -len(CHANCES) :].int().tolist()))
    assert kinds == {(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)}


def stroke(page, *cells: tuple[float, float], side: int = 32) -> None:
    """Draw with the mouse from pixel to pixel."""
    box = page.locator("#easel canvas").bounding_box()
    places = [(box["x"] + box["width"] * x / side, box["y"] + box["height"] * y / side) for x, y in cells]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_a_reader_draws_undoes_erases_begins_anew_and_saves(page, drawing_page, unet):
    page.goto(drawing_page)
    page.wait_for_function("document.getElementById('face-said').textContent")
    opened = ink(page)
    assert opened.sum() > 50 * 255
    assert is_translated(page, unet)
    assert page.inner_text("#face-said") == "A face from drawing 1."
    stroke(page, (3.5, 28.5), (12.5, 28.5))
    assert is_translated(page, unet)
    assert page.inner_text("#face-said") == "A face from what you drew, which began with drawing 1."
    page.get_by_role("button", name="Undo").click()
    assert torch.equal(ink(page), opened)
    page.get_by_role("button", name="Clear").click()
    assert not ink(page).any()
    stroke(page, (4.5, 4.5), (20.5, 4.5), (28.5, 20.5))
    line = int((ink(page) > 0).sum())
    assert line in (16 + 16, 16 + 16 + 1)  # one pixel thin, as edges are; the bend may be cut short
    page.get_by_role("button", name="Erase").click()
    stroke(page, (8.5, 2.5), (8.5, 8.5))
    assert int((ink(page) > 0).sum()) == line - 1
    assert is_translated(page, unet)
    page.get_by_role("button", name="Begin with drawing 3").click()
    page.wait_for_function("document.getElementById('face-said').textContent == 'A face from drawing 3.'")
    assert is_translated(page, unet)
    assert not torch.equal(ink(page), opened)
    with page.expect_download() as download:
        page.click("#save-face")
    saved = Image.open(download.value.path())
    assert saved.size == (448, 448)
    pixels = torch.from_numpy(np.array(saved.convert("RGB")))[7::14, 7::14].permute(2, 0, 1)
    assert torch.equal(pixels.int(), face(page)[0])
    keep_screenshot(page, "playground_draw")


def test_it_is_drawn_by_keys_and_the_panels_change_by_keys(page, drawing_page, unet):
    page.goto(drawing_page.removesuffix("#draw"))
    assert page.locator("#picture").is_visible()
    page.locator("#tab-sample").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('face-said').textContent")
    assert not page.locator("#picture").is_visible()
    before = ink(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"
    page.get_by_role("button", name="Clear").click()
    page.locator("#easel canvas").focus()
    page.keyboard.press("Space")
    for key in ("ArrowDown", "ArrowDown", *["Shift+ArrowRight"] * 5):
        page.keyboard.press(key)
    assert int((ink(page) > 0).sum()) == 1 + 6
    assert is_translated(page, unet)
    page.locator("#tab-draw").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#picture").is_visible()
    page.click("#tab-draw")  # what was drawn is still there
    assert int((ink(page) > 0).sum()) == 7
    assert not torch.equal(ink(page), before)


def test_a_finger_draws_on_a_phone_and_the_face_stays_in_sight(browser, drawing_page, unet):
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark", has_touch=True)
    phone.goto(drawing_page)
    phone.wait_for_function("document.getElementById('face-said').textContent")
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    phone.locator("#easel canvas").scroll_into_view_if_needed()
    phone.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    before, box = ink(phone), phone.locator("#easel canvas").bounding_box()
    assert phone.locator("#face").bounding_box()["y"] >= 0
    assert phone.locator("#face").bounding_box()["width"] <= 150
    phone.touchscreen.tap(box["x"] + 6, box["y"] + box["height"] - 40)
    assert int((ink(phone) != before).sum()) == 1
    assert is_translated(phone, unet)
    keep_screenshot(phone, "playground_draw_phone_dark")
    phone.close()


@pytest.mark.parametrize("width", [1024, 1440])
def test_drawing_and_face_stand_side_by_side_in_one_screen(browser, drawing_page, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(drawing_page)
    page.wait_for_function("document.getElementById('face-said').textContent")
    easel, made = (page.locator(name).bounding_box() for name in ("#easel canvas", "#face"))
    assert abs(easel["y"] - made["y"]) < 2
    assert abs(easel["width"] - made["width"]) < 4
    assert easel["x"] + easel["width"] < made["x"]
    assert easel["y"] + easel["height"] < 800
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_second_panel(browser, drawing_page, scheme):
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1024, "height": 800})
    page.goto(drawing_page)
    page.wait_for_function("document.getElementById('face-said').textContent")
    assert faults_of(page) == []
    assert small_targets(page) == []
    keep_screenshot(page, f"playground_draw_{scheme}")
    page.close()
