"""The table over the product of all evidence, and the rows one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from evalctl.model.run import Action, Attempt, Marks, Phase, Sighting, State
from evalctl.sync.decide import TABLE, decide
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.reasons import advice, gravest, is_transient
from evalctl_job.marks import Finished, Started

CLAIMED = Attempt("ev-a-1", 1, "ev-abcd-a-1-a1", Phase.CLAIMED, "site", "r", {"t": "d"}, "/runs/1", 1.0, by="me")
SUBMITTED = replace(CLAIMED, phase=Phase.SUBMITTED)
BEGUN = Started(host="n")
STARTED, FINISHED = Marks(started=BEGUN), Marks(started=BEGUN, finished=Finished(exit=0))
BROKEN = Marks(started=BEGUN, unreadable=("marks/finished.json",))
UNLOADED = Marks(unloaded="ImportError: no module")
NEW = JobEvidence("ev-a-1", ("t",), None, 0, (), False, Marks(), 0.0, 600.0, 1)
OPEN = replace(NEW, attempt=SUBMITTED, age_seconds=601.0)

OTHER = Sighting(CLAIMED.name, "8", State.RUNNING, "on n1")


def seen(state: State) -> Sighting:
    """One sighting of the attempt."""
    return Sighting(CLAIMED.name, "7", state)


def everything() -> list[JobEvidence]:
    """The product of what can be seen."""
    combinations: Iterable[tuple[Any, ...]] = product(
        [(), ("t",)], [None, CLAIMED, SUBMITTED],
        [(0, ""), (1, "failed:lost"), (1, "failed:secret-missing"), (2, "failed:lost"), (0, "progressed:timeout")],
        [(), *((seen(state),) for state in State), (seen(State.RUNNING), seen(State.QUEUED))], [False, True],
        [Marks(), STARTED, FINISHED, BROKEN], [0.0, 601.0], [{}, {"u": "j"}], [{}, {"v": "j"}], [False, True],
        [(), (seen(State.RUNNING),)], [False, True], ["", "script-missing", "weights-missing"],
    )  # fmt: skip
    return [
        JobEvidence(
            "ev-a-1", missing, attempt, attempts, sightings, silent, marks, age, 600.0, 1, outcome,
            elsewhere=elsewhere, absent_here=absent, foreign=foreign and attempt is not None,
            lingering=lingering, cancelled=cancelled and attempt is not None, blocked=blocked,
        )
        for missing, attempt, (attempts, outcome), sightings, silent, marks, age, elsewhere, absent, foreign, lingering,
        cancelled, blocked in combinations
    ]  # fmt: skip


EVERYTHING = everything()


def live(evidence: JobEvidence) -> bool:
    """Something that has not ended is to be seen."""
    return any(one.state is not State.ENDED for one in (*evidence.sightings, *evidence.lingering))


def test_the_table_is_total_and_keeps_its_promises() -> None:
    """Over every combination: never submitted in silence or beside a live job, never collected without the word."""
    assert len(EVERYTHING) > 100_000
    for one in EVERYTHING:
        step = decide(one)
        if step.action is Action.SUBMIT:
            assert not one.silent and not live(one) and one.missing and not one.foreign and not one.blocked
            assert one.attempt is None or (one.attempt.phase is Phase.CLAIMED and one.marks.started is None)
        if step.action is Action.COLLECT:
            assert one.attempt is not None and one.marks.finished is not None and not one.foreign
        if step.action is Action.CLOSE:
            assert one.attempt is not None and not one.silent and not live(one) and not one.foreign
            assert one.age_seconds >= one.grace_seconds
        if step.action is Action.DONE:
            assert not (one.missing or one.elsewhere or one.absent_here or one.attempt)
        assert step.reason and step.reason == step.reason.lower() and " " not in step.reason


def test_every_row_is_reached() -> None:
    """A row that no evidence reaches would be dead."""
    reached = {next(row for row in TABLE if row.test(one)) for one in EVERYTHING}
    extra = [
        replace(NEW, unreadable_record="file"), replace(NEW, missing=(), unreadable_results=("file",)),
        replace(NEW, last_outcome="cancelled", attempts=1), replace(OPEN, other_home="/elsewhere"),
        replace(OPEN, marks=UNLOADED),
    ]  # fmt: skip
    reached |= {next(row for row in TABLE if row.test(one)) for one in extra}
    assert [row.reason(OPEN) for row in TABLE if row not in reached] == []


@pytest.mark.parametrize(
    ("evidence", "action", "reason"),
    [
        (replace(NEW, missing=()), Action.DONE, "result-current"),
        (NEW, Action.SUBMIT, "never-submitted"),
        (replace(NEW, silent=True), Action.WAIT, "scheduler-silent"),
        (replace(NEW, attempts=1, last_outcome="failed:lost"), Action.SUBMIT, "retry"),
        (replace(NEW, attempts=2, last_outcome="failed:lost"), Action.STOP, "attempts-exhausted"),
        (replace(NEW, attempts=1, last_outcome="failed:gated-model"), Action.STOP, "gated-model"),
        (replace(NEW, attempts=1, last_outcome="failed:never-heard-of"), Action.STOP, "never-heard-of"),
        (replace(NEW, attempts=1, last_outcome="cancelled"), Action.STOP, "cancelled"),
        (replace(NEW, last_outcome="progressed:timeout"), Action.SUBMIT, "resume"),
        (replace(NEW, retried=True), Action.SUBMIT, "retry"),
        (replace(OPEN, marks=BROKEN, cancelled=True), Action.CLOSE, "cancelled"),
        (replace(NEW, missing=(), elsewhere={"t": "j"}), Action.WAIT, "claimed-elsewhere"),
        (replace(NEW, missing=(), absent_here={"t": "j"}), Action.STOP, "collected-elsewhere"),
        (replace(NEW, sightings=(seen(State.RUNNING),)), Action.STOP, "unrecorded-job"),
        (replace(NEW, lingering=(seen(State.ENDING),)), Action.WAIT, "ending"),
        (replace(NEW, blocked="script-missing"), Action.STOP, "script-missing"),
        (replace(NEW, blocked="weights-missing"), Action.WAIT, "weights-missing"),
        (replace(OPEN, attempt=CLAIMED, blocked="hub-unreachable"), Action.WAIT, "hub-unreachable"),
        (replace(NEW, blocked="download-failed"), Action.STOP, "download-failed"),
        (replace(OPEN, foreign=True), Action.WAIT, "claimed-by-other"),
        (replace(OPEN, marks=FINISHED, silent=True), Action.COLLECT, "finished"),
        (replace(OPEN, silent=True), Action.WAIT, "scheduler-silent"),
        (replace(OPEN, sightings=(seen(State.QUEUED),)), Action.WAIT, "queued"),
        (replace(OPEN, sightings=(seen(State.HELD),)), Action.STOP, "held"),
        (replace(OPEN, sightings=(seen(State.STUCK),)), Action.STOP, "stuck"),
        (replace(OPEN, missing=(), sightings=(seen(State.QUEUED),)), Action.REPORT, "not-needed"),
        (replace(OPEN, sightings=(seen(State.ENDED),)), Action.CLOSE, "lost"),
        (replace(NEW, sightings=(seen(State.ENDED),)), Action.SUBMIT, "never-submitted"),
        (replace(OPEN, sightings=(seen(State.ENDED),), cancelled=True), Action.CLOSE, "cancelled"),
        (replace(OPEN, sightings=(seen(State.ENDED), seen(State.HELD))), Action.STOP, "held"),
        (replace(OPEN, sightings=(seen(State.QUEUED), seen(State.RUNNING))), Action.STOP, "duplicate-job"),
        (replace(NEW, sightings=(seen(State.QUEUED), seen(State.RUNNING))), Action.STOP, "duplicate-job"),
        (replace(OPEN, age_seconds=599.0), Action.WAIT, "settling"),
        (replace(OPEN, age_seconds=600.0), Action.CLOSE, "lost"),
        (replace(OPEN, marks=UNLOADED), Action.CLOSE, "environment-missing"),
        (replace(OPEN, attempt=CLAIMED, marks=UNLOADED), Action.CLOSE, "environment-missing"),
        (replace(OPEN, marks=UNLOADED, sightings=(seen(State.RUNNING),)), Action.WAIT, "running"),
        (replace(OPEN, marks=UNLOADED, age_seconds=599.0), Action.WAIT, "settling"),
        (replace(OPEN, attempt=CLAIMED), Action.SUBMIT, "claim-unsubmitted"),
        (replace(OPEN, attempt=CLAIMED, marks=STARTED), Action.CLOSE, "lost"),
        (replace(OPEN, attempt=CLAIMED, missing=()), Action.CLOSE, "not-needed"),
        (replace(OPEN, marks=BROKEN), Action.STOP, "unreadable-marks"),
        (replace(OPEN, cancelled=True, sightings=(seen(State.RUNNING),)), Action.WAIT, "cancelling"),
        (replace(OPEN, cancelled=True), Action.CLOSE, "cancelled"),
        (replace(OPEN, lingering=(seen(State.RUNNING),)), Action.STOP, "duplicate-job"),
    ],
)
def test_a_row(evidence: JobEvidence, action: Action, reason: str) -> None:
    """Each row in words."""
    step = decide(evidence)
    assert (step.action, step.reason) == (action, reason)


@pytest.mark.parametrize(
    ("evidence", "detail"),
    [
        (replace(OPEN, foreign=True), "by me"),
        (replace(OPEN, sightings=(seen(State.QUEUED), OTHER)),
         "7, 8: cancel all but one with the scheduler's own command"),
        (replace(OPEN, sightings=(seen(State.QUEUED),), lingering=(OTHER,)),
         "7, 8: evalctl sync --prune ends those of closed attempts"),
        (replace(NEW, lingering=(OTHER, seen(State.ENDING))), "8"),
        (replace(OPEN, sightings=(seen(State.ENDED), OTHER)), "8 on n1"),
    ],
)  # fmt: skip
def test_a_step_names_the_jobs_that_it_is_about(evidence: JobEvidence, detail: str) -> None:
    """Of several, what ends those that are too many."""
    assert decide(evidence).detail == detail


def test_unknown_reasons_need_a_person() -> None:
    """What nobody has met yet is not tried again by itself; of several, the passing one decides."""
    assert not is_transient("never-heard-of")


@pytest.mark.parametrize(
    "reason",
    [
        "request-refused",
        "quota-exhausted",
        "chat-template-missing",
        "context-length",
        "other-model",
        "questions-unanswered",
    ],
)
def test_what_is_refused_for_good_is_not_tried_again(reason: str) -> None:
    """No second job for it, and each says what to do."""
    assert not is_transient(reason) and advice(reason) != advice("never-heard-of")
    assert gravest(["secret-missing", "rate-limit"]) == "rate-limit"
    assert gravest([]) == ""
