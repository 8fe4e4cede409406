"""Clones in every state that people leave them in: what happens is right, and the message says what to type."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.shell import Command, EnvironmentProblem, Reply
from evalctl.sync.sync import SyncReport, sync

from .test_sync import told
from .world import Clone, World, git, make_eval, make_job, plan

New = Callable[..., Clone]
PATH = "results/hosted_vllm/team/tiny/default/en/arithmetic/result.json"


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job known to everybody."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


def measure(clone: Clone, *jobs: Job) -> SyncReport:
    """From nothing to committed results."""
    go(clone, *jobs)
    clone.world.run_all()
    return go(clone, *jobs)


def at_once(*works: Callable[[], object]) -> None:
    """Each in a process of its own, all at the same time; none may fail."""
    pids = []
    for work in works:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work()
                status = 0
            finally:
                os._exit(status)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0 for _ in pids]


def one_at_a_time(world: World, folder: Path) -> Callable[[Command], Reply]:
    """The scheduler for several processes: its state is one file."""

    def run(command: Command) -> Reply:
        with (folder / "scheduler.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return world.run(command)

    return run


@pytest.mark.parametrize("users", [("alice", "bob"), ("alice", "alice")], ids=["two people", "one person twice"])
def test_two_processes_that_race_submit_every_job_once(
    new_clone: New, world: World, remote: Path, tmp_path: Path, users: tuple[str, str]
) -> None:
    """Several rounds on one bare remote; then both collect, and every result is there once."""
    clones = [new_clone(f"clone{number}", user) for number, user in enumerate(users)]
    jobs = [
        make_job(
            make_eval("arithmetic", model=f"team/m{number}"),
            request=f"manifests/requests/r{number}.yaml",
            stem=f"r{number}",
        )
        for number in range(6)
    ]
    for one in jobs:
        clones[0].add_script(one)
    git(clones[0].root, "push", "-q")
    git(clones[1].root, "pull", "-q")
    run = one_at_a_time(world, tmp_path)
    for count in (2, 4, 6):
        at_once(
            *(lambda clone=clone, count=count: sync(clone.context(run=run), plan(*jobs[:count])) for clone in clones)
        )
    names = Counter(one["name"].split("-", 2)[2] for one in world.state()["jobs"].values())
    assert (len(names), set(names.values())) == (6, {1})
    world.run_all()
    for _ in range(3):
        at_once(*(lambda clone=clone: sync(clone.context(run=run), plan(*jobs)) for clone in clones))
        for clone in clones:
            git(clone.root, "pull", "-q", "--rebase")
    assert [told(go(clone, *jobs)) for clone in clones] == [[(Action.DONE, "result-current")] * 6] * 2
    added = git(
        remote, "log", "--format=", "--name-only", "--diff-filter=AM", "main", "--", "*/result.json"
    ).splitlines()
    assert sorted(Counter(filter(None, added)).values()) == [1] * 6


def test_two_work_trees_of_one_clone_without_a_remote_race(
    clone: Clone, world: World, job: Job, tmp_path: Path
) -> None:
    """They share the ledger's branch: the one that moves it first has the claim."""
    git(clone.root, "remote", "remove", "origin")
    git(clone.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    run, side = one_at_a_time(world, tmp_path), Clone(tmp_path / "side", world)
    at_once(*(lambda clone=one: sync(clone.context(run=run), plan(job)) for one in (clone, side)))
    assert len(world.state()["jobs"]) == 1
    assert git(clone.root, "for-each-ref", "refs/evalctl") == ""


def test_a_linked_work_tree_is_a_clone_like_any_other(
    clone: Clone, world: World, remote: Path, job: Job, tmp_path: Path
) -> None:
    """Results go to its branch, and the main work tree stays clean."""
    git(clone.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    git(tmp_path / "side", "push", "-q", "-u", "origin", "side")
    side = Clone(tmp_path / "side", world)
    assert measure(side, job).exit_code == 0
    assert git(remote, "show", f"side:{PATH}")
    assert (side.status(), clone.status()) == ("", "")


@pytest.mark.parametrize("words", [("--depth=1",), ("--single-branch",), ("--filter=blob:none",)], ids=" ".join)
def test_a_clone_that_holds_only_a_part_works_like_a_whole_one(
    clone: Clone, world: World, remote: Path, job: Job, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Somebody else publishes meanwhile: the results are told anew on top of theirs."""
    other = make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(other)
    git(clone.root, "push", "-q")
    git(remote, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", *words, f"file://{remote}", "part")
    part = Clone(tmp_path / "part", world, "bob")
    go(part, job)
    measure(clone, other)
    assert go(part, job).exit_code == 0
    assert git(part.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert git(remote, "ls-tree", "-r", "--name-only", "main", "results").count("/result.json") == 2


def test_a_branch_without_a_remote_one_is_published_under_its_name(clone: Clone, remote: Path, job: Job) -> None:
    """`git switch -c mine`: main stays as it is."""
    main = git(remote, "rev-parse", "main")
    git(clone.root, "switch", "-q", "-c", "mine")
    assert measure(clone, job).exit_code == 0
    assert git(remote, "rev-parse", "mine") == git(clone.root, "rev-parse", "HEAD")
    assert git(remote, "rev-parse", "main") == main


def test_a_clone_that_is_behind_gets_the_commits_with_its_results(
    clone: Clone, new_clone: New, remote: Path, job: Job
) -> None:
    """Somebody pushed while the job ran: nothing of theirs is lost, nothing of ours forced."""
    bob = new_clone("bob", "bob")
    go(clone, job)
    (bob.root / "theirs.txt").write_text("theirs\n")
    git(bob.root, "add", "theirs.txt")
    git(bob.root, "commit", "-qm", "theirs")
    git(bob.root, "push", "-q")
    clone.world.run_all()
    assert go(clone, job).exit_code == 0
    assert (clone.root / "theirs.txt").read_text() == "theirs\n"
    assert git(remote, "rev-parse", "main") == git(clone.root, "rev-parse", "HEAD")


def test_a_clone_that_is_ahead_keeps_the_persons_commits_and_says_what_to_type(
    clone: Clone, remote: Path, job: Job
) -> None:
    """Only the person publishes them, so that their hooks run; `git push` then sends the results too."""
    (clone.root / "mine.txt").write_text("mine\n")
    git(clone.root, "add", "mine.txt")
    git(clone.root, "commit", "-qm", "mine")
    main = git(remote, "rev-parse", "main")
    report = measure(clone, job)
    assert (report.exit_code, git(remote, "rev-parse", "main")) == (1, main)
    assert "1 commit(s) below them are your own" in report.warnings[0] and "(git push, which" in report.warnings[0]
    git(clone.root, "push", "-q")
    assert (go(clone, job).exit_code, git(remote, "show", "main:mine.txt")) == (0, "mine")


def test_a_dirty_clone_stays_as_dirty_as_it_was(clone: Clone, remote: Path, job: Job) -> None:
    """Renamed, staged, edited, staged and edited again, removed, new: status and contents are the same afterwards."""
    for name in ("a.txt", "b.txt", "c.txt"):
        (clone.root / name).write_text(f"{name}\n" * 20)
    git(clone.root, "add", ".")
    git(clone.root, "commit", "-qm", "files")
    git(clone.root, "push", "-q")
    git(clone.root, "mv", "a.txt", "renamed 日本語.txt")
    (clone.root / "b.txt").write_text("staged\n")
    git(clone.root, "add", "b.txt")
    (clone.root / "b.txt").write_text("and edited\n")
    (clone.root / "c.txt").unlink()
    (clone.root / "new.txt").write_text("new\n")
    before = (clone.status(), git(clone.root, "diff"), git(clone.root, "diff", "--cached"))
    assert measure(clone, job).exit_code == 0
    assert (clone.status(), git(clone.root, "diff"), git(clone.root, "diff", "--cached")) == before
    assert git(remote, "rev-parse", "main") == git(clone.root, "rev-parse", "HEAD")


def test_a_detached_head_is_told_what_to_type(clone: Clone, world: World, job: Job) -> None:
    """There is no branch for the results; nothing is claimed, nothing submitted."""
    git(clone.root, "switch", "-q", "--detach")
    with pytest.raises(EnvironmentProblem, match="HEAD is detached") as problem:
        go(clone, job)
    assert problem.value.help == "git switch main"
    assert (world.state()["jobs"], git(clone.root, "branch", "--list", "evalctl-state")) == ({}, "")


@pytest.mark.parametrize(
    ("pattern", "step", "code"),
    [
        ("refs/heads/evalctl-state", (Action.STOP, "ledger-refused"), 1),
        ("refs/heads/main", (Action.SUBMIT, "never-submitted"), 0),
    ],
)
def test_a_hook_that_refuses(
    clone: Clone, world: World, remote: Path, job: Job, pattern: str, step: tuple[Action, str], code: int
) -> None:
    """Without the ledger nothing is submitted, and the branch to allow is named; a protected main does not hinder that."""
    hook = remote / "hooks/update"
    hook.write_text(f'#!/bin/sh\n[ "$1" != {pattern} ] || {{ echo protected >&2; exit 1; }}\n')
    hook.chmod(0o755)
    report = go(clone, job)
    assert (told(report), report.exit_code) == ([step], code)
    assert len(world.state()["jobs"]) == (step[0] is Action.SUBMIT)
    assert step[0] is Action.SUBMIT or "evalctl-state" in report.steps[0].detail
    hook.unlink()
    assert go(clone, job).exit_code == 0
    assert len(world.state()["jobs"]) == 1


def test_a_remote_that_is_down_submits_nothing_and_says_so(clone: Clone, world: World, remote: Path, job: Job) -> None:
    """Exit 4, and the next pass does it."""
    away = remote.rename(remote.with_name("away.git"))
    report = go(clone, job)
    assert (told(report), report.exit_code) == ([(Action.WAIT, "remote-unreachable")], 4)
    assert "does not answer" in report.warnings[0] and world.state()["jobs"] == {}
    away.rename(remote)
    assert told(go(clone, job)) == [(Action.SUBMIT, "never-submitted")]


def test_a_job_is_seen_under_the_mark_that_it_was_submitted_with(
    clone: Clone, new_clone: New, world: World, remote: Path, job: Job
) -> None:
    """The remote lost its ledger and a new clone began another: a running job is still known, and none is submitted again."""
    go(clone, job)
    git(remote, "update-ref", "-d", "refs/heads/evalctl-state")
    other = make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two")
    bob = new_clone("bob", "bob")
    bob.add_script(other)
    go(bob, other)
    for _ in range(3):
        world.now += 10_000
        assert told(go(clone, job)) == [(Action.WAIT, "queued")]
    marks = {name.split("-")[1] for name in world.live()}
    assert (len(world.live()), len(marks)) == (2, 2)
    world.run_all()
    assert told(go(clone, job)) == [(Action.DONE, "result-current")]
