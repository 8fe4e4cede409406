"""What attempts cost, by their charges in the ledger, and what was not spent because a result was reused."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evalctl.model.charge import ACCOUNTING, MARKS, NEVER_RAN, Charge
from evalctl.model.plan_file import PlanFile
from evalctl.model.run import Attempt, Phase

BY = ("month", "person", "model", "service", "task")
NEVER_SUBMITTED = ("withdrawn", "failed:submit-refused")
_USEFUL = ("collected", "progressed:")  # begins the outcome of an attempt whose results or answers are kept
_EXACT = (MARKS, ACCOUNTING, NEVER_RAN)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One attempt as the ledger has it, its charge (None: of an older evalctl), and the digests of results collected from it."""

    attempt: Attempt
    charge: Charge | None
    collected: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense:
    """So much of a service's unit, and so many node hours; `money` is None where the service names no currency."""

    service: str
    month: str  # as 2026-11, in UTC
    person: str
    model: str
    request: str
    hours: float
    unit: str
    value: float
    currency: str
    money: float | None
    tasks: Mapping[str, float] = field(default_factory=dict)  # the share of each; together 1

    def of(self, by: str) -> Mapping[str, float]:
        """The shares by one of BY: all of it, but for tasks."""
        return (self.tasks or {"": 1.0}) if by == "task" else {str(getattr(self, by)): 1.0}


@dataclass(frozen=True, slots=True)
class AttemptExpense:
    """What an attempt cost. `useful`: its results or answers are kept. `exact` is False where it cost that much at most."""

    expense: Expense
    useful: bool
    exact: bool


@dataclass(frozen=True, slots=True)
class Expenses:
    """The costs of attempts that ended, those of attempts under way at their worst, and what reuse saved.

    `unknown` attempts ended without a recorded cost.
    """

    spent: tuple[AttemptExpense, ...] = ()
    in_flight: tuple[Expense, ...] = ()
    saved: tuple[Expense, ...] = ()
    unknown: int = 0


def ledger(records: Iterable[Recorded], plans: Iterable[PlanFile], now: float) -> Expenses:
    """All costs, and the savings of these requests."""
    records = list(records)
    ended = [one for one in records if one.attempt.phase is Phase.CLOSED]
    priced = [(one, one.charge) for one in ended if one.charge is not None]
    unknown = sum(one.charge is None and one.attempt.outcome not in NEVER_SUBMITTED for one in ended)
    flying = tuple(
        _amount(one.attempt, one.charge, now)
        for one in records if one.charge is not None and one.attempt.phase is not Phase.CLOSED
    )  # fmt: skip
    return Expenses(tuple(_spent(*pair) for pair in priced), flying, tuple(_saved(priced, plans)), unknown)


def _spent(one: Recorded, charge: Charge) -> AttemptExpense:
    useful = one.attempt.outcome.startswith(_USEFUL)
    moment = charge.ended_at or one.attempt.closed_at or one.attempt.claimed_at
    return AttemptExpense(_amount(one.attempt, charge, moment), useful, charge.how in _EXACT)


def _amount(attempt: Attempt, charge: Charge, moment: float) -> Expense:
    """The cost; at its worst where the time that it ran is not known."""
    value = charge.worst if charge.amount is None else charge.amount
    per_unit = charge.currency_per_unit
    whole = sum(charge.seconds.values())
    return Expense(
        service=attempt.service, month=month_of(moment), person=charge.person, model=charge.model, request=attempt.request,
        hours=(charge.walltime if charge.elapsed is None else charge.elapsed) / 3600, unit=charge.unit, value=value,
        currency=charge.currency, money=None if per_unit is None else value * per_unit,
        tasks={key: seconds / whole for key, seconds in charge.seconds.items()} if whole else _even(charge.seconds),
    )  # fmt: skip


def _even(tasks: Mapping[str, float]) -> dict[str, float]:
    return {key: 1 / len(tasks) for key in tasks}


def month_of(moment: float) -> str:
    """The month in UTC, the same on every machine."""
    return time.strftime("%Y-%m", time.gmtime(moment))


def _saved(priced: Sequence[tuple[Recorded, Charge]], plans: Iterable[PlanFile]) -> Iterable[Expense]:
    """For each eval of a request whose result another request's attempt measured: the cost of that task there."""
    measured = {
        digest: (key, spent.expense)
        for one, charge in priced for spent in [_spent(one, charge)]
        for key, digest in one.attempt.evals.items() if digest in one.collected
    }  # fmt: skip
    for plan in plans:
        for task in plan.tasks:
            key, source = measured.get(task.digest, ("", None))
            if source is not None and source.request != plan.request:
                yield _part(source, key, plan)


def _part(source: Expense, key: str, plan: PlanFile) -> Expense:
    share = source.tasks.get(key, 0.0)
    return Expense(
        service=source.service, month=source.month, person=plan.requested_by or "", model=source.model, request=plan.request,
        hours=source.hours * share, unit=source.unit, value=source.value * share, currency=source.currency,
        money=None if source.money is None else source.money * share, tasks={key: 1.0},
    )  # fmt: skip


@dataclass(slots=True)
class ExpenseRow:
    """The sums of one key at one service: units of two services are never added."""

    key: str
    service: str
    unit: str
    currency: str
    attempts: int = 0
    hours: float = 0.0
    spent: float = 0.0
    money: float | None = None
    lost: float = 0.0  # of attempts that gave nothing
    saved: float = 0.0
    at_most: int = 0  # attempts that cost this much at most


def grouped(found: Expenses, by: str) -> list[ExpenseRow]:
    """A row per key of `by` and service, sorted."""
    rows: dict[tuple[str, ...], ExpenseRow] = {}
    for one in found.spent:
        for key, share in one.expense.of(by).items():
            row = _row(rows, key, one.expense)
            row.attempts += 1
            row.hours += one.expense.hours * share
            row.spent += one.expense.value * share
            row.money = _plus(row.money, one.expense.money, share)
            row.lost += 0.0 if one.useful else one.expense.value * share
            row.at_most += not one.exact
    for saved in found.saved:
        for key, share in saved.of(by).items():
            _row(rows, key, saved).saved += saved.value * share
    return [rows[key] for key in sorted(rows)]


def _plus(before: float | None, money: float | None, share: float) -> float | None:
    return before if money is None else (before or 0.0) + money * share


def _row(rows: dict[tuple[str, ...], ExpenseRow], key: str, amount: Expense) -> ExpenseRow:
    place = (key, amount.service, amount.unit, amount.currency)
    return rows.setdefault(place, ExpenseRow(*place))
