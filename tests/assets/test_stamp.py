"""A fork's address, in every badge, link and cell."""

from __future__ import annotations

import shutil

import pytest
import stamp

from gan_helpers.environment import COURSE_ROOT

OLD = stamp.current_address(COURSE_ROOT)
OWNER = OLD.removeprefix("https://github.com/")


@pytest.fixture
def copy_of_the_course(tmp_path):
    for path in stamp.stamped_files(COURSE_ROOT):
        place = tmp_path / path.relative_to(COURSE_ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return tmp_path


def test_no_other_file_states_the_address():
    """Of the course's text files; a file that does belongs into ``stamped_files``."""
    stamped = set(stamp.stamped_files(COURSE_ROOT))
    kept = {"assets", "notebooks", "gan_helpers", "tests", ".github"}
    paths = [path for name in kept for path in (COURSE_ROOT / name).rglob("*")] + list(COURSE_ROOT.glob("*.*"))
    texts = [p for p in paths if p.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".cff", ".html", ".js"}]
    stating = {path for path in texts if OWNER in path.read_text(encoding="utf-8")}
    assert stating - stamped == set()


@pytest.mark.parametrize("address", ["https://github.com/Some-One/fork", f"{OLD}-2"])
def test_stamping_changes_badges_links_and_cells_and_can_be_undone(address, copy_of_the_course):
    before = {path: path.read_bytes() for path in stamp.stamped_files(copy_of_the_course)}
    stating = {path for path, content in before.items() if OWNER.encode() in content}
    changed = stamp.stamp_address(address + ".git", copy_of_the_course)
    assert set(changed) == stating
    owner = address.removeprefix("https://github.com/")
    for path in stating:
        text = path.read_text(encoding="utf-8")
        assert OWNER not in text.replace(owner, "")
        assert address in text
        if path.suffix == ".ipynb":
            assert f"colab.research.google.com/github/{owner}/blob/main/notebooks/{path.name})" in text
    readme = (copy_of_the_course / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"colab.research.google.com/github/{owner}/blob/main/notebooks/") == 19
    assert f'"{stamp.pages_address(address)}playground.html"' in readme
    assert f'href="{stamp.pages_address(address)}"' in readme  # the book
    stamp.stamp_address(OLD, copy_of_the_course)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_where_github_pages_serves():
    assert stamp.pages_address("https://github.com/Some-One/fork") == "https://some-one.github.io/fork/"


def test_another_host_takes_the_repository_and_leaves_what_only_github_has(copy_of_the_course):
    stamp.stamp_address("https://example.org/me/course", copy_of_the_course)
    readme = (copy_of_the_course / "README.md").read_text(encoding="utf-8")
    assert "git clone https://example.org/me/course && cd" in readme
    assert f"colab.research.google.com/github/{OWNER}/blob" in readme


def test_an_address_that_is_nowhere_is_an_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ValueError, match="has no line Repository"):
        stamp.current_address(tmp_path)


@pytest.mark.parametrize("typed", ["gan-course", "github.com/you/course", "https://github.com/", "https://x y/z"])
def test_what_is_no_address_is_refused_before_anything_is_changed(typed, monkeypatch, capsys):
    monkeypatch.setattr(stamp, "stamp_address", lambda *_: pytest.fail("files were changed"))
    with pytest.raises(SystemExit):
        stamp.main([typed])
    assert "is no address of a repository" in capsys.readouterr().err
