"""Only an accepted task gives a result (P3), and an attempt ends with the reason that its marks give."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalctl.model.run import Action, Attempt, Phase, Step
from evalctl.results.reading import parse
from evalctl.results.submission import of_job
from evalctl.sync.collect import Collected, NotCollectable, collect, keep_files
from evalctl.sync.marks import read_marks

from .world import finish, make_eval, make_job, mark

STEP = Step("ev-one", Action.COLLECT, "finished")
LOST = Step("ev-one", Action.CLOSE, "lost")


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """An attempt of two tasks, both done and accepted."""
    job = make_job(make_eval("arithmetic"), make_eval("capitals"))
    (tmp_path / "submission.json").write_text(
        json.dumps(of_job(job, "c" * 40, "s" * 64, str(tmp_path / "answers/vllm-cpu")).as_json())
    )
    (tmp_path / "attempt.json").write_text('{"run_tasks": []}')
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


def test_a_record_names_the_judge_of_its_scores(attempt: Attempt) -> None:
    """And nothing else that the mark says of it; a task that its framework scores names none."""
    judged, other = attempt.evals
    mark = json.loads((Path(attempt.run_dir) / "marks/task" / f"{judged}.json").read_text())
    judge = {"model": "gpt-4o-2024-08-06", "provider": "openai", "prompts": "0123456789abcdef"}
    change(attempt, judged, acceptance={**mark["acceptance"], "judge": {**judge, "more": "words"}})
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    records = {one.task.key: one for one in (parse(path, text) for path, text in found.files.items())}
    assert records[judged].recorded("judge") == judge and records[other].judge is None
    assert str(records[judged].judge) == "gpt-4o-2024-08-06 (openai, prompts 01234567)"


def test_a_record_names_the_gpus_of_a_copy(attempt: Attempt) -> None:
    """As the job was submitted; a submission of an older evalctl, and one whose model others serve, name none."""
    path = Path(attempt.run_dir) / "submission.json"
    submitted = json.loads(path.read_text())
    for words, expected in (({"tensor_parallel": 2, "data_parallel": 4}, (2, 4)), ({}, (None, None))):
        kept = {name: value for name, value in submitted.items() if not name.endswith("_parallel")}
        path.write_text(json.dumps({**kept, **words}))
        place, text = next(iter(collect(Path(attempt.run_dir), attempt, STEP, cancelled=False).files.items()))
        ran = parse(place, text).ran
        assert (ran.tensor_parallel, ran.data_parallel) == expected


def test_a_job_that_ends_while_its_marks_are_read_keeps_its_results(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for lost, it speaks after all: whoever sees its end sees what its tasks had done before."""
    folder, key = Path(attempt.run_dir) / "marks", next(iter(attempt.evals))
    finished = folder / "finished.json"
    last_word = finished.read_bytes()
    finished.unlink()
    change(attempt, key, state="running")
    whole = os.open

    def at_the_first_mark(path: str, *words: int, **more: int) -> int:
        if path == "started.json":
            change(attempt, key, state="done")
            finished.write_bytes(last_word)
        return whole(path, *words, **more)

    monkeypatch.setattr(os, "open", at_the_first_mark)
    found = collect(Path(attempt.run_dir), attempt, LOST, cancelled=False)
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
    assert any("NaN is not a number" in problem for problem in found.problems)


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
    store = tmp_path / "answers/vllm-cpu"
    store.mkdir(parents=True)
    for digest in attempt.evals.values():
        (store / f"{digest}.jsonl").write_text("{}\n")
    for _ in range(2):
        assert keep_files(tmp_path, tmp_path, asked(attempt)) == []
        kept = tmp_path / "results/hosted_vllm/team/tiny/default/en/arithmetic/details/answers.jsonl"
        left = [path.stem for path in store.iterdir()]
        assert (kept.read_text(), left) == ("{}\n", [attempt.evals["en_capitals"]])


def asked(attempt: Attempt) -> Collected:
    """What was collected, all of it asked for."""
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    return replace(found, places=frozenset(found.files))


ENV = "OPENAI_API_" + "KEY=private\n"


def replaced(path: Path, how: str, secret: Path) -> None:
    """What a job may leave where its file was."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "link":
        path.symlink_to(secret)
    elif how == "hard link":
        path.hardlink_to(secret)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    else:  # a link in place of the folder
        shutil.rmtree(path.parent)
        path.parent.symlink_to(secret.parent)


@pytest.mark.parametrize("how", ["link", "hard link", "pipe", "folder", "folder link"])
@pytest.mark.parametrize("name", ["job.log", "tasks/en_arithmetic/log", "tasks/en_arithmetic/output/details/x.parquet"])
def test_nothing_but_the_jobs_own_files_is_copied(attempt: Attempt, tmp_path: Path, name: str, how: str) -> None:
    """A link to `.env` in a run folder would publish its keys: links, pipes and hard links are named and left out."""
    if (name, how) == ("job.log", "folder link"):
        pytest.skip("that is the run folder itself: see the marks")
    secret = tmp_path.parent / f"{tmp_path.name}-private" / Path(name).name
    secret.parent.mkdir()
    secret.write_text(ENV)
    replaced(Path(attempt.run_dir) / name, how, secret)
    problems = keep_files(tmp_path, tmp_path, asked(attempt))
    kept = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert not any("private" in path.read_text() for path in kept)
    if (name, how) != ("tasks/en_arithmetic/output/details/x.parquet", "folder link"):  # no folder, no files
        assert any(name in problem for problem in problems), problems


@pytest.mark.skipif(os.geteuid() != 0, reason="a file is given to another account")
def test_another_accounts_file_in_a_run_folder_is_not_copied(attempt: Attempt, tmp_path: Path) -> None:
    """Whoever could write there could have put anything into the log."""
    log = Path(attempt.run_dir) / "job.log"
    log.write_text("theirs\n")
    os.chown(log, 65534, -1)
    problems = keep_files(tmp_path, tmp_path, asked(attempt))
    assert problems and all("belongs to another user (65534)" in problem for problem in problems)
    assert not list((tmp_path / "results").rglob("*job.log"))


def test_kept_files_are_their_owners_alone(attempt: Attempt, tmp_path: Path) -> None:
    """A provider's error may echo a key into a log."""
    umask = os.umask(0)
    try:
        (Path(attempt.run_dir) / "job.log").write_text("a log\n")
        assert keep_files(tmp_path, tmp_path, asked(attempt)) == []
    finally:
        os.umask(umask)
    kept = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert len(kept) == 6 and {path.stat().st_mode & 0o777 for path in kept} == {0o600}


@pytest.mark.parametrize(
    "part", ["results", "results/hosted_vllm", "results/hosted_vllm/team/tiny/default/en/arithmetic/logs"]
)
def test_files_are_kept_below_results_only(attempt: Attempt, tmp_path: Path, part: str) -> None:
    """Nothing is written through a link that stands for one of the folders."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / part).symlink_to(outside)
    problems = keep_files(tmp_path, tmp_path, asked(attempt))
    assert any(f"{part} is a link" in problem for problem in problems)
    assert list(outside.iterdir()) == []
    assert (tmp_path / part).is_symlink()


@pytest.mark.parametrize(
    "path",
    [
        "results/../.github/x/result.json", "/tmp/result.json", "results/a/../../b/result.json", "results/result.json/x",
        "results//result.json", "results/.git/hooks/result.json", "results/a\nM 100755 inline x/result.json",
        "generated/a/result.json", "results/a/other.json", "results\\..\\result.json", "results/./a/result.json",
        "results/" + "a" * 1000 + "/result.json",
    ],
)  # fmt: skip
def test_a_submission_names_places_of_results_only(attempt: Attempt, path: str) -> None:
    """It lies in the run folder, where the job could change it."""
    file = Path(attempt.run_dir) / "submission.json"
    document = json.loads(file.read_text())
    document["tasks"]["en_arithmetic"]["path"] = path
    file.write_text(json.dumps(document))
    with pytest.raises(NotCollectable, match="not the path of a result"):
        collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)


@pytest.mark.parametrize("folder", ["/elsewhere", "answers/../answers2/vllm-cpu", "answers", "answers/a/b"])
def test_answers_come_from_the_store_only(attempt: Attempt, tmp_path: Path, folder: str) -> None:
    """A submission that names another folder moves nothing."""
    store = tmp_path / folder if folder != "/elsewhere" else tmp_path.parent / f"{tmp_path.name}-elsewhere"
    file = Path(attempt.run_dir) / "submission.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "answers": str(store)}))
    (tmp_path / "answers").mkdir()
    store.mkdir(parents=True, exist_ok=True)
    for digest in attempt.evals.values():
        (store / f"{digest}.jsonl").write_text("{}\n")
    keep_files(tmp_path, tmp_path, asked(attempt))
    assert len(list(store.glob("*.jsonl"))) == 2


@pytest.mark.parametrize("name", ["finished", "task/en_arithmetic"])
@pytest.mark.parametrize("how", ["link", "hard link", "pipe", "folder"])
def test_a_mark_that_is_not_the_jobs_own_file_cannot_be_read(
    attempt: Attempt, tmp_path: Path, name: str, how: str
) -> None:
    """Whatever it leads to: it is named, and nothing is taken from it."""
    mark_file = Path(attempt.run_dir) / "marks" / f"{name}.json"
    other = tmp_path / "other.json"
    other.write_bytes(mark_file.read_bytes())
    replaced(mark_file, how, other)
    marks = read_marks(Path(attempt.run_dir))
    assert [str(mark_file) in why for why in marks.unreadable] == [True]
    assert (marks.finished is None) == (name == "finished")


def test_a_run_folder_behind_a_link_is_not_read(attempt: Attempt, tmp_path: Path) -> None:
    """Nor its marks and submission, nor the folders of its job."""
    link = tmp_path / "home/runs/ev-one"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path.parent)
    marks = read_marks(link / tmp_path.name)
    assert (marks.finished, marks.tasks) == (None, {})
    assert all("links are not followed" in why for why in marks.unreadable)


@pytest.mark.parametrize(
    "text",
    [
        '{"em": 1' + "0" * 400 + "}", '{"em": 1e999}', '{"em": -1e999}', '{"em": NaN}', '{"em": Infinity}',
        '{"em": ' + "[" * 200 + "]" * 200 + "}", '{"em": 0.5, "\\ud800": 1}', '{"em": "0.5"}',
    ],
)  # fmt: skip
def test_a_score_that_cannot_be_written_down_makes_the_mark_unreadable(attempt: Attempt, text: str) -> None:
    """Larger than any number, nested without end, or half a character: the other task counts."""
    change(attempt, "en_arithmetic", acceptance={"verdict": "done", "scores": {"arithmetic|0": "HERE"}})
    path = Path(attempt.run_dir) / "marks/task/en_arithmetic.json"
    path.write_text(path.read_text().replace('"HERE"', text))
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert (len(found.files), found.outcome) == (1, "failed:unreadable-marks")


@pytest.mark.parametrize("moment", [1e300, 10**20, -1, 253_402_300_800])
def test_a_time_without_a_date_makes_the_mark_unreadable(attempt: Attempt, moment: float) -> None:
    """A result with it could not be read again."""
    change(attempt, "en_arithmetic", ended_at=moment)
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert (len(found.files), found.outcome) == (1, "failed:unreadable-marks")


def test_a_mark_of_any_size_is_not_read(attempt: Attempt) -> None:
    """A sparse file of a terabyte costs no memory."""
    with (Path(attempt.run_dir) / "marks/task/en_arithmetic.json").open("r+b") as file:
        file.truncate(1 << 40)
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert any("bytes, at most" in problem for problem in found.problems)


def test_a_reason_of_a_job_is_a_word(attempt: Attempt) -> None:
    """It goes into the ledger, and its detail to the terminal: neither holds what a terminal obeys."""
    (Path(attempt.run_dir) / "marks/task/en_capitals.json").unlink()
    mark(Path(attempt.run_dir), "finished", {"exit": 3, "reason": "\x1b[2J Boom", "detail": "a\x1b]0;title\x07b\u202e"})
    found = collect(Path(attempt.run_dir), attempt, STEP, cancelled=False)
    assert found.outcome == "failed:unknown-reason"
    assert all(problem.isprintable() for problem in found.problems)


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
