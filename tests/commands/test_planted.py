"""Programs are run, and answers believed, that this machine made: nothing that a commit brings is one of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from samples import catalogue

from evalctl.clone.dotenv import environments_of, home_of, queue_of
from evalctl.clone.machine import context_of
from evalctl.shell import EnvironmentProblem


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that ignores `.evalctl/`."""
    for name in ("EVALCTL_HOME", "EVALCTL_ENVIRONMENTS", "EVALCTL_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text(".evalctl/\n.env\n")
    return tmp_path


def git(root: Path, *words: str) -> None:
    """Runs git."""
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def planted(root: Path, path: str) -> None:
    """`git add -f` of a program, as a pull request brings it."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("#!/bin/sh\n")
    git(root, "add", "-f", path)


@pytest.mark.parametrize(
    "path",
    [
        ".evalctl/environments/vllm-0123456789ab/bin/python", ".evalctl/answers/vllm-0123456789ab/d.jsonl",
        ".evalctl/runs/ev-a-1/a1/marks/finished.json", ".evalctl/caches/huggingface/token",
    ],
)  # fmt: skip
def test_what_git_tracks_under_the_home_is_refused(root: Path, path: str) -> None:
    """Environments, answers, run folders and caches alike; the message names the file."""
    home_of(root), environments_of(root)
    planted(root, path)
    for function in (home_of, environments_of):
        with pytest.raises(EnvironmentProblem, match=path.partition("/")[2]):
            function(root)


def test_a_folder_that_env_names_is_looked_at_as_well(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one of another clone; an `.env` can be planted, too."""
    planted(root, "tools/environments/vllm-0123456789ab/bin/python")
    (root / ".env").write_text("EVALCTL_ENVIRONMENTS=tools/environments\n")
    monkeypatch.chdir(root)
    with pytest.raises(EnvironmentProblem, match="vllm-0123456789ab"):
        environments_of(root)


@pytest.mark.parametrize("link", [".evalctl", "a"])
def test_a_link_that_git_tracks_is_refused(
    root: Path, tmp_path_factory: pytest.TempPathFactory, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could lead to anybody's folder on this machine."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "home").mkdir()
    (root / link).symlink_to(elsewhere)
    git(root, "add", "-f", link)
    if link == "a":
        monkeypatch.setenv("EVALCTL_HOME", str(root / "a/home"))
    with pytest.raises(EnvironmentProblem, match="git tracks"):
        home_of(root)


def test_outside_of_a_repository_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`env setup` works before there is one, and a home may be anywhere."""
    monkeypatch.setenv("EVALCTL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert home_of(tmp_path) == tmp_path / "home"


@pytest.mark.parametrize("in_clone", [True, False])
def test_a_queue_outside_the_home_is_looked_at_as_well(
    root: Path, tmp_path_factory: pytest.TempPathFactory, in_clone: bool
) -> None:
    """A ticket names what will be run; the queue of another clone on this machine counts like one of this."""
    owner = root if in_clone else tmp_path_factory.mktemp("other")
    if not in_clone:
        git(owner, "init", "-q")
    queue = {"EVALCTL_QUEUE": str(owner / "queue")}
    assert queue_of(root, queue) == str(owner / "queue")
    assert queue_of(root, {}) == ""
    planted(owner, "queue/jobs/1/ticket.json")
    with pytest.raises(EnvironmentProblem, match=r"queue/jobs/1/ticket.json|jobs/1/ticket.json"):
        queue_of(root, queue)


def test_every_command_with_a_queue_asks_about_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The context that commands work with is not made with a planted queue."""
    planted(root, "queue/jobs/1/ticket.json")
    monkeypatch.setenv("EVALCTL_QUEUE", str(root / "queue"))
    with pytest.raises(EnvironmentProblem, match="git tracks"):
        context_of(root, catalogue(), "local", "0" * 40)
