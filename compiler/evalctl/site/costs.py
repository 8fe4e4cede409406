"""Node time, GPU hours and cost of a model's results: from records, the ledger, plans and the services' prices, as far as these are there.

What is known is a lower bound: an attempt lasts from its first task's start to its last task's end, as the records have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evalctl.model.plan_file import CostEstimate, PlannedJob
from evalctl.model.result import Result
from evalctl.model.service import Service
from evalctl.plan.cost import charged, estimate

_HOUR = 3600
_LONGEST = 366 * 86400  # seconds of an attempt; no service lets a job run for longer


@dataclass(frozen=True, slots=True)
class Prices:
    """What costs follow from: services by name, the jobs of plan.json files by name, and walltimes of attempts by job and number."""

    services: Mapping[str, Service] = field(default_factory=dict)
    jobs: Mapping[str, PlannedJob] = field(default_factory=dict)
    walltimes: Mapping[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Amount:
    """So much in a service's own unit; `money` is "" where the service names no currency."""

    service: str
    unit: str
    value: float
    currency: str = ""
    money: float | None = None

    @property
    def name(self) -> str:
        """The unit with the service, since units of two services cannot be added."""
        return f"{self.unit} ({self.service})"

    @property
    def text(self) -> str:
        """The number of units."""
        return f"{self.value:.4f}"

    @property
    def money_text(self) -> str:
        """In the service's currency; "" where it names none."""
        return "" if self.money is None else f"{self.money:,.0f} {self.currency}".strip()


@dataclass(frozen=True, slots=True)
class Spent:
    """What the evals of a model took: the time of tasks, of nodes and of GPUs, and the cost by service.

    Of `evals` measured here, the node's time of `without_time` is not known, the GPUs of `without_gpus`, the cost of
    `without_cost`. Reused and imported results are none of them.
    """

    evals: int
    tasks_seconds: float
    node_seconds: float
    gpu_seconds: float
    amounts: Sequence[Amount]
    without_time: int
    without_gpus: int
    without_cost: int

    @property
    def task_hours(self) -> str:
        """The time of all tasks, as if they had run one after the other; "" where it is not known."""
        return f"{self.tasks_seconds / _HOUR:.2f}" if self.tasks_seconds else ""

    @property
    def node_hours(self) -> str:
        """The time of all attempts; "" where nothing is known."""
        return "" if self.without_time == self.evals else f"{self.node_seconds / _HOUR:.2f}"

    @property
    def gpu_hours(self) -> str:
        """The time of all GPUs of the nodes; "" where nothing is known."""
        return "" if self.without_gpus == self.evals else f"{self.gpu_seconds / _HOUR:.2f}"

    def amount(self, name: str) -> Amount | None:
        """What was spent in this unit."""
        return next((one for one in self.amounts if one.name == name), None)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The records of one attempt on a node, and how long it lasted at least; None where they do not say it."""

    records: Sequence[Result]
    seconds: float | None

    @property
    def first(self) -> Result:
        return self.records[0]


def spent(results: Iterable[Result], prices: Prices) -> Spent:
    """What was spent on these results."""
    own = [one for one in results if not one.reused_from and one.imported is None]
    attempts = _attempts(own)
    timed = [one for one in attempts if one.seconds is not None]
    with_gpus = [(one, gpus) for one in timed if (gpus := _gpus(one, prices)) is not None]
    priced = [(one, amount) for one in timed if (amount := _amount(one, prices)) is not None]
    return Spent(
        len(own), sum(one.seconds or 0 for one in own if _is_time(one.seconds)), sum(one.seconds or 0 for one in timed),
        sum(gpus * (one.seconds or 0) for one, gpus in with_gpus), _summed(amount for _, amount in priced),
        len(own) - _number(timed), len(own) - _number(one for one, _ in with_gpus), len(own) - _number(one for one, _ in priced),
    )  # fmt: skip


def _number(attempts: Iterable[_Attempt]) -> int:
    return sum(len(one.records) for one in attempts)


def _attempts(results: Sequence[Result]) -> list[_Attempt]:
    """By job and number; a record that names neither is an attempt of which nothing is known."""
    found: dict[tuple[str, int], list[Result]] = {}
    for one in results:
        found.setdefault(one.ran.origin, []).append(one)
    return [_Attempt(those, _seconds(those) if origin[0] else None) for origin, those in found.items()]


def _seconds(results: Sequence[Result]) -> float | None:
    """From the first start to the last end; tasks of a job run beside each other."""
    if not all(_is_time(one.seconds) and one.measured_at for one in results):
        return None
    lasted = max(one.measured_at for one in results) - min(one.measured_at - (one.seconds or 0) for one in results)
    return lasted if _is_time(lasted) else None


def _is_time(seconds: float | None) -> bool:
    return seconds is not None and 0 < seconds < _LONGEST


def _gpus(attempt: _Attempt, prices: Prices) -> int | None:
    service = prices.services.get(attempt.first.ran.service)
    node = service.node_kinds.get(attempt.first.ran.node_kind) if service else None
    return None if node is None else node.gpus


def _amount(attempt: _Attempt, prices: Prices) -> Amount | None:
    """By the rates of the job's plan, which have its priority; else of the service at its default priority."""
    job, number = attempt.first.ran.origin
    planned, name = prices.jobs.get(job), attempt.first.ran.service
    cost = planned.cost if planned and planned.service == name else _of_service(attempt, prices)
    if cost is None or attempt.seconds is None:
        return None
    walltime = prices.walltimes.get((job, number)) or (planned.walltime_seconds if planned else 0)
    if cost.reserved_rate and not walltime:
        return None
    value = charged(cost, attempt.seconds, walltime)
    money = None if cost.currency_per_unit is None else value * cost.currency_per_unit
    return Amount(name, cost.unit, value, cost.currency or "", money)


def _of_service(attempt: _Attempt, prices: Prices) -> CostEstimate | None:
    service = prices.services.get(attempt.first.ran.service)
    node = service.node_kinds.get(attempt.first.ran.node_kind) if service else None
    return estimate(service, node, service.default_priority, 0, 0) if service and node else None


def _summed(amounts: Iterable[Amount]) -> list[Amount]:
    found: dict[str, Amount] = {}
    for one in amounts:
        before = found.get(one.name)
        money = None if one.money is None else one.money + ((before.money or 0) if before else 0)
        found[one.name] = Amount(
            one.service, one.unit, one.value + (before.value if before else 0), one.currency, money
        )
    return [found[name] for name in sorted(found)]
