"""The best group of each column: the models of which one is the best with 95 % confidence.

Each model is compared with the one that is ahead, question by question, and is out where the difference holds for all models
of the column at once (Bonferroni over the others; that the group then has the best one is Hsu 1984). Only models whose
intervals leave that open are read: the error of a difference is never larger than the sum of both errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from evalctl.model.metrics import MetricEntry
from evalctl.model.result import Result
from evalctl.results import likeness, per_question
from evalctl.results.names import task_name
from evalctl.review.average import average
from evalctl.review.difference import Difference, difference
from evalctl.review.spread import CONFIDENCE, Spread
from evalctl.review.values import OtherQuestions, Values, paired
from evalctl.site.board import Column, Groups
from evalctl.site.source import Model, Site

_MARGIN = 1.15  # t intervals of few questions are wider than normal ones
_Rows = list[tuple[Result, str]]


@dataclass(frozen=True, slots=True)
class _Race:
    """A column: who is ahead, who may be as good, and of an average the differences of its entries so far."""

    column: Column
    entries: Sequence[MetricEntry]
    ahead: Model
    open: Sequence[Model]
    others: int
    differences: dict[str, list[Difference | None]] = field(default_factory=dict)

    def members(self) -> Iterable[str]:
        """The folders of its best group."""
        yield self.ahead.folder
        for folder, found in self.differences.items():
            known = [one for one in found if one is not None]
            if len(known) == len(self.entries) and self._is_open(known):
                yield folder

    def _is_open(self, found: Sequence[Difference]) -> bool:
        p = found[0].p if len(found) == 1 else average(self._spreads(found)).p
        return p * self.others > 1 - CONFIDENCE

    def _spreads(self, found: Sequence[Difference]) -> list[Spread]:
        return [one.spread.over(entry.full_mark or 1.0) for one, entry in zip(found, self.entries, strict=True)]


def groups(site: Site, columns: Sequence[Column]) -> Groups:
    """Of each column in which the model that is ahead has an interval and another has a score."""
    members = {one.name: one.entries for one in site.averages} | {one.name: (one,) for one in site.entries}
    races = [race for column in columns if (race := _race(site, column, members[column.name])) is not None]
    for entry in dict.fromkeys(entry.name for race in races for entry in race.entries):
        _run(site, [race for race in races if entry in {one.name for one in race.entries}], entry)
    return {race.column.name: frozenset(race.members()) for race in races}


def _race(site: Site, column: Column, entries: Sequence[MetricEntry]) -> _Race | None:
    there = [model for model in site.models if column.numbers[model.folder].value is not None]
    if len(there) < 2:
        return None
    ahead = max(there, key=lambda model: column.numbers[model.folder].value or 0.0)
    if column.numbers[ahead.folder].error is None:
        return None
    others = len(there) - 1
    reach = _MARGIN * NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / others / 2)
    near = [model for model in there if model is not ahead and _is_near(column, ahead, model, reach)]
    return _Race(column, entries, ahead, near, others)


def _is_near(column: Column, ahead: Model, model: Model, reach: float) -> bool:
    first, one = column.numbers[ahead.folder], column.numbers[model.folder]
    if one.error is None:
        return False
    return (first.value or 0.0) - (one.value or 0.0) <= reach * ((first.error or 0.0) + one.error)


def _run(site: Site, races: Sequence[_Race], name: str) -> None:
    """The differences of one entry, for all columns that it belongs to; its values are forgotten afterwards."""
    entry = next(entry for race in races for entry in race.entries if entry.name == name)
    wanted = {model.folder: model for race in races for model in (race.ahead, *race.open)}
    known = values_of(site, list(wanted.values()), entry)
    for race in races:
        for model in race.open:
            found = _difference(known.get(race.ahead.folder), known.get(model.folder))
            race.differences.setdefault(model.folder, []).append(found)


def values_of(site: Site, models: Sequence[Model], entry: MetricEntry) -> Mapping[str, tuple[Values, _Rows]]:
    """By folder, where the values of its questions are known."""
    by_model = site.results_of(models, _scripts(entry))
    scored = per_question.read([one for results in by_model.values() for one in results], site.read)
    groups = site.metrics.subset_groups
    found = {folder: per_question.of_entry(entry, results, scored, groups) for folder, results in by_model.items()}
    return {
        folder: (values, per_question.rows_of(entry, by_model[folder], groups))
        for folder, values in found.items()
        if not isinstance(values, str)
    }


def _scripts(entry: MetricEntry) -> frozenset[str]:
    return frozenset(task_name(task).partition(":")[0] for task in entry.tasks)


def _difference(ahead: tuple[Values, _Rows] | None, other: tuple[Values, _Rows] | None) -> Difference | None:
    """None where the two cannot be compared."""
    if ahead is None or other is None or likeness.unlike(ahead[1], other[1]):
        return None
    try:
        return difference(paired(ahead[0], other[0]))
    except OtherQuestions:
        return None
