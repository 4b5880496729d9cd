"""The house itself: rooms import downwards only, importing is light, ruff is content, README and files agree."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_helpers import __main__ as commands
from gan_helpers.environment import COURSE_ROOT

README = (COURSE_ROOT / "README.md").read_text(encoding="utf-8")
ROOMS = sorted(path for path in (COURSE_ROOT / "gan_helpers").glob("*.py") if not path.name.startswith("__"))


def rooms_in_readme() -> list[str]:
    return re.findall(r"^\| `(\w+)\.py` \|", README, re.MULTILINE)


def imported_rooms(path: Path) -> set[str]:
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gan_helpers"):
            _, _, room = node.module.partition(".")
            rooms |= {room} if room else {alias.name for alias in node.names}
    return rooms


def test_the_readme_maps_every_room():
    assert sorted(rooms_in_readme()) == [path.stem for path in ROOMS]


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.stem)
def test_a_room_imports_only_from_rooms_below_it(path):
    order = rooms_in_readme()  # the highest comes first
    below = set(order[order.index(path.stem) + 1 :])
    assert imported_rooms(path) <= below


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.stem)
def test_rooms_and_functions_keep_to_their_size(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            start = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.lineno
            assert node.end_lineno - start < 40, node.name


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.stem)
def test_everything_public_is_documented_and_typed(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
        if isinstance(node, ast.FunctionDef):
            assert node.returns is not None, node.name


def test_importing_the_package_is_light():
    heavy = ("torchvision", "matplotlib", "ipywidgets", "PIL")
    script = f"import sys, gan_helpers; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=COURSE_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["check", "."], ["format", "--check", "."]], ids=["check", "format"])
def test_ruff(arguments):
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=COURSE_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# --- README and continuous integration ----------------------------------------------------------------


def test_the_readme_has_the_two_commands_on_a_line_each():
    start, test = re.findall(r"```sh\n(python3 -m venv .+)\n```", README)[:2]
    assert start.endswith(
        "jupyter lab --notebook-dir=. notebooks/01_look_at_the_data.ipynb"
    )  # else ../assets is out of reach
    assert "pytest" in test
    assert "requirements.txt" in start
    assert "requirements.txt" in test


def test_the_readme_lists_every_notebook_with_its_own_run_time():
    for path in sorted((COURSE_ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        time = re.search(r"\*\*Run time:\*\* about (.+?) on two CPU cores", "".join(notebook["cells"][1]["source"]))[1]
        (row,) = (line for line in README.splitlines() if line.startswith(f"| [{path.name[:2]} "))
        assert f"({'notebooks/' + path.name})" in row
        assert row.rstrip(" |").endswith(time)


def test_readme_links_and_pictures_exist():
    for alt, target in re.findall(r"!?\[(.*?)\]\(((?!http)[^)#]+)\)", README):
        assert (COURSE_ROOT / target).exists(), target
        assert alt


def test_ci_runs_the_command_of_the_readme():
    script = (COURSE_ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script
    assert "pytest" not in re.sub(r"#.*", "", script).replace("-m pytest", "", 1)


# --- commands -----------------------------------------------------------------------------------------


@pytest.fixture
def copy_of_the_course(tmp_path):
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(COURSE_ROOT / name, tmp_path)
    shutil.copytree(COURSE_ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return tmp_path


def test_stamping_changes_all_badges_and_cells_and_can_be_undone(copy_of_the_course):
    old = commands.current_address(COURSE_ROOT)
    before = {path: path.read_bytes() for path in commands.stamped_files(copy_of_the_course)}
    commands.stamp_address("https://github.com/someone/fork.git", copy_of_the_course)
    for path, text in before.items():
        stamped = path.read_text(encoding="utf-8")
        assert old not in stamped
        assert old.removeprefix("https://github.com/") not in stamped
        assert "https://github.com/someone/fork" in stamped
        if path.suffix == ".ipynb":
            assert "github/someone/fork/blob/main/notebooks/" in stamped
        assert stamped.encode() != text
    commands.stamp_address(old, copy_of_the_course)
    assert all(path.read_bytes() == text for path, text in before.items())


def test_an_address_that_is_nowhere_is_an_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ValueError, match="has no line Repository"):
        commands.current_address(tmp_path)


def test_the_train_command_saves_a_generator_that_says_what_it_is(tmp_path, monkeypatch, capsys):
    from gan_helpers.checkpoints import load_network

    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    out = tmp_path / "g.safetensors"
    commands.main(["train", "--data", "strokes", "--epochs", "0.1", "--out", str(out)])
    generator, facts = load_network(out)
    assert facts["steps"] == round(0.1 * (6000 // 128))
    assert "stroke digits" in facts["data"]
    assert generator.config["latent_dim"] == 64
    assert "saved" in capsys.readouterr().out


def test_the_assets_command_redraws_diagrams_and_digits(tmp_path, monkeypatch):
    assets = COURSE_ROOT / "assets"
    shutil.copytree(assets / "weights", tmp_path / "weights")
    monkeypatch.setattr(commands.environment, "ASSETS", tmp_path)
    commands.main(["assets"])
    for path in (assets / "diagrams").iterdir():
        assert (tmp_path / "diagrams" / path.name).read_bytes() == path.read_bytes()
    ours, shipped = (np.asarray(Image.open(f / "generated_digits.png"), dtype=float) for f in (tmp_path, assets))
    assert np.abs(ours - shipped).mean() < 1  # the last bits of a float differ between machines
    for path in (assets / "gallery").iterdir():
        ours, shipped = (np.asarray(Image.open(f / "gallery" / path.name), dtype=float) for f in (tmp_path, assets))
        assert np.abs(ours - shipped).mean() < 2, path.name


def test_the_readme_shows_a_picture_of_every_notebook_from_08_on():
    for path in sorted((COURSE_ROOT / "notebooks").glob("*.ipynb"))[7:]:
        assert f"](assets/gallery/{path.stem}.png)" in README


def test_the_weights_command_calls_the_maker_of_that_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(commands.MAKERS, "mnist_vae", lambda path: path.write_bytes(b"made"))
    commands.main(["weights", "mnist_vae", "--out", str(tmp_path / "vae")])
    assert (tmp_path / "vae").read_bytes() == b"made"
    assert "saved" in capsys.readouterr().out


def test_the_shipped_generator_loads_and_makes_pictures():
    import torch

    from gan_helpers.checkpoints import load_network
    from gan_helpers.models.sampling import generate, sample_latents

    path = COURSE_ROOT / "assets" / "weights" / "mnist_generator.safetensors"
    generator, facts = load_network(path)
    assert path.stat().st_size < 8_000_000
    assert {"data", "steps", "seconds", "machine", "seed"} <= set(facts)
    torch.manual_seed(0)
    pictures = generate(generator, sample_latents(generator, 200))
    ink = pictures.add(1).div(2).flatten(1).mean(1)
    assert 0.08 < float(ink.mean()) < 0.2  # MNIST: 0.13
    assert pictures.flatten(1).std(0).mean() > 0.2  # they differ
