"""What a job costs in the service's own unit: coefficient x priority x (used x elapsed + reserved x walltime) / 3600.

Also for a part of a job, from what plan.json says of the whole: what runs is what is paid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from evalctl.model.plan_file import CostEstimate, PlannedJob
from evalctl.model.walltime import rounded

if TYPE_CHECKING:
    from evalctl.model.service import NodeKind, Service


def estimate(
    service: Service, node: NodeKind, priority: int | None, expected_s: int, walltime_s: int
) -> CostEstimate | None:
    """Expected (the CSV's times are used up) and worst (the walltime is); None where the service names no price."""
    cost = service.cost
    if cost is None or node.coefficient is None:
        return None
    factor = node.coefficient * service.priorities.get(str(priority), 1.0)
    rates = (factor * cost.used, factor * cost.reserved, cost.minimum_seconds)
    worst = _units(*rates, walltime_s, walltime_s)
    return CostEstimate(
        cost.unit, _units(*rates, min(expected_s, walltime_s), walltime_s), worst, worst if cost.held else None, *rates,
        currency=cost.currency, currency_per_unit=cost.currency_per_unit, checked=cost.checked,
    )  # fmt: skip


def charged(cost: CostEstimate, elapsed_s: float, walltime_s: float) -> float:
    """What a job that ran for so long costs by these rates."""
    return _units(cost.used_rate, cost.reserved_rate, cost.minimum_seconds, elapsed_s, walltime_s)


def _units(used_rate: float, reserved_rate: float, minimum_s: float, elapsed_s: float, walltime_s: float) -> float:
    charged = used_rate * max(elapsed_s, minimum_s) + reserved_rate * walltime_s
    # Both sites cut after the fourth decimal; rounding first, because 0.001 may be 0.00099999… in binary.
    return int(round(charged / 3600 * 10_000, 6)) / 10_000


def walltime_of(job: PlannedJob, tasks: Iterable[str]) -> int:
    """The walltime in seconds of a job of plan.json that runs only these of its tasks: the time of the tasks that run."""
    wanted = _busy(job, set(tasks)) + job.drain_seconds
    return rounded(wanted, job.step_seconds, job.walltime_seconds)


def cost_of(job: PlannedJob, tasks: Iterable[str]) -> CostEstimate | None:
    """The cost of a job of plan.json that runs only these of its tasks; None where the service names no price."""
    cost, running = job.cost, set(tasks)
    if cost is None:
        return None
    walltime, rates = walltime_of(job, running), (cost.used_rate, cost.reserved_rate, cost.minimum_seconds)
    worst = _units(*rates, walltime, walltime)
    expected = _units(*rates, min(_busy(job, running), walltime), walltime)
    return replace(cost, expected=expected, worst=worst, held=None if cost.held is None else worst)


def _busy(job: PlannedJob, tasks: set[str]) -> int:
    return job.start_seconds + sum(task.seconds for task in job.tasks if task.task in tasks)
