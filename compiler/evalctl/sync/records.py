"""The ledger's records: what was attempted for one job. Merging two versions loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from evalctl.model.charge import ACCOUNTING, Charge
from evalctl.model.run import Attempt, Phase

_RANK = {Phase.CLAIMED: 0, Phase.SUBMITTED: 1, Phase.CLOSED: 2}
COLLECTED = "collected"  # all its tasks have results
WITHDRAWN = "withdrawn"  # a claim that was withdrawn before anything was submitted
CANCELLED = "cancelled"
TAKEN_OVER = "taken-over"  # closed by another person with `retry --take-over`
PROGRESSED = "progressed:"  # ran out of time with new results or answers: the next attempt does not use up a try
MOST_RESUMES = 8  # … so often; then each counts, else a model that never ends its answers would run without end
TIMEOUT = "timeout"
_T = TypeVar("_T", bound=str | tuple[str, str])


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """What a person asked for: `retry` or `cancel`, of the attempts up to number `attempt`."""

    at: float
    by: str
    what: str
    attempt: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """All attempts of one job, oldest first; `collected` names the eval digests whose results each attempt gave.

    `pinned` has, by attempt, the digest and the fingerprint of each result as it was collected. An attempt that was closed by
    an older evalctl has none. `charges` has what each attempt costs, by attempt; those of an older evalctl have none.
    """

    job: str
    attempts: tuple[Attempt, ...] = ()
    collected: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    pinned: Mapping[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    charges: Mapping[int, Charge] = field(default_factory=dict)

    @property
    def open(self) -> Attempt | None:
        """The attempt that is not closed."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.phase is not Phase.CLOSED), None)

    @property
    def next_number(self) -> int:
        """The number of the next attempt; numbers are never used again."""
        return max((attempt.number for attempt in self.attempts), default=0) + 1

    @property
    def retried_at(self) -> int:
        """The attempt after which `evalctl retry` was typed last; attempts up to it do not count. 0: never."""
        return max((event.attempt for event in self.events if event.what == "retry"), default=0)

    @property
    def used(self) -> int:
        """How many attempts were used up since the last `retry` or success."""
        outcomes = [attempt.outcome for attempt in self._since_success()]
        resumed = sum(outcome.startswith(PROGRESSED) for outcome in outcomes)
        return sum(not _is_free(outcome) for outcome in outcomes) + max(0, resumed - MOST_RESUMES)

    @property
    def timeouts(self) -> int:
        """How many of them ran out of time."""
        return sum(attempt.outcome.partition(":")[2] == TIMEOUT for attempt in self._since_success())

    @property
    def last_outcome(self) -> str:
        """How the last attempt since the last `retry` or success ended."""
        return next((attempt.outcome for attempt in reversed(self._since_success())), "")

    @property
    def results(self) -> dict[str, float]:
        """Digests of evals whose results somebody committed since the last `retry`, and when."""
        closed = {attempt.number: attempt.closed_at or 0.0 for attempt in self._counting()}
        return {digest: closed[number] for number in sorted(closed) for digest in self.collected.get(number, ())}

    def cancelled(self, number: int) -> bool:
        """Whether a person cancelled this attempt."""
        return any(event.what == "cancel" and event.attempt == number for event in self.events)

    def with_attempt(self, attempt: Attempt) -> JobRecord:
        """This record with `attempt` added, or in place of the one with its number."""
        others = [one for one in self.attempts if one.number != attempt.number]
        return replace(self, attempts=tuple(sorted([*others, attempt], key=lambda one: one.number)))

    def with_charge(self, number: int, charge: Charge | None) -> JobRecord:
        """This record with what the attempt of this number costs; None: unchanged."""
        return self if charge is None else replace(self, charges={**self.charges, number: charge})

    def with_event(self, event: Event) -> JobRecord:
        """This record with one more event."""
        return replace(self, events=tuple(sorted({*self.events, event})))

    def _since_success(self) -> list[Attempt]:
        counting = self._counting()
        success = max((one.number for one in counting if one.outcome == COLLECTED), default=0)
        return [one for one in counting if one.number > success]

    def _counting(self) -> list[Attempt]:
        return [one for one in self.attempts if one.phase is Phase.CLOSED and one.number > self.retried_at]


def merged(ours: JobRecord, theirs: JobRecord) -> JobRecord:
    """Both records in one: the further phase of each attempt; of two claims to one number, the published one."""
    attempts = {attempt.number: attempt for attempt in theirs.attempts}
    for attempt in ours.attempts:
        other = attempts.get(attempt.number)
        if other is None or (_same_claim(attempt, other) and _RANK[attempt.phase] > _RANK[other.phase]):
            attempts[attempt.number] = attempt
    ordered = tuple(attempts[number] for number in sorted(attempts))
    return JobRecord(
        theirs.job, ordered, _union(ours.collected, theirs.collected), tuple(sorted({*ours.events, *theirs.events})),
        _union(ours.pinned, theirs.pinned), _charges(ours, theirs),
    )  # fmt: skip


def _charges(ours: JobRecord, theirs: JobRecord) -> dict[int, Charge]:
    """Both sides' charges; of two about one attempt, the one that knows how long it ran."""
    found = {**ours.charges, **theirs.charges}
    for number in ours.charges.keys() & theirs.charges.keys():
        found[number] = max(ours.charges[number], theirs.charges[number], key=_rank)
    return {number: found[number] for number in sorted(found)}


def _rank(charge: Charge) -> tuple[bool, bool, str]:
    return charge.elapsed is not None, charge.how == ACCOUNTING, repr(charge)


def _union(ours: Mapping[int, tuple[_T, ...]], theirs: Mapping[int, tuple[_T, ...]]) -> dict[int, tuple[_T, ...]]:
    """The union of both sides, by attempt."""
    numbers = sorted(ours.keys() | theirs.keys())
    return {number: tuple(sorted({*ours.get(number, ()), *theirs.get(number, ())}, key=repr)) for number in numbers}


def _same_claim(one: Attempt, other: Attempt) -> bool:
    return (one.by, one.claimed_at, one.run_dir) == (other.by, other.claimed_at, other.run_dir)


def _is_free(outcome: str) -> bool:
    return outcome == WITHDRAWN or outcome.startswith(PROGRESSED)
