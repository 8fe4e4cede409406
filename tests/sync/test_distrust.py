"""Whoever can push the branch `evalctl-state` is not trusted: a record leads to no folder, no file and no program."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.sync.control import cancel, logs, retry
from evalctl.sync.eval_status import status
from evalctl.sync.record_text import LARGEST
from evalctl.sync.sync import SyncReport, sync

from .test_sync import git_input, told, write_ledger
from .world import Clone, World, git, make_eval, make_job, plan


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job that is known to everybody."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


def rewritten(clone: Clone, job: Job, **more: object) -> None:
    """The job's open attempt as somebody else's push leaves it."""
    path = f"jobs/{job.name}.json"
    record = json.loads(git(clone.root, "show", f"evalctl-state:{path}"))
    record["attempts"][0].update(more)
    write_ledger(clone.root, path, git_input(clone.root, json.dumps(record)))


@pytest.fixture
def forged(clone: Clone, world: World, job: Job, tmp_path: Path) -> Path:
    """A folder with a whole attempt of the job, made by hand."""
    go(clone, job)
    shutil.copytree(clone.root / ".evalctl/runs" / job.name / "a1", tmp_path / "forged")
    world.run_all()
    own = clone.root / ".evalctl/runs" / job.name / "a1"
    shutil.copytree(own, tmp_path / "forged", dirs_exist_ok=True)
    mark = tmp_path / "forged/marks/task/en_arithmetic.json"
    mark.write_text(mark.read_text().replace("0.5", "0.9999"))
    return tmp_path / "forged"


def test_a_run_folder_that_the_ledger_names_is_not_read(clone: Clone, job: Job, forged: Path) -> None:
    """The folder of the attempt follows from its name: the job's own score is published."""
    rewritten(clone, job, run_dir=str(forged))
    go(clone, job)
    assert "0.9999" not in git(clone.root, "log", "-p", "--all", "--", "results")
    assert '"em": 0.5' in git(
        clone.root, "show", "HEAD:results/hosted_vllm/team/tiny/default/en/arithmetic/result.json"
    )


@pytest.mark.parametrize("phase", ["claimed", "submitted"])
def test_where_the_derived_folder_is_not_there_nothing_is_read_or_written(
    clone: Clone, world: World, job: Job, forged: Path, phase: str
) -> None:
    """It is reported with the folder; after any time nothing is submitted, collected, cancelled or shown from there."""
    shutil.rmtree(clone.root / ".evalctl/runs")
    rewritten(clone, job, run_dir=str(forged), phase=phase)
    before = {path: path.stat().st_mtime_ns for path in forged.rglob("*")}
    for _ in range(2):
        world.now += 10_000
        report = go(clone, job)
        assert told(report) == [(Action.WAIT, "other-home")]
        assert str(forged) in report.steps[0].detail
    assert [one.done for one in cancel(clone.context(), plan(job), [job])] == [False]
    assert logs(clone.context(), [job.name]) == []
    assert {line.reason for line in status(clone.context(), plan(job))[0]} == {"other-home"}
    assert {path: path.stat().st_mtime_ns for path in forged.rglob("*")} == before
    assert len(world.state()["jobs"]) == 1


def test_an_attempt_of_another_home_of_mine_is_left_to_it_or_taken_over(
    new_clone: Callable[..., Clone], clone: Clone, world: World, job: Job
) -> None:
    """Each clone looks after its own attempts; one that is gone is given up by hand."""
    desk = new_clone("desk", "alice")
    go(desk, job)
    assert told(go(clone, job)) == [(Action.WAIT, "other-home")]
    world.vanish()
    assert [one.done for one in retry(clone.context(), plan(job), [job])] == [False]
    assert [one.done for one in retry(clone.context(), plan(job), [job], take_over=True)] == [True]
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]


def test_a_home_that_was_moved_goes_on(clone: Clone, world: World, job: Job) -> None:
    """What an attempt is recorded with is of no consequence where its folder is in this home."""
    go(clone, job)
    world.run_all()
    moved = (clone.root / ".evalctl").rename(clone.root.parent / "moved")
    report = sync(clone.context(home=moved, environments=moved / "environments"), plan(job))
    assert told(report) == [(Action.DONE, "result-current")]


def test_results_of_a_request_that_is_gone_wait_for_it(clone: Clone, world: World, job: Job) -> None:
    """What no request asks for is not published, and not lost: the attempt stays open until its request is back."""
    go(clone, job)
    world.run_all()
    for _ in range(2):
        report = go(clone)
        assert told(report) == [(Action.REPORT, "not-asked-for")]
        assert f"`evalctl cancel {job.name}`" in report.steps[0].detail
        assert git(clone.root, "ls-tree", "-r", "--name-only", "HEAD", "results") == ""
    assert told(go(clone, job)) == [(Action.DONE, "result-current")]
    assert len(world.state()["jobs"]) == 1


def test_results_of_a_request_that_is_gone_can_be_given_up(clone: Clone, world: World, job: Job) -> None:
    """After `cancel` the attempt is closed, nothing is published, and its answers stay for whoever asks again."""
    go(clone, job)
    world.run_all()
    answers = clone.root / ".evalctl/answers/vllm-cpu-0123456789ab" / f"{job.tasks[0].evaluation.digest}.jsonl"
    answers.parent.mkdir(parents=True, exist_ok=True)
    answers.write_text("{}\n")
    assert [one.job for one in cancel(clone.context(), [], [], [job.name])] == [job.name]
    report = go(clone)
    assert (report.steps, answers.exists()) == ((), True)
    assert "not published" in " ".join(report.warnings)
    assert git(clone.root, "ls-tree", "-r", "--name-only", "HEAD", "results") == ""


def test_a_result_that_another_request_asks_for_is_published_for_it(clone: Clone, world: World, job: Job) -> None:
    """The same eval elsewhere: nothing is measured twice."""
    go(clone, job)
    world.run_all()
    other = make_job(make_eval("arithmetic", settings="twin"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(other)
    assert told(go(clone, other)) == [(Action.DONE, "result-current")]
    assert len(world.state()["jobs"]) == 1


def test_a_result_never_takes_the_place_of_another_eval(clone: Clone, world: World, job: Job) -> None:
    """Its own place has another eval now: it is not published there, though a request asks for it elsewhere."""
    go(clone, job)
    world.run_all()
    newer = make_job(make_eval("arithmetic", version="2"), request="manifests/requests/two.yaml", stem="two")
    twin = make_job(make_eval("arithmetic", settings="twin"), request="manifests/requests/three.yaml", stem="three")
    for other in (newer, twin):
        clone.add_script(other)
    report = go(clone, newer, twin)
    assert "default/en/arithmetic/result.json" not in git(clone.root, "ls-tree", "-r", "--name-only", "HEAD")
    assert "not published" in " ".join(report.warnings)


def test_a_record_that_is_too_large_is_not_read(clone: Clone, job: Job) -> None:
    """It stops its job alone."""
    go(clone, job)
    write_ledger(clone.root, f"jobs/{job.name}.json", git_input(clone.root, " " * (LARGEST + 1)))
    report = go(clone, job)
    assert told(report) == [(Action.STOP, "unreadable-ledger")]
    assert "bytes" in report.steps[0].detail


def test_folders_and_files_of_the_home_are_their_owners_alone(clone: Clone, world: World, job: Job) -> None:
    """Whatever the umask, and where an earlier evalctl left them open; environments may be shared."""
    home = clone.root / ".evalctl"
    (home / "runs").mkdir(mode=0o755)
    umask = os.umask(0)
    try:
        go(clone, job)
    finally:
        os.umask(umask)
    folders = [home / name for name in ("runs", "answers", "queue", "cache", "caches/downloads")]
    run = home / "runs" / job.name / "a1"
    assert {path.stat().st_mode & 0o777 for path in (*folders, run.parent, run)} == {0o700}
    assert {path.stat().st_mode & 0o077 for path in run.rglob("*")} == {0}
    assert (home / "environments").stat().st_mode & 0o077


def test_a_clone_that_a_group_shares_lets_it_in(clone: Clone, job: Job) -> None:
    """As git does for `core.sharedRepository`; a run folder stays its owner's."""
    git(clone.root, "config", "core.sharedRepository", "group")
    go(clone, job)
    home = clone.root / ".evalctl"
    assert (home / "runs" / job.name).stat().st_mode & 0o7777 == 0o2770
    assert (home / "runs" / job.name / "a1").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("part", ["runs", "runs/JOB", "runs/JOB/a1"])
def test_no_run_folder_is_made_behind_a_link(clone: Clone, world: World, job: Job, tmp_path: Path, part: str) -> None:
    """Its script would be what somebody else put there."""
    link = clone.root / ".evalctl" / part.replace("JOB", job.name)
    link.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    if part == "runs":
        with pytest.raises(OSError, match="never behind a link"):
            go(clone, job)
    else:
        assert told(go(clone, job)) == [(Action.STOP, "run-folder")]
    assert (list((tmp_path / "elsewhere").iterdir()), world.live()) == ([], [])


def test_an_attempt_in_a_clone_that_was_copied_is_the_originals(
    clone: Clone, world: World, job: Job, tmp_path: Path
) -> None:
    """The job writes to the folder of the clone that submitted it: the copy neither gives it up nor submits it again."""
    go(clone, job)
    shutil.copytree(clone.root, tmp_path / "copy", symlinks=True)
    copy = Clone(tmp_path / "copy", world)
    world.run_all()
    for _ in range(2):
        world.now += 10_000
        report = go(copy, job)
        assert told(report) == [(Action.WAIT, "other-home")]
        assert str(clone.root) in report.steps[0].detail
    assert told(go(clone, job)) == [(Action.DONE, "result-current")]
    assert len(world.state()["jobs"]) == 1


def test_a_home_that_is_seen_under_two_paths_is_one(clone: Clone, world: World, job: Job, tmp_path: Path) -> None:
    """A link to the clone is the clone."""
    go(clone, job)
    world.run_all()
    (tmp_path / "other").symlink_to(clone.root)
    assert told(go(Clone(tmp_path / "other", world), job)) == [(Action.DONE, "result-current")]
