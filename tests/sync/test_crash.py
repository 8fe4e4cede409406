"""SIGKILL at every effect of a pass: left alone afterwards, each attempt started once and all results are in once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.sync import advance, ledger, push
from evalctl.sync.git import Repository
from evalctl.sync.sync import SyncReport, sync

from .world import Clone, World, git, make_eval, make_job, plan

SUBMIT = ["before-claim", "after-claim", "before-submit", "after-submit", "after-record"]
COLLECT = ["before-commit", "after-commit", "after-close", "after-push"]
# Deeper than the checkpoints: in the middle of git's work.
INSIDE = [
    (advance, "_set_index"), (advance, "_settle_work_tree"), (Repository, "move_ref"), (Repository, "create_commits"),
    (ledger, "push_commit"), (push, "push_commit"),
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

    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child(lambda: sync(clone.context(checkpoint=die), plan(*jobs)))


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


@pytest.mark.parametrize("point", SUBMIT)
def test_a_kill_while_submitting(clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job], point: str) -> None:
    """Claimed, submitted, recorded: cut off at each."""
    assert killed(clone, jobs, point)
    check(clone, world, remote, jobs)


@pytest.mark.parametrize("point", COLLECT)
def test_a_kill_while_collecting(clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job], point: str) -> None:
    """Collected, committed, closed, pushed: cut off at each."""
    sync(clone.context(), plan(*jobs))
    world.run_all()
    assert killed(clone, jobs, point)
    check(clone, world, remote, jobs)


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


def test_two_kills_in_a_row(clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job]) -> None:
    """After a lost reply, another kill before the record."""
    assert killed(clone, jobs, "after-submit")
    killed(clone, jobs, "after-claim")
    world.now += 700
    killed(clone, jobs, "after-submit")
    check(clone, world, remote, jobs)
