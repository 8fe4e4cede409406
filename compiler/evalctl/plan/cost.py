"""What a job costs in the service's own unit: coefficient x priority x (used x elapsed + reserved x walltime) / 3600."""

from __future__ import annotations

from evalctl.model.evaluation import Estimate
from evalctl.model.service import NodeKind, Service


def estimate(
    service: Service, node: NodeKind, priority: int | None, expected_s: int, walltime_s: int
) -> Estimate | None:
    """Expected (the CSV's times are used up) and worst (the walltime is); None where the service names no price."""
    cost = service.cost
    if cost is None or node.coefficient is None:
        return None
    factor = node.coefficient * service.priorities.get(str(priority), 1.0)

    def points(elapsed: float) -> float:
        charged = cost.used * max(elapsed, cost.minimum_seconds) + cost.reserved * walltime_s
        # Both sites cut after the fourth decimal; rounding first, because 0.001 may be 0.00099999… in binary.
        return int(round(factor * charged / 3600 * 10_000, 6)) / 10_000

    return Estimate(
        unit=cost.unit,
        expected=points(min(expected_s, walltime_s)),
        worst=points(walltime_s),
        held=points(walltime_s) if cost.held else None,
        currency=cost.currency,
        currency_per_unit=cost.currency_per_unit,
        checked=cost.checked,
    )
