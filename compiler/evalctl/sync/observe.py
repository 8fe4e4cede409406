"""Collects evidence and decides nothing: results in the commit, the ledger, one scheduler query, marks on disk -> evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evalctl import runfiles
from evalctl.model.evaluation import Download, Eval, Job, JobTask, RequestPlan
from evalctl.model.run import Attempt, Marks, Phase, Sighting, State
from evalctl.model.weights import WeightsToDownload
from evalctl.results.store import ResultIndex
from evalctl.schedulers import Unreadable
from evalctl.shell import EnvironmentProblem, write_atomically
from evalctl.sync import installation
from evalctl.sync.blocked import blocked_reason, job_blocked
from evalctl.sync.claims import Claims, claims_of
from evalctl.sync.context import Context
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.ledger import Records
from evalctl.sync.marks import read_marks
from evalctl.sync.records import JobRecord
from evalctl.sync.shards import is_answered
from evalctl.sync.weights import lacking
from evalctl_job.run_folder import RunFolder

_DOWNLOAD_RETRIES = 3  # each attempt continues where the one before ended


@dataclass(frozen=True, slots=True)
class Observation:
    """What one pass observed. `sightings` is None when the scheduler did not answer, or was not asked."""

    results: ResultIndex
    records: Records
    sightings: Sequence[Sighting] | None
    silence: str
    now: float


def ask_scheduler(context: Context) -> tuple[Sequence[Sighting] | None, str]:
    """All our jobs, or None and why there was no answer; an empty list does not prove which scheduler printed it."""
    if problem := context.startup_problem():
        return None, problem
    try:
        found = context.scheduler.sightings(context.run(context.query()))
        if found or context.scheduler.recognises(context.run(context.scheduler.VERSION)):
            return found, ""
        return None, installation.foreign(context)
    except (Unreadable, EnvironmentProblem) as problem:
        return None, str(problem)


def needs_scheduler(plans: Sequence[RequestPlan], observed: Observation, context: Context) -> bool:
    """Whether any job of this service is unfinished; if not, the scheduler is not asked."""
    jobs = [job for plan in plans for job in plan.jobs if job.service == context.service_name]
    return any(observed.records.of(job.name).open or missing_tasks(job, observed.results) for job in jobs)


def missing_tasks(job: Job, results: ResultIndex) -> list[JobTask]:
    """The tasks without a current result under any path."""
    return [task for task in job.tasks if not _has_result(task.evaluation, results)]


def observe(
    context: Context, jobs: Sequence[Job], left_over: Sequence[JobRecord], observed: Observation
) -> dict[str, JobEvidence]:
    """The evidence for each job, and for attempts that no request asks for any more."""
    claims = claims_of(observed.records)
    by_name = _by_job(observed)
    wanted = {job.name: _of_job(context, job, observed, claims, by_name) for job in jobs}
    return {**wanted, **{record.job: _of_attempt(context, record, observed, by_name) for record in left_over}}


def observe_downloads(
    context: Context, downloads: Sequence[Download], jobs: Sequence[Job], observed: Observation
) -> dict[str, JobEvidence]:
    """The evidence for downloads that jobs without results wait for, and for those that are under way."""
    by_name = _by_job(observed)
    needed = {job.weights for job in jobs if job.weights is not None and missing_tasks(job, observed.results)}
    found = {one.name: _of_download(context, one, needed, observed, by_name) for one in downloads}
    return {name: one for name, one in found.items() if one.missing or one.attempt}


def attempt_name(mark: str, job: str, number: int) -> str:
    """The job name of an attempt at the scheduler: `ev-<mark>-<stem>-<digest8>-a<number>`."""
    return f"{_prefix(mark, job)}-a{number}"


def _prefix(mark: str, job: str) -> str:
    return f"ev-{mark}-{job.removeprefix('ev-')}"


def _prefixes(records: Records, record: JobRecord) -> list[str]:
    """The prefixes of its attempts' names, old and new: a ledger that was lost and started again has another mark."""
    recorded = (_without_attempt(attempt.name) for attempt in record.attempts)
    return list(dict.fromkeys((_prefix(records.mark, record.job), *recorded)))


def _without_attempt(name: str) -> str:
    return name.rpartition("-a")[0]


def _by_job(observed: Observation) -> dict[str, list[Sighting]]:
    found: dict[str, list[Sighting]] = {}
    for sighting in observed.sightings or ():
        found.setdefault(_without_attempt(sighting.name), []).append(sighting)
    return found


def _of_job(
    context: Context, job: Job, observed: Observation, claims: Claims, by_name: Mapping[str, Sequence[Sighting]]
) -> JobEvidence:
    answered = _answered(context, job, observed)
    elsewhere, absent, missing = _sorted_out(job, observed.results, claims, answered)
    blocked, blocked_by = job_blocked(context, job, wanted=bool(missing))
    return replace(
        _of_attempt(context, observed.records.of(job.name), observed, by_name),
        missing=tuple(missing),
        answered=tuple(answered),
        elsewhere=elsewhere,
        absent_here=absent,
        retries=job.retries,
        unreadable_record=observed.records.unreadable.get(job.name, ""),
        unreadable_results=_unreadable(job, observed.results),
        blocked=blocked,
        blocked_by=blocked_by,
    )


def _answered(context: Context, job: Job, observed: Observation) -> list[str]:
    """The shards that have all their answers and are in no open attempt, whose marks are still to be collected."""
    attempt = observed.records.of(job.name).open
    under_way = attempt.evals if attempt else {}
    return [task.key for task in job.tasks if task.key not in under_way and is_answered(context, job, task)]


def _of_download(
    context: Context,
    download: Download,
    needed: Collection[WeightsToDownload],
    observed: Observation,
    by_name: Mapping[str, Sequence[Sighting]],
) -> JobEvidence:
    lacks = download.weights in needed and lacking(context, download.weights)[0]
    blocked, blocked_by = blocked_reason(context, download.script_path, [download.weights.environment])
    return replace(
        _of_attempt(context, observed.records.of(download.name), observed, by_name),
        missing=("weights",) if lacks else (),
        retries=_DOWNLOAD_RETRIES,
        unreadable_record=observed.records.unreadable.get(download.name, ""),
        blocked=blocked,
        blocked_by=blocked_by,
    )


def _of_attempt(
    context: Context, record: JobRecord, observed: Observation, by_name: Mapping[str, Sequence[Sighting]]
) -> JobEvidence:
    """The evidence about a job's attempts, independent of requests."""
    attempt = record.open
    foreign = attempt is not None and attempt.by != context.me
    elsewhere = attempt is not None and not foreign and context.is_elsewhere(attempt)
    closed = {one.name for one in record.attempts if one.phase is Phase.CLOSED}
    named = [seen for prefix in _prefixes(observed.records, record) for seen in by_name.get(prefix, ())]
    seen = _relevant([one for one in named if one.name not in closed], attempt)
    evidence = JobEvidence(
        job=record.job, missing=(), attempt=attempt, attempts=record.used, sightings=tuple(seen),
        silent=observed.sightings is None, other_scheduler="", marks=Marks(), age_seconds=0.0,
        grace_seconds=_grace(context, attempt, Marks()), retries=0, last_outcome=record.last_outcome, foreign=foreign,
        other_home=attempt.run_dir if attempt and elsewhere else "",
        cancelled=attempt is not None and record.cancelled(attempt.number),
        retried=0 < record.retried_at == record.next_number - 1,
        lingering=tuple(one for one in named if one.name in closed and one.state is not State.ENDED),
    )  # fmt: skip
    return evidence if attempt is None or foreign or elsewhere else _with_own(context, attempt, evidence, observed)


def _with_own(context: Context, attempt: Attempt, evidence: JobEvidence, observed: Observation) -> JobEvidence:
    """The evidence with what is known only where the attempt's folder is: its marks, its age, and a scheduler of another name."""
    seen = evidence.sightings
    marks = read_marks(context.folder(attempt))
    renamed = None if seen else installation.renamed(attempt, observed.sightings or ())
    other = "" if seen else installation.other(context, attempt, renamed)
    found, age = [*seen, *filter(None, [renamed])], 0.0
    if renamed or not other:  # another scheduler's silence is no absence, which `_age` would note
        age = _age(context.folder(attempt), attempt, found, observed)
    return replace(
        evidence, silent=evidence.silent or bool(other), other_scheduler=other, marks=marks,
        age_seconds=age, grace_seconds=_grace(context, attempt, marks),
    )  # fmt: skip


def _grace(context: Context, attempt: Attempt | None, marks: Marks) -> float:
    """The grace period: that of a claim while there is no sign of the submission, else that of a submitted job."""
    traceless = attempt is not None and attempt.phase is Phase.CLAIMED and marks.started is None
    return context.claim_grace_seconds if traceless else context.grace_seconds


def _sorted_out(
    job: Job, results: ResultIndex, claims: Claims, answered: Collection[str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Tasks without a result: run by another job, measured but not in this clone, or missing."""
    elsewhere: dict[str, str] = {}
    absent: dict[str, str] = {}
    missing: list[str] = []
    for task in missing_tasks(job, results):
        key, digest, path = task.key, task.evaluation.digest, task.evaluation.result_path
        if key in answered:
            continue
        if other := claims.other(job.name, task):
            elsewhere[key] = other
        elif digest in claims.collected and not _replaced(results, path, claims.collected[digest][1]):
            absent[key] = claims.collected[digest][0]
        elif path not in results.unreadable:
            missing.append(key)
    return elsewhere, absent, missing


def _replaced(results: ResultIndex, path: str, since: float) -> bool:
    """Whether the path holds something measured later: the earlier result was replaced, and is not in a commit that this clone lacks."""
    return path in results.by_path and results.by_path[path].measured_at > since


def _has_result(evaluation: Eval, results: ResultIndex) -> bool:
    return results.current(evaluation.result_path, evaluation.digest) or evaluation.digest in results.by_digest


def _unreadable(job: Job, results: ResultIndex) -> tuple[str, ...]:
    paths = (task.evaluation.result_path for task in missing_tasks(job, results))
    return tuple(f"{path}: {results.unreadable[path]}" for path in paths if path in results.unreadable)


def _relevant(seen: Sequence[Sighting], attempt: Attempt | None) -> list[Sighting]:
    """The live jobs with the job's name, and an ended one only if it is the open attempt."""
    return [
        sighting for sighting in seen
        if sighting.state is not State.ENDED or (attempt is not None and sighting.name == attempt.name)
    ]  # fmt: skip


def _age(folder: Path, attempt: Attempt, seen: Sequence[Sighting], observed: Observation) -> float:
    """For how long the attempt has been invisible, counted from the first pass that did not see it.

    One list without the job proves little: schedulers omit jobs that change state. A time in the future, written by a
    wrong clock, is ignored.
    """
    note = RunFolder(folder).absent_since
    if observed.sightings is None:
        return 0.0
    if any(sighting.state is not State.ENDED for sighting in seen):
        note.unlink(missing_ok=True)
        return 0.0
    moments = (_unseen_since(note, attempt, observed.now), attempt.submitted_at or attempt.claimed_at)
    return min(observed.now - moment for moment in moments if moment <= observed.now)


def _unseen_since(note: Path, attempt: Attempt, now: float) -> float:
    since = _read_time(note)
    if since is not None and since <= now:
        return since
    if attempt.phase is Phase.CLAIMED and attempt.claimed_at <= now and not note.parent.is_dir():
        return attempt.claimed_at  # without a folder nothing was submitted: the pass was killed before
    write_atomically(note, f"{now}\n", mode=0o600)
    return now


def _read_time(path: Path) -> float | None:
    try:
        return float(runfiles.read(path.parent, path.name, 64))
    except (OSError, ValueError):
        return None
