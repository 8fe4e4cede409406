"""The best group of each column: of the models that can be compared, those of which one is the best with 95 % confidence.

Each model is compared with the one that is ahead, question by question, and is out where the difference holds for all models
of the column at once (Bonferroni over the others; that the group then has the best one is Hsu 1984). Every model is tested:
the intervals of two scores do not say what the test of their difference does. A score of 100 % has no error, few clusters
have few degrees of freedom, and few questions that differ are no proof however far they are apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evalctl.model.metrics import MetricEntry
from evalctl.model.result import Result
from evalctl.parallel import mapped
from evalctl.results import likeness, newest, per_question, question_values
from evalctl.results.names import task_name
from evalctl.review.average import average
from evalctl.review.difference import Difference, difference
from evalctl.review.spread import CONFIDENCE, Spread
from evalctl.review.values import OtherQuestions, Values, paired
from evalctl.site.board import BestGroup, Column, Groups
from evalctl.site.source import Model, ResultSite

_AT_ONCE = 50  # models whose values are in memory beside those of the models ahead
_FEWEST = 2  # entries of one process
_Rows = list[tuple[Result, str]]
_Found = tuple[int, str, Difference | None]  # the place of the race, the model's folder


@dataclass(frozen=True, slots=True)
class _Race:
    """A column: who is ahead, the others, and of each of them the differences of the column's entries so far."""

    column: Column
    entries: Sequence[MetricEntry]
    ahead: Model
    others: Sequence[Model]
    differences: dict[str, list[Difference | None]] = field(default_factory=dict)

    def has(self, model: Model) -> bool:
        """Whether it is one of the others."""
        return model is not self.ahead and self.column.numbers[model.folder].value is not None

    def group(self) -> BestGroup:
        """Its best group, which nobody is in where no other model can be compared with the one ahead."""
        known = {folder: each for folder, found in self.differences.items() if (each := self._known(found))}
        open_ones = [folder for folder, found in known.items() if self._is_open(found, len(known))]
        members = frozenset((self.ahead.folder, *open_ones)) if known else frozenset[str]()
        return BestGroup(members, len(self.others) - len(known))

    def _known(self, found: Sequence[Difference | None]) -> list[Difference]:
        """Of all entries; empty where one cannot be compared."""
        known = [one for one in found if one is not None]
        return known if len(known) == len(self.entries) else []

    def _is_open(self, found: Sequence[Difference], compared: int) -> bool:
        """A model that is better on the questions that both have is never out, whatever the scores of all questions are."""
        whole = found[0] if len(found) == 1 else average(self._spreads(found))
        return self.column.sign * whole.mean <= 0 or whole.p * compared > 1 - CONFIDENCE

    def _spreads(self, found: Sequence[Difference]) -> list[Spread]:
        return [one.spread.over(entry.full_mark or 1.0) for one, entry in zip(found, self.entries, strict=True)]


def groups(site: ResultSite, columns: Sequence[Column]) -> Groups:
    """Of each column in which the model that is ahead has an interval and another has a score."""
    members = {one.name: one.entries for one in site.averages} | {one.name: (one,) for one in site.entries}
    races = [race for column in columns if (race := _race(site, column, members[column.name])) is not None]
    entries = list({entry.name: entry for race in races for entry in race.entries}.values())
    for found in mapped(lambda entry: list(_run(site, races, entry)), entries, _FEWEST):
        for place, folder, one in found:
            races[place].differences.setdefault(folder, []).append(one)
    return {race.column.name: race.group() for race in races}


def _race(site: ResultSite, column: Column, entries: Sequence[MetricEntry]) -> _Race | None:
    there = [model for model in site.models if column.numbers[model.folder].value is not None]
    if len(there) < 2:
        return None
    ahead = max(there, key=lambda model: column.sign * (column.numbers[model.folder].value or 0.0))
    if column.numbers[ahead.folder].error is None:
        return None
    return _Race(column, entries, ahead, [model for model in there if model is not ahead])


def _run(site: ResultSite, all_races: Sequence[_Race], entry: MetricEntry) -> Iterator[_Found]:
    """The differences of one entry, for all columns that it belongs to; its values are forgotten afterwards."""
    races = {place: race for place, race in enumerate(all_races) if entry in race.entries}
    first = values_of(site, list({race.ahead.folder: race.ahead for race in races.values()}.values()), entry)
    others = list({model.folder: model for race in races.values() for model in race.others}.values())
    for start in range(0, len(others), _AT_ONCE):
        some = others[start : start + _AT_ONCE]
        known = values_of(site, some, entry)
        for model in some:
            own = {place: race.ahead.folder for place, race in races.items() if race.has(model)}
            found = {ahead: _difference(first.get(ahead), known.get(model.folder)) for ahead in set(own.values())}
            for place, ahead in own.items():
                yield place, model.folder, found[ahead]


def values_of(site: ResultSite, models: Sequence[Model], entry: MetricEntry) -> Mapping[str, tuple[Values, _Rows]]:
    """By folder, where the values of its questions are known."""
    by_model = site.results_of(models, _scripts(entry))
    scored = question_values.read([one for results in by_model.values() for one in results], site.read)
    groups = site.metrics.subset_groups
    there = {folder: newest.newest(results) for folder, results in by_model.items()}
    found = {folder: per_question.of_entry(entry, its, scored, groups) for folder, its in there.items()}
    return {
        folder: (values, newest.rows_of(entry, there[folder], groups))
        for folder, values in found.items()
        if not isinstance(values, str)
    }


def _scripts(entry: MetricEntry) -> frozenset[str]:
    return frozenset(task_name(task).partition(":")[0] for task in entry.tasks)


def _difference(ahead: tuple[Values, _Rows] | None, other: tuple[Values, _Rows] | None) -> Difference | None:
    """None where the two cannot be compared; the same result as that of the model ahead is as good as it."""
    if ahead is None or other is None or likeness.unlike(ahead[1], other[1]) not in ("", likeness.SAME):
        return None
    try:
        return difference(paired(ahead[0], other[0]))
    except OtherQuestions:
        return None
