"""Submits: the claim is published first, then the job is submitted, then the scheduler's reply is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalctl.model.evaluation import Download, Job, Work
from evalctl.model.run import Action, Attempt, Phase, Sighting, State, Step
from evalctl.shell import Command, EnvironmentProblem, Reply, write_atomically
from evalctl.sync import charges, private
from evalctl.sync.claims import claims_of
from evalctl.sync.context import Context
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.ledger import Ledger, Records
from evalctl.sync.observe import attempt_name
from evalctl.sync.prepare import prepare
from evalctl.sync.record_text import is_native_id
from evalctl.sync.records import WITHDRAWN, JobRecord
from evalctl.sync.shards import claimed
from evalctl_job.run_folder import RunFolder

POSTPONED = "submit-postponed"
MORE_TIME = 1.5  # times the walltime, after each attempt that ran out of it


@dataclass(slots=True)
class Submitted:
    """The outcome of the submissions, by job name: the attempt as it is to be recorded, and the step to report instead of
    `submit` where the job was not submitted. `warnings` name what could not be recorded.
    """

    attempts: dict[str, Attempt] = field(default_factory=dict)
    instead: dict[str, Step] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def submit(
    context: Context, ledger: Ledger, jobs: Mapping[str, Work], wanted: Sequence[JobEvidence], seen: Records
) -> Submitted:
    """Claims all wanted jobs in one step, then submits each; a job that another clone claimed first is left out.

    `seen` is the ledger that the evidence comes from.
    """
    context.checkpoint("before-claim")
    claimed = _claim(context, ledger, jobs, wanted, claims_of(seen).collected.keys())
    context.checkpoint("after-claim")
    done = Submitted()
    try:
        _submit_all(context, jobs, claimed, done)
    finally:
        # Nothing was submitted for these. Claims that grew old (this process slept, or there were many jobs) could be
        # taken for forgotten by another clone.
        for name, attempt in claimed.items():
            if name not in done.attempts and name not in done.instead:
                _withdraw(context, attempt, Step(name, Action.WAIT, "next-pass"), done)
        context.checkpoint("before-record")
        warning = _record(context, ledger, list(done.attempts.values()))
        done.warnings.extend([warning] if warning else [])
        context.checkpoint("after-record")
    return done


def _submit_all(context: Context, jobs: Mapping[str, Work], claimed: Mapping[str, Attempt], done: Submitted) -> None:
    full: set[str] = set()  # node kinds for which the scheduler takes no more jobs now
    for name, attempt in claimed.items():
        if _is_old(context, attempt):
            return
        if jobs[name].node_kind in full:
            continue
        context.progress(f"submitting {attempt.name}")
        _submit_one(context, jobs[name], attempt, done)
        if name in done.instead and done.instead[name].reason == POSTPONED:
            full.add(jobs[name].node_kind)


def _claim(
    context: Context, ledger: Ledger, jobs: Mapping[str, Work], wanted: Sequence[JobEvidence], seen: Set[str]
) -> dict[str, Attempt]:
    again = [evidence.attempt for evidence in wanted if evidence.attempt is not None]
    new = [evidence for evidence in wanted if evidence.attempt is None]

    def change(records: Records) -> Mapping[str, JobRecord]:
        return {**_renewed(context, records, again), **_new_claims(context, records, jobs, new, seen)}

    written = ledger.claim(change, f"claim {len(wanted)} job(s) on {context.service_name}")
    return {name: record.open for name, record in written.items() if record.open is not None}


def _renewed(context: Context, records: Records, attempts: Sequence[Attempt]) -> dict[str, JobRecord]:
    """Claims without a submission, claimed again: of two clones of one person that find one, only the first gets it."""
    return {
        one.job: records.of(one.job).with_attempt(replace(one, claimed_at=context.clock(), run_dir=str(context.folder(one))))
        for one in attempts if records.of(one.job).open == one
    }  # fmt: skip


def _new_claims(
    context: Context, records: Records, jobs: Mapping[str, Work], wanted: Sequence[JobEvidence], seen: Set[str]
) -> dict[str, JobRecord]:
    """Claims on top of `records`, which may be newer than the evidence: jobs that were claimed meanwhile are left out."""
    claims = claims_of(records)
    taken = {*claims.running, *(claims.collected.keys() - seen)}
    changed: dict[str, JobRecord] = {}
    for evidence in wanted:
        record = records.of(evidence.job)
        if record.open or evidence.job in records.unreadable or record.used != evidence.attempts:
            continue
        work = jobs[evidence.job]
        digests = _free(work, evidence.missing, taken) if isinstance(work, Job) else {}
        if digests or isinstance(work, Download):
            taken.update(claimed(*one) for one in digests.items())
            attempt = _attempt(context, records.mark, work, record, digests)
            charge = charges.claimed(context.service, work, digests, attempt.walltime_seconds, context.me)
            changed[evidence.job] = record.with_attempt(attempt).with_charge(attempt.number, charge)
    return changed


def _free(job: Job, missing: Sequence[str], taken: set[str]) -> dict[str, str]:
    digests = {task.key: task.evaluation.digest for task in job.tasks}
    return {key: digests[key] for key in missing if not taken.intersection((digests[key], claimed(key, digests[key])))}


def _attempt(context: Context, mark: str, job: Work, record: JobRecord, digests: Mapping[str, str]) -> Attempt:
    number = record.next_number
    return Attempt(
        job=job.name, number=number, name=attempt_name(mark, job.name, number), phase=Phase.CLAIMED,
        service=job.service, request=job.request, evals=dict(digests), run_dir=str(context.run_dir(job.name, number)),
        claimed_at=context.clock(), walltime_seconds=walltime(context, job, digests, record.timeouts), by=context.me,
    )  # fmt: skip


def walltime(context: Context, job: Work, keys: Collection[str], timeouts: int) -> int:
    """The time of the tasks that will run, and half as much again for every time that it was not enough, up to the
    site's limit.
    """
    needed = job.walltime_seconds(keys) if isinstance(job, Job) else job.batch.walltime_seconds
    node = context.service.node_kinds.get(job.node_kind)
    if node is None or not timeouts:
        return needed
    return max(needed, context.service.walltime_seconds(int(needed * MORE_TIME**timeouts), node))


def _submit_one(context: Context, job: Work, attempt: Attempt, done: Submitted) -> None:
    context.checkpoint("before-prepare")
    try:
        script = prepare(context, job, attempt)
    except OSError as error:  # a full disk, or a file in the folder's place: other jobs may still be submitted
        _withdraw(context, attempt, Step(job.name, Action.STOP, "run-folder", _why(error)), done)
        return
    context.checkpoint("after-prepare")
    command = _command(context, job, attempt, script)
    context.checkpoint("before-submit")
    if _is_old(context, attempt):  # making the folder took long, or this process was suspended in between
        _withdraw(context, attempt, Step(job.name, Action.WAIT, "next-pass"), done)
        return
    done.instead[job.name] = Step(job.name, Action.WAIT, "no-answer")  # as long as it is so: Ctrl-C may come now
    try:
        reply = context.run(command)
    except EnvironmentProblem:  # the program is not there
        _withdraw(context, attempt, Step(job.name, Action.WAIT, "next-pass"), done)
        raise
    context.checkpoint("after-submit")
    _take_reply(context, attempt, reply, done)
    try:
        write_atomically(
            RunFolder(context.folder(attempt)).submit_log, _submission_log(command, reply), mode=private.OWN_FILE
        )
    except OSError as error:
        done.warnings.append(f"{attempt.name}: the scheduler's reply could not be written: {_why(error)}")


def _is_old(context: Context, attempt: Attempt) -> bool:
    """Whether the claim is so old that another clone could soon replace it."""
    return context.clock() - attempt.claimed_at > context.claim_grace_seconds / 2


def _take_reply(context: Context, attempt: Attempt, reply: Reply, done: Submitted) -> None:
    later, why = context.scheduler.postponed(reply), context.scheduler.refusal(reply)
    if later is not None:
        _withdraw(context, attempt, Step(attempt.job, Action.WAIT, POSTPONED, later), done)
    elif why is not None:
        done.instead[attempt.job] = Step(attempt.job, Action.STOP, "submit-refused", why)
        done.attempts[attempt.job] = _closed(context, attempt, "failed:submit-refused")
    elif reply.status == 0:
        del done.instead[attempt.job]
        native = context.scheduler.native_id(reply, attempt.name)
        done.attempts[attempt.job] = replace(
            attempt, phase=Phase.SUBMITTED, native_id=native if is_native_id(native) else "", submitted_at=context.clock()
        )  # fmt: skip
    else:  # unknown: the next query shows a job of this name, or none
        detail = "no answer" if reply.timed_out else " ".join(reply.stderr.split())[:200]
        done.instead[attempt.job] = Step(attempt.job, Action.WAIT, "no-answer", detail)


def _withdraw(context: Context, attempt: Attempt, step: Step, done: Submitted) -> None:
    """Closes a claim before anything was submitted; it does not count as a try."""
    done.attempts[attempt.job] = _closed(context, attempt, WITHDRAWN)
    done.instead[attempt.job] = step


def _why(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


def cancel_live(context: Context, cancelled: Sequence[JobEvidence]) -> bool:
    """Asks the scheduler to end the listed jobs of cancelled attempts; whether it accepted every request."""
    return all(end(context, [seen for one in cancelled for seen in one.sightings if seen.state is not State.ENDED]))


def end(context: Context, jobs: Sequence[Sighting]) -> list[bool]:
    """Asks the scheduler to end these jobs; for each, whether it accepted the request."""
    args = context.scheduler_args()
    taken = []
    for seen in jobs:
        context.checkpoint("before-cancel")
        taken.append(context.scheduler.cancelled(context.run(context.scheduler.cancel(seen.native_id, args))))
        context.checkpoint("after-cancel")
    return taken


def _command(context: Context, job: Work, attempt: Attempt, script: Path) -> Command:
    folder = str(context.folder(attempt))
    return context.scheduler.submit(
        str(script), name=attempt.name, output_dir=folder, run_dir=folder,
        walltime_seconds=attempt.walltime_seconds, site_args=context.site_args(), gpus=_gpus(context, job),
    )  # fmt: skip


def _gpus(context: Context, job: Work) -> tuple[str, ...]:
    """Device numbers for the local queue: the request's, or the first ones; a scheduler gives out its own."""
    if context.service.scheduler != "local":
        return ()
    if isinstance(job, Job) and job.cuda_visible_devices:
        return tuple(job.cuda_visible_devices.split(","))
    return tuple(str(number) for number in range(job.batch.gpus))


def _submission_log(command: Command, reply: Reply) -> str:
    return f"{' '.join(command.argv)}\nstatus {reply.status}\n{reply.stdout}{reply.stderr}"


def _closed(context: Context, attempt: Attempt, outcome: str) -> Attempt:
    return replace(attempt, phase=Phase.CLOSED, closed_at=context.clock(), outcome=outcome)


def _record(context: Context, ledger: Ledger, attempts: Sequence[Attempt]) -> str:
    if not attempts:
        return ""

    def change(records: Records) -> Mapping[str, JobRecord]:
        return {attempt.job: _with(records.of(attempt.job), attempt) for attempt in attempts}

    return ledger.record(change, f"{len(attempts)} job(s) on {context.service_name}: {_phases(attempts)}")


def _with(record: JobRecord, attempt: Attempt) -> JobRecord:
    """The record with this attempt, which costs nothing if it was closed before the scheduler took it."""
    record = record.with_attempt(attempt)
    return charges.withdrawn(record, attempt.number) if attempt.phase is Phase.CLOSED else record


def _phases(attempts: Sequence[Attempt]) -> str:
    return ", ".join(sorted({attempt.outcome or attempt.phase.value for attempt in attempts}))
