"""The state of each eval, as `evalctl status` shows it: from its result, the marks of its job, or what the next pass will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalctl.model.evaluation import Job, JobTask, RequestPlan
from evalctl.model.run import Action, Attempt, Progress, Step
from evalctl.results.slowness import Cause
from evalctl.sync.context import Context
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.observe import Observation
from evalctl.sync.orphans import reported
from evalctl.sync.records import JobRecord
from evalctl.sync.sync_pass import SyncPass


@dataclass(frozen=True, slots=True)
class EvalStatus:
    """One eval on the status screen. `age_seconds` counts from the last thing that happened to its job.

    `run_dir` is that of the last attempt that ran it. `status` leaves `causes` (of slowness), `progress` and `job_progress`
    empty: `slow` and `progress` fill them from the run folder.
    """

    request: str
    model: str
    settings: str
    task: str
    job: str
    state: str
    reason: str
    detail: str
    age_seconds: float | None
    run_dir: str = ""
    causes: tuple[Cause, ...] = ()
    progress: Progress | None = None
    job_progress: Progress | None = None


def status(context: Context, plans: Sequence[RequestPlan]) -> tuple[list[EvalStatus], list[str]]:
    """A line per eval, and warnings; changes nothing."""
    current = SyncPass(context, plans)
    observed = current.observe()
    evidence = current.evidence(observed)
    steps = {step.job: step for step in current.steps(observed, evidence)}
    strays = [*(steps[record.job] for record in current.left_over(observed.records)), *reported(observed, evidence)]
    lines = [
        line for plan in plans for job in plan.jobs
        for line in _lines(context, job, steps[job.name], evidence.get(job.name), observed)
    ]  # fmt: skip
    return lines, [*current.warnings, *(f"{stray.job}: {stray.reason}: {stray.detail}" for stray in strays)]


def _lines(
    context: Context, job: Job, step: Step, evidence: JobEvidence | None, observed: Observation
) -> list[EvalStatus]:
    attempt = evidence.attempt if evidence else None
    record = observed.records.of(job.name)
    times = [time for one in record.attempts for time in (one.claimed_at, one.submitted_at, one.closed_at) if time]
    age = observed.now - max(times) if times else None
    return [
        EvalStatus(
            job.request, task.evaluation.subject.model, task.evaluation.subject.custom_settings or "",
            task.key, job.name, *_state(task.evaluation.result_path, task.evaluation.digest,
            task.key, step, evidence, attempt, observed), age,
            _run_dir(context, record, task),
        )
        for task in job.tasks
    ]  # fmt: skip


def _run_dir(context: Context, record: JobRecord, task: JobTask) -> str:
    """The run folder of the last attempt that ran an eval of this digest."""
    own = (
        str(context.folder(one))
        for one in reversed(record.attempts)
        if one.evals.get(task.key) == task.evaluation.digest
    )
    return next(own, "")


def _state(
    path: str,
    digest: str,
    key: str,
    step: Step,
    evidence: JobEvidence | None,
    attempt: Attempt | None,
    observed: Observation,
) -> tuple[str, str, str]:
    """(state, reason, detail) of one eval: from its result, else the job's marks, else the job's step."""
    if observed.results.current(path, digest):
        return "done", "result-current", path
    if digest in observed.results.by_digest:
        return "done", "reused", observed.results.by_digest[digest].path
    if evidence and key in evidence.answered:
        return "done", "answered", ""
    if evidence and key in evidence.elsewhere:
        return Action.WAIT.value, "claimed-elsewhere", evidence.elsewhere[key]
    if evidence and attempt and key in attempt.evals and key in evidence.marks.tasks:
        mark = evidence.marks.tasks[key]
        return mark.state, mark.reason or step.reason, mark.detail
    return step.action.value, step.reason, step.detail
