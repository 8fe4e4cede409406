"""Reads what an attempt left in its run folder: results of tasks that were accepted, and how the attempt ended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalctl.model.evaluation import Download
from evalctl.model.run import Attempt, Marks, Step
from evalctl.results.record import record, require_form, to_text
from evalctl.sync.act import SUBMISSION
from evalctl.sync.context import Context
from evalctl.sync.marks import read_marks, unreadable_task
from evalctl.sync.reasons import gravest
from evalctl.sync.records import CANCELLED, COLLECTED, PROGRESSED, TIMEOUT, WITHDRAWN
from evalctl.sync.weights import lacking

_NO_REASON = ("", "tasks-failed")


@dataclass(frozen=True, slots=True)
class Collected:
    """The results of one attempt (path to text), the digests they answer, and how the attempt ended."""

    folder: Path
    attempt: Attempt
    files: Mapping[str, str]
    digests: tuple[str, ...]
    outcome: str
    problems: tuple[str, ...]


class NotCollectable(Exception):
    """The run folder lacks what is needed to tell its results; the text says which file and why."""


def collect(folder: Path, attempt: Attempt, step: Step, *, cancelled: bool) -> Collected:
    """The accepted tasks of an attempt that ended; a task without an accepting verdict gives nothing but a problem."""
    marks = read_marks(folder)
    done = [key for key in attempt.evals if _accepted(marks, key)]
    submitted = _submission(folder, attempt) if done else {}
    files = {_path(submitted, key): to_text(record(submitted, attempt, marks.tasks[key], marks)) for key in done}
    outcome = (
        CANCELLED
        if cancelled and not _whole(attempt, marks, len(done))
        else _outcome(folder, attempt, marks, step, len(done))
    )
    problems = tuple(f"{key}: {why}" for key, why in _problems(attempt, marks))
    return Collected(folder, attempt, files, tuple(attempt.evals[key] for key in done), outcome, problems)


def seen_here(context: Context, download: Download | None, found: Collected) -> Collected:
    """A download whose files lie where only its node sees them has failed: else it would be submitted for ever."""
    if download is None or found.outcome != COLLECTED or not lacking(context, download.weights)[0]:
        return found
    return replace(found, outcome="failed:weights-unseen")


def given_up(folder: Path, attempt: Attempt, why: str) -> Collected:
    """A cancelled attempt whose results cannot be told: nothing of it counts, and its files stay where they are."""
    return Collected(folder, attempt, {}, (), CANCELLED, (why,))


def keep_files(root: Path, found: Collected) -> None:
    """Copies logs and details beside the results, where git ignores them; what is there already is not copied again.

    The answers of measured evals move there: nobody goes on with them.
    """
    attempt = found.attempt
    try:
        submitted = _submission(found.folder, attempt)
    except NotCollectable:
        return
    for key in attempt.evals:
        source, target = Path(attempt.run_dir) / "tasks" / key, (root / _path(submitted, key)).parent
        if not source.is_dir() or not target.resolve().is_relative_to((root / "results").resolve()):
            continue
        for log in (source / "log", Path(attempt.run_dir) / "job.log"):
            _copy(log, target / "logs" / f"{attempt.name}.{'log' if log.name == 'log' else log.name}")
        for parquet in source.glob("output/details/**/*.parquet"):
            _copy(parquet, target / "details" / parquet.name)
        if attempt.evals[key] in found.digests and "answers" in submitted:
            _move(Path(submitted["answers"]) / f"{attempt.evals[key]}.jsonl", target / "details" / "answers.jsonl")


def reason_of(attempt: Attempt, marks: Marks) -> str:
    """Why an attempt that said `finished` did not finish all its tasks."""
    if any(unreadable_task(marks, key) for key in attempt.evals):
        return "unreadable-marks"  # whatever it says, running the task again would be a guess
    finished = str((marks.finished or {}).get("reason") or "")
    if finished not in _NO_REASON:
        return finished
    return gravest(why for key in attempt.evals if not _accepted(marks, key) for why in [_task_reason(marks, key)])


def _whole(attempt: Attempt, marks: Marks, done: int) -> bool:
    """Whether it did all that it was to do; a download, which has no evals, says so itself."""
    return done == len(attempt.evals) and (done > 0 or (marks.finished or {}).get("exit") == 0)


def _outcome(folder: Path, attempt: Attempt, marks: Marks, step: Step, done: int) -> str:
    if _whole(attempt, marks, done):
        return COLLECTED
    if marks.finished is None:
        return WITHDRAWN if step.reason == "not-needed" else f"failed:{step.reason}"
    reason = reason_of(attempt, marks)
    return f"{PROGRESSED}{reason}" if reason == TIMEOUT and (done or _answered(folder)) else f"failed:{reason}"


def _answered(folder: Path) -> bool:
    """Whether the model gave this attempt any answer; the next one starts with it."""
    return any(_fresh(path) for path in folder.glob("relay/*.counts.json"))


def _fresh(counts: Path) -> bool:
    try:
        return bool(json.loads(counts.read_bytes()).get("fresh"))
    except (OSError, ValueError, AttributeError):
        return False


def _accepted(marks: Marks, key: str) -> bool:
    mark = marks.tasks.get(key)
    return (
        mark is not None and mark.state == "done" and mark.acceptance.get("verdict") == "done"
        and isinstance(mark.acceptance.get("scores"), dict)
    )  # fmt: skip


def _task_reason(marks: Marks, key: str) -> str:
    mark = marks.tasks.get(key)
    return (mark.reason if mark and mark.state == "failed" else "") or "not-run"


def _problems(attempt: Attempt, marks: Marks) -> Iterator[tuple[str, str]]:
    for key in attempt.evals:
        mark = marks.tasks.get(key)
        if mark is not None and mark.state == "failed":
            yield key, f"{mark.reason}: {mark.detail}" if mark.detail else mark.reason
    if marks.finished is not None and marks.finished.get("detail") and marks.finished.get("reason") != "tasks-failed":
        yield (
            str(marks.finished.get("reason")),
            str(marks.finished["detail"]),
        )  # which key, which environment, which error
    for why in marks.unreadable:
        yield "unreadable-marks", why


def _path(submitted: Mapping[str, Any], key: str) -> str:
    return str(submitted["tasks"][key]["path"])


def _submission(folder: Path, attempt: Attempt) -> dict[str, Any]:
    """What was written down when the attempt was submitted, as far as its results need it, or NotCollectable."""
    path = folder / SUBMISSION
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        require_form(document, attempt.evals)
    except (OSError, ValueError, RecursionError) as error:
        raise NotCollectable(f"{path}: {error}") from error
    return dict(document)


def _move(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)


def _copy(source: Path, target: Path) -> None:
    if source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{target.name}.half")  # a kill in the middle leaves no log that looks whole
        shutil.copyfile(source, half)
        half.replace(target)
