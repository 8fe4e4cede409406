"""Only an accepted task gives a result (P3), and an attempt ends with the reason that its marks give."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalctl.model.run import Action, Attempt, Phase, Step
from evalctl.results.record import submission
from evalctl.sync.collect import NotCollectable, collect, keep_files

from .world import finish, make_eval, make_job, mark

STEP = Step("ev-one", Action.COLLECT, "finished")
LOST = Step("ev-one", Action.CLOSE, "lost")


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """An attempt of two tasks, both done and accepted."""
    job = make_job(make_eval("arithmetic"), make_eval("capitals"))
    (tmp_path / "submission.json").write_text(
        json.dumps(submission(job, "c" * 40, "s" * 64, str(tmp_path / "answers")))
    )
    (tmp_path / "attempt.sh").write_text("RUN_TASKS=()\n")
    finish(tmp_path, {}, "", 1000)
    digests = {task.evaluation.task.key: task.evaluation.digest for task in job.tasks}
    return Attempt(job.name, 1, "ev-x-a1", Phase.SUBMITTED, "site", job.request, digests, str(tmp_path), 1.0)


def change(attempt: Attempt, key: str, **more: Any) -> None:
    """Alters one task's mark."""
    path = Path(attempt.run_dir) / "marks/task" / f"{key}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


def test_accepted_tasks_are_results(attempt: Attempt) -> None:
    """A file for each, under its own path, and their digests."""
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert (found.outcome, len(found.files), found.problems) == ("collected", 2, ())
    assert set(found.digests) == set(attempt.evals.values())


def test_a_job_that_ends_while_its_marks_are_read_keeps_its_results(attempt: Attempt) -> None:
    """Taken for lost, it speaks after all: whoever sees its end sees what its tasks had done before."""
    folder, key = Path(attempt.run_dir) / "marks", next(iter(attempt.evals))
    finished, started = folder / "finished.json", folder / "started.json"
    last_word = finished.read_bytes()
    finished.unlink()
    change(attempt, key, state="running")
    os.mkfifo(started)

    def end() -> None:
        with started.open("w") as read:  # once somebody is about to read it
            change(attempt, key, state="done")
            finished.write_bytes(last_word)
            json.dump({"started_at": 1}, read)

    job = threading.Thread(target=end, daemon=True)
    job.start()
    found = collect(Path(attempt.run_dir), attempt, LOST, cancelled=False)
    job.join()
    assert (found.outcome, len(found.files)) == ("collected", 2)


@pytest.mark.parametrize(
    "more",
    [
        {"state": "running"},
        {"state": "failed", "reason": "framework-failed"},
        {"acceptance": None},
        {"acceptance": {"verdict": "failed", "scores": {"arithmetic|0": {"em": 0.0}}}},
        {"acceptance": {"verdict": "done"}},
        {"acceptance": {"verdict": "done", "scores": None}},
    ],
)
def test_without_a_verdict_that_accepts_there_is_no_result(attempt: Attempt, more: dict[str, Any]) -> None:
    """Whatever else the mark says: no score of 0, no guess."""
    change(attempt, "en_arithmetic", **more)
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert found.digests == (attempt.evals["en_capitals"],)
    assert found.outcome.startswith("failed:")


def test_a_score_that_is_no_number_makes_the_mark_unreadable(attempt: Attempt) -> None:
    """NaN is not JSON, whatever Python thinks of it."""
    change(attempt, "en_arithmetic", acceptance={"verdict": "done", "scores": {"arithmetic|0": {"em": float("nan")}}})
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert len(found.files) == 1
    assert any("NaN is no number" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("reason", "tasks", "outcome"),
    [
        ("", {"en_arithmetic": "rate-limit"}, "failed:rate-limit"),
        ("", {"en_arithmetic": "unknown-task", "en_capitals": "rate-limit"}, "failed:rate-limit"),
        ("", {"en_arithmetic": "unknown-task"}, "failed:unknown-task"),
        ("secret-missing", {"en_arithmetic": "not-run", "en_capitals": "not-run"}, "failed:secret-missing"),
        ("timeout", {"en_arithmetic": "timeout"}, "progressed:timeout"),
        ("timeout", {"en_arithmetic": "timeout", "en_capitals": "not-run"}, "failed:timeout"),
        ("timeout", {}, "collected"),
    ],
)
def test_how_an_attempt_ended(attempt: Attempt, reason: str, tasks: dict[str, str], outcome: str) -> None:
    """The job's own reason first, then its tasks'; all results in is a success whatever came after."""
    for path in (Path(attempt.run_dir) / "marks/task").iterdir():
        path.unlink()
    finish(Path(attempt.run_dir), tasks, reason, 1000)
    assert collect(Path(attempt.run_dir), attempt, STEP, cancelled=False).outcome == outcome


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        ('{"fresh": 3}', "progressed:timeout"),
        ('{"fresh": 0, "replayed": 9}', "failed:timeout"),
        ('{"fre', "failed:timeout"),
        ("[]", "failed:timeout"),
    ],
)
def test_an_answer_is_progress(attempt: Attempt, counts: str, outcome: str) -> None:
    """Answers are kept, so that the next attempt of a task that ran out of time has less to do."""
    for path in (Path(attempt.run_dir) / "marks/task").iterdir():
        path.unlink()
    finish(Path(attempt.run_dir), {"en_arithmetic": "timeout", "en_capitals": "not-run"}, "timeout", 1000)
    (Path(attempt.run_dir) / "relay").mkdir()
    (Path(attempt.run_dir) / "relay/en_arithmetic.counts.json").write_text(counts)
    assert collect(Path(attempt.run_dir), attempt, STEP, cancelled=False).outcome == outcome


def test_answers_of_measured_evals_move_beside_the_result(attempt: Attempt, tmp_path: Path) -> None:
    """Those of an eval without a result stay where its next attempt looks for them; doing it twice changes nothing."""
    change(attempt, "en_capitals", state="failed", reason="timeout")
    (tmp_path / "answers").mkdir()
    for digest in attempt.evals.values():
        (tmp_path / "answers" / f"{digest}.jsonl").write_text("{}\n")
    (tmp_path / "tasks/en_arithmetic").mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        keep_files(tmp_path, collect(Path(attempt.run_dir), attempt, STEP, cancelled=False))
        kept = tmp_path / "results/hosted_vllm/team/tiny/default/en/arithmetic/details/answers.jsonl"
        left = [path.stem for path in (tmp_path / "answers").iterdir()]
        assert (kept.read_text(), left) == ("{}\n", [attempt.evals["en_capitals"]])


def test_waiting_for_the_server_is_not_counted(attempt: Attempt) -> None:
    """A framework is loaded while the server starts; its task begins when the server is ready."""
    path = Path(attempt.run_dir) / "marks/server_ready.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "ready_at": 997, "restarts": 1}))
    text = next(iter(collect(Path(attempt.run_dir), attempt, STEP, cancelled=False).files.values()))
    assert (json.loads(text)["seconds"], json.loads(text)["ran"]["server_restarts"]) == (3, 1)


def test_a_lost_attempt_is_lost_and_a_cancelled_one_cancelled(attempt: Attempt) -> None:
    """Without the finished mark the step says why; a person's wish goes before both."""
    run_dir = Path(attempt.run_dir)
    (run_dir / "marks/finished.json").unlink()
    (run_dir / "marks/task/en_capitals.json").unlink()
    assert collect(Path(attempt.run_dir), attempt, LOST, cancelled=False).outcome == "failed:lost"
    assert collect(Path(attempt.run_dir), attempt, LOST, cancelled=True).outcome == "cancelled"
    assert (
        collect(Path(attempt.run_dir), attempt, replace(LOST, reason="not-needed"), cancelled=False).outcome
        == "withdrawn"
    )


@pytest.mark.parametrize("text", ["", "{", "{}", '{"tasks": {}}'])
def test_without_a_submission_on_record_nothing_is_collected(attempt: Attempt, text: str) -> None:
    """It names the file; the marks stay where they are."""
    (Path(attempt.run_dir) / "submission.json").write_text(text)
    with pytest.raises(NotCollectable, match=r"submission\.json"):
        collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)


def test_an_attempt_without_any_result_needs_no_submission(attempt: Attempt) -> None:
    """It died before it began."""
    run_dir = Path(attempt.run_dir)
    for path in run_dir.glob("marks/task/*"):
        path.unlink()
    (run_dir / "submission.json").unlink()
    mark(run_dir, "finished", {"exit": 72, "reason": "environment-missing"})
    assert collect(Path(attempt.run_dir), attempt, STEP, cancelled=False).outcome == "failed:environment-missing"


def test_a_broken_environment_is_named(attempt: Attempt) -> None:
    """Which key is missing, not only that one is."""
    path = Path(attempt.run_dir) / "marks/finished.json"
    ended = {
        **json.loads(path.read_text()),
        "exit": 72,
        "reason": "secret-missing",
        "detail": "OPENAI_API_KEY is not set",
    }
    path.write_text(json.dumps(ended))
    assert (
        "secret-missing: OPENAI_API_KEY is not set"
        in collect(Path(attempt.run_dir), attempt, STEP, cancelled=False).problems
    )
