"""Real git repositories with an identity of their own; nothing of the user's configuration takes part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan


@pytest.fixture(autouse=True)
def _own_git(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Alice\n\temail = alice@example.org\n[init]\n\tdefaultBranch = main\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "XDG_CONFIG_HOME", "EVALCTL_QUEUE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A site without jobs."""
    return World(tmp_path / "scheduler.json")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository with one commit on main."""
    bare, seed = tmp_path / "remote.git", tmp_path / "seed"
    git(tmp_path, "init", "-q", "--bare", str(bare))
    git(tmp_path, "clone", "-q", str(bare), str(seed))
    (seed / ".gitignore").write_text("/.evalctl/\n/.env\n/results/**/logs/\n/results/**/details/\n")
    (seed / ".gitattributes").write_text("* text=auto eol=lf\n")
    (seed / "README.md").write_text("A repository.\n")
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "first")
    git(seed, "push", "-q", "origin", "HEAD:main")
    return bare


@pytest.fixture
def new_clone(tmp_path: Path, remote: Path, world: World) -> Callable[..., Clone]:
    """Makes clones of the remote."""

    def make(name: str = "alice", user: str = "alice") -> Clone:
        git(tmp_path, "clone", "-q", str(remote), str(tmp_path / name))
        return Clone(tmp_path / name, world, user)

    return make


@pytest.fixture
def clone(new_clone: Callable[..., Clone]) -> Clone:
    """Alice's clone."""
    return new_clone()


@pytest.fixture
def measured(clone: Clone, world: World) -> Clone:
    """A clone with one result, published."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    git(clone.root, "push", "-q")
    for _ in range(2):
        sync(clone.context(), plan(job))
        world.run_all()
    return clone
