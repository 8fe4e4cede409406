"""SIGKILL at every effect of a pass: left alone afterwards, each attempt started once and all results are in once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from evalctl.git import advance, push
from evalctl.git.repository import Repository
from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.shell import EnvironmentProblem
from evalctl.sync import act, collect, ledger
from evalctl.sync.control import cancel, retry
from evalctl.sync.sync import SyncReport, sync

from .world import Clone, World, checkpoints, git, make_eval, make_job, plan

# Deeper than the checkpoints: in the middle of git's work and of ours with files.
OF_THE_LEDGER = [(Repository, "move_ref"), (Repository, "create_commits"), (ledger, "push_commit")]
INSIDE = [
    *OF_THE_LEDGER, (advance, "_set_index"), (advance, "_finish_work_tree"), (push, "push_commit"),
    (act, "write_atomically"), (collect._Target, "_copy"),
]  # fmt: skip


@pytest.fixture
def jobs(clone: Clone) -> tuple[Job, Job]:
    """Two requests, and a change of the user that must survive."""
    made = (
        make_job(make_eval("arithmetic"), make_eval("capitals")),
        make_job(make_eval("subjects"), request="manifests/requests/two.yaml", stem="two"),
    )
    for job in made:
        clone.add_script(job)
    git(clone.root, "push", "-q")
    (clone.root / "README.md").write_text("the user's\n")
    return made


def killed(clone: Clone, jobs: tuple[Job, Job], point: str) -> bool:
    """A pass in a process of its own that dies by SIGKILL at `point`; whether it got there."""

    return in_child(lambda: sync(clone.context(checkpoint=dying_at(point)), plan(*jobs)))


def dying_at(point: str) -> Callable[[str], None]:
    """A checkpoint function that ends this process."""

    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def in_child(work: object) -> bool:
    """Runs `work` in a forked process; whether SIGKILL ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def to_the_end(clone: Clone, world: World, jobs: tuple[Job, Job]) -> SyncReport:
    """Passes, and time, until nothing is left to do."""
    for _ in range(12):
        report = sync(clone.context(), plan(*jobs))
        if report.settled:
            return report
        world.run_all()
        world.now += 700
    raise AssertionError(f"it does not converge: {report.steps}")


def check(clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job]) -> None:
    """The promises P1 and P2."""
    report = to_the_end(clone, world, jobs)
    assert {step.action for step in report.steps} == {Action.DONE}
    assert report.exit_code == 0
    starts = world.state()["starts"]
    assert set(starts.values()) == {1}
    assert len(starts) == 2, "each job ran once"
    assert git(clone.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert git(clone.root, "rev-parse", "evalctl-state") == git(remote, "rev-parse", "evalctl-state")
    records = [
        path for path in git(remote, "ls-tree", "-r", "--name-only", "main").splitlines() if "result.json" in path
    ]
    assert len(records) == 3
    added = git(remote, "log", "--format=", "--name-only", "--diff-filter=AM", "main").splitlines()
    assert [added.count(path) for path in records] == [1, 1, 1], "each result was committed once"
    assert clone.status() == " M README.md"
    assert (clone.root / "README.md").read_text() == "the user's\n"


def submitting(clone: Clone, jobs: tuple[Job, Job], point: str) -> bool:
    """The first pass, killed at `point`."""
    return killed(clone, jobs, point)


def collecting(clone: Clone, jobs: tuple[Job, Job], point: str) -> bool:
    """A pass after one of the jobs has ended, killed at `point`."""
    clone.world.run_all(only="-one-")
    return killed(clone, jobs, point)


def cancelling(clone: Clone, jobs: tuple[Job, Job], point: str) -> bool:
    """`evalctl cancel` of the other job, killed at `point`."""
    return in_child(lambda: cancel(clone.context(checkpoint=dying_at(point)), plan(*jobs), [jobs[1]]))


def retrying(clone: Clone, jobs: tuple[Job, Job], point: str) -> bool:
    """`evalctl retry` of what was cancelled, killed at `point`."""
    to_the_end(clone, clone.world, jobs)
    return in_child(lambda: retry(clone.context(checkpoint=dying_at(point)), plan(*jobs), list(jobs)))


@pytest.mark.parametrize("point", checkpoints())
def test_a_kill_at_every_checkpoint(
    clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job], point: str
) -> None:
    """Claimed, submitted, recorded, collected, committed, closed, pushed, cancelled, retried: cut off before and after.

    The checkpoints are those of the source: one that no scene here comes by fails.
    """
    for scene in (submitting, collecting, cancelling, retrying):
        if scene(clone, jobs, point):
            break
    else:
        pytest.fail(f"nothing here comes by the checkpoint {point}")
    if scene is cancelling:
        to_the_end(clone, world, jobs)
    if scene in (cancelling, retrying):
        told = retry(clone.context(), plan(*jobs), list(jobs))
        assert [one.done for one in told if one.job == jobs[1].name] == [True]
    check(clone, world, remote, jobs)


def test_checkpoints_come_in_pairs() -> None:
    """Before and after each effect."""
    effects = {name.partition("-")[2] for name in checkpoints()}
    assert sorted(checkpoints()) == sorted(f"{when}-{effect}" for effect in effects for when in ("before", "after"))
    assert effects >= {"claim", "prepare", "submit", "record", "collect", "commit", "keep", "close", "push", "cancel"}
    assert effects >= {"wish", "poison", "cancel", "withdraw", "retry"}, "of `cancel` and `retry`"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), INSIDE, ids=[name for _, name in INSIDE])
@pytest.mark.parametrize("stage", ["submit", "collect"])
def test_a_kill_in_the_middle_of_git(
    clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job], stage: str, owner: object, name: str, when: str
) -> None:
    """Every single effect on refs, index, work tree and remote."""
    if stage == "collect":
        sync(clone.context(), plan(*jobs))
        world.run_all()
    for count in range(1, 4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, dying(getattr(owner, name), when, count))
            in_child(lambda: sync(clone.context(), plan(*jobs)))
    check(clone, world, remote, jobs)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), OF_THE_LEDGER, ids=[name for _, name in OF_THE_LEDGER])
def test_a_wish_killed_in_the_middle_of_git_is_told_again(
    clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job], owner: object, name: str, when: str
) -> None:
    """`cancel` and `retry`: after a kill the same command again does all of it."""
    sync(clone.context(), plan(*jobs))
    for wish in (cancel, retry):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, dying(getattr(owner, name), when, 1))
            assert in_child(lambda wish=wish: wish(clone.context(), plan(*jobs), [jobs[1]]))
        assert [one.done for one in wish(clone.context(), plan(*jobs), [jobs[1]])] == [True]
        if wish is cancel:
            assert {step.reason for step in to_the_end(clone, world, jobs).steps} == {"result-current", "cancelled"}
    check(clone, world, remote, jobs)


def dying(whole: object, when: str, count: int) -> object:
    """`whole`, but at its n-th call the process is killed before or after it."""
    calls: list[int] = []

    def cut(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        value = whole(*arguments, **named)  # type: ignore[operator]
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    return cut


def test_a_log_is_kept_whole_or_not_at_all(clone: Clone, world: World, jobs: tuple[Job, Job]) -> None:
    """Killed in the middle of a copy: the next pass copies it again."""
    import shutil

    sync(clone.context(), plan(*jobs))
    world.run_all()

    def half(source: BinaryIO, target: BinaryIO, _: int) -> None:
        target.write(source.read(3))
        target.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", half)
        assert in_child(lambda: sync(clone.context(), plan(*jobs)))
    sync(clone.context(), plan(*jobs))
    kept = list((clone.root / "results").rglob("logs/*.log"))
    assert [path.read_text() for path in kept] == ["a log\n"] * 3


def test_a_lock_that_a_killed_git_left_is_named(
    clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """SIGKILL of git itself, while it moved the ledger: nothing is submitted until the lock is gone, then all goes on."""
    lock = clone.root / ".git/refs/heads/evalctl-state.lock"
    lock.touch()
    with pytest.raises(EnvironmentProblem) as problem:
        sync(clone.context(), plan(*jobs))
    assert problem.value.help.endswith(f": rm {lock}")
    assert world.live() == []
    lock.unlink()
    check(clone, world, remote, jobs)


def test_two_kills_in_a_row(clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job]) -> None:
    """After a lost reply, another kill before the record."""
    assert killed(clone, jobs, "after-submit")
    killed(clone, jobs, "after-claim")
    world.now += 700
    killed(clone, jobs, "after-submit")
    check(clone, world, remote, jobs)
