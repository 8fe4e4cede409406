"""Aggregates chosen by name: tables for people, as wide as they can be read, lines for spreadsheets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from evalctl.model.aggregate import MISSING, Aggregate
from evalctl.model.metrics import Metrics
from evalctl.model.providers import model_name
from evalctl.results.entries import (
    HOW,
    Scripts,
    averages,
    entry_margin,
    methods,
    of_tasks,
    remarked,
    scripts_of,
    shown,
    shown_margin,
    used_entries,
)
from evalctl.results.leaderboard import DEBUG, REMARKED
from evalctl.results.names import read_name, read_names
from evalctl.review.methods import AVERAGE

METHOD_OF_AVERAGES = AVERAGE
# A spreadsheet computes what begins so; a model's name is nothing to compute.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
SURE = "±: the larger distance from a score to an end of its 95 % interval"


@dataclass(frozen=True, slots=True)
class Measured:
    """The aggregate of one model folder, at one commit; `known` gives it the averages and what is remarked of its scores."""

    folder: str
    aggregate: Aggregate
    commit: str = ""
    label: str = ""
    means: Mapping[str, tuple[float | None, str]] = field(default_factory=dict)
    remarked: Collection[str] = ()
    margins: Mapping[str, float | None] = field(default_factory=dict)  # of the averages

    @property
    def name(self) -> str:
        """The displayed name: model and settings, and the commit if one was named."""
        return (self.label or read_name(self.folder)) + (f"@{self.commit}" if self.commit else "")

    def value(self, entry: str) -> float | None:
        """The entry as the lab's form has it; None when it was not measured, or is NaN: nothing can be sorted by that."""
        if entry in self.means:
            return self.means[entry][0]
        value = self.aggregate.results.get(entry)
        return None if value == MISSING or (isinstance(value, float) and math.isnan(value)) else value

    def text(self, entry: str) -> str:
        """The entry for people, with a mark where something is remarked of it."""
        text = self.means[entry][1] if entry in self.means else shown(self.value(entry))
        return f"{text}{REMARKED}" if entry in self.remarked and text != "–" else text

    def sure_text(self, entry: str) -> str:
        """The entry for people, with how far its 95 % interval goes, where that is known."""
        margin = self.margins.get(entry) if entry in self.means else entry_margin(entry, self.aggregate)
        return self.text(entry) + shown_margin(self.value(entry), margin)


def known(
    measured: Sequence[Measured], metrics: Metrics, scripts: Scripts, unproven: Mapping[str, Collection[str]]
) -> tuple[list[Measured], list[str], list[str]]:
    """The same with averages and marks, the names of the averages, and why a language has none.

    `scripts` are the catalogue's, for aggregates that do not say them; `unproven` has the framework's tasks by folder.
    """
    aggregates = [one.aggregate for one in measured]
    scripts = {**scripts, **scripts_of(aggregates)}
    found, problems = averages(aggregates, used_entries(aggregates, metrics), scripts)
    made = []
    for one in measured:
        results = one.aggregate.results
        marked = remarked(one.aggregate, metrics.entries, scripts)
        marked |= of_tasks(() if one.commit else unproven.get(one.folder, ()), metrics.entries)
        marked |= {mean.name for mean in found if marked & {entry.name for entry in mean.entries}}
        means = {mean.name: (mean.value(results), mean.text(results)) for mean in found}
        margins = {mean.name: mean.margin(one.aggregate) for mean in found}
        made.append(replace(one, means=means, remarked=frozenset(marked), margins=margins))
    return made, [mean.name for mean in found], problems


def labelled(measured: Sequence[Measured]) -> list[Measured]:
    """The same, each with a name that no other model folder has."""
    labels = read_names(dict.fromkeys(one.folder for one in measured))
    return [replace(one, label=labels[one.folder]) for one in measured]


def sure(measured: Sequence[Measured], names: Sequence[str]) -> str:
    """What a ± is, with the method of each; "" where no score has one."""
    shown_names = [name for name in names if any(" ±" in one.sure_text(name) for one in measured)]
    if not shown_names:
        return ""
    means = [AVERAGE] if any(name in one.means for one in measured for name in shown_names) else []
    return f"{SURE}: {'; '.join([*methods([one.aggregate for one in measured], shown_names), *means])} ({HOW})"


def matching(folders: Sequence[str], word: str) -> list[str]:
    """The folders that a word names: a model, one with its settings, or any whole part of the path."""
    wanted = f"/{word.strip('/').removeprefix('results/')}/"
    names = {folder: f"/{folder.removeprefix('results/')}/" for folder in folders}
    return [
        folder for folder, name in names.items()
        if wanted in name or wanted in model_name(name) or wanted in f"/{read_name(folder)}/"
    ]  # fmt: skip


def visible(folders: Sequence[str], *, debug: bool) -> list[str]:
    """The aggregates, without debugging runs unless `debug`."""
    return [folder for folder in folders if debug or not folder.startswith(DEBUG)]


def columns(measured: Sequence[Measured], metrics: Metrics) -> list[str]:
    """The main entries in which a model has a value, or should have one."""
    return [entry.name for entry in used_entries([one.aggregate for one in measured], metrics)]


def table(measured: Sequence[Measured], names: Sequence[str]) -> list[list[str]]:
    """A row per model folder under a row of names."""
    rows = [[one.name, *(one.sure_text(name) for name in names)] for one in measured]
    return [["MODEL", *names], *rows]


def signed(value: float | None) -> str:
    """A difference for people: a sign, and as many decimals as its scores have."""
    if value is None:
        return "–"
    return f"{value:+.4f}" if abs(value) <= 1 else f"{value:+.2f}"


def judges(one: Measured) -> list[str]:
    """A line per model that scored answers: its tasks, and what the records say of it."""
    return _by_words("judge of", {task: each.judge for task, each in one.aggregate.evals.items()})


def fences(one: Measured) -> list[str]:
    """A line per fence around code that the model wrote: the tasks that ran some, and what it denied."""
    return _by_words("model-written code of", {task: each.code_execution for task, each in one.aggregate.evals.items()})


def _by_words(begin: str, words: Mapping[str, str]) -> list[str]:
    found: dict[str, list[str]] = {}
    for task, said in words.items():
        if said:
            found.setdefault(said, []).append(task)
    return [f"{begin} {', '.join(tasks)}: {said}" for said, tasks in sorted(found.items())]


def facts(one: Measured, names: Sequence[str]) -> dict[str, object]:
    """For programs: these entries as they are, and what they are of."""
    values = {name: one.value(name) for name in names}
    sure = {name: asdict(one.aggregate.uncertainty[name]) for name in names if name in one.aggregate.uncertainty}
    ended = {name: asdict(one.aggregate.stability[name]) for name in names if name in one.aggregate.stability}
    settings = one.aggregate.custom_settings.as_json()
    return {
        "folder": one.folder, "commit": one.commit or "HEAD", "model": one.aggregate.model, "custom_settings": settings,
        "results": values, "uncertainty": sure, "stability": ended, "warnings": list(one.aggregate.warnings),
        "judges": {task: each.judge for task, each in one.aggregate.evals.items() if each.judge},
        "code_execution": {task: each.code_execution for task, each in one.aggregate.evals.items() if each.code_execution},
    }  # fmt: skip


def lines(measured: Sequence[Measured], names: Sequence[str], form: str, missing: str, *, header: bool) -> str:
    """A line per model folder with values unrounded; the names of models only where there are several."""
    if form == "overall":
        return "".join(f"{one.aggregate.overall}\n" for one in measured)
    several = len(measured) > 1
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t" if form == "tsv" else ",", lineterminator="\n")
    if header:
        writer.writerow([*(["model"] if several else []), *names])
    for one in measured:
        values = [missing if (value := one.value(name)) is None else str(value) for name in names]
        writer.writerow([*([harmless(one.name)] if several else []), *values])
    return out.getvalue()


def harmless(name: str) -> str:
    """A text that a spreadsheet shows and does not compute."""
    return f"'{name}" if name.startswith(_FORMULA) else name
