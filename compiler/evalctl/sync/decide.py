"""What to do about a job: a table from evidence to a step with a reason. Pure and total; the first row that fits wins.

A scheduler that does not answer proves nothing, a job that is not listed has not succeeded, and the unknown counts as the worst case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalctl.model.run import Action, Phase, Sighting, State, Step
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.reasons import advice, is_awaited, is_transient

Test = Callable[[JobEvidence], bool]
Words = Callable[[JobEvidence], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table; reason and detail may depend on the evidence."""

    test: Test
    action: Action
    reason: Words
    detail: Words = lambda _: ""


def decide(evidence: JobEvidence) -> Step:
    """The step for one job."""
    row = next(row for row in TABLE if row.test(evidence))
    return Step(evidence.job, row.action, row.reason(evidence), row.detail(evidence))


def live(evidence: JobEvidence) -> list[Sighting]:
    """The sightings of jobs that have not ended."""
    return [sighting for sighting in evidence.sightings if sighting.state is not State.ENDED]


def _is(reason: str) -> Words:
    return lambda _: reason


def _open(e: JobEvidence) -> bool:
    return e.attempt is not None


def _satisfied(e: JobEvidence) -> bool:
    return not (e.missing or e.elsewhere or e.absent_here or e.unreadable_results)


def _seen_as(*states: State) -> Test:
    return lambda e: bool(live(e)) and live(e)[0].state in states


def _state(e: JobEvidence) -> str:
    return live(e)[0].state.value


def _state_detail(e: JobEvidence) -> str:
    seen = live(e)[0]
    return f"{seen.native_id} {seen.detail}".strip()


def _unclear_marks(e: JobEvidence) -> bool:
    ended = _open(e) and not live(e) and not e.silent and not e.cancelled
    return ended and e.marks.finished is None and bool(e.marks.unreadable)


def _never_started(e: JobEvidence) -> bool:
    return e.attempt is not None and e.attempt.phase is Phase.CLAIMED and e.marks.started is None


def _outcome(e: JobEvidence) -> str:
    """`failed:secret-missing` is the reason `secret-missing`."""
    return e.last_outcome.partition(":")[2] or e.last_outcome


def _outcome_detail(e: JobEvidence) -> str:
    return advice(_outcome(e))


def _too_many(e: JobEvidence) -> str:
    closed = "evalctl sync --prune ends those of closed attempts"
    return closed if e.lingering else "cancel all but one with the scheduler's own command"


def _missing_piece(e: JobEvidence) -> str:
    return ": ".join(filter(None, (e.blocked_by, advice(e.blocked))))


def _claimed_by(e: JobEvidence) -> str:
    return f"by {e.attempt.by}" if e.attempt else ""


def _jobs(e: JobEvidence) -> str:
    return ", ".join(sorted(set(e.elsewhere.values())))


TABLE: tuple[Rule, ...] = (
    # -- unreadable: a person decides
    Rule(lambda e: bool(e.unreadable_record), Action.STOP, _is("unreadable-ledger"), lambda e: e.unreadable_record),
    Rule(lambda e: bool(e.unreadable_results) and not _open(e), Action.STOP, _is("unreadable-result"),
        lambda e: ", ".join(e.unreadable_results)),
    # -- nothing left to do
    Rule(lambda e: _satisfied(e) and not _open(e) and not live(e), Action.DONE,
        lambda e: "answered" if e.answered else "result-current"),
    # -- of another person or home
    Rule(lambda e: _open(e) and e.foreign, Action.WAIT, _is("claimed-by-other"), _claimed_by),
    Rule(lambda e: _open(e) and bool(e.other_home), Action.WAIT, _is("other-home"),
        lambda e: f"its folder is {e.other_home}: evalctl sync in the clone that submitted it; if that is gone: "
        f"evalctl retry --take-over {e.job}"),
    Rule(lambda e: len(live(e)) > 1 or (_open(e) and bool(e.lingering)), Action.STOP, _is("duplicate-job"),
        lambda e: f"{', '.join(s.native_id for s in (*live(e), *e.lingering))}: {_too_many(e)}"),
    # -- the job left its mark
    Rule(lambda e: _open(e) and e.marks.finished is not None, Action.COLLECT, _is("finished")),
    # -- the scheduler did not answer
    Rule(lambda e: e.silent, Action.WAIT, _is("scheduler-silent"), lambda e: e.other_scheduler),
    # -- the scheduler has
    Rule(lambda e: not e.missing and bool(live(e)), Action.REPORT, _is("not-needed"),
        lambda e: f"{_state_detail(e)}: no request needs its results any more; `evalctl cancel {e.job}` ends it"),
    Rule(lambda e: not _open(e) and bool(live(e)), Action.STOP, _is("unrecorded-job"),
        lambda e: f"{_state_detail(e)}: the ledger does not know it: let it end, or: evalctl sync --prune"),
    Rule(lambda e: not _open(e) and bool(e.lingering), Action.WAIT, _is("ending"), lambda e: e.lingering[0].native_id),
    Rule(lambda e: e.cancelled and bool(live(e)), Action.WAIT, _is("cancelling"), _state_detail),
    Rule(_seen_as(State.QUEUED, State.RUNNING, State.ENDING), Action.WAIT, _state, _state_detail),
    Rule(_seen_as(State.HELD, State.STUCK), Action.STOP, _state, _state_detail),
    # -- an open attempt that the scheduler does not list
    Rule(_unclear_marks, Action.STOP, _is("unreadable-marks"),
        lambda e: f"{', '.join(e.marks.unreadable)}; fix it, or give the attempt up: evalctl cancel {e.job}"),
    Rule(lambda e: _open(e) and e.age_seconds < e.grace_seconds, Action.WAIT, _is("settling")),
    Rule(lambda e: _open(e) and e.cancelled, Action.CLOSE, _is("cancelled")),
    Rule(lambda e: _open(e) and not e.missing, Action.CLOSE, _is("not-needed")),
    Rule(lambda e: _open(e) and bool(e.marks.unloaded), Action.CLOSE, _is("environment-missing"),
        lambda e: e.marks.unloaded),
    Rule(lambda e: _never_started(e) and is_awaited(e.blocked), Action.WAIT, lambda e: e.blocked, _missing_piece),
    Rule(lambda e: _never_started(e) and bool(e.blocked), Action.STOP, lambda e: e.blocked, _missing_piece),
    Rule(_never_started, Action.SUBMIT, _is("claim-unsubmitted")),
    Rule(_open, Action.CLOSE, _is("lost")),
    # -- no open attempt
    Rule(lambda e: not e.missing and bool(e.elsewhere), Action.WAIT, _is("claimed-elsewhere"), _jobs),
    Rule(lambda e: not e.missing, Action.STOP, _is("collected-elsewhere"),
        lambda e: "the results are in a commit that this clone lacks: git pull; or run them again: evalctl retry"),
    Rule(lambda e: e.last_outcome == "cancelled", Action.STOP, _is("cancelled"), _is("evalctl retry runs it again")),
    Rule(lambda e: e.last_outcome.startswith("failed:") and not is_transient(_outcome(e)), Action.STOP, _outcome,
        _outcome_detail),
    Rule(lambda e: e.attempts > e.retries, Action.STOP, _is("attempts-exhausted"),
        lambda e: f"{_outcome(e)}: {_outcome_detail(e)} ({e.attempts} attempts)"),
    Rule(lambda e: is_awaited(e.blocked), Action.WAIT, lambda e: e.blocked, _missing_piece),
    Rule(lambda e: bool(e.blocked), Action.STOP, lambda e: e.blocked, _missing_piece),
    Rule(lambda e: e.last_outcome.startswith("progressed:"), Action.SUBMIT, _is("resume"), _outcome),
    Rule(lambda e: e.attempts > 0 or e.retried, Action.SUBMIT, _is("retry"), _outcome),
    Rule(lambda e: True, Action.SUBMIT, _is("never-submitted")),
)  # fmt: skip
