"""Modes do not depend on the umask: what is for git has git's usual modes, what is for jobs is its owner's alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.environments import build
from evalctl.model.evaluation import Job
from evalctl.shell import make_folder, write_atomically
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=["000", "022", "077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """One that lets everybody write, the usual one, and one that lets nobody read."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job whose script is committed; made before the umask changes."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def modes(folder: Path) -> dict[str, int]:
    """The permissions of `folder` and all that is in it."""
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o7777 for path in (folder, *folder.rglob("*"))}


def usual(found: dict[str, int], folder: Path) -> bool:
    """Whether git would give these: 0755 for folders and scripts, 0644 for all other files."""
    executable = {path for path in found if (folder / path).is_dir() or path.endswith(".sh")}
    return found == {path: 0o755 if path in executable else 0o644 for path in found}


def test_what_is_compiled_and_created_has_the_usual_modes(tmp_path: Path, umask: int) -> None:
    """Manifests that a command writes, and generated/ with all its folders."""
    root = tmp_path / "root"
    before = os.umask(0o022)
    repository(root, {"manifests/requests/.keep": ""})
    os.umask(before)
    words = ["new", "2026/weekly", "--model", "lab/small-8B", "--service", "tsubame", "--tasks", "ja"]
    assert cli.main(["--repo", str(root), *words]) == 0
    assert cli.main(["--repo", str(root), "compile"]) == 0
    assert usual(modes(root / "manifests/requests"), root / "manifests/requests")
    assert usual(modes(root / "generated"), root / "generated")
    assert modes(root / ".evalctl")["cache"] == 0o700


def open_to_others(home: Path) -> set[str]:
    """What another user can read or write below `home`: the folders above it let them through, and so does its own mode."""
    found = modes(home)
    entered = {path for path, mode in found.items() if (home / path).is_dir() and mode & 0o011}
    passed = [path for path in found if path != "." and {str(one) for one in Path(path).parents} <= entered]
    return {path for path in passed if found[path] & 0o066 and not (home / path).is_symlink()}


def test_nothing_of_a_run_is_open_to_another_user(clone: Clone, world: World, job: Job, umask: int) -> None:
    """Runs, answers, caches, what commands remember: whatever an earlier evalctl or a program left open is behind a closed folder."""
    home = clone.root / ".evalctl"
    (home / "caches/huggingface").mkdir(parents=True, mode=0o777)
    (home / "caches/huggingface/rows").write_text("private")
    sync(clone.context(), plan(job))
    world.run_all()
    sync(clone.context(), plan(job))
    assert {"runs", "answers", "caches", "caches/huggingface/rows", "cache"} <= modes(home).keys()
    assert {path for path in open_to_others(home) if not path.startswith("environments")} == set()
    assert home.stat().st_mode & 0o022 == 0


def test_results_have_the_usual_modes_and_run_folders_their_owners(
    clone: Clone, world: World, job: Job, umask: int
) -> None:
    """Also those that git itself writes into the work tree."""
    sync(clone.context(), plan(job))
    assert {mode & 0o077 for mode in modes(clone.root / ".evalctl/runs").values()} == {0}
    world.run_all()
    sync(clone.context(), plan(job))
    results = {path: mode for path, mode in modes(clone.root / "results").items() if "/logs" not in path}
    tracked = {path.removeprefix("results/") for path in git(clone.root, "ls-files", "results").split("\n")}
    folders = {path for path in results if (clone.root / "results" / path).is_dir()}
    assert len(tracked & results.keys()) >= 2
    assert {results[path] for path in tracked} == {0o644}
    assert {results[path] for path in folders} == {0o755}


def test_a_group_that_may_write_above_may_write_in_a_new_folder(tmp_path: Path, umask: int) -> None:
    """As git's shared clones need it; nobody else may."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2775)
    write_atomically(shared / "a/b/file", "x")
    make_folder(shared / "own", 0o700)
    found = modes(shared)
    assert (found["a"], found["a/b"], found["a/b/file"], found["own"]) == (0o2775, 0o2775, 0o644, 0o2770)


def test_programs_are_built_for_their_owner_to_write(umask: int) -> None:
    """Jobs run them: a umask that lets others write is narrowed while they are built, and no umask is widened."""
    with build._own_programs():
        during = os.umask(0o022)
        os.umask(during)
    assert during == umask | 0o022
    after = os.umask(umask)
    assert after == umask
