"""Which records are behind an entry of metrics.yaml: as in the aggregate, the newest of each task or subset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalctl.model.metrics import MetricEntry
from evalctl.model.result import Result
from evalctl.results.names import task_name

IMPORTED = "an imported score, whose questions are not known"
NOT_MEASURED = "not measured"


class NoValues(Exception):
    """Why an entry has no values of questions."""


@dataclass(frozen=True, slots=True)
class Newest:
    """What an aggregate's entries are made of: the newest record of each task or subset, by task and name, with the
    framework's key; `imported` are the entries that were imported.
    """

    by_task: Mapping[str, Mapping[str, tuple[Result, str]]]
    imported: frozenset[str]


def newest(results: Sequence[Result]) -> Newest:
    """Of the records of one model folder."""
    by_task: dict[str, dict[str, tuple[Result, str]]] = {}
    for one in sorted(results, key=lambda one: (one.measured_at, one.path)):
        for key in one.scores:
            name = task_name(key)
            by_task.setdefault(name.partition(":")[0], {})[name] = (one, key)
    return Newest(by_task, frozenset(name for one in results for name in one.entries))


def rows_of(entry: MetricEntry, there: Newest, groups: Mapping[str, Sequence[str]]) -> list[tuple[Result, str]]:
    """The records behind an entry, each with the framework's key of the task or subset; none where it has no task's score."""
    try:
        return required_rows(entry, there, groups)
    except NoValues:
        return []


def required_rows(entry: MetricEntry, there: Newest, groups: Mapping[str, Sequence[str]]) -> list[tuple[Result, str]]:
    """The same; raises NoValues with the reason where there are none."""
    allowed = groups[entry.subsets] if entry.subsets else None
    measured = [rows for task in entry.tasks if (rows := _rows_of_task(task, entry, there, allowed))]
    if not measured:
        raise NoValues(IMPORTED if entry.name in there.imported else NOT_MEASURED)
    if len(measured) > 1:
        raise NoValues("several of its tasks were run")
    return measured[0]


def _rows_of_task(
    task: str, entry: MetricEntry, there: Newest, allowed: Sequence[str] | None
) -> list[tuple[Result, str]]:
    if entry.function != "micro":
        row = there.by_task.get(task.partition(":")[0], {}).get(task)
        return [] if row is None else [row]
    subsets = ((name.partition(":")[2], row) for name, row in there.by_task.get(task, {}).items())
    return [row for subset, row in subsets if "_average" not in subset and (allowed is None or subset in allowed)]
