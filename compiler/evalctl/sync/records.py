"""The ledger's records: what was attempted for one job, as values and as JSON. Merging two versions loses nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from evalctl.model.names import NAME
from evalctl.model.run import Attempt, Phase
from evalctl.shell import json_text
from evalctl_job.typed import NO_DATE

SCHEMA = "evalctl/ledger/1"
_RANK = {Phase.CLAIMED: 0, Phase.SUBMITTED: 1, Phase.CLOSED: 2}
COLLECTED = "collected"  # all its tasks have results
WITHDRAWN = "withdrawn"  # a claim that was withdrawn before anything was submitted
CANCELLED = "cancelled"
TAKEN_OVER = "taken-over"  # closed by another person with `retry --take-over`
PROGRESSED = "progressed:"  # ran out of time with new results or answers: the next attempt does not use up a try
MOST_RESUMES = 8  # … so often; then each counts, else a model that never ends its answers would run without end
TIMEOUT = "timeout"
LARGEST = 4 * 1024 * 1024  # bytes of a record: some thousands of attempts
Form = Callable[[Any], bool]
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
    an older evalctl has none.
    """

    job: str
    attempts: tuple[Attempt, ...] = ()
    collected: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    pinned: Mapping[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)

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
        _union(ours.pinned, theirs.pinned),
    )  # fmt: skip


def _union(ours: Mapping[int, tuple[_T, ...]], theirs: Mapping[int, tuple[_T, ...]]) -> dict[int, tuple[_T, ...]]:
    """The union of both sides, by attempt."""
    numbers = sorted(ours.keys() | theirs.keys())
    return {number: tuple(sorted({*ours.get(number, ()), *theirs.get(number, ())}, key=repr)) for number in numbers}


def to_text(record: JobRecord) -> str:
    """The JSON file of a record."""
    document = {
        "schema": SCHEMA,
        "job": record.job,
        "attempts": [{**asdict(attempt), "phase": attempt.phase.value} for attempt in record.attempts],
        "collected": {str(number): list(digests) for number, digests in record.collected.items()},
        "events": [asdict(event) for event in record.events],
        **({"pinned": record.pinned} if record.pinned else {}),
    }
    return json_text(document)


def from_text(job: str, content: bytes) -> JobRecord:
    """The record in a file; raises ValueError with the reason when this evalctl cannot read it.

    Whoever can push the ledger's branch can write anything there: unless every value has the form that evalctl writes,
    the whole record is refused.
    """
    if len(content) > LARGEST:
        raise ValueError(f"it has {len(content)} bytes, at most {LARGEST} are read")
    try:
        document = json.loads(content, parse_constant=_no_number)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA!r} (written by a newer evalctl, or by hand?)")
        record = JobRecord(
            _checked({"job": is_job}, document)["job"],
            tuple(_attempt(row) for row in document["attempts"]),
            dict(_collected(*item) for item in document["collected"].items()),
            tuple(Event(**_checked(_EVENT, row)) for row in document["events"]),
            dict(_pinned(*item) for item in document.get("pinned", {}).items()),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its form is wrong ({error})"[:300]) from error
    _require_own_names(job, record)
    return record


def _require_own_names(job: str, record: JobRecord) -> None:
    """A record's attempts have the names that follow from the job and the number."""
    if record.job != job:
        raise ValueError(f"it is about another job, `{record.job}`")
    for attempt in record.attempts:
        if attempt.job != job or not attempt.name.endswith(f"-{job.removeprefix('ev-')}-a{attempt.number}"):
            raise ValueError(f"attempt {attempt.number} has the name of another, `{attempt.name}`")
    _require_own_numbers(record)


def _require_own_numbers(record: JobRecord) -> None:
    """Attempts are numbered from 1 on without a gap, and no event names a missing one: a `retry` of attempt
    999,999 would exempt all later failures from the count.
    """
    last = len(record.attempts)
    if [attempt.number for attempt in record.attempts] != list(range(1, last + 1)):
        raise ValueError("its attempts are not numbered 1, 2, 3, …")
    named = (*record.collected, *record.pinned, *(event.attempt for event in record.events))
    if beyond := [number for number in named if number > last]:
        raise ValueError(f"it names attempt {max(beyond)}, but has only {last}")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _attempt(row: Mapping[str, Any]) -> Attempt:
    unknown = row.keys() - {one.name for one in fields(Attempt)}
    if unknown:
        raise ValueError(f"an attempt has unknown keys: {', '.join(sorted(unknown))}"[:300])
    _checked({key: form for key, form in _ATTEMPT.items() if key in row}, row)
    return Attempt(**{**row, "phase": Phase(row["phase"])})


def _collected(number: str, digests: Any) -> tuple[int, tuple[str, ...]]:
    if not _is_number(number) or not isinstance(digests, list) or not _are_digests(digests):
        raise ValueError("`collected` does not hold digests")
    return int(number), tuple(digests)


def _pinned(number: str, pairs: Any) -> tuple[int, tuple[tuple[str, str], ...]]:
    whole = _is_number(number) and isinstance(pairs, list) and _all_are(list, 2, pairs)
    if not whole or not _are_digests([*chain.from_iterable(pairs)]):
        raise ValueError("`pinned` does not hold pairs of a digest and a fingerprint")
    return int(number), tuple((digest, mark) for digest, mark in pairs)


def _checked(forms: Mapping[str, Form], row: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, form in forms.items():
        if not form(row[key]):
            raise ValueError(f"`{key}` is {row[key]!r}"[:120])
    return row


def _matches(pattern: str) -> Form:
    whole = re.compile(pattern)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _whole(least: int, most: int) -> Form:
    return lambda value: type(value) is int and least <= value <= most


def _is_moment(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < NO_DATE


def _is_moment_or_none(value: Any) -> bool:
    return value is None or _is_moment(value)


def _is_line(value: Any) -> bool:
    """Text of one line that a terminal shows as it is."""
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _is_request(value: Any) -> bool:
    words = value.split("/") if _is_line(value) else []
    return words[:2] == ["manifests", "requests"] and len(words) > 2 and not {"", ".", ".."}.intersection(words)


def _is_evals(value: Any) -> bool:
    return (
        isinstance(value, dict) and len(value) <= _MOST_EVALS and all(map(_is_key, value))
        and _are_digests(value.values())
    )  # fmt: skip


def _are_digests(values: Collection[Any]) -> bool:
    """Whether each is a digest. One match for all: a ledger of 1,000 jobs holds 57,000 of them."""
    return _all_are(str, 64, values) and re.fullmatch(r"[0-9a-f]*", "".join(values)) is not None


def _all_are(kind: type, length: int, values: Collection[Any]) -> bool:
    return {*map(type, values)} <= {kind} and {*map(len, values)} <= {length}


_LONGEST = 4096
_MOST_EVALS = 10_000
_is_name = _matches(NAME)
_is_key = lru_cache(maxsize=4096)(_is_name)  # every job has the same tasks
_is_number = _matches(r"[1-9][0-9]{0,5}")
is_job = _matches(r"ev-[a-z0-9]+(?:-[a-z0-9]+)*")
is_digest = _matches(r"[0-9a-f]{64}")
is_native_id = _matches(
    r"(?:[A-Za-z0-9][A-Za-z0-9._;:@\[\]-]{0,127})?"
)  # an argument for scontrol or qdel, never an option
is_reason = _matches(r"[a-z0-9-]{1,100}")
_EVENT: Mapping[str, Form] = {
    "at": _is_moment, "by": _is_line, "what": ("retry", "cancel").__contains__, "attempt": _whole(0, 999_999),
}  # fmt: skip
_ATTEMPT: Mapping[str, Form] = {
    "job": is_job, "number": _whole(1, 999_999), "name": _matches(r"ev-[0-9a-z]+(?:-[a-z0-9]+)+"),
    "phase": [one.value for one in Phase].__contains__, "service": _is_name, "request": _is_request,
    "evals": _is_evals, "run_dir": _is_line, "claimed_at": _is_moment, "submitted_at": _is_moment_or_none,
    "closed_at": _is_moment_or_none, "native_id": is_native_id,
    "outcome": _matches(r"(?:[a-z0-9-]{1,100}(?::[a-z0-9-]{1,100})?)?"), "walltime_seconds": _whole(0, 100_000_000),
    "by": _is_line,
}  # fmt: skip


def _same_claim(one: Attempt, other: Attempt) -> bool:
    return (one.by, one.claimed_at, one.run_dir) == (other.by, other.claimed_at, other.run_dir)


def _is_free(outcome: str) -> bool:
    return outcome == WITHDRAWN or outcome.startswith(PROGRESSED)
