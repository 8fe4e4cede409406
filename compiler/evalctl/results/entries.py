"""Selects the entries that people read, formats scores, computes averages by language, and collects remarks.

An average is the plain mean over the main entries of one language, each divided by its `full_mark`. A model that lacks one
of them has no average: the cell says how many it has, since means over different benchmarks must not be compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalctl.model.aggregate import MISSING, Aggregate, Entries

if TYPE_CHECKING:  # `plan` formats scores and needs no pydantic
    from evalctl.model.metrics import MetricEntry, Metrics

OTHER = "other"
LOWER = "lower is better"
HOW = "each method: evalctl explain METHOD"
Scripts = Mapping[str, str]  # task key to the framework's name of the task


@dataclass(frozen=True, slots=True)
class EntriesAverage:
    """The mean over these entries."""

    name: str
    entries: tuple[MetricEntry, ...]

    def value(self, results: Entries) -> float | None:
        """None unless every entry was measured."""
        shares = self._shares(results)
        return sum(shares) / len(shares) if len(shares) == len(self.entries) else None

    def text(self, results: Entries) -> str:
        """For people: the mean, or how many of the entries were measured."""
        number = len(self._shares(results))
        return shown(self.value(results)) if number in (0, len(self.entries)) else f"{number} of {len(self.entries)}"

    def interval(self, aggregate: Aggregate) -> tuple[float, float, float] | None:
        """The mean and its 95 % interval; None unless every entry has one."""
        mean = self.value(aggregate.results)
        parts = [_interval(entry, aggregate) for entry in self.entries]
        known = [part for part in parts if part is not None]
        if mean is None or len(known) < len(parts):
            return None
        from evalctl.review.average import recovered  # numpy is slow to load

        return mean, *recovered(mean, known)

    def margin(self, aggregate: Aggregate) -> float | None:
        """How far the interval goes from the mean, on its longer side."""
        found = self.interval(aggregate)
        return None if found is None else max(found[0] - found[1], found[2] - found[0])

    def _shares(self, results: Entries) -> list[float]:
        return [share for entry in self.entries if (share := _share(entry, results)) is not None]


def main_entries(metrics: Metrics) -> list[MetricEntry]:
    """One entry for each task: over all subsets, the average of several where there is one, else the first."""
    chosen: dict[tuple[str, ...], MetricEntry] = {}
    for entry in metrics.entries:
        if entry.subsets is None and (entry.tasks not in chosen or entry.name.endswith("average")):
            chosen[entry.tasks] = entry
    return [entry for entry in metrics.entries if chosen.get(entry.tasks) is entry]


def used_entries(aggregates: Iterable[Aggregate], metrics: Metrics) -> list[MetricEntry]:
    """The main entries in which a model has a value, or was measured by another metric than metrics.yaml names."""
    there = list(aggregates)
    return [
        entry for entry in main_entries(metrics)
        if any(shown(one.results.get(entry.name)) != "–" or entry.name in one.unmatched for one in there)
    ]  # fmt: skip


def shown(value: float | None) -> str:
    """A score for people: four decimals up to 1, two above; a missing one is a dash."""
    number = measured_number(value)
    if number is None:
        return "–"
    return f"{number:.4f}" if abs(number) <= 1 else f"{number:.2f}"


def shown_margin(value: float | None, margin: float | None) -> str:
    """` ±0.0120`, with as many decimals as the score; "" where it is not known how sure the score is."""
    if margin is None or measured_number(value) is None:
        return ""
    return f" ±{margin:.4f}" if abs(value or 0) <= 1 else f" ±{margin:.2f}"


def entry_margin(name: str, aggregate: Aggregate) -> float | None:
    """How far the entry's interval goes from it, on its longer side; None where that is not known."""
    known = aggregate.uncertainty.get(name)
    return None if known is None else known.margin(aggregate.results.get(name))


def methods(aggregates: Iterable[Aggregate], names: Collection[str]) -> list[str]:
    """The methods of the intervals of these entries, each once."""
    there = [one.uncertainty[name] for one in aggregates for name in names if name in one.uncertainty]
    return sorted({one.method for one in there if one.method})


def scripts_of(aggregates: Iterable[Aggregate]) -> dict[str, str]:
    """The framework tasks of each task key, from the aggregates; those of an older evalctl have none."""
    return {key: one.script for aggregate in aggregates for key, one in aggregate.evals.items() if one.script}


def by_language(entries: Mapping[str, Sequence[str]], scripts: Scripts) -> dict[str, list[str]]:
    """The entries (name to its framework tasks) by the language of their tasks' keys, in order."""
    languages = {script: key.partition("_")[0] for key, script in reversed(list(scripts.items()))}
    groups: dict[str, list[str]] = {}
    for name, tasks in entries.items():
        language = next((languages[task] for task in tasks if task in languages), OTHER)
        groups.setdefault(language, []).append(name)
    return groups


def averages(
    aggregates: Sequence[Aggregate], entries: Sequence[MetricEntry], scripts: Scripts
) -> tuple[list[EntriesAverage], list[str]]:
    """An average for each language with several entries, and the reasons why one has none: a score above its full mark."""
    known = {entry.name: entry for entry in entries if entry.full_mark is not None}
    found, problems = [], []
    for language, names in by_language({name: entry.tasks for name, entry in known.items()}, scripts).items():
        members = tuple(known[name] for name in names)
        if len(members) < 2 or language == OTHER or f"{language}_average" in known:
            continue
        beyond = [f"{entry.name} has {shown(value)}" for entry in members for value in _beyond(entry, aggregates)]
        if beyond:
            problems.append(f"no average of {language}: {beyond[0]}, which is not between 0 and its `full_mark`")
        else:
            found.append(EntriesAverage(f"{language}_average", members))
    return found, problems


def remarked(aggregate: Aggregate, entries: Iterable[MetricEntry], scripts: Scripts) -> set[str]:
    """The entries of tasks whose answers the aggregate warns of: cut off, unanswered, of another model."""
    warned = {line.partition(": ")[0] for line in of_answers(aggregate)}
    return of_tasks({scripts[key] for key in warned if key in scripts}, entries)


def of_answers(aggregate: Aggregate) -> list[str]:
    """Those of an aggregate's warnings that are about the answers of one task: `TASK: warning`."""
    return [line for line in aggregate.warnings if line.partition(": ")[0] in aggregate.evals]


def of_tasks(scripts: Collection[str], entries: Iterable[MetricEntry]) -> set[str]:
    """The entries that these framework tasks take part in."""
    return {entry.name for entry in entries if any(_same(task, script) for task in entry.tasks for script in scripts)}


def _same(task: str, script: str) -> bool:
    """Whether the names are of one task, or of a task and one of its subsets."""
    return task == script or task.startswith(f"{script}:") or script.startswith(f"{task}:")


def _beyond(entry: MetricEntry, aggregates: Iterable[Aggregate]) -> list[float]:
    shares = [(_share(entry, one.results), one.results.get(entry.name)) for one in aggregates]
    return [value for share, value in shares if share is not None and value is not None and not 0 <= share <= 1]


def _share(entry: MetricEntry, results: Entries) -> float | None:
    value = measured_number(results.get(entry.name))
    return None if value is None or entry.full_mark is None else value / entry.full_mark


def _interval(entry: MetricEntry, aggregate: Aggregate) -> tuple[float, float, float] | None:
    """The score with its interval, as shares of the full mark."""
    share, known = _share(entry, aggregate.results), aggregate.uncertainty.get(entry.name)
    if share is None or entry.full_mark is None or known is None or known.low is None or known.high is None:
        return None
    return share, known.low / entry.full_mark, known.high / entry.full_mark


def measured_number(value: float | None) -> float | None:
    """The measured value; None for an aggregate's -1 and NaN."""
    if isinstance(value, bool) or value is None or value == MISSING:
        return None
    return value if math.isfinite(value) else None
