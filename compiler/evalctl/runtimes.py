"""Compares measured run times with tasks_runtime.csv, and suggests values for the table.

The rule: the longest of at least MIN_RUNS measurements, half as much again, rounded up to ten minutes and at least ten. Left out
are debugging runs, copies, imported results, and runs that went on with earlier answers: none of them took the task's time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from evalctl.model.catalogue import Catalogue
from evalctl.model.recorded import RecordedSubject
from evalctl.model.result import Result
from evalctl.model.service import Service

MIN_RUNS = 3
MARGIN = 1.5
STEP = 600  # seconds

SMALL, LARGE, API, UNKNOWN = "small", "large", "api", "unknown"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of a task: the column that allowed its time, the class of its model, how long it took."""

    task: str
    column: str
    size: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TaskMeasurements:
    """All measurements of a task under one column and class of model, in seconds."""

    task: str
    column: str
    size: str
    seconds: tuple[float, ...]

    @property
    def wanted(self) -> int | None:
        """The time that the rule gives; None while there are too few measurements."""
        if len(self.seconds) < MIN_RUNS or self.size == UNKNOWN:
            return None
        return max(STEP, math.ceil(max(self.seconds) * MARGIN / STEP) * STEP)

    @property
    def median(self) -> float:
        """The median time."""
        return median(self.seconds)


@dataclass(frozen=True, slots=True)
class RuntimeCell:
    """A cell of the table, its groups, and the suggested value: None where there is too little data or no change."""

    task: str
    column: str
    allowed: int | None
    groups: tuple[TaskMeasurements, ...]
    suggested: int | None
    why: str


def measurement(result: Result, catalogue: Catalogue) -> Measurement | None:
    """The run time in a result; None where the result cannot be used for the table."""
    entry = catalogue.services.get(result.ran.service)
    node = entry.service.node_kinds.get(result.ran.node_kind) if entry else None
    if entry is None or node is None or result.task.key not in catalogue.tasks or result.seconds is None:
        return None
    if result.max_samples is not None or result.reused_from or result.imported is not None:
        return None
    if result.samples is not None and result.samples.replayed:
        return None
    size = _size(result.subject, entry.service, catalogue)
    return Measurement(result.task.key, node.runtime_column, size, float(result.seconds))


def lines(measurements: Iterable[Measurement], catalogue: Catalogue, service: str | None) -> list[RuntimeCell]:
    """A line for each cell with measurements, in the table's order."""
    gathered: dict[tuple[str, str], dict[str, list[float]]] = {}
    for one in measurements:
        gathered.setdefault((one.task, one.column), {}).setdefault(one.size, []).append(one.seconds)
    services = [entry.service for name, entry in catalogue.services.items() if service in (None, name)]
    columns = [node.runtime_column for one in services for node in one.node_kinds.values()]
    large = set(_columns_of_large_models(services))
    return [
        _line(task, column, gathered[task, column], catalogue.tasks[task].seconds.get(column), column in large)
        for task in catalogue.tasks
        for column in dict.fromkeys(columns)
        if (task, column) in gathered
    ]


def _size(subject: RecordedSubject, service: Service, catalogue: Catalogue) -> str:
    if subject.provider != "vllm":
        return API
    card = catalogue.cards.get(subject.model)
    if card is None:
        return UNKNOWN
    return SMALL if card.parameters <= service.small_model_limit else LARGE


def _columns_of_large_models(services: Iterable[Service]) -> Iterator[str]:
    """Of the kind that a service names for them, else of its kinds with several GPUs."""
    for service in services:
        named = service.node_kinds.get(service.large_model or "")
        kinds = [named] if named else [one for one in service.node_kinds.values() if one.gpus > 1 and one.offered]
        yield from (node.runtime_column for node in kinds)


def _line(
    task: str, column: str, sizes: Mapping[str, list[float]], allowed: int | None, for_large: bool
) -> RuntimeCell:
    groups = tuple(
        TaskMeasurements(task, column, size, tuple(sizes[size]))
        for size in (SMALL, LARGE, API, UNKNOWN)
        if size in sizes
    )
    suggested, why = _suggestion(groups, allowed, for_large)
    return RuntimeCell(task, column, allowed, groups, suggested, why)


def _suggestion(groups: Iterable[TaskMeasurements], allowed: int | None, for_large: bool) -> tuple[int | None, str]:
    """One time must do for every class; it is not lowered where the slowest class has yet to be measured."""
    wanted = {group.size: group.wanted for group in groups if group.wanted is not None}
    if not wanted:
        return None, f"fewer than {MIN_RUNS} runs of models whose size is known"
    longest = max(wanted.values())
    if longest == allowed:
        return None, "as it should be"
    if for_large and LARGE not in wanted and allowed is not None and longest < allowed:
        return None, f"not lowered: fewer than {MIN_RUNS} runs of large models"
    return longest, ""
