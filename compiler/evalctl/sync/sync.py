"""One pass: observe, decide, collect and publish the results of ended jobs, then submit missing jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalctl.exits import LATER, PERSON, SUCCESS
from evalctl.git.branch import current_branch
from evalctl.git.push import PushReport
from evalctl.model.evaluation import RequestPlan
from evalctl.model.run import Action, Attempt, State, Step
from evalctl.shell import TryLater, Unreachable
from evalctl.sync import private
from evalctl.sync.act import Submitted, cancel_live, submit
from evalctl.sync.asked import asked_for, unasked
from evalctl.sync.batches import batches, closed, noted
from evalctl.sync.collect import Collected, NotCollectable, collect, given_up, keep_files
from evalctl.sync.context import Context
from evalctl.sync.evidence import JobEvidence, under_way
from evalctl.sync.follow import follow
from evalctl.sync.ledger import Change, LedgerRefused
from evalctl.sync.lock import in_home
from evalctl.sync.observe import Observation
from evalctl.sync.orphans import prune, reported
from evalctl.sync.publish import publish, push, secrets_in
from evalctl.sync.reasons import is_later
from evalctl.sync.seen import seen_answers, seen_here
from evalctl.sync.settled import SettledJob
from evalctl.sync.sync_pass import SyncPass

_NOTHING_TO_PUSH = PushReport(True)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The steps of a pass and what is left to do. `commit` is the last results commit it made."""

    steps: tuple[Step, ...]
    exit_code: int
    warnings: tuple[str, ...] = ()
    commit: str | None = None
    collected: tuple[Collected, ...] = ()
    under_way: Mapping[str, Attempt] = field(default_factory=dict)  # jobs that had begun, and not ended

    @property
    def settled(self) -> bool:
        """Whether another pass would change nothing by itself: every job is done, stopped or only reported."""
        return self.exit_code != LATER and all(
            step.action in (Action.DONE, Action.STOP, Action.REPORT) for step in self.steps
        )


def sync(
    context: Context, plans: Sequence[RequestPlan], settled: Sequence[SettledJob] = (), *,
    dry_run: bool = False, pruning: bool = False,
) -> SyncReport:  # fmt: skip
    """One pass over all plans; raises EnvironmentProblem (lock held, detached HEAD, no identity) before any change.

    `settled` are jobs of requests without a plan, since all their results are there. `pruning` ends orphans, which are
    only reported otherwise.
    """
    with in_home(context):
        private.tighten(context.home, shared=private.is_shared(context))
        current = SyncPass(context, plans, settled)
        current_branch(current.repo)
        if not dry_run:
            current.ready()
        observed = current.observe(ask=pruning)
        evidence = current.evidence(observed)
        steps = current.steps(observed, evidence)
        strays = prune(current, observed) if pruning and not dry_run else reported(observed, evidence)
        report = _report(current, steps) if dry_run else _act(current, observed, evidence, steps)
        return replace(_with(report, strays), under_way=under_way(evidence))


def joined(first: SyncReport, second: SyncReport) -> SyncReport:
    """Two passes of one command: the steps of the second, with those that the first did."""
    done = {step.job: step for step in first.steps if step.action in (Action.SUBMIT, Action.CANCEL)}
    steps = tuple(done.get(step.job, step) if step.action is Action.WAIT else step for step in second.steps)
    warnings = tuple(dict.fromkeys((*first.warnings, *second.warnings)))
    commit, collected = second.commit or first.commit, (*first.collected, *second.collected)
    return replace(second, steps=steps, warnings=warnings, commit=commit, collected=collected)


def watch(
    one_pass: Callable[[], SyncReport], show: Callable[[SyncReport], None], pause: Callable[[], None]
) -> SyncReport:
    """Passes in the foreground until another pass could do nothing; a pass that is locked out is tried again."""
    while True:
        try:
            report = one_pass()
        except TryLater as problem:
            report = SyncReport((), LATER, (f"{problem.message}: trying again",))
        show(report)
        if report.settled:
            return report
        pause()


def _act(
    current: SyncPass, observed: Observation, evidence: Mapping[str, JobEvidence], steps: list[Step]
) -> SyncReport:
    collected, stopped = _gather(
        current, observed, [step for step in steps if step.action in (Action.COLLECT, Action.CLOSE)]
    )
    current.context.checkpoint("before-follow")
    followed = follow(current.context, current.repo, current.warnings)
    current.context.checkpoint("after-follow")
    commit = _publish(current, observed, collected) or followed
    if collected:
        observed = current.observe_again(observed)
        evidence = current.evidence(observed)
        steps = current.steps(observed, evidence)
    cancel_live(current.context, [one for one in evidence.values() if one.cancelled])
    steps = _submit(current, observed, evidence, [stopped.get(step.job, step) for step in steps])
    pushed = _push(current)
    return replace(_report(current, steps, pushed), commit=commit, collected=tuple(collected))


def _with(report: SyncReport, strays: Sequence[Step]) -> SyncReport:
    code = PERSON if any(step.action is Action.STOP for step in strays) else report.exit_code
    return replace(report, steps=(*report.steps, *strays), exit_code=code)


def _gather(current: SyncPass, observed: Observation, ended: Sequence[Step]) -> tuple[list[Collected], dict[str, Step]]:
    """The results of ended attempts; jobs whose results cannot be read, or must not be published, are stopped."""
    current.context.checkpoint("before-collect")
    collected: list[Collected] = []
    stopped: dict[str, Step] = {}
    for step in ended:
        record = observed.records.of(step.job)
        assert record.open is not None
        cancelled = record.cancelled(record.open.number)
        try:
            found = collect(current.context.folder(record.open), record.open, step, cancelled=cancelled)
            found = seen_here(current.context, current.downloads.get(step.job), found)
            found = seen_answers(found)
        except NotCollectable as problem:
            if not cancelled:
                why = f"{problem}; fix it, or give the attempt up: evalctl cancel {step.job}"
                stopped[step.job] = Step(step.job, Action.STOP, "unreadable-submission", why)
                continue
            found = given_up(current.context.folder(record.open), record.open, str(problem))
        if not cancelled and (why := unasked(current, found)):
            stopped[step.job] = Step(step.job, Action.REPORT, "not-asked-for", why)
            continue
        if secret := secrets_in(current.context, found.files):
            stopped[step.job] = Step(step.job, Action.STOP, "secret-in-result", secret)
            continue
        current.context.progress(f"collecting {record.open.name}: {found.outcome}")
        current.warnings.extend(f"{step.job}: {problem}" for problem in found.problems)
        collected.append(found)
    current.context.checkpoint("after-collect")
    return collected, stopped


def _publish(current: SyncPass, observed: Observation, collected: Sequence[Collected]) -> str | None:
    """Notes the results in the ledger, commits them, then closes the attempts; after a kill the next pass does the rest.

    The note comes first: an open attempt proves only the records that it names.
    """
    collected = [asked_for(current, found) for found in collected]
    current.context.checkpoint("before-note")
    if any(found.files for found in collected):
        _record(current, lambda records: noted(records, collected), f"record the results of {len(collected)} job(s)")
    current.context.checkpoint("after-note")
    made = batches(current, observed, collected)
    current.context.checkpoint("before-commit")
    commit = publish(current.context, current.repo, made, current.warnings) if made else None
    current.context.checkpoint("after-commit")
    for found in collected:
        current.context.checkpoint("before-keep")
        _keep(current, found)
        current.context.checkpoint("after-keep")
    current.context.checkpoint("before-close")
    if collected:
        _record(current, lambda records: closed(current, records, collected), f"close {len(collected)} job(s)")
    current.context.checkpoint("after-close")
    return commit


def _record(current: SyncPass, change: Change, message: str) -> None:
    warning = current.ledger.record(change, message)
    current.warnings.extend([warning] if warning else [])


def _keep(current: SyncPass, found: Collected) -> None:
    """Copies logs and details; a failure is a warning, as the result is committed already."""
    context = current.context
    try:
        current.warnings.extend(keep_files(context.root, context.home, found, shared=private.is_shared(context)))
    except OSError as error:
        current.warnings.append(f"{found.attempt.name}: not all logs are beside the results: {error}")


def _submit(
    current: SyncPass, observed: Observation, evidence: Mapping[str, JobEvidence], steps: list[Step]
) -> list[Step]:
    """Submits the jobs with the step `submit`, up to the service's limit; the resulting steps."""
    wanted = [step for step in steps if step.action is Action.SUBMIT]
    if not wanted:
        return steps
    if not current.remote_answers:
        return [_instead(step, "remote-unreachable") if step in wanted else step for step in steps]
    allowed = wanted[: _room(current, observed)]
    try:
        done = submit(
            current.context, current.ledger, current.work, [evidence[step.job] for step in allowed], observed.records
        )
    except Unreachable as problem:
        current.warnings.append(problem.message)
        return [_instead(step, "remote-unreachable") if step in wanted else step for step in steps]
    except LedgerRefused as problem:
        why = f"{problem.message}: {problem.help}"
        return [Step(step.job, Action.STOP, "ledger-refused", why) if step in wanted else step for step in steps]
    current.warnings.extend(done.warnings)
    return [_after(step, allowed, done) if step in wanted else step for step in steps]


def _after(step: Step, allowed: Sequence[Step], done: Submitted) -> Step:
    if step not in allowed:
        return _instead(step, "submit-limit")
    if step.job in done.instead:
        return done.instead[step.job]
    if step.job not in done.attempts:
        return _instead(step, "claimed-elsewhere")
    attempt = done.attempts[step.job]
    return replace(step, detail=f"{attempt.name} {attempt.native_id}".strip())


def _instead(step: Step, reason: str, detail: str = "") -> Step:
    return Step(step.job, Action.WAIT, reason, detail)


def _room(current: SyncPass, observed: Observation) -> int | None:
    """How many more jobs the service takes from this user, whose other jobs count as well; None: any number."""
    limit = current.context.service.max_submitted
    if limit is None:
        return None
    return max(0, limit - sum(1 for seen in observed.sightings or () if seen.state is not State.ENDED))


def _push(current: SyncPass) -> PushReport:
    if not current.remote_answers:
        return PushReport(False)
    current.context.checkpoint("before-push")
    report = push(current.context, current.repo)
    current.context.checkpoint("after-push")
    if report.warning:
        current.warnings.append(report.warning)
    return report


def _report(current: SyncPass, steps: Sequence[Step], pushed: PushReport = _NOTHING_TO_PUSH) -> SyncReport:
    if pushed.needs_person or any(step.action is Action.STOP for step in steps):
        code = PERSON
    elif not pushed.pushed or any(is_later(step.reason) for step in steps):
        code = LATER
    else:
        code = SUCCESS
    return SyncReport(tuple(steps), code, tuple(current.warnings))
