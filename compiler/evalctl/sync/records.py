"""The ledger's records: what was attempted for one job, as values and as JSON. Merging two versions loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import NoneType
from typing import Any

from evalctl.model.run import Attempt, Phase

SCHEMA = "evalctl/ledger/1"
_RANK = {Phase.CLAIMED: 0, Phase.SUBMITTED: 1, Phase.CLOSED: 2}
COLLECTED = "collected"  # all its tasks have results
WITHDRAWN = "withdrawn"  # a claim that was given back before anything was submitted
CANCELLED = "cancelled"
TAKEN_OVER = "taken-over"  # closed by somebody else, who does not wait for its owner any longer
PROGRESSED = "progressed:"  # ran out of time, but got tasks or answers done: goes on without using up a try
MOST_RESUMES = 8  # … so often; then each counts, or a model that never stops talking would run for ever
TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """What a person asked for: `retry` or `cancel`, of the attempts up to number `attempt`."""

    at: float
    by: str
    what: str
    attempt: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """All attempts of one job, oldest first; `collected` names the eval digests whose results each attempt gave."""

    job: str
    attempts: tuple[Attempt, ...] = ()
    collected: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()

    @property
    def open(self) -> Attempt | None:
        """The attempt that is not closed."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.phase is not Phase.CLOSED), None)

    @property
    def next_number(self) -> int:
        """The number of the next attempt; numbers are never used again."""
        return max((attempt.number for attempt in self.attempts), default=0) + 1

    @property
    def forgiven(self) -> int:
        """Attempts up to this number do not count: a person said `retry` after them."""
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

    def with_event(self, event: Event) -> JobRecord:
        """This record with one more event."""
        return replace(self, events=tuple(sorted({*self.events, event})))

    def _since_success(self) -> list[Attempt]:
        counting = self._counting()
        success = max((one.number for one in counting if one.outcome == COLLECTED), default=0)
        return [one for one in counting if one.number > success]

    def _counting(self) -> list[Attempt]:
        return [one for one in self.attempts if one.phase is Phase.CLOSED and one.number > self.forgiven]


def merged(ours: JobRecord, theirs: JobRecord) -> JobRecord:
    """Both records in one: the further phase of each attempt; of two claims to one number, the published one."""
    attempts = {attempt.number: attempt for attempt in theirs.attempts}
    for attempt in ours.attempts:
        other = attempts.get(attempt.number)
        if other is None or (_same_claim(attempt, other) and _RANK[attempt.phase] > _RANK[other.phase]):
            attempts[attempt.number] = attempt
    numbers = ours.collected.keys() | theirs.collected.keys()
    collected = {n: tuple(sorted({*ours.collected.get(n, ()), *theirs.collected.get(n, ())})) for n in sorted(numbers)}
    ordered = tuple(attempts[number] for number in sorted(attempts))
    return JobRecord(theirs.job, ordered, collected, tuple(sorted({*ours.events, *theirs.events})))


def to_text(record: JobRecord) -> str:
    """The JSON file of a record."""
    document = {
        "schema": SCHEMA,
        "job": record.job,
        "attempts": [{**asdict(attempt), "phase": attempt.phase.value} for attempt in record.attempts],
        "collected": {str(number): list(digests) for number, digests in record.collected.items()},
        "events": [asdict(event) for event in record.events],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def from_text(job: str, content: bytes) -> JobRecord:
    """The record in a file; raises ValueError with the reason when it is none that this evalctl understands."""
    try:
        document = json.loads(content)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA!r} (written by a newer evalctl, or by hand?)")
        record = JobRecord(
            document["job"],
            tuple(_attempt(row) for row in document["attempts"]),
            {int(number): _digests(digests) for number, digests in document["collected"].items()},
            tuple(Event(**_checked(_EVENT, row)) for row in document["events"]),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its form is wrong ({error})") from error
    if record.job != job:
        raise ValueError(f"it is about another job, `{record.job}`")
    return record


_NUMBER, _PERHAPS = (int, float), (int, float, NoneType)
_EVENT: Mapping[str, tuple[type, ...]] = {"at": _NUMBER, "by": (str,), "what": (str,), "attempt": (int,)}
_ATTEMPT: Mapping[str, tuple[type, ...]] = {
    "job": (str,), "number": (int,), "name": (str,), "phase": (str,), "service": (str,), "request": (str,),
    "evals": (dict,), "run_dir": (str,), "claimed_at": _NUMBER, "submitted_at": _PERHAPS, "closed_at": _PERHAPS,
    "native_id": (str,), "outcome": (str,), "walltime_seconds": (int,), "by": (str,),
}  # fmt: skip


def _attempt(row: Mapping[str, Any]) -> Attempt:
    unknown = row.keys() - {one.name for one in fields(Attempt)}
    if unknown:
        raise ValueError(f"an attempt has unknown keys: {', '.join(sorted(unknown))}")
    _checked({key: kind for key, kind in _ATTEMPT.items() if key in row}, row)
    return Attempt(**{**row, "phase": Phase(row["phase"])})


def _digests(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(digest, str) for digest in value):
        raise ValueError("`collected` does not hold digests")
    return tuple(value)


def _checked(kinds: Mapping[str, tuple[type, ...]], row: Mapping[str, Any]) -> Mapping[str, Any]:
    wrong = [key for key, kind in kinds.items() if not isinstance(row[key], kind)]
    if wrong:
        raise ValueError(f"`{wrong[0]}` is {row[wrong[0]]!r}"[:120])
    return row


def _same_claim(one: Attempt, other: Attempt) -> bool:
    return (one.by, one.claimed_at, one.run_dir) == (other.by, other.claimed_at, other.run_dir)


def _is_free(outcome: str) -> bool:
    return outcome == WITHDRAWN or outcome.startswith(PROGRESSED)
