"""Compares metrics.yaml with tasks: entries that several tasks share, and metrics that a task lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalctl.load.places import METRICS
from evalctl.model.diagnostic import WARNING, Diagnostic, Note, Span
from evalctl.suggest import help_for, listed
from evalctl_job.typed import read

if TYPE_CHECKING:
    from evalctl.model.evaluation import Task
    from evalctl.model.metrics import Metrics

Measured = Mapping[str, Collection[str]]  # a framework's task name -> metrics that its results have


def shared_names(tasks: Mapping[str, Task], spans: Mapping[str, Span], metrics: Metrics) -> list[Diagnostic]:
    """A finding for each task whose result goes into the same entry as that of an earlier task, with both rows."""
    wholes = {task for entry in metrics.entries if entry.function == "micro" for task in entry.tasks}
    first: dict[str, Task] = {}
    found = []
    for task in tasks.values():
        base = task.script.partition(":")[0]
        name = base if base in wholes else task.script
        if name not in metrics.tasks:
            continue
        other = first.setdefault(name, task)
        if other is not task:
            message = f"`{task.key}` and `{other.key}` are both `{name}` in metrics.yaml: only the newest result counts"
            help = "remove one of the two rows, or request only one of the two for a model"
            notes = (Note(f"`{other.key}` is here", spans[other.key]),)
            found.append(Diagnostic("shared-task-name", message, spans[task.key], help, notes, WARNING))
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """What is checked of an entry of metrics.yaml, which is remembered: to validate all entries takes long."""

    name: str
    metrics: tuple[str, ...]
    tasks: tuple[str, ...]


def entries_of(remembered: Any) -> tuple[Entry, ...]:
    """The entries of the metrics as `pipeline` remembers them; none where the file has a mistake."""
    return tuple(read(Entry, one, extra=True) for one in (remembered or {}).get("entries", ()))


def unknown_metrics(text: str, entries: Sequence[Entry], known: Measured) -> list[Diagnostic]:
    """A finding for each entry of metrics.yaml (`text`) that names a metric which its task, in `known`, lacks."""
    found = [(index, *one) for index, entry in enumerate(entries) for one in _unknown_of(entry, known)]
    if not found:
        return []
    from evalctl.load import yaml_source  # needed only for the position of a mistake

    document = yaml_source.parse(text, METRICS)[0]
    if document is None:
        return []
    return [
        Diagnostic(
            "unknown-metric",
            f"entry `{entries[index].name}`: task `{task}` has no metric `{metric}`; it has {listed(sorted(there))}",
            document.span(("entries", index, "metrics")),
            help_for(
                metric, there, "name a metric of the task; aggregates are computed again without new measurements"
            ),
            severity=WARNING,
        )
        for index, task, metric, there in found
    ]


def _unknown_of(entry: Entry, known: Measured) -> Iterator[tuple[str, str, Collection[str]]]:
    """(task, missing metric, metrics of the task) of an entry if none of its tasks has all its metrics."""
    there = [(task, found) for task in entry.tasks if (found := _of(task, known))]
    lacking = [(task, [m for m in entry.metrics if m not in found], found) for task, found in there]
    if any(not missing for _, missing, _ in lacking):
        return
    for task, missing, found in lacking:
        yield from ((task, metric, found) for metric in missing)


def _of(task: str, known: Measured) -> Collection[str]:
    """The metrics of a task, or of the task that it is a subset of, or of its subsets."""
    base = task.partition(":")[0]
    own = known.get(task) or known.get(base)
    return own or {name for script, names in known.items() if script.partition(":")[0] == task for name in names}
