"""A framework's source is one commit, whatever else a clone holds."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from evalctl.environments.recipes import Source, read_source
from evalctl.environments.source import LOCAL, unpack
from evalctl.shell import EnvironmentProblem


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A real repository at `tmp_path/clone`: a project with a file that is not empty, and a folder nobody needs."""
    clone = tmp_path / "clone"
    for name in ("project/tasks/there", "other/large"):
        (clone / name).parent.mkdir(parents=True)
        (clone / name).write_text("committed")
    git = ("git", "-C", str(clone), "-c", "user.name=t", "-c", "user.email=t@example.invalid")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (clone / "project" / "tasks" / "there").write_text("changed afterwards")
    return Source(str(clone), commit, "project", ("project",), ("project/tasks/lacking", "project/tasks/there"))


def test_a_clone_gives_the_commit_and_the_empty_files(source: Source, tmp_path: Path) -> None:
    """Not what is checked out, not what is not needed; a file that the commit has keeps its text."""
    project = unpack(source, tmp_path / "target", {LOCAL: str(tmp_path / "clone")})
    assert project == tmp_path / "target" / "project"
    texts = {path.name: path.read_text() for path in (tmp_path / "target").rglob("*") if path.is_file()}
    assert texts == {"there": "committed", "lacking": ""}


def test_without_a_clone_it_is_fetched(source: Source, tmp_path: Path) -> None:
    """From the address in the recipe, the one commit."""
    project = unpack(source, tmp_path / "target", {})
    assert (project / "tasks" / "there").read_text() == "committed"


def test_a_commit_that_a_clone_lacks_is_told(source: Source, tmp_path: Path) -> None:
    """With the setting that helps."""
    with pytest.raises(EnvironmentProblem, match="cannot give commit 0000") as problem:
        unpack(replace(source, commit="0" * 40), tmp_path / "target", {LOCAL: str(tmp_path / "clone")})
    assert LOCAL in problem.value.help


def test_a_source_file_may_name_no_empty_files(tmp_path: Path) -> None:
    """The key is for sources that would download a file while they are imported."""
    path = tmp_path / "some.source"
    path.write_text("# why\nrepository = r\ncommit = c\nfolder = f\npaths = a b\n")
    assert read_source(path) == Source("r", "c", "f", ("a", "b"), ())
