"""What an attempt costs, for the ledger: the price when it is claimed, the time that it ran when it has ended."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from evalctl.model.charge import AT_MOST, MARKS, NEVER_RAN, Charge
from evalctl.model.evaluation import Job, Work
from evalctl.model.run import Marks
from evalctl.model.service import Service
from evalctl.policy.spent import Recorded
from evalctl.sync.ledger import Records
from evalctl.sync.records import JobRecord


def claimed(service: Service, work: Work, keys: Collection[str], walltime: int, me: str) -> Charge:
    """The price of an attempt that runs these tasks of a job, by the service's file as it is now."""
    node, cost = service.node_kinds.get(work.node_kind), service.cost
    who = work.requested_by or me.partition("@")[0]
    charge = Charge(
        model=_model(work), node_kind=work.node_kind, person=who[:200], walltime=walltime, seconds=_seconds(work, keys),
    )  # fmt: skip
    if node is None or cost is None or node.coefficient is None:
        return charge
    priority = service.priority_factor(work.batch.priority)
    factor = node.coefficient * priority
    return replace(
        charge, coefficient=node.coefficient, priority_factor=priority, unit=cost.unit, used_rate=factor * cost.used,
        reserved_rate=factor * cost.reserved, minimum_seconds=cost.minimum_seconds, currency=cost.currency or "",
        currency_per_unit=cost.currency_per_unit, checked=cost.checked[:200],
    )  # fmt: skip


def _model(work: Work) -> str:
    return (work.tasks[0].evaluation.subject.model if isinstance(work, Job) else work.weights.model)[:200]


def _seconds(work: Work, keys: Collection[str]) -> dict[str, float]:
    tasks = work.tasks if isinstance(work, Job) else ()
    return {one.key: one.seconds for one in tasks if one.key in keys}


def ended(charge: Charge | None, marks: Marks, closed_at: float) -> Charge | None:
    """The charge of an attempt that ended, by the marks that its job left; None where no price was recorded.

    A job that left no end (killed, or its node died) ran until it was closed or its walltime was over, at most.
    """
    if charge is None:
        return None
    started, finished = marks.started, marks.finished
    if started is None and finished is None and not marks.unloaded:
        return never_ran(charge)
    begun = started.started_at if started else None
    if finished is not None and finished.ended_at is not None:
        lasted = finished.ended_at - (begun or finished.ended_at)
        return _after(
            charge, lasted if finished.seconds is None else finished.seconds, MARKS, min(finished.ended_at, closed_at)
        )
    lasted = closed_at - begun if begun is not None else charge.walltime
    return _after(charge, lasted, AT_MOST, min(closed_at, (begun or closed_at) + charge.walltime))


def _after(charge: Charge, elapsed: float, how: str, ended_at: float) -> Charge:
    """Marks are the job's own words: no job runs longer than its walltime."""
    elapsed = min(max(elapsed, 0), charge.walltime)
    return replace(charge, elapsed=elapsed, how=how, ended_at=ended_at, amount=charge.after(elapsed))


def never_ran(charge: Charge) -> Charge:
    """The charge of an attempt that the scheduler never started: none, the minimum and the walltime included."""
    return replace(charge, elapsed=0, how=NEVER_RAN, amount=0)


def recorded(records: Records) -> Iterator[Recorded]:
    """Every attempt of the ledger with its charge."""
    for record in records.by_job.values():
        for attempt in record.attempts:
            yield Recorded(attempt, record.charges.get(attempt.number), record.collected.get(attempt.number, ()))


def withdrawn(record: JobRecord, number: int) -> JobRecord:
    """The record, in which this attempt costs nothing."""
    charge = record.charges.get(number)
    return record.with_charge(number, None if charge is None else never_ran(charge))
