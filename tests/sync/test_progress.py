"""How far running jobs are, from the files that relay and stall watch leave in the run folder."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import JobProgress, Progress
from evalctl.sync.eval_status import status
from evalctl.sync.progress import LONGEST_SECONDS, counted_in, of_attempts, of_lines, per_minute
from evalctl.sync.sync import sync
from evalctl_job.relay_files import MOST_CHOICES, TaskCounts

from .world import Clone, World, make_eval, make_job, mark, plan

KEY, OTHER = "en_arithmetic", "en_capitals"
START = 1_700_000_000


def job() -> Job:
    """Two tasks on one server."""
    return make_job(make_eval("arithmetic"), make_eval("capitals"))


@pytest.fixture
def folder(clone: Clone, world: World) -> Path:
    """The run folder of an attempt whose first task runs for ten minutes, of which the server needed five to start."""
    clone.add_script(job())
    sync(clone.context(), plan(job()))
    world.set_state("running")
    (submitted,) = world.state()["jobs"].values()
    run_dir = Path(submitted["run_dir"])
    mark(run_dir, "started", {"started_at": START})
    mark(run_dir, "server_ready", {"ready_at": START + 300})
    mark(run_dir, f"task/{KEY}", {"key": KEY, "state": "running"})
    (run_dir / "relay").mkdir(exist_ok=True)
    world.now = START + 600
    return run_dir


def counts(run_dir: Path, key: str = KEY, **numbers: Any) -> None:
    """The counts of a task, as the relay writes them."""
    (run_dir / "relay" / f"{key}.counts.json").write_text(json.dumps(numbers))


def questions(run_dir: Path, number: Any, key: str = KEY) -> None:
    """The note of the stall watch."""
    (run_dir / "relay" / f"{key}.questions.json").write_text(json.dumps({"questions": number}))


def seen(clone: Clone) -> JobProgress:
    """The progress of the job, as `status` finds it."""
    lines, _ = status(clone.context(), plan(job()))
    return of_lines(clone.context(), plan(job()), lines, {job().name})[job().name]


def test_a_running_task_has_answers_of_a_total_a_rate_and_an_end(clone: Clone, folder: Path) -> None:
    """The total is that of the framework's progress bar; the rate is that since the server was ready."""
    counts(folder, requests=60, asked=60, answered=50, fresh=50, pace=[[START + 10, 0]])
    questions(folder, 150)
    assert seen(clone).tasks == {KEY: Progress(50, 150, 10.0, START + 600 + 600)}


def test_a_question_with_several_samples_has_several_answers(clone: Clone, folder: Path) -> None:
    """A request for four samples is four answers."""
    counts(folder, requests=10, asked=40, answered=40, fresh=40)
    questions(folder, 100)
    assert seen(clone).tasks[KEY].total == 400
    questions(folder, MOST_CHOICES)
    assert seen(clone).tasks[KEY].total is None  # no task has so many


def test_a_total_that_nobody_knows_is_not_made_up(clone: Clone, folder: Path) -> None:
    """Answers and rate are there all the same, and there is no end."""
    counts(folder, requests=60, asked=60, answered=50, fresh=50, pace=[[START + 300, 0]])
    found = seen(clone)
    assert found.tasks == {KEY: Progress(50, None, 10.0)}
    assert found.whole == Progress(50, None, 10.0)


def test_the_job_has_the_answers_of_all_its_tasks(clone: Clone, folder: Path) -> None:
    """What is left of a task that has ended is nothing; the rates of those that run are added up."""
    mark(folder, f"task/{OTHER}", {"key": OTHER, "state": "done"})
    counts(folder, OTHER, requests=30, asked=30, answered=30, fresh=30, pace=[[START + 300, 0]])
    counts(folder, requests=60, asked=60, answered=50, fresh=50, pace=[[START + 300, 0]])
    questions(folder, 100)
    found = seen(clone)
    assert found.tasks[OTHER] == Progress(30, 30)
    assert found.whole == Progress(80, 130, 10.0, START + 600 + 300)


def test_a_task_that_failed_has_no_total(clone: Clone, folder: Path) -> None:
    """It gets no more answers, so that it does not hold up the job's total either."""
    mark(folder, f"task/{OTHER}", {"key": OTHER, "state": "failed", "reason": "answers-failed"})
    counts(folder, OTHER, requests=30, asked=30, answered=20, failed=10, fresh=20)
    counts(folder, requests=5, asked=5, answered=5, fresh=5)
    questions(folder, 7)
    assert seen(clone).tasks[OTHER] == Progress(20)
    assert seen(clone).whole.total == 27


def test_a_task_that_waits_for_its_turn_has_the_total_of_an_earlier_result(clone: Clone, world: World) -> None:
    """Of the same questions: another version of the task or other max_samples say nothing."""
    clone.add_script(job())
    sync(clone.context(), plan(job()))
    world.run_all()
    sync(clone.context(), plan(job()))  # its results have ten answers each

    def totals(**other: Any) -> Progress:
        again = make_job(*(replace(make_eval(script, version="2"), **other) for script in ("arithmetic", "capitals")))
        clone.add_script(again)
        sync(clone.context(), plan(again))
        world.set_state("running")
        attempts = {name: one for name, one in _open(clone, again).items() if name == again.name}
        mark(clone.context().folder(attempts[again.name]), "started", {"started_at": START})
        return of_attempts(clone.context(), plan(again), attempts)[again.name].whole

    assert totals() == Progress(0, 20)
    assert totals(task_digest="u" * 64, digest="1" * 64) == Progress(0, None)
    assert totals(max_samples=5, digest="2" * 64) == Progress(0, None)


def _open(clone: Clone, wanted: Job) -> dict[str, Any]:
    from evalctl.sync.sync_pass import SyncPass

    records = SyncPass(clone.context(), plan(wanted)).ledger.read()
    return {name: record.open for name, record in records.by_job.items() if record.open}


@pytest.mark.parametrize(
    ("pace", "fresh", "expected"),
    [
        ([], 5, None),
        ([[0, 0]], 5, 0.5),
        ([[590, 0]], 5, None),  # too short a time
        ([[700, 0]], 5, None),  # a clock that is ahead
        ([[0, 9]], 5, None),  # more before than now
        ([[-3600, 0], [-1800, 50], [-1200, 80], [300, 100]], 110, 1.0),  # the last half hour
        ([[-7200, 0], [-3600, 50]], 50, 0.0),  # it has stood still since
        ([[-7200, 0], [-6000, 50], [300, 51]], 51, 60 * 1 / 6600),  # slow answers: since the last point before it
    ],
)  # fmt: skip
def test_the_rate_is_that_of_the_last_half_hour(pace: list[list[int]], fresh: int, expected: float | None) -> None:
    """Times are seconds before and after the start of a run of ten minutes."""
    points = tuple((START + at, number) for at, number in pace)
    assert per_minute(TaskCounts(fresh=fresh, pace=points), 0.0, START + 600.0) == expected


def test_an_end_that_is_a_year_away_is_none(clone: Clone, folder: Path) -> None:
    """And neither is one where the last answer is there: scores are computed then."""
    counts(folder, requests=1, asked=1, answered=1, fresh=1, pace=[[START + 300, 0]])
    questions(folder, int(LONGEST_SECONDS))
    assert seen(clone).tasks[KEY].ends_at is None
    questions(folder, 1)
    assert seen(clone).tasks[KEY] == Progress(1, 1, 0.2)


HOSTILE = [
    "", "{", "[]", "null", '"asked"', '{"asked": "many"}', '{"asked": -1}', '{"asked": true}', '{"asked": 1.5}', '{"asked": NaN}',
    '{"answered": 1e999}', f'{{"fresh": {MOST_CHOICES + 1}}}', '{"asked": ' + "9" * 5000 + "}", "[" * 5000, "\x00", "\ud800",
    '{"pace": 5, "asked": [1]}', '{"requests": {}}',
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE)
def test_counts_of_a_wrong_form_are_as_if_absent(clone: Clone, folder: Path, content: str) -> None:
    """A run folder is not trusted: nothing of it is an exception or a number that nobody counted."""
    for name in ("counts", "questions"):
        (folder / "relay" / f"{KEY}.{name}.json").write_bytes(content.encode(errors="surrogatepass"))
    assert seen(clone).tasks == {KEY: Progress(0)}


@pytest.mark.parametrize(
    "pace", [5, [5], [[]], [[1]], [[1, 2, 3]], [["1", 2]], [[1, -2]], [[10**13, 1]], [[1, True]], [None], {"0": [1, 2]}, "no"]
)  # fmt: skip
def test_points_of_a_wrong_form_are_a_file_of_a_wrong_form(clone: Clone, folder: Path, pace: Any) -> None:
    """The counts beside them are not shown: the relay writes no such file."""
    counts(folder, requests=2, asked=2, answered=2, fresh=2, pace=pace)
    questions(folder, 4)
    assert seen(clone).tasks == {KEY: Progress(0)}


def test_links_and_pipes_are_not_read(folder: Path, tmp_path: Path) -> None:
    """Neither is a folder; a pipe does not block."""
    (tmp_path / "outside.json").write_text('{"asked": 7, "answered": 7}')
    place = folder / "relay" / f"{KEY}.counts.json"
    place.symlink_to(tmp_path / "outside.json")
    assert counted_in(folder, KEY) == TaskCounts()
    place.unlink()
    os.mkfifo(place)
    assert counted_in(folder, KEY) == TaskCounts()
    place.unlink()
    place.mkdir()
    assert counted_in(folder, KEY) == TaskCounts()


def test_progress_asks_the_scheduler_nothing(clone: Clone, folder: Path, world: World) -> None:
    """One query for the status of all jobs, none for their progress."""
    counts(folder, requests=2, asked=2, answered=2, fresh=2)
    before = world.queries
    assert seen(clone).whole.answered == 2
    assert world.queries == before + 1


def test_what_does_not_run_has_no_progress(clone: Clone, world: World) -> None:
    """A job in the queue, and a pass that reports those that have begun."""
    clone.add_script(job())
    assert sync(clone.context(), plan(job())).under_way == {}
    lines, _ = status(clone.context(), plan(job()))
    assert of_lines(clone.context(), plan(job()), lines, {job().name}) == {}


def test_a_pass_names_the_attempts_that_have_begun(clone: Clone, folder: Path) -> None:
    """`sync --watch` shows their progress."""
    counts(folder, requests=2, asked=2, answered=2, fresh=2)
    under_way = sync(clone.context(), plan(job())).under_way
    assert of_attempts(clone.context(), plan(job()), under_way)[job().name].whole.answered == 2
