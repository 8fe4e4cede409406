"""The leaderboard: its columns with intervals and best groups, its rows in order, and how each page names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalctl.model.metrics import MetricEntry
from evalctl.results.entries import OTHER, EntriesAverage, by_language
from evalctl.results.leaderboard import REMARKED
from evalctl.review.methods import AVERAGE
from evalctl.review.spread import NORMAL
from evalctl.site.drawing import Scale, scale
from evalctl.site.numbers import Number, of_entry
from evalctl.site.source import Model, ResultSite


@dataclass(frozen=True, slots=True)
class BestGroup:
    """The model folders of a column's best group; `apart` is the number of models that could not be compared with the first."""

    members: frozenset[str] = frozenset()
    apart: int = 0


Groups = Mapping[str, BestGroup]  # by column


@dataclass(frozen=True, slots=True)
class Column:
    """An average or an entry, with its number for each model folder."""

    name: str
    language: str
    is_average: bool
    numbers: Mapping[str, Number]
    task: str = ""  # the key of the task whose page it has
    apart: int = 0  # models with a score that could not be compared with the first
    sign: int = 1  # -1: a lower score is better

    @property
    def scale(self) -> Scale:
        """Of its chart: all its intervals."""
        ends = [(one.low, one.value, one.high) for one in self.numbers.values() if one.value is not None]
        return scale(value for each in ends for value in each if value is not None)

    @property
    def has_group(self) -> bool:
        """Whether it is known which models are tied with the best."""
        return any(one.best for one in self.numbers.values())


@dataclass(frozen=True, slots=True)
class Board:
    """Columns by language, the averages first, and the models in the order of the first column."""

    columns: Sequence[Column]
    models: Sequence[Model]

    @property
    def first(self) -> Column | None:
        """By which the table is sorted."""
        return self.columns[0] if self.columns else None

    @property
    def has_group(self) -> bool:
        """Whether any of its columns has one."""
        return any(one.has_group for one in self.columns)

    @property
    def languages(self) -> list[str]:
        """Of its columns, in order."""
        return list(dict.fromkeys(one.language for one in self.columns))


def board(site: ResultSite, groups: Groups) -> Board:
    """The leaderboard of one column per average and benchmark, with the best group of each."""
    means = [_of_average(one, site, groups.get(one.name, BestGroup())) for one in site.averages]
    columns = [*means, *columns_of(site, site.entries, groups)]
    return Board(columns, ordered(site.models, columns[:1]))


def columns_of(site: ResultSite, entries: Sequence[MetricEntry], groups: Groups) -> list[Column]:
    """A column for each entry, those of one language together."""
    by_name = {entry.name: entry for entry in entries}
    found = by_language({entry.name: entry.tasks for entry in entries}, site.scripts)
    return [
        _of_entry(by_name[name], language, site, groups.get(name, BestGroup()))
        for language, names in found.items()
        for name in names
    ]


def ordered(models: Sequence[Model], columns: Sequence[Column]) -> list[Model]:
    """The best first; models without a value last, by name."""
    numbers = columns[0].numbers if columns else {}

    def place(model: Model) -> tuple[bool, float, str]:
        value = numbers[model.folder].value if model.folder in numbers else None
        return (value is None, -columns[0].sign * (value or 0.0) if columns else 0.0, model.name)

    return sorted(models, key=place)


def _of_entry(entry: MetricEntry, language: str, site: ResultSite, group: BestGroup) -> Column:
    numbers = {model.folder: of_entry(model, entry.name, model.folder in group.members) for model in site.models}
    keys = {script: key for key, script in reversed(list(site.scripts.items()))}
    return Column(
        entry.name,
        language,
        False,
        numbers,
        next((keys[task] for task in entry.tasks if task in keys), ""),
        group.apart,
        entry.sign,
    )


def _of_average(average: EntriesAverage, site: ResultSite, group: BestGroup) -> Column:
    numbers = {model.folder: of_average(average, model, model.folder in group.members) for model in site.models}
    return Column(average.name, average.name.removesuffix("_average") or OTHER, True, numbers, apart=group.apart)


def of_average(average: EntriesAverage, model: Model, best: bool = False) -> Number:
    """The mean over the entries; its interval where each of them has one."""
    results = model.aggregate.results
    value, text = average.value(results), average.text(results)
    if value is None:
        return Number(text)
    has_remark = any(entry.name in model.remarked for entry in average.entries)
    made = Number(f"{text}{REMARKED}" if has_remark else text, value, best=best)
    return _with_interval(made, average, model)


def _with_interval(made: Number, average: EntriesAverage, model: Model) -> Number:
    """As in the leaderboard in git; `error` is how far it goes on its longer side, in standard errors of a normal one."""
    found = average.interval(model.aggregate)
    if found is None:
        return made
    mean, low, high = found
    return replace(made, low=low, high=high, method=AVERAGE, error=max(mean - low, high - mean) / NORMAL)
