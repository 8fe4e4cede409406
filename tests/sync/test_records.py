"""Ledger records as values: what counts, and how two versions become one."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl.model.run import Attempt, Phase
from evalctl.sync.record_text import LARGEST, from_text, to_text
from evalctl.sync.records import Event, JobRecord, merged

DIGEST = "d" * 64
FIRST = Attempt(
    "ev-a-1", 1, "ev-abcd-a-1-a1", Phase.CLAIMED, "site", "manifests/requests/r.yaml", {"t": DIGEST}, "/runs/1", 1.0, by="me"
)  # fmt: skip


def closed(number: int, outcome: str) -> Attempt:
    """An attempt that ended."""
    return replace(
        FIRST,
        number=number,
        name=f"ev-abcd-a-1-a{number}",
        phase=Phase.CLOSED,
        outcome=outcome,
        closed_at=float(number),
    )


@pytest.mark.parametrize(
    ("outcomes", "used", "last"),
    [
        ([], 0, ""),
        (["failed:lost"], 1, "failed:lost"),
        (["failed:lost", "withdrawn"], 1, "withdrawn"),
        (["progressed:timeout", "progressed:timeout"], 0, "progressed:timeout"),
        (["progressed:timeout"] * 8, 0, "progressed:timeout"),
        (["progressed:timeout"] * 10, 2, "progressed:timeout"),
        (["failed:lost", "collected"], 0, ""),
        (["failed:lost", "collected", "failed:lost"], 1, "failed:lost"),
    ],
)
def test_which_attempts_use_up_a_try(outcomes: list[str], used: int, last: str) -> None:
    """A success and a `retry` reset the count; a timeout that got on with it costs nothing."""
    record = JobRecord("ev-a-1", tuple(closed(number, outcome) for number, outcome in enumerate(outcomes, 1)))
    assert (record.used, record.last_outcome) == (used, last)
    retried = record.with_event(Event(9.0, "me", "retry", len(outcomes)))
    assert (retried.used, retried.last_outcome, retried.next_number) == (0, "", len(outcomes) + 1)


def test_an_open_attempt_is_found() -> None:
    """Claimed or submitted."""
    assert JobRecord("ev-a-1", (closed(1, "failed:lost"), replace(FIRST, number=2))).open == replace(FIRST, number=2)
    assert JobRecord("ev-a-1", (closed(1, "failed:lost"),)).open is None


def test_of_two_claims_to_one_number_the_published_one_stays() -> None:
    """Ours was second: nothing of it may be left."""
    ours = JobRecord("ev-a-1", (replace(FIRST, by="bob", phase=Phase.CLOSED),))
    assert merged(ours, JobRecord("ev-a-1", (FIRST,))).attempts == (FIRST,)


def test_collected_results_are_those_since_the_last_retry() -> None:
    """Saying `retry` asks for a new measurement."""
    record = JobRecord("ev-a-1", (closed(1, "collected"),), {1: ("d",)})
    assert record.results == {"d": 1.0}
    assert record.with_event(Event(9.0, "me", "retry", 1)).results == {}


ATTEMPTS = st.builds(
    lambda number, phase, outcome: replace(FIRST, number=number, name=f"ev-abcd-a-1-a{number}", phase=phase, outcome=outcome),
    st.integers(1, 3), st.sampled_from(list(Phase)), st.just(""),
)  # fmt: skip
EVENTS = st.builds(Event, st.floats(0, 10), st.just("me"), st.sampled_from(["retry", "cancel"]), st.integers(1, 3))
RECORDS = st.builds(
    lambda attempts, collected, events, pinned: JobRecord(
        "ev-a-1", tuple(sorted(attempts, key=lambda one: one.number)), {n: tuple(sorted(d)) for n, d in sorted(collected.items())},
        tuple(sorted(set(events))), {n: tuple(sorted(pairs)) for n, pairs in sorted(pinned.items())},
    ),
    st.lists(ATTEMPTS, unique_by=lambda one: one.number),
    st.dictionaries(st.integers(1, 3), st.sets(st.sampled_from(["a" * 64, "b" * 64, "c" * 64]), min_size=1)), st.lists(EVENTS, max_size=3),
    st.dictionaries(
        st.integers(1, 3), st.sets(st.tuples(*[st.sampled_from(["a" * 64, "b" * 64])] * 2), min_size=1), max_size=2
    ),
)  # fmt: skip


@given(RECORDS, RECORDS, RECORDS)
def test_merging_loses_nothing_and_needs_no_order(one: JobRecord, two: JobRecord, three: JobRecord) -> None:
    """Whoever merges first: the same record; merging again changes nothing; nobody's phase goes back."""
    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, merged(one, two)) == merged(one, two)
    both = {attempt.number: attempt.phase for attempt in merged(one, two).attempts}
    order = list(Phase)
    assert all(order.index(both[one_.number]) >= order.index(one_.phase) for one_ in (*one.attempts, *two.attempts))


WHOLE = st.builds(
    lambda record, last: replace(
        record,
        attempts=tuple(replace(FIRST, number=n, name=f"ev-abcd-a-1-a{n}") for n in range(1, last + 1)),
        collected={n: d for n, d in record.collected.items() if n <= last},
        events=tuple(one for one in record.events if one.attempt <= last),
        pinned={n: d for n, d in record.pinned.items() if n <= last},
    ),
    RECORDS, st.integers(0, 3),
)  # fmt: skip


@given(WHOLE)
def test_a_record_survives_its_file(record: JobRecord) -> None:
    """Text and back."""
    assert from_text("ev-a-1", to_text(record).encode()) == record


@given(RECORDS, st.data())
def test_a_cut_file_is_refused(record: JobRecord, data: st.DataObject) -> None:
    """Torn anywhere: never half a record."""
    content = to_text(record).encode().rstrip()
    with pytest.raises(ValueError, match=r"."):
        from_text("ev-a-1", content[: data.draw(st.integers(0, len(content) - 1))])


@pytest.mark.parametrize("key", [one.name for one in fields(Attempt)])
def test_an_attempt_with_a_value_of_a_wrong_kind_is_refused(key: str) -> None:
    """For every field, one that is added later included: what is unknown must not be computed with."""
    document = json.loads(to_text(JobRecord("ev-a-1", (FIRST,))))
    document["attempts"][0][key] = [1]
    with pytest.raises(ValueError, match=r"."):
        from_text("ev-a-1", json.dumps(document).encode())


@pytest.mark.parametrize(
    "pinned",
    [
        [], {"0": []}, {"1": {}}, {"1": [DIGEST]}, {"1": [[DIGEST]]}, {"1": [[DIGEST, "f"]]}, {"1": [[DIGEST, 1]]},
        {"1": [[DIGEST, DIGEST[:-1] + "\n"]]}, {"1": [[DIGEST[:32], DIGEST + DIGEST[:32]]]}, {"1": [DIGEST[:2]]},
    ],
)  # fmt: skip
def test_fingerprints_of_another_form_are_refused(pinned: object) -> None:
    """Pairs of a digest and a fingerprint by attempt, and nothing else; a record without any is of an older evalctl."""
    document = json.loads(to_text(JobRecord("ev-a-1", (FIRST,))))
    assert "pinned" not in document
    with pytest.raises(ValueError, match=r"."):
        from_text("ev-a-1", json.dumps({**document, "pinned": pinned}).encode())


HOSTILE = [
    ("job", "ev-a-1/../../etc"), ("job", "ev-a-1\n"), ("name", "ev-abcd-a-1-a2"), ("name", "--exit"),
    ("name", "ev-abcd-b-1-a1"), ("number", True), ("number", 0), ("number", 10**9), ("number", 1.0),
    ("service", "site/../x"), ("request", "manifests/requests/../../.env"), ("request", "/etc/passwd"),
    ("request", "manifests/requests/a\nM 100755 inline x"), ("request", "manifests/requests/"),
    ("request", "manifests/requests/\u202egnp.yaml"), ("evals", {"../x": DIGEST}), ("evals", {"t\nx": DIGEST}),
    ("evals", {"t": "d"}), ("evals", {"t": DIGEST + "\n"}), ("evals", {"t": "../" + DIGEST}),
    ("run_dir", "/runs\n/1"), ("run_dir", "/" + "r" * 5000), ("claimed_at", 10**400), ("claimed_at", -1),
    ("claimed_at", True), ("closed_at", 1e300), ("native_id", "-q all.q"), ("native_id", "1 2"), ("native_id", "1\n2"),
    ("outcome", "failed:\x1b[2J"), ("outcome", "failed:a b"), ("walltime_seconds", 10**12), ("walltime_seconds", -1),
    ("by", "me\n"), ("by", "\x1b]0;x\x07"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), HOSTILE, ids=[f"{key}-{number}" for number, (key, _) in enumerate(HOSTILE)])
def test_an_attempt_with_a_value_that_evalctl_never_writes_is_refused(key: str, value: object) -> None:
    """Who can push the ledger can write any text: none of it reaches a path, a command, a commit or a terminal."""
    document = json.loads(to_text(JobRecord("ev-a-1", (FIRST,))))
    document["attempts"][0][key] = value
    with pytest.raises(ValueError, match=r"."):
        from_text("ev-a-1", json.dumps(document).encode())


@pytest.mark.parametrize(
    "more",
    [
        {"job": "ev-b-1"}, {"collected": {"1_0": [DIGEST]}}, {"collected": {"1": ["d"]}}, {"collected": {" 1": [DIGEST]}},
        {"events": [{"at": 1, "by": "me", "what": "prune", "attempt": 1}]},
        {"events": [{"at": 1, "by": "a\nb", "what": "retry", "attempt": 1}]},
        {"events": [{"at": 1, "by": "me", "what": "retry", "attempt": 10**400}]},
        {"events": [{"at": float("nan"), "by": "me", "what": "retry", "attempt": 1}]},
    ],
)  # fmt: skip
def test_a_record_with_a_value_that_evalctl_never_writes_is_refused(more: dict[str, object]) -> None:
    """As for its attempts."""
    document = {**json.loads(to_text(JobRecord("ev-a-1", (FIRST,)))), **more}
    with pytest.raises(ValueError, match=r"."):
        from_text("ev-a-1", json.dumps(document).encode())


@pytest.mark.parametrize("numbers", [(2,), (1, 1), (2, 1), (1, 3), (1, 999_999)])
def test_attempts_are_numbered_without_a_gap(numbers: tuple[int, ...]) -> None:
    """Numbers are given one after the other and never again: of two attempts with one number the first would be hidden."""
    with pytest.raises(ValueError, match="numbered"):
        from_text(
            "ev-a-1", to_text(JobRecord("ev-a-1", tuple(closed(number, "collected") for number in numbers))).encode()
        )


@pytest.mark.parametrize(
    "more",
    [
        {"events": [{"at": 1, "by": "me", "what": "retry", "attempt": 2}]}, {"collected": {"2": [DIGEST]}},
        {"pinned": {"999999": [[DIGEST, DIGEST]]}}, {"events": [{"at": 1, "by": "me", "what": "cancel", "attempt": 999_999}]},
    ],
)  # fmt: skip
def test_nothing_is_said_of_an_attempt_that_is_not_there(more: dict[str, object]) -> None:
    """A `retry` in advance would exempt all later failures, a `cancel` end the next attempt at once."""
    document = {**json.loads(to_text(JobRecord("ev-a-1", (FIRST,)))), **more}
    with pytest.raises(ValueError, match="names attempt"):
        from_text("ev-a-1", json.dumps(document).encode())


def test_a_record_is_of_bounded_size() -> None:
    """A larger one is not even parsed."""
    with pytest.raises(ValueError, match="bytes"):
        from_text("ev-a-1", to_text(JobRecord("ev-a-1", (FIRST,))).encode() + b" " * LARGEST)
