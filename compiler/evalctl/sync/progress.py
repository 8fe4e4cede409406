"""Progress of running jobs: answers so far, total, rate, and the expected time of the last answer.

From the relay's counts and the stall watch's note in the run folder. A file that is missing, not trusted or damaged is
ignored (`slow` reports damaged ones). The total is what this attempt's framework shows, else that of an earlier result
of the same questions, else unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from evalctl import runfiles
from evalctl.git.repository import open_repository
from evalctl.model import plain_json
from evalctl.model.evaluation import Eval, Job, JobTask, RequestPlan
from evalctl.model.result import Result
from evalctl.model.run import Attempt, JobProgress, Marks, Progress
from evalctl.results.reading import parse
from evalctl.sync.context import Context
from evalctl.sync.eval_status import EvalStatus
from evalctl.sync.marks import read_marks
from evalctl.sync.publish import committed_results
from evalctl_job.marks import ANSWERED, DONE, RUNNING
from evalctl_job.relay_files import MOST_CHOICES, ShownQuestions, TaskCounts
from evalctl_job.run_folder import INSIDE
from evalctl_job.typed import read

WINDOW_SECONDS = 1800.0  # the rate is that of the last half hour
SHORTEST_SECONDS = 30.0
LONGEST_SECONDS = 366 * 86_400.0  # longer estimates are not shown
_TRIES = 5  # earlier results of a task that are read

T = TypeVar("T")


@dataclass(slots=True)
class Earlier:
    """How many answers earlier results of the same questions had; each is looked up once, on demand."""

    context: Context
    found: dict[tuple[object, ...], int | None] = field(default_factory=dict)
    _by_task: dict[str, list[str]] | None = None

    def total(self, evaluation: Eval) -> int | None:
        """None where no result of the same questions is known."""
        key = _questions(evaluation)
        if key not in self.found:
            totals = (self._asked(path, key) for path in self._paths(evaluation.task.key)[:_TRIES])
            self.found[key] = next((total for total in totals if total), None)
        return self.found[key]

    def _paths(self, task: str) -> list[str]:
        """Of the results of a task, the newest first."""
        if self._by_task is None:
            self._by_task = {}
            index = committed_results(self.context, open_repository(self.context.root))
            for one in sorted(index.by_path.values(), key=lambda one: -one.measured_at):
                self._by_task.setdefault(one.task, []).append(one.path)
        return self._by_task.get(task, [])

    def _asked(self, path: str, key: tuple[object, ...]) -> int | None:
        place = self.context.root / path
        try:
            with runfiles.opened(place.parent, place.name, runfiles.MOST_BYTES, below=1) as file:
                result = parse(path, file.read(runfiles.MOST_BYTES + 1))
        except (OSError, ValueError):
            return None
        return _number(result.samples.asked) if result.samples and _questions_of(result) == key else None


def _questions(evaluation: Eval) -> tuple[object, ...]:
    """The settings that determine how many answers a task asks for."""
    task = evaluation.task
    return task.script, task.framework, evaluation.framework_version, evaluation.task_digest, evaluation.max_samples


def _questions_of(result: Result) -> tuple[object, ...]:
    """The same settings, from a record."""
    task = result.task
    return task.script, task.framework, task.framework_version, task.digest, result.max_samples


def of_lines(
    context: Context, plans: Sequence[RequestPlan], lines: Sequence[EvalStatus], names: Collection[str]
) -> dict[str, JobProgress]:
    """The progress of the jobs among `names` that run, by job; `lines` are those of all tasks."""
    running = {line.job for line in lines if line.job in names and line.run_dir and _runs(line)}
    folders = {line.job: line.run_dir for line in lines if line.job in running and _runs(line)}
    keys = {
        name: [line.task for line in lines if line.job == name and line.run_dir == folders[name]] for name in folders
    }
    return _of(context, plans, {name: (Path(folders[name]), keys[name]) for name in folders})


def of_attempts(
    context: Context, plans: Sequence[RequestPlan], attempts: Mapping[str, Attempt]
) -> dict[str, JobProgress]:
    """The progress of attempts that have begun, by job."""
    return _of(context, plans, {name: (context.folder(one), list(one.evals)) for name, one in attempts.items()})


def _runs(line: EvalStatus) -> bool:
    return "running" in (line.state, line.reason)


def _of(
    context: Context, plans: Sequence[RequestPlan], running: Mapping[str, tuple[Path, Sequence[str]]]
) -> dict[str, JobProgress]:
    jobs = {job.name: job for plan in plans for job in plan.jobs if job.name in running}
    earlier = Earlier(context)
    return {
        name: of_attempt(job, running[name][1], running[name][0], earlier, context.clock())
        for name, job in jobs.items()
    }


def of_attempt(job: Job, keys: Collection[str], folder: Path, earlier: Earlier, now: float) -> JobProgress:
    """The progress of an attempt that runs these tasks of the job."""
    marks = read_marks(folder)
    tasks = [task for task in job.tasks if task.key in keys]
    rows = {one.key: _row(one, marks, folder, earlier, now) for one in tasks}
    rates = [row.per_minute for row in rows.values() if row.per_minute is not None]
    left = [row.left for row in rows.values() if row.left is not None]
    whole = _TaskNumbers(
        sum(row.answered for row in rows.values()), sum(left) if len(left) == len(rows) else None,
        sum(rates) if rates else None,
    )  # fmt: skip
    return JobProgress({key: row.progress(now) for key, row in rows.items() if key in marks.tasks}, whole.progress(now))


@dataclass(frozen=True, slots=True)
class _TaskNumbers:
    """Answers so far, answers to come and answers a minute (None: not known)."""

    answered: int
    left: int | None = None
    per_minute: float | None = None
    failed: bool = False

    def progress(self, now: float) -> Progress:
        """As `Progress`, with the total and the time of the last answer where known. A failed task gets no more answers."""
        if self.left is None or self.failed:
            return Progress(self.answered, None, self.per_minute)
        seconds = 60 * self.left / self.per_minute if self.left and self.per_minute else None
        ends_at = now + seconds if seconds is not None and seconds <= LONGEST_SECONDS else None
        return Progress(self.answered, self.answered + self.left, self.per_minute, ends_at)


def _row(task: JobTask, marks: Marks, folder: Path, earlier: Earlier, now: float) -> _TaskNumbers:
    key, mark = task.key, marks.tasks.get(task.key)
    whole = None if task.part else earlier.total(task.evaluation)
    if mark is None:
        return _TaskNumbers(0, whole)
    counted = counted_in(folder, key)
    if mark.state != RUNNING:
        return _TaskNumbers(counted.answered, 0, failed=mark.state not in (DONE, ANSWERED))
    total = shown(folder, key, counted)
    if total is None and whole is not None and whole >= counted.asked:
        total = whole
    left = None if total is None else max(0, total - counted.answered - counted.failed)
    ready = (marks.server_ready.ready_at if marks.server_ready else None) or 0.0
    return _TaskNumbers(counted.answered, left, per_minute(counted, ready, now))


def shown(folder: Path, key: str, counted: TaskCounts) -> int | None:
    """All answers of the task, from the questions of its framework's progress bar: each request asks for as many."""
    questions = _read(ShownQuestions, folder, INSIDE.relay.questions(key)).questions
    if not questions or not counted.requests or counted.asked % counted.requests:
        return None
    own = questions - counted.elsewhere  # the others are other shards'
    return _number(max(counted.asked, own * (counted.asked // counted.requests)))


def per_minute(counted: TaskCounts, ready: float, now: float) -> float | None:
    """Fresh answers a minute in the last half hour, or since the first question, which waited until the server was `ready`."""
    points = [(max(at, ready), fresh) for at, fresh in counted.pace if at <= now and fresh <= counted.fresh]
    before = [point for point in points if point[0] <= now - WINDOW_SECONDS][-1:] or points[:1]
    if not before or now - before[0][0] < SHORTEST_SECONDS:
        return None
    at, fresh = before[0]
    return 60 * (counted.fresh - fresh) / (now - at)


def counted_in(folder: Path, key: str) -> TaskCounts:
    """The counts of a task; zeros where one of its values is invalid."""
    return _read(TaskCounts, folder, INSIDE.relay.counts(key))


def _number(value: object) -> int | None:
    """A whole number that can be a count; None for anything else."""
    return value if type(value) is int and 0 <= value <= MOST_CHOICES else None


def _read(kind: type[T], folder: Path, name: Path) -> T:
    try:
        return read(kind, plain_json.document(runfiles.read(folder, name)), extra=True)
    except (OSError, ValueError):
        return kind()
