"""What a job costs in the service's own unit: coefficient x priority x (used x elapsed + reserved x walltime) / 3600.

Also for a part of a job, from what plan.json says of the whole: what runs is what is paid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from evalctl.model.charge import units
from evalctl.model.plan_file import CostEstimate, PlannedJob
from evalctl.model.walltime import rounded

if TYPE_CHECKING:
    from evalctl.model.service import NodeKind, Service


def estimate(
    service: Service, node: NodeKind, priority: int | None, expected_s: int, walltime_s: int
) -> CostEstimate | None:
    """Expected (it works for `expected_s`) and worst (the walltime is); None where the service names no price."""
    cost, known = service.cost, rates(service, node, priority)
    if cost is None or known is None:
        return None
    worst = charged(known, walltime_s, walltime_s)
    return CostEstimate(
        cost.unit, charged(known, min(expected_s, walltime_s), walltime_s), worst, worst if cost.held else None,
        *known, currency=cost.currency, currency_per_unit=cost.currency_per_unit, checked=cost.checked,
    )  # fmt: skip


class Rates(NamedTuple):
    """Units per hour of elapsed time (of `minimum_seconds` at least) and of walltime."""

    used_rate: float
    reserved_rate: float
    minimum_seconds: float


def rates(service: Service, node: NodeKind, priority: int | None) -> Rates | None:
    """Of a node kind; None where the service names no price."""
    cost = service.cost
    if cost is None or node.coefficient is None:
        return None
    factor = node.coefficient * service.priority_factor(priority)
    return Rates(factor * cost.used, factor * cost.reserved, cost.minimum_seconds)


def charged(cost: CostEstimate | Rates, elapsed_s: float, walltime_s: float) -> float:
    """What a job that ran for so long costs by these rates."""
    return units(cost.used_rate, cost.reserved_rate, cost.minimum_seconds, elapsed_s, walltime_s)


def walltime_of(job: PlannedJob, tasks: Iterable[str]) -> int:
    """The walltime in seconds of a job of plan.json that runs only these of its tasks: the time of the tasks that run."""
    wanted = _busy(job, set(tasks)) + job.drain_seconds
    return rounded(wanted, job.step_seconds, job.walltime_seconds)


def cost_of(job: PlannedJob, tasks: Iterable[str]) -> CostEstimate | None:
    """The cost of a job of plan.json that runs only these of its tasks; None where the service names no price."""
    cost, running = job.cost, set(tasks)
    if cost is None:
        return None
    walltime = walltime_of(job, running)
    worst = charged(cost, walltime, walltime)
    expected = charged(cost, min(expected_seconds(job, running), walltime), walltime)
    return replace(cost, expected=expected, worst=worst, held=None if cost.held is None else worst)


def expected_seconds(job: PlannedJob, tasks: Iterable[str]) -> int:
    """How long a job is expected to work that runs only these of its tasks: their share of its prediction by their limits."""
    whole, limit = job.kinds[0].seconds if job.kinds else None, _busy(job, set(tasks))
    all_tasks = sum(task.seconds for task in job.tasks)
    if whole is None or not all_tasks:
        return limit
    share = (limit - job.start_seconds) / all_tasks
    return job.start_seconds + round(share * (whole - job.start_seconds))


def _busy(job: PlannedJob, tasks: set[str]) -> int:
    return job.start_seconds + sum(task.seconds for task in job.tasks if task.key in tasks)
