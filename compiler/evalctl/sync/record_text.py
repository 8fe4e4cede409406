"""The JSON file of a ledger's record. Whoever can push the ledger's branch can write anything there, so every value is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from itertools import chain
from typing import Any

from evalctl.model.charge import Charge
from evalctl.model.names import NAME
from evalctl.model.run import Attempt, Phase
from evalctl.shell import json_text
from evalctl.sync.records import Event, JobRecord
from evalctl_job.typed import NO_DATE, read

SCHEMA = "evalctl/ledger/1"
LARGEST = 4 * 1024 * 1024  # bytes of a record: some thousands of attempts
Form = Callable[[Any], bool]


def to_text(record: JobRecord) -> str:
    """The JSON file of a record."""
    document = {
        "schema": SCHEMA,
        "job": record.job,
        "attempts": [{**asdict(attempt), "phase": attempt.phase.value} for attempt in record.attempts],
        "collected": {str(number): list(digests) for number, digests in record.collected.items()},
        "events": [asdict(event) for event in record.events],
        **({"pinned": record.pinned} if record.pinned else {}),
        **({"charges": {str(number): asdict(one) for number, one in record.charges.items()}} if record.charges else {}),
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
            dict(_charge(*item) for item in document.get("charges", {}).items()),
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
    named = (*record.collected, *record.pinned, *record.charges, *(event.attempt for event in record.events))
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


def _charge(number: str, row: Any) -> tuple[int, Charge]:
    if not _is_number(number):
        raise ValueError("`charges` does not name attempts")
    charge = read(Charge, row, extra=True)
    if not all(map(_is_key, charge.seconds)):
        raise ValueError("`charges` does not name tasks")
    return int(number), charge


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
