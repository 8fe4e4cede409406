"""A framework that no longer asks is started again, then ends its task, and only such a framework does, in jobs that really run."""

from __future__ import annotations

import json

import pytest
from standin_place import Place, job_task, make_job, with_server

SECONDS = 2  # of silence


def test_a_framework_that_no_longer_asks_ends_its_own_task(place: Place) -> None:
    """Its bar shows questions left, nothing of it is in flight, it uses no CPU time: after two more starts the task fails with
    that reason, and the other tasks of the job have their results."""
    hangs, other = job_task("hangs", says="stall-hangs|0"), job_task("other")
    ran = place.run(make_job(hangs, other, job_task("third")), stall=SECONDS)
    assert ran.status == 3, place.job_log()
    mark = ran.mark("task/hangs")
    assert (mark["state"], mark["acceptance"]["reason"]) == ("failed", "framework-stalled"), place.job_log()
    assert mark["restarts"] == 2
    assert (place.run_dir / "tasks/hangs/log").read_text().count("Splits:   0%") == 3
    assert "3 questions" in (place.run_dir / "relay/hangs.stalled").read_text()
    assert json.loads((place.run_dir / "relay/hangs.questions.json").read_text())["questions"] >= 3
    assert sorted(ran.mark("finished")["tasks_done"]) == ["other", "third"]


def test_a_framework_that_stalls_once_is_started_again(place: Place) -> None:
    """In the same job, in a folder without what the first one left: the task has its result, its mark and the job's log say it."""
    ran = place.run(make_job(job_task("one", says="stall-once|0")), stall=SECONDS)
    mark = ran.mark("task/one")
    assert (ran.status, mark["state"], mark["restarts"]) == (0, "done", 1), place.job_log()
    assert "3 questions of its progress bar have no answer" in place.job_log()
    assert "it is started again (1 of 2)" in place.job_log()
    assert not (place.run_dir / "relay/one.stalled").exists()
    assert ran.call("one")["begin"] > (place.run_dir / "has-stalled").stat().st_mtime


@pytest.mark.parametrize("says", ["stall-scores|0", "stall-computes|0"])
def test_a_framework_that_is_at_work_is_left_alone(place: Place, says: str) -> None:
    """Scoring may take as long as it wants, without CPU time too (a judge elsewhere); so may what uses CPU time, in a
    process of its own as well, while questions are left."""
    ran = place.run(make_job(job_task("one", says=says)), stall=1)
    assert (ran.status, ran.mark("task/one")["state"]) == (0, "done"), place.job_log()


def test_a_server_that_is_away_is_no_silence(place: Place) -> None:
    """Questions that wait for a server are in flight, however long it takes."""
    job = with_server(make_job(job_task("one", says="stall-asks|0")), "starts-slowly")
    ran = place.run(job, stall=1)
    assert (ran.status, ran.mark("task/one")["state"]) == (0, "done"), place.job_log()
