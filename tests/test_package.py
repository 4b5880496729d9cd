"""What a stranger relies on: public names where the wings promise them, a light import, the README and the map."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from dataclasses import is_dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers import __main__ as commands
from gan_helpers.checkpoints import load_network, load_shipped
from gan_helpers.environment import ASSETS, COURSE_ROOT
from gan_helpers.models import generate, sample_latents

README = (COURSE_ROOT / "README.md").read_text(encoding="utf-8")
MAP = (COURSE_ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = COURSE_ROOT / "gan_helpers"
WINGS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
NOTEBOOKS = sorted((COURSE_ROOT / "notebooks").glob("*.ipynb"))
each_wing = pytest.mark.parametrize("wing", WINGS)


# --- the package --------------------------------------------------------------------------------------


def public(wing: str) -> dict[str, object]:
    """What a wing promises, by name."""
    module = importlib.import_module(f"gan_helpers.{wing}")
    return {name: getattr(module, name) for name in module.__all__}


@each_wing
def test_a_wing_lists_its_public_names_each_once(wing):
    names = list(public(wing))
    assert len(importlib.import_module(f"gan_helpers.{wing}").__all__) == len(names) > 0
    assert not [name for name in names if name.startswith("_")]


@each_wing
def test_everything_public_is_documented_and_typed(wing):
    for name, thing in public(wing).items():
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue  # a number, a table, or a type alias
        assert inspect.getdoc(thing), name
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            assert signature.return_annotation is not signature.empty, name
            untyped = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
            assert untyped == [], f"{name}: {untyped}"
        elif not is_dataclass(thing):  # a dataclass writes its own docstring where there is none
            assert thing.__doc__, name


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_importing_the_package_is_light():
    heavy = ("torch", "torchvision", "matplotlib", "ipywidgets", "PIL")
    assert imported_by("gan_helpers", heavy) == []
    assert imported_by("gan_helpers.models", heavy[1:]) == []


def imported_by(module: str, names: tuple[str, ...]) -> list[str]:
    script = f"import sys, json, {module}; print(json.dumps([name for name in {names} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], cwd=COURSE_ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_shipped_generator_makes_digits():
    generator, facts = load_shipped("mnist_generator")
    assert {"data", "steps", "seconds", "machine", "seed"} <= set(facts)
    torch.manual_seed(0)
    pictures = generate(generator, sample_latents(generator, 200))
    ink = pictures.add(1).div(2).flatten(1).mean(1)
    assert 0.08 < float(ink.mean()) < 0.2  # MNIST: 0.13
    assert pictures.flatten(1).std(0).mean() > 0.2  # they differ


# --- README -------------------------------------------------------------------------------------------


def test_the_readme_has_the_two_commands_on_a_line_each():
    start, test = re.findall(r"```sh\n(python3 -m venv .+)\n```", README)[:2]
    lab = "jupyter lab --notebook-dir=. notebooks/01_look_at_the_data.ipynb"
    assert start.endswith(lab)  # opened elsewhere, ../assets would be out of reach
    assert "pytest" in test
    assert "requirements.txt" in start
    assert "requirements.txt" in test


def test_uv_users_get_the_same_two_commands():
    with_pip = re.findall(r"```sh\n(python3 -m venv .+)\n```", README)
    with_uv = re.findall(r"```sh\n(uv venv .+)\n```", README)
    swaps = {"uv venv": "python3 -m venv", "uv pip": ".venv/bin/pip"}
    for old, new in swaps.items():
        with_uv = [command.replace(old, new) for command in with_uv]
    assert with_uv == with_pip


def test_the_devcontainer_runs_the_readmes_first_command():
    made = json.loads((COURSE_ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    runs = f"{made['postCreateCommand']} && {made['postAttachCommand']}".replace(" --allow-root --no-browser", "")
    assert runs == re.search(r"```sh\n(python3 -m venv .+)\n```", README)[1]
    oldest = re.search(r'requires-python = ">=(.+)"', (COURSE_ROOT / "pyproject.toml").read_text(encoding="utf-8"))[1]
    image = made["image"].removeprefix("python:")
    assert [int(part) for part in image.split(".")] >= [int(part) for part in oldest.split(".")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_readme_lists_a_notebook_with_its_own_run_time_and_its_place_in_colab(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    first, second = ("".join(cell["source"]) for cell in notebook["cells"][:2])
    time = re.search(r"\*\*Run time:\*\* about (.+?) on two CPU cores", second)[1]
    (row,) = (line for line in README.splitlines() if line.startswith(f"| [{path.name[:2]} "))
    _, link, makes, stated, colab, _ = row.split("|")
    assert link.strip().endswith(f"](notebooks/{path.name})")
    assert len(makes.split()) > 5
    assert stated.strip() == time
    assert re.search(r"\]\((https://colab[^)]+\.ipynb)\)", first)[1] in colab


def test_the_first_screen_says_what_a_gan_is_and_lets_one_play():
    first = README[: README.index("## Two commands")]
    assert re.search(r"\*\*generator\*\* forges .* \*\*discriminator\*\* judges", first, re.DOTALL)
    assert re.search(r'<img src="assets/digits_emerging\.gif"[^>]* alt="[^"]{60,}"', first)
    places = [first.index(text) for text in ("digits_emerging.gif", "colab-badge.svg", "Play in the browser")]
    assert places == sorted(places)


def links(text: str) -> list[str]:
    """The targets of links and pictures, in Markdown and HTML, that are files here."""
    found = re.findall(r"!?\[[^\]]+\]\(([^)#]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    return [target for target in found if not target.startswith("http")]


@pytest.mark.parametrize("name", ["README.md", ".github/CONTRIBUTING.md"])
def test_links_and_pictures_exist_and_pictures_have_alt_text(name):
    path = COURSE_ROOT / name
    text = path.read_text(encoding="utf-8")
    assert len(links(text)) > 5
    assert [target for target in links(text) if not (path.parent / target).exists()] == []
    assert all(len(alt) > 10 for alt in re.findall(r"!\[(.*?)\]\(", text))
    assert all('alt="' in tag for tag in re.findall(r"<img [^>]*>", text))


def test_the_readme_shows_a_picture_of_every_notebook_from_08_on():
    for path in NOTEBOOKS[7:]:
        assert f"](assets/gallery/{path.stem}.png)" in README


def test_the_readmes_own_pictures_code_runs(tmp_path, monkeypatch, capsys):
    """As it stands there, but for fewer epochs, on 130 pictures of mixed sizes."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "path/to/pictures").mkdir(parents=True)
    draw = np.random.default_rng(0)
    for i in range(150):  # every tenth is held out
        pixels = draw.integers(0, 256, (20 + i % 7, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "path/to/pictures" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("epochs=100", "epochs=2"), "README.md", "exec"), {})
    generator, _ = load_network("pictures.safetensors")
    assert generate(generator, sample_latents(generator, 2)).shape == (2, 3, 32, 32)


def test_ci_runs_the_command_of_the_readme():
    script = (COURSE_ROOT / ".ci" / "run").read_text(encoding="utf-8")
    code = re.sub(r"^\s*#.*$", "", script, flags=re.MULTILINE)
    assert "README.md" in code
    assert "pip install" not in code  # what is installed is the README's business


def test_commands_that_texts_name_exist(capsys):
    paths = [*NOTEBOOKS, COURSE_ROOT / "README.md", COURSE_ROOT / ".github" / "CONTRIBUTING.md", *PACKAGE.rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    scripts = set(re.findall(r"python ((?:assets|tests)/\w+/\w+\.py)", text))
    assert len(scripts) > 5
    assert [name for name in scripts if not (COURSE_ROOT / name).is_file()] == []
    weights = set(re.findall(r"make/weights\.py ([a-z]\w+)", text))
    assert [name for name in weights if not (ASSETS / "weights" / f"{name}.safetensors").is_file()] == []
    for command in set(re.findall(r"python -m gan_helpers ([a-z]\w+)", text)):
        with pytest.raises(SystemExit) as caught:
            commands.main([command, "--help"])
        assert caught.value.code == 0, capsys.readouterr().err


# --- the map of the house -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", *WINGS])
def test_the_map_names_every_module(place):
    """And no other: the rows from a wing's own on, to the next wing's, name its modules."""
    rows = MAP[MAP.index("| wing | module |") :].split("\n\n")[0].splitlines()
    marks = {".": r"^\| (floor 0|the command line) ", **{w: rf"^\| \[`{w}/`\]" for w in WINGS}}
    named: set[str] = set()
    inside = False
    for row in rows:
        inside = bool(re.match(marks[place], row)) or (inside and row.startswith("| |"))
        named |= set(re.findall(r"`(\w+\.py)`", row.split("|")[2])) if inside else set()
    there = {re.sub(r"_\d\d", "_NN", path.name) for path in (PACKAGE / place).glob("*.py")} - {"__init__.py"}
    assert named - {"__init__.py"} == there


def test_the_map_says_what_makes_every_asset():
    for script in (ASSETS / "make").glob("*.py"):
        assert f"assets/make/{script.name}" in MAP
    commands = set(re.findall(r"assets/make/(\w+\.py)", MAP))
    assert all((ASSETS / "make" / name).is_file() for name in commands)
    for path in ASSETS.iterdir():
        assert f"assets/{path.name}" in MAP, path.name
