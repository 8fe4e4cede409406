"""results/README.md: one row per model and settings, the averages first; each table fits a git web page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from evalctl.model.aggregate import Aggregate
from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.results.entries import (
    LOWER,
    EntriesAverage,
    Scripts,
    averages,
    by_language,
    entry_margin,
    methods,
    of_answers,
    of_tasks,
    remarked,
    scripts_of,
    shown,
    shown_margin,
    used_entries,
)
from evalctl.results.names import read_name, read_names
from evalctl.review.methods import AVERAGE
from evalctl.terminal import plain

PATH = "results/README.md"
DEBUG = "results/debug/"
# GitHub shows a file's page about 830 pixels wide (seen: 2026-11, window of 1280): beside a model's name and its settings
# that is room for so many characters of heads with their margins (measured in Chromium with GitHub's style).
_HEADS, _MARGINS = 60, 3
_RUN = ("evals", "measured")
_INTRODUCTION = """\
# Results

Written by `evalctl sync` from the `result.json` files in the folders beside it; edits are overwritten.
A dash is an entry that was not measured. The model's folder has the run of every number.
"""
_SURE = (
    "±: the larger distance from a score to an end of its 95 % interval, which is about other questions of the same kind. "
    "A score without it has no values of single questions. How it is computed: the page Methods of `evalctl results site`.\n"
)
_AVERAGES = "{names}: the mean of that language's benchmarks, each divided by its full mark; `3 of 8` where only 3 of 8 were measured.\n"
_UNMATCHED = "\nno metric: measured, but metrics.yaml names a metric that the task does not have:\n\n"
UNPROVEN = " (unproven)"
REMARKED = "*"
_REMARKED = "\\*: read with care:\n\n"
_MOST_REMARKS = 20
_UNPROVEN = (
    "\nunproven: the ledger does not account for what the record says; `evalctl results accept` says that it counts.\n"
)
_IMPORTED = (
    "\nimported: measured before and elsewhere, taken over with `evalctl import results`; never reused for a request.\n"
)
_MARKS = re.compile(
    r"[\\|_*\[\]]"
)  # code in backticks is kept: it ends with its cell, and evalctl's own messages use it
Aggregates = Mapping[str, Aggregate]  # by model folder


@dataclass(frozen=True, slots=True)
class _Column:
    """A score's name, and its cell for each model folder."""

    name: str
    cell: Callable[[str], str]


def leaderboard(aggregates: Aggregates, metrics: Metrics, unproven: Mapping[str, Collection[str]] | None = None) -> str:
    """The page for all model folders (folder to its aggregate); debugging runs are in a part of their own.

    `unproven` has the framework's names of scores whose records nothing accounts for, by folder: they are marked.
    """
    real = {folder: aggregates[folder] for folder in sorted(aggregates) if not folder.startswith(DEBUG)}
    debug = sorted(folder for folder in aggregates if folder.startswith(DEBUG))
    parts = [_INTRODUCTION, *(_scores(real, metrics, unproven or {}) if real else ["Nothing has been measured yet.\n"])]
    if unmatched := _unmatched(real.values()):
        parts.append(_UNMATCHED + "".join(f"- {_cell(line)}\n" for line in unmatched))
    if remarks := _remarks(real):
        parts.append(_REMARKED + "".join(f"- {_cell(line)}\n" for line in remarks))
    if any(" ±" in part for part in parts[1:]):
        parts += [_SURE, _methods(real.values(), metrics)]
    if any(UNPROVEN in part for part in parts):
        parts.append(_UNPROVEN)
    if any(_imported(aggregate) for aggregate in real.values()):
        parts.append(_IMPORTED)
    if debug:
        parts.append("## Debugging runs\n\nA few samples each; not comparable.\n\n" + _links(debug))
    return "\n".join(parts)


def _methods(aggregates: Collection[Aggregate], metrics: Metrics) -> str:
    """The methods of all intervals on the page."""
    entries = used_entries(aggregates, metrics)
    means = averages(list(aggregates), entries, scripts_of(aggregates))[0]
    there = [AVERAGE] if any(mean.margin(one) is not None for mean in means for one in aggregates) else []
    return f"Intervals: {'; '.join([*methods(aggregates, [entry.name for entry in entries]), *there])}.\n"


def unmarked(page: str) -> str:
    """The page without remarks on unproven scores, as a clone without the ledger makes it."""
    return page.replace(UNPROVEN, "").replace(f"\n{_UNPROVEN}", "")


def _scores(aggregates: Aggregates, metrics: Metrics, unproven: Mapping[str, Collection[str]]) -> Iterator[str]:
    """One table where all columns fit; else the averages, and under each language its benchmarks."""
    entries, scripts = used_entries(aggregates.values(), metrics), scripts_of(aggregates.values())
    found, problems = averages(list(aggregates.values()), entries, scripts)
    doubts = {folder: of_tasks(unproven.get(folder, ()), entries) for folder in aggregates}
    remarks = {folder: remarked(aggregate, entries, scripts) for folder, aggregate in aggregates.items()}
    means = [_of_average(average, aggregates, doubts, remarks) for average in found]
    columns = {entry.name: _of_entry(entry, aggregates, doubts, remarks) for entry in entries}
    if _fits(map(len, [*(one.name for one in (*means, *columns.values())), *_RUN])):
        yield _table(aggregates, [*means, *columns.values()], whole=True)
    else:
        yield _table(aggregates, means, whole=True)
        yield from _by_language(aggregates, columns, entries, scripts)
    if lower := [_cell(entry.name) for entry in entries if entry.lower_is_better]:
        yield f"{LOWER.capitalize()}: {', '.join(lower)}.\n"
    if found:
        yield _AVERAGES.format(names=", ".join(_cell(one.name) for one in found))
    yield from (f"{_cell(problem)}\n" for problem in problems)


def _by_language(
    aggregates: Aggregates, columns: Mapping[str, _Column], entries: Sequence[MetricEntry], scripts: Scripts
) -> Iterator[str]:
    for language, names in by_language({entry.name: entry.tasks for entry in entries}, scripts).items():
        yield f"## {_cell(language)}\n"
        yield from (_table(aggregates, part, whole=False) for part in _cut([columns[name] for name in names]))


def _cut(columns: Iterable[_Column]) -> list[list[_Column]]:
    """The columns in as many tables as they need, in order."""
    parts: list[list[_Column]] = [[]]
    for column in columns:
        if parts[-1] and not _fits(len(one.name) for one in (*parts[-1], column)):
            parts.append([])
        parts[-1].append(column)
    return parts


def _fits(heads: Iterable[int]) -> bool:
    return sum(length + _MARGINS for length in heads) <= _HEADS


def _of_average(
    average: EntriesAverage, aggregates: Aggregates, doubts: Mapping[str, set[str]], remarks: Mapping[str, set[str]]
) -> _Column:
    names = {entry.name for entry in average.entries}

    def cell(folder: str) -> str:
        results = aggregates[folder].results
        text = average.text(results) + shown_margin(average.value(results), average.margin(aggregates[folder]))
        return _with_remarks(text, names & remarks[folder], names & doubts[folder])

    return _Column(average.name, cell)


def _of_entry(
    entry: MetricEntry, aggregates: Aggregates, doubts: Mapping[str, set[str]], remarks: Mapping[str, set[str]]
) -> _Column:
    def cell(folder: str) -> str:
        aggregate, names = aggregates[folder], {entry.name}
        text = shown(aggregate.results.get(entry.name))
        text = "no metric" if text == "–" and entry.name in aggregate.unmatched else text
        sure = shown_margin(aggregate.results.get(entry.name), entry_margin(entry.name, aggregate))
        return _with_remarks(text + sure, names & remarks[folder], names & doubts[folder])

    return _Column(entry.name, cell)


def _with_remarks(score: str, remarks: Collection[str], doubts: Collection[str]) -> str:
    """A score that has a remark or is unproven says so."""
    if score in ("–", "no metric"):
        return score
    return f"{score}{_cell(REMARKED) if remarks else ''}{UNPROVEN if doubts else ''}"


def _table(aggregates: Aggregates, columns: Sequence[_Column], *, whole: bool) -> str:
    """A row; with `whole` it has the number of evals and the time of the newest."""
    names = read_names(one.model for one in aggregates.values())
    more = _RUN if whole else ()
    head = ["model", "settings", *(_cell(column.name) for column in columns), *more]
    rule = ["---", "---", *("---:" for _ in columns), *(["---:", "---"] if whole else [])]
    rows = [
        [*_named(folder, aggregate, names), *(column.cell(folder) for column in columns), *(_run(aggregate) if whole else [])]
        for folder, aggregate in aggregates.items()
    ]  # fmt: skip
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *rows])


def _named(folder: str, aggregate: Aggregate, names: Mapping[str, str]) -> list[str]:
    return [f"[{_cell(names[aggregate.model])}]({_url(folder)})", _cell(_settings(aggregate)) or "–"]


def _settings(aggregate: Aggregate) -> str:
    settings = aggregate.custom_settings
    return f"{settings.name} (v{settings.version})" if settings.version else settings.name


def _run(aggregate: Aggregate) -> list[str]:
    measured = [one.measured for one in aggregate.evals.values() if one.measured]
    imported = _imported(aggregate)
    evals = str(len(aggregate.evals)) + (f" ({imported} imported)" if imported else "")
    return [evals, max(measured, default="–")[:10]]


def _unmatched(aggregates: Iterable[Aggregate]) -> list[str]:
    """`entry: task … has no metric …; it has …`, each once."""
    return sorted({f"{name}: {why}" for one in aggregates for name, why in one.unmatched.items()})


def _remarks(aggregates: Aggregates) -> list[str]:
    """The warnings of aggregates about answers, each with its model."""
    found = [
        f"{read_name(folder)}: {line}" for folder, aggregate in aggregates.items() for line in of_answers(aggregate)
    ]
    more = len(found) - _MOST_REMARKS
    return [*found[:_MOST_REMARKS], *([f"and {more} more: evalctl results show"] if more > 0 else [])]


def _imported(aggregate: Aggregate) -> int:
    return sum(one.imported is not None for one in aggregate.evals.values())


def _links(folders: Sequence[str]) -> str:
    return "".join(f"- [{_cell(read_name(folder).removeprefix('debug/'))}]({_url(folder)})\n" for folder in folders)


def _cell(text: str) -> str:
    """One line of text that Markdown shows as it is: a record can name its settings as a link, an image or a new row."""
    return _MARKS.sub(r"\\\g<0>", plain(text)).replace("<", "&lt;")


def _url(folder: str) -> str:
    return quote(folder.removeprefix("results/"), safe="/=+:@,")
