"""Reads the run folder of an attempt that ended: results of accepted tasks, and the attempt's outcome."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from evalctl import runfiles
from evalctl.home_folder import HomeFolder
from evalctl.model.result import Result
from evalctl.model.run import Attempt, Marks, Step
from evalctl.results import slowness
from evalctl.results.names import DETAILS, LOGS, log_names
from evalctl.results.question_files import bound
from evalctl.results.reading import parse
from evalctl.results.record import record, to_text
from evalctl.results.store import FILE
from evalctl.results.submission import Submission, read_submission
from evalctl.shell import make_folder
from evalctl.sync.marks import read_marks, unreadable_task
from evalctl.sync.reasons import gravest
from evalctl.sync.record_text import is_reason
from evalctl.sync.records import CANCELLED, COLLECTED, PROGRESSED, TIMEOUT, WITHDRAWN
from evalctl.sync.shards import leftovers
from evalctl_job.marks import ANSWERED, DONE, FAILED
from evalctl_job.run_folder import ANSWERS, INSIDE, kept_answers
from evalctl_job.shards import read_key

_NO_REASON = ("", "tasks-failed")
_UNKNOWN = "unknown-reason"
_LARGEST_SUBMISSION = 64 * 1024 * 1024
_LARGEST_LOG = 1024 * 1024 * 1024
_OWN, _OF_GROUP = 0o600, 0o660  # logs and answers may hold what a provider was sent


@dataclass(frozen=True, slots=True)
class Collected:
    """The results of one attempt (path to text), the digests of their evals, and the attempt's outcome."""

    folder: Path
    attempt: Attempt
    files: Mapping[str, str]
    digests: tuple[str, ...]
    outcome: str
    problems: tuple[str, ...]
    beside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by result: files with its questions' values
    places: frozenset[str] = frozenset()  # paths of results that requests ask for: files are kept beside these only


class NotCollectable(Exception):
    """The run folder lacks a file that its results need; the text says which file and why."""


def collect(folder: Path, attempt: Attempt, step: Step, *, cancelled: bool) -> Collected:
    """The results of accepted tasks; a task without an accepting verdict gives only a problem."""
    marks = read_marks(folder)
    done = [key for key in attempt.evals if _accepted(marks, key)]
    whole = len(done) + sum(_answered_shard(marks, key) for key in attempt.evals)
    results = _results(folder, attempt, done, marks) if done else {}
    outcome = (
        CANCELLED
        if cancelled and not _is_complete(attempt, marks, whole)
        else _outcome(folder, attempt, marks, step, whole)
    )
    problems = [*_problems(attempt, marks), *((key, one.lacking) for key, one in results.items() if one.lacking)]
    files = {one.result.path: to_text(one.result.as_json()) for one in results.values()}
    beside = {one.result.path: one.beside for one in results.values()}
    digests = tuple(attempt.evals[key] for key in done)
    return Collected(folder, attempt, files, digests, outcome, tuple(f"{key}: {why}" for key, why in problems), beside)


def given_up(folder: Path, attempt: Attempt, why: str) -> Collected:
    """A cancelled attempt without readable results: none is published, and its files stay where they are."""
    return Collected(folder, attempt, {}, (), CANCELLED, (why,))


def keep_files(root: Path, home: Path, found: Collected, *, shared: bool = False) -> list[str]:
    """Copies logs and details beside the results, where git ignores them; what is there already is not copied again.

    The answers of measured evals move there, since no attempt continues them. Returns the files not copied, and why.
    In a `shared` clone these files are the group's, and answers may be of an attempt of another user of the group.
    """
    attempt = found.attempt
    try:
        submitted = submission(found.folder, attempt)
    except NotCollectable:
        return []
    problems = list[str]()
    group = home.stat().st_gid if shared else None
    for key, digest in attempt.evals.items():
        place = submitted.tasks[key].path
        if place not in found.places or not (found.folder / INSIDE.task(key).path).is_dir():
            continue
        target = _Target(root, place.removesuffix(f"/{FILE}"), problems, group)
        for log, beside in zip((INSIDE.task(key).log, INSIDE.job_log), log_names(attempt.name), strict=True):
            target.copy(found.folder, log, f"{LOGS}/{beside}", _LARGEST_LOG)
        for name in runfiles.names(found.folder, INSIDE.task(key).output / DETAILS, ".parquet"):
            target.copy(found.folder, Path(name), f"{DETAILS}/{Path(name).name}", sys.maxsize)
        if digest in found.digests:
            name = Path(submitted.tasks[key].answers or digest).name  # no path: a run folder is not trusted
            kept = _answers(home, submitted)
            target.move(kept, kept_answers(Path(), name), f"{DETAILS}/{ANSWERS}")
            for path in leftovers(kept, name, digest) if kept else ():
                path.unlink(missing_ok=True)
    return problems


@dataclass(frozen=True, slots=True)
class _Target:
    """The folder of a result below results/, and the problems of files that could not be copied there."""

    root: Path
    place: str
    problems: list[str]
    group: int | None  # that shares the clone

    def copy(self, source: Path, name: Path, to: str, most: int) -> None:
        """A file of a run folder; one that cannot be trusted is named and not copied."""
        self._bring(source / name, to, lambda target: self._copy(source, name, target, most))

    def move(self, source: Path | None, name: Path, to: str) -> None:
        """A file of EVALCTL_HOME/answers; None where its folder is not one of these."""
        if source is not None:
            self._bring(source / name, to, lambda target: self._move(source, name, target))

    def _move(self, source: Path, name: Path, target: Path) -> None:
        with runfiles.opened(source, name, sys.maxsize, below=2, group=self.group) as file:
            target.unlink(missing_ok=True)
            if os.fstat(file.fileno()).st_uid != os.geteuid():  # only its owner may change the mode
                self._write(file, target)
                (source / name).unlink()
                return
        shutil.move(source / name, target)
        target.chmod(self._mode)

    def _copy(self, source: Path, name: Path, target: Path, most: int) -> None:
        if not os.path.lexists(target):
            with runfiles.opened(source, name, most) as file:
                self._write(file, target)

    def _write(self, file: BinaryIO, target: Path) -> None:
        half = target.with_name(f".{target.name}.half")  # a kill in between leaves no file that looks complete
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWN), "wb") as copy:
            shutil.copyfileobj(file, copy, 1024 * 1024)
        half.chmod(self._mode)
        half.replace(target)

    @property
    def _mode(self) -> int:
        return _OWN if self.group is None else _OF_GROUP

    def _bring(self, source: Path, to: str, how: Callable[[Path], None]) -> None:
        if not os.path.lexists(source):
            return  # the job did not come so far, or it was brought before
        try:
            how(_made(self.root, f"{self.place}/{to}"))
        except runfiles.NotTrusted as why:
            self.problems.append(f"{source} could not be copied beside the result: {why}")


def _made(root: Path, path: str) -> Path:
    """The path, with its folders made; NotTrusted where one of them is a link, which could lead out of results/."""
    folder = root
    for part in path.split("/")[:-1]:
        folder /= part
        if folder.is_symlink():
            raise runfiles.NotTrusted(f"{folder} is a link: nothing is written through one")
        make_folder(folder)
    return root / path


def reason_of(attempt: Attempt, marks: Marks) -> str:
    """Why an attempt with the mark `finished` did not finish all its tasks."""
    if any(unreadable_task(marks, key) for key in attempt.evals):
        return "unreadable-marks"  # whatever it says, running the task again would be a guess
    finished = marks.finished.reason if marks.finished else ""
    if finished not in _NO_REASON:
        return finished
    return gravest(
        why
        for key in attempt.evals
        if not (_accepted(marks, key) or _answered_shard(marks, key))
        for why in [_task_reason(marks, key)]
    )


def _is_complete(attempt: Attempt, marks: Marks, done: int) -> bool:
    """Whether the attempt did all its tasks; for a download, which has no evals, its mark decides."""
    return done == len(attempt.evals) and (done > 0 or (marks.finished is not None and marks.finished.exit == 0))


def _outcome(folder: Path, attempt: Attempt, marks: Marks, step: Step, done: int) -> str:
    if _is_complete(attempt, marks, done):
        return COLLECTED
    if marks.finished is None:
        return WITHDRAWN if step.reason == "not-needed" else f"failed:{step.reason}"
    reason = reason_of(attempt, marks)
    reason = reason if is_reason(reason) else _UNKNOWN  # it goes into the ledger
    return f"{PROGRESSED}{reason}" if reason == TIMEOUT and (done or _answered(folder, attempt)) else f"failed:{reason}"


def _answered(folder: Path, attempt: Attempt) -> bool:
    """Whether the model gave this attempt a new answer, with which the next attempt starts."""
    return any(_fresh(folder, INSIDE.relay.counts(key)) for key in attempt.evals)


def _fresh(folder: Path, counts: Path) -> bool:
    try:
        return slowness.counts(runfiles.read(folder, counts)).fresh > 0
    except (OSError, ValueError):
        return False


def _answered_shard(marks: Marks, key: str) -> bool:
    """Whether a shard has all its answers; its result is the merge's."""
    mark = marks.tasks.get(key)
    return read_key(key)[1] is not None and mark is not None and mark.state == ANSWERED


def _accepted(marks: Marks, key: str) -> bool:
    mark = marks.tasks.get(key)
    verdict = mark.acceptance if mark is not None and mark.state == DONE else None
    return verdict is not None and verdict.verdict == DONE and verdict.scores is not None


def _task_reason(marks: Marks, key: str) -> str:
    mark = marks.tasks.get(key)
    return (mark.reason if mark and mark.state == FAILED else "") or "not-run"


def _problems(attempt: Attempt, marks: Marks) -> Iterator[tuple[str, str]]:
    for key in attempt.evals:
        mark = marks.tasks.get(key)
        if mark is not None and mark.state == FAILED:
            yield key, f"{mark.reason}: {mark.detail}" if mark.detail else mark.reason
    last = marks.finished
    if last is not None and last.detail and last.reason != "tasks-failed":
        yield last.reason, last.detail  # which key, which environment, which error
    for why in marks.unreadable:
        yield "unreadable-marks", why


def _answers(home: Path, submitted: Submission) -> Path | None:
    """The folder of this attempt's answers; None unless it is one of EVALCTL_HOME/answers."""
    folder = Path(submitted.answers)
    return folder if folder == HomeFolder(home).answers / folder.name else None


@dataclass(frozen=True, slots=True)
class _Measured:
    """A task's result, the files with the values of its questions, and why there are none."""

    result: Result
    beside: Mapping[str, str]
    lacking: str = ""


def _results(folder: Path, attempt: Attempt, keys: Iterable[str], marks: Marks) -> dict[str, _Measured]:
    """The results of these tasks, by key."""
    submitted = submission(folder, attempt)
    return {key: _with_questions(folder, key, _result(submitted, attempt, key, marks)) for key in keys}


def _result(submitted: Submission, attempt: Attempt, key: str, marks: Marks) -> Result:
    """The result to commit; one whose text cannot be parsed again is refused."""
    made = record(submitted, attempt, marks.tasks[key], marks)
    try:
        parse(made.path, to_text(made.as_json()))
    except ValueError as why:
        raise NotCollectable(f"{key}: its record is not a valid result: {why}") from why
    return made


def _with_questions(folder: Path, key: str, result: Result) -> _Measured:
    """The score counts without them, too: nothing says then how sure it is."""
    task = INSIDE.task(key)
    try:
        questions, values = (runfiles.read(folder, name) for name in (task.questions, task.scores))
        return _Measured(*bound(result, questions, values))
    except FileNotFoundError:
        return _Measured(result, {}, "its result has no values of single questions: its job wrote none")
    except (OSError, ValueError) as why:
        return _Measured(result, {}, f"its result has no values of single questions: {why}")


def submission(folder: Path, attempt: Attempt) -> Submission:
    """The file that was written at submission, as far as results need it; raises NotCollectable."""
    try:
        return read_submission(runfiles.read(folder, INSIDE.submission, _LARGEST_SUBMISSION), attempt.evals)
    except (OSError, ValueError) as error:
        raise NotCollectable(f"{folder / INSIDE.submission}: {error}") from error
