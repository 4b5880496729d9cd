"""A notebook opened alone, as Colab opens it: in an empty folder, with the course a git clone away."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

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
    assert "shipped with 965,777 parameters" in outputs  # the assets came along
    assert (alone / "gan-course" / "outputs" / "quick" / "digits" / "sheet.png").is_file()


# --- where the cell finds no course, or half of one -----------------------------------------------------

CELLS = json.loads((COURSE_ROOT / "notebooks" / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
(CELL,) = ("".join(cell["source"]) for cell in CELLS if "bootstrap" in cell["metadata"].get("tags", []))
FIND = CELL.replace(current_address(COURSE_ROOT), "file:///nowhere/course.git")  # no test asks the network


def run_cell(folder, **variables: str) -> subprocess.CompletedProcess:
    """The cell as a script, with a last line that says where it found the course."""
    command = [sys.executable, "-I", "-c", f"{FIND}\nimport gan_helpers\nprint('found', gan_helpers.__file__)"]
    return subprocess.run(command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True)


def last_line(done: subprocess.CompletedProcess) -> str:
    return done.stderr.strip().splitlines()[-1]


def course(folder):
    package = folder / "gan_helpers"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return package


@pytest.mark.parametrize(
    ("place", "start"),
    [
        ("gan-course", "gan-course/notebooks"),
        ("gan-course", "gan-course"),
        ("gan-course", "."),
        ("my gans", "my gans/notebooks/deeper"),
        ("gan-course-main", "."),  # as an unpacked archive is called
    ],
)
def test_the_course_is_found_whatever_its_folder_is_called_and_wherever_in_it_the_kernel_starts(tmp_path, place, start):
    package = course(tmp_path / place)
    (tmp_path / start).mkdir(parents=True, exist_ok=True)
    done = run_cell(tmp_path / start)
    assert done.stdout == f"found {package / '__init__.py'}\n", done.stderr


def test_the_nearest_course_is_taken(tmp_path):
    package = course(tmp_path / "gan-course")
    course(tmp_path / "a copy of it")
    assert run_cell(tmp_path).stdout == f"found {package / '__init__.py'}\n"


def test_without_git_it_says_what_to_install_or_unpack(tmp_path):
    done = run_cell(tmp_path, PATH=str(tmp_path))
    assert done.returncode == 1
    assert "install git, or unpack" in last_line(done)
    assert f"archive/main.zip in {tmp_path}; then run this again" in last_line(done)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("part", [".git/config", "README.md", "gan_helpers/data/__init__.py"])
def test_half_a_clone_is_not_taken_for_the_course(tmp_path, part):
    left = tmp_path / "gan-course" / part
    left.parent.mkdir(parents=True)
    left.touch()
    done = run_cell(tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'gan-course'} is not the whole course: delete that folder" in last_line(done)
    assert left.exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_started_elsewhere_it_says_where_it_fetches_to_and_leaves_nothing_half_done(tmp_path):
    done = run_cell(tmp_path)
    told = f"fetching the course to {tmp_path / 'gan-course'}; if you have it elsewhere, start Jupyter in its folder"
    assert told in done.stdout
    assert "fatal: '/nowhere/course.git' does not" in done.stderr  # git's own words
    assert "git could not fetch the course" in last_line(done)
    assert not [*tmp_path.iterdir()]


class Private(http.server.BaseHTTPRequestHandler):
    """A repository that asks who you are, as a private fork does."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_private_repository_ends_in_words_and_does_not_wait_for_a_password(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Private) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/course.git"
        script = FIND.replace("file:///nowhere/course.git", address)
        command = [sys.executable, "-I", "-c", script]
        alone = {"cwd": tmp_path, "stdin": subprocess.DEVNULL, "start_new_session": True}  # a kernel has no terminal
        done = subprocess.run(command, **alone, capture_output=True, text=True, timeout=60)
        server.shutdown()
    assert "could not read Username" in done.stderr
    assert "git could not fetch the course" in last_line(done)
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_may_not_be_looked_into_is_passed_over(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    package = course(tmp_path / "open")
    try:
        assert run_cell(tmp_path).stdout == f"found {package / '__init__.py'}\n"
    finally:
        closed.chmod(0o700)
