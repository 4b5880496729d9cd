"""A notebook opened alone, as Colab opens it: in an empty folder, with the course a git clone away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from stamp import current_address

from gan_helpers.environment import COURSE_ROOT

NOTEBOOK = "05_sample_new_digits.ipynb"
PARTS = ("gan_helpers", "notebooks", "assets", "pyproject.toml", "README.md", "requirements.txt")
IDENTITY = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main"]


def git(*arguments: str, cwd) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def bare_repository(tmp_path):
    work, bare = tmp_path / "work", tmp_path / "course.git"
    work.mkdir()
    for name in PARTS:
        part = COURSE_ROOT / name
        ignore = shutil.ignore_patterns(".*", "__pycache__")
        shutil.copytree(part, work / name, ignore=ignore) if part.is_dir() else shutil.copy(part, work)
    git("init", cwd=work)
    git("add", "--all", cwd=work)
    git("commit", "--message", "course", cwd=work)
    git("clone", "--bare", str(work), str(bare), cwd=tmp_path)
    return bare


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_notebook_opened_alone_fetches_the_course_and_runs(tmp_path, bare_repository):
    alone, colab = tmp_path / "content", tmp_path / "site"
    alone.mkdir()
    (colab / "google" / "colab").mkdir(parents=True)
    (colab / "google" / "colab" / "__init__.py").touch()
    text = (COURSE_ROOT / "notebooks" / NOTEBOOK).read_text(encoding="utf-8")
    text = text.replace(current_address(COURSE_ROOT), bare_repository.as_uri())
    (alone / NOTEBOOK).write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(colab), "GAN_QUICK": "1"}
    check = "import google.colab, importlib.util as u; assert u.find_spec('gan_helpers') is None"
    subprocess.run([sys.executable, "-c", check], cwd=alone, env=environment, check=True)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", NOTEBOOK]
    done = subprocess.run(command, cwd=alone, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    outputs = json.dumps(json.loads((alone / NOTEBOOK).read_text(encoding="utf-8"))["cells"])
    assert "shipped with 1,480,720 parameters" in outputs  # the assets came along
    assert (alone / "gan-course" / "outputs" / "quick" / "digits" / "sheet.png").is_file()
