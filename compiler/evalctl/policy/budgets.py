"""Whether budgets hold what is asked for: with what was spent, and what is under way at its worst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalctl.policy.spent import Expense, Expenses

if TYPE_CHECKING:
    from evalctl.model.policy import Budget, Policy

NEXT_MONTH, NEVER = "next month", "never: larger than the budget"


@dataclass(frozen=True, slots=True)
class BudgetState:
    """One budget before and after what is asked for. `whose` is the request, person or group; "" for all."""

    per: str
    whose: str
    service: str
    unit: str
    limit: float
    before: float
    after: float
    asked: float  # by one request or job alone

    @property
    def holds(self) -> bool:
        """Whether it is enough; a budget that was exceeded before holds what asks for nothing of it."""
        return self.after <= self.limit or self.asked <= 0

    @property
    def left(self) -> float:
        """What is left of it before."""
        return self.limit - self.before

    @property
    def left_after(self) -> float:
        """What is left of it afterwards."""
        return self.limit - self.after

    @property
    def when(self) -> str:
        """When it will hold what it does not hold now."""
        return NEVER if self.per == "request" or self.asked > self.limit else NEXT_MONTH

    @property
    def name(self) -> str:
        """In words."""
        whose = {"request": "per request", "month": "of the month"}.get(
            self.per, f"of {self.whose or 'nobody named'} this month"
        )
        return f"{whose}{f' on {self.service}' if self.service else ''}"


def words(state: BudgetState) -> str:
    """`budget of the month on tsubame: 280 of 400 units left, 268.5 after this at its worst`; less than nothing where it was exceeded."""
    after = f", {state.left_after:,.10g} after this at its worst" if state.after != state.before else ""
    short = "" if state.holds else f": it does not hold this; it fits {state.when}".replace("fits never", "never fits")
    return f"budget {state.name}: {state.left:,.10g} of {state.limit:,.10g} {state.unit} left{after}{short}"


def states(policy: Policy, known: Expenses, month: str, asked: Sequence[Expense]) -> list[BudgetState]:
    """Every budget that concerns what is asked for, and those of the month as a whole."""
    persons = dict.fromkeys(one.person for one in asked)
    requests = dict.fromkeys(one.request for one in asked)
    found = []
    for budget in policy.budgets:
        names = {"request": requests, "person": persons, "group": [budget.group or ""], "month": [""]}[budget.per]
        found += [_state(policy, budget, whose, known, month, asked) for whose in names]
    return found


def _state(
    policy: Policy, budget: Budget, whose: str, known: Expenses, month: str, asked: Iterable[Expense]
) -> BudgetState:
    before = sum(
        _of(policy, budget, whose, month, one) for one in (*(each.expense for each in known.spent), *known.in_flight)
    )
    more = [_of(policy, budget, whose, month, one) for one in asked]
    unit = budget.currency if budget.units is None else "units"
    alone = max(more, default=0.0)
    return BudgetState(budget.per, whose, budget.service or "", unit, budget.amount, before, before + sum(more), alone)


def _of(policy: Policy, budget: Budget, whose: str, month: str, one: Expense) -> float:
    """What this costs of the budget."""
    if budget.service is not None and one.service != budget.service:
        return 0.0
    if budget.per != "request" and one.month != month:
        return 0.0
    mine = {
        "request": one.request == whose, "month": True, "person": one.person == whose,
        "group": one.person in policy.groups.get(whose, ()),
    }  # fmt: skip
    if not mine[budget.per]:
        return 0.0
    if budget.units is not None:
        return one.value
    return (one.money or 0.0) if one.currency == budget.currency else 0.0


def refused(policy: Policy, known: Expenses, month: str, asked: Sequence[Expense]) -> dict[int, BudgetState]:
    """Which of these, asked for in this order, a budget does not hold: the index, and the first such budget."""
    found: dict[int, BudgetState] = {}
    for index, one in enumerate(asked):
        short = [state for state in states(policy, known, month, [one]) if not state.holds]
        if short:
            found[index] = next((state for state in short if state.when == NEVER), short[0])
        else:
            known = Expenses(known.spent, (*known.in_flight, one), known.saved, known.unknown)
    return found
