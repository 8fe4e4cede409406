"""The functions behind `evalctl logs`, `cancel` and `retry`; the commands only parse and print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evalctl import runfiles
from evalctl.model.evaluation import Download, Job, RequestPlan
from evalctl.model.names import request_name
from evalctl.model.run import Attempt, Phase
from evalctl.sync import private
from evalctl.sync.act import cancel_live
from evalctl.sync.charges import withdrawn
from evalctl.sync.context import Context
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.ledger import Records
from evalctl.sync.lock import in_home
from evalctl.sync.observe import Observation
from evalctl.sync.records import CANCELLED, TAKEN_OVER, Event, JobRecord
from evalctl.sync.sync_pass import SyncPass
from evalctl_job.run_folder import INSIDE, LOG, RunFolder

_LOCK_WAIT_S = 30.0
_NEVER = "ended before it started"
_UNSEEN = "does not start any more; the scheduler does not show it, so the next sync closes it when its grace is over"


@dataclass(frozen=True, slots=True)
class JobChange:
    """What `cancel` or `retry` did to one job."""

    job: str
    done: bool
    what: str


def matching(plans: Sequence[RequestPlan], selector: str) -> list[Job]:
    """The jobs that a selector means: a request's path or stem, a job's name, a model, or a task key."""
    return [job for plan in plans for job in plan.jobs if selector in _names(plan, job)]


def recorded(context: Context, selector: str) -> list[str]:
    """Jobs of the ledger that a selector means, with or without a request."""
    by_job = SyncPass(context, ()).ledger.read().by_job
    return sorted(name for name, record in by_job.items() if selector in _recorded_names(record))


def logs(context: Context, names: Sequence[str]) -> list[Path]:
    """Log files of the jobs' last attempts, the script's own first; only those that exist."""
    records = SyncPass(context, ()).ledger.read()
    attempts = [record.attempts[-1] for name in names if (record := records.of(name)).attempts]
    return [path for attempt in attempts for path in _logs_of(context.folder(attempt))]


def cancel(
    context: Context, plans: Sequence[RequestPlan], jobs: Sequence[Job], forgotten: Sequence[str] = ()
) -> list[JobChange]:
    """Ends the open attempts of these jobs, and of jobs that their requests meant before they were edited.

    `forgotten` are names of jobs whose request is gone.

    The cancellation is recorded first, then the scheduler is asked; an attempt that has not started ends at its start.
    """
    with in_home(context, wait_s=_LOCK_WAIT_S):
        current = SyncPass(context, plans)
        observed = current.observe()
        evidence = current.evidence(observed)
        requests = {job.request for job in jobs}
        before = [one.job for one in current.left_over(observed.records) if one.open and one.open.request in requests]
        downloads = current.downloads_for(requests, observed)
        names = list(dict.fromkeys([*(job.name for job in jobs), *before, *downloads, *forgotten]))
        known = [evidence[name] for name in names if name in evidence]
        ours = [one for one in known if one.attempt is not None and not one.foreign and not one.other_home]
        changes = _cancel_all(current, observed, ours)
        idle = [name for name in names if name not in {one.job for one in ours}]
        return [*changes, *(JobChange(name, False, _idle(evidence.get(name))) for name in idle)]


def _cancel_all(current: SyncPass, observed: Observation, ours: Sequence[JobEvidence]) -> list[JobChange]:
    """Records the cancellation, asks the scheduler for each job, and records which of them will never start."""
    context = current.context
    context.checkpoint("before-wish")
    current.ledger.record(lambda records: _events(context, records, ours, "cancel"), f"cancel {len(ours)} job(s)")
    context.checkpoint("after-wish")
    changes = [_cancel_one(context, observed, one) for one in ours]
    never = {result.job for result in changes if result.done and result.what == _NEVER}
    closed = [one.attempt for one in ours if one.attempt and one.job in never]
    context.checkpoint("before-withdraw")
    current.ledger.record(lambda records: _withdraw(context, records, closed), f"{len(closed)} job(s) never started")
    context.checkpoint("after-withdraw")
    return changes


def retry(
    context: Context, plans: Sequence[RequestPlan], jobs: Sequence[Job], *, take_over: bool = False
) -> list[JobChange]:
    """Makes the attempts of these jobs count no more, so that the next sync runs what is missing; an open attempt stays.

    With `take_over` an open attempt of another person or another EVALCTL_HOME is closed: its results will be discarded.
    """
    with in_home(context, wait_s=_LOCK_WAIT_S):
        current = SyncPass(context, plans)
        current.ledger.refresh()
        records = current.ledger.read()
        names = [job.name for job in jobs]
        names += [one.name for one in _downloads_of(current, jobs) if records.of(one.name).attempts]
        idle = [name for name in names if records.of(name).open is None and records.of(name).attempts]
        theirs = {name: one for name in names if (one := records.of(name).open) and not _is_here(context, one)}
        taken = theirs if take_over else {}
        context.checkpoint("before-retry")
        warning = current.ledger.record(
            lambda now: {**_retried(context, now, idle), **_take_over(context, now, taken)},
            f"retry {len(idle) + len(taken)} job(s)",
        )
        context.checkpoint("after-retry")
        done = {**dict.fromkeys(idle, "the next sync runs what is missing"), **{n: _taken(taken[n]) for n in taken}}
        return [
            JobChange(name, True, warning or done[name]) if name in done
            else JobChange(name, False, _not_retried(context, records.of(name)))
            for name in names
        ]  # fmt: skip


def _downloads_of(current: SyncPass, jobs: Sequence[Job]) -> list[Download]:
    """The downloads that these jobs wait for."""
    return [one for one in current.downloads.values() if one.weights in [job.weights for job in jobs]]


def _names(plan: RequestPlan, job: Job) -> set[str]:
    evals = [task.evaluation for task in job.tasks]
    return {
        plan.request, request_name(plan.request), job.name, *(one.subject.model for one in evals), *(one.task.key for one in evals),
        *(one.digest for one in evals),
    }  # fmt: skip


def _recorded_names(record: JobRecord) -> set[str]:
    requests = {attempt.request for attempt in record.attempts}
    return {record.job, *requests, *map(request_name, requests), *(attempt.name for attempt in record.attempts)}


def _logs_of(run_dir: Path) -> list[Path]:
    fixed = (INSIDE.submit_log, INSIDE.job_log, INSIDE.server_log, INSIDE.relay_log, INSIDE.download_log)
    tasks = (Path(name) for name in runfiles.names(run_dir, INSIDE.tasks, f"/{LOG}"))
    found = (*fixed, *(name for name in tasks if name == INSIDE.task(name.parent.name).log))
    return [run_dir / name for name in found if runfiles.is_own(run_dir, name)]


def _events(context: Context, records: Records, ours: Sequence[JobEvidence], what: str) -> Mapping[str, JobRecord]:
    return {
        one.job: records.of(one.job).with_event(Event(context.clock(), context.me, what, one.attempt.number))
        for one in ours if one.attempt is not None
    }  # fmt: skip


def _idle(evidence: JobEvidence | None) -> str:
    if evidence is not None and evidence.foreign and evidence.attempt is not None:
        return f"it runs as {evidence.attempt.by}, who alone can cancel it"
    if evidence is not None and evidence.other_home:
        return f"its folder is {evidence.other_home}: cancel it in the clone that submitted it"
    return "nothing runs"


def _cancel_one(context: Context, observed: Observation, evidence: JobEvidence) -> JobChange:
    attempt = evidence.attempt
    assert attempt is not None
    context.checkpoint("before-poison")
    private.made_own(context.home, context.folder(attempt), shared=private.is_shared(context))
    never = _poison(context.folder(attempt))
    context.checkpoint("after-poison")
    if observed.sightings is None:
        return JobChange(evidence.job, False, f"the scheduler does not answer: {observed.silence}")
    if not cancel_live(context, [evidence]):
        return JobChange(
            evidence.job, False, "the scheduler did not accept the cancellation; type evalctl cancel again"
        )
    if not never:
        return JobChange(evidence.job, True, "is ending")
    # closed at once only if the scheduler listed it: else a new attempt could be submitted before this one becomes visible
    return JobChange(evidence.job, True, _NEVER if evidence.sightings else _UNSEEN)


def _poison(run_dir: Path) -> bool:
    """Makes sure that the attempt never starts; False if it has started already.

    The script makes this folder first (render/job.sh); where it exists the script ends at once with 75.
    """
    try:
        RunFolder(run_dir).started_lock.mkdir()
    except FileExistsError:
        return False
    return True


def _withdraw(context: Context, records: Records, attempts: Sequence[Attempt]) -> Mapping[str, JobRecord]:
    return {
        one.job: withdrawn(records.of(one.job), one.number).with_attempt(
            replace(one, phase=Phase.CLOSED, closed_at=context.clock(), outcome=CANCELLED)
        )
        for one in attempts
    }


def _retried(context: Context, records: Records, jobs: Sequence[str]) -> Mapping[str, JobRecord]:
    found = [records.of(job) for job in jobs]
    return {
        one.job: one.with_event(Event(context.clock(), context.me, "retry", one.attempts[-1].number))
        for one in found if one.attempts and one.open is None
    }  # fmt: skip


def _take_over(context: Context, records: Records, taken: Mapping[str, Attempt]) -> Mapping[str, JobRecord]:
    """The records with these attempts closed; an attempt that its owner closed meanwhile stays as it is."""
    closed = {
        name: replace(one, phase=Phase.CLOSED, closed_at=context.clock(), outcome=TAKEN_OVER)
        for name, one in taken.items()
        if (now := records.of(name).open) and now.number == one.number
    }
    return {
        name: records.of(name).with_attempt(one).with_event(Event(context.clock(), context.me, "retry", one.number))
        for name, one in closed.items()
    }


def _is_here(context: Context, attempt: Attempt) -> bool:
    return attempt.by == context.me and not context.is_elsewhere(attempt)


def _taken(attempt: Attempt) -> str:
    return f"taken over from {attempt.by}, whose results are discarded if the job still runs; the next sync runs what is missing"


def _not_retried(context: Context, record: JobRecord) -> str:
    if record.open is None:
        return "it has no attempt yet"
    if _is_here(context, record.open):
        return "it is still open: evalctl sync collects it once it has ended, evalctl cancel ends it"
    return f"it runs as {record.open.by}; if that person no longer runs evalctl sync: evalctl retry --take-over {record.job}"
