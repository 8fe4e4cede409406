"""A shell that chooses another scheduler than the one an attempt was submitted to is no proof that its job is gone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.surroundings import CHOOSING, PASSED, Program
from evalctl_job.run_folder import INSIDE

from .test_push import go, jobs
from .test_sync import told
from .world import Clone, World

__all__ = ["jobs"]


@pytest.fixture
def job(jobs: tuple[Job, Job]) -> Job:
    """A job known to everybody."""
    return jobs[0]


@pytest.mark.parametrize("name", CHOOSING)
def test_a_job_is_not_lost_in_a_shell_that_asks_elsewhere(
    clone: Clone, world: World, job: Job, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another cluster lists no job of ours, with status 0: it is named, waited for, and nothing is submitted again."""
    monkeypatch.setenv(name, "/site/one")
    go(clone, job)
    monkeypatch.setenv(name, "/site/two")
    world.visible = False
    for _ in range(3):
        world.now += 10_000
        report = go(clone, job)
        assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)
        assert f"{name}=/site/one" in report.steps[0].detail
    monkeypatch.setenv(name, "/site/one")
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]  # only now its absence counts
    world.visible = True
    assert told(go(clone, job)) == [(Action.WAIT, "queued")]
    assert len(world.state()["jobs"]) == 1


def test_what_is_seen_or_has_spoken_needs_no_same_shell(
    clone: Clone, world: World, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cron has fewer variables: a job that is listed is listed, and one that has ended is collected."""
    monkeypatch.setenv("SGE_CELL", "default")
    go(clone, job)
    monkeypatch.delenv("SGE_CELL")
    assert told(go(clone, job)) == [(Action.WAIT, "queued")]
    world.run_all()
    assert told(go(clone, job)) == [(Action.DONE, "result-current")]


@pytest.mark.parametrize("text", [None, "", "{", "[1]", json.dumps({"OTHER": 1}), json.dumps({"SLURM_CONF": {"x": 1}})])
def test_a_note_that_is_missing_or_damaged_stops_nothing(
    clone: Clone, world: World, job: Job, text: str | None
) -> None:
    """An earlier evalctl wrote none."""
    go(clone, job)
    note = clone.root / ".evalctl/runs" / job.name / "a1" / INSIDE.scheduler
    note.unlink()
    if text is not None:
        note.write_text(text)
    world.vanish()
    world.now += 10_000
    assert told(go(clone, job))[0][1] in ("settling", "scheduler-silent")


def _installed(folder: Path) -> str:
    """A folder with a program that lists jobs."""
    folder.mkdir()
    (folder / "fake-list").write_text("#!/bin/sh\n")
    (folder / "fake-list").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_job_is_not_lost_where_another_program_lists_the_jobs(
    clone: Clone, world: World, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PATH chooses among two clusters of one kind: the program's file is named until it is asked, or is no longer there."""
    one, two = _installed(tmp_path / "one"), _installed(tmp_path / "two")
    monkeypatch.setenv("PATH", one)
    go(clone, job)
    monkeypatch.setenv("PATH", two)
    world.visible = False
    for _ in range(3):
        world.now += 10_000
        report = go(clone, job)
        assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)
        assert f"fake-list={tmp_path}/one/fake-list" in report.steps[0].detail
    (tmp_path / "one/fake-list").unlink()  # an update of the site
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]


def test_links_to_one_program_are_one_program(
    clone: Clone, world: World, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/bin and /usr/bin, `current` and its version."""
    monkeypatch.setenv("PATH", _installed(tmp_path / "one"))
    (tmp_path / "current").symlink_to("one")
    go(clone, job)
    monkeypatch.setenv("PATH", f"{tmp_path}/current:{os.environ['PATH']}")
    world.visible = False
    world.now += 10_000
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]


def test_an_empty_list_of_another_scheduler_is_silence(clone: Clone, world: World, job: Job) -> None:
    """Its program has the same name, and answers with status 0: nothing is lost, and nothing is submitted."""
    go(clone, job)
    world.program = "other 2"
    assert told(go(clone, job)) == [(Action.WAIT, "queued")]  # a list with jobs shows by its form whose it is
    world.visible = False
    for _ in range(3):
        world.now += 10_000
        report = go(clone, job)
        assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)
    assert any("fake-list is not a program of " in warning for warning in report.warnings)
    world.program = "fake 1"
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]
    assert len(world.state()["jobs"]) == 1


def test_nothing_is_submitted_where_another_scheduler_answers(clone: Clone, world: World, job: Job) -> None:
    """The first pass on a login node of another site, or with another PATH."""
    world.program = "other 2"
    assert told(go(clone, job)) == [(Action.WAIT, "scheduler-silent")]
    assert world.submissions == 0


def test_what_chooses_a_scheduler_reaches_its_programs() -> None:
    """A name that is noted and not passed would tell nothing."""
    assert set(CHOOSING) <= set(PASSED[Program.SCHEDULER])
