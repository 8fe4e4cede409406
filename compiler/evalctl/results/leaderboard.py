"""results/README.md: one row per model and settings, the averages first; each table fits a git web page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from evalctl.model.manifest import MetricEntry, Metrics
from evalctl.results.entries import (
    Average,
    Scripts,
    averages,
    by_language,
    of_answers,
    of_tasks,
    remarked,
    scripts_of,
    shown,
    used_entries,
)
from evalctl.results.names import read_name, read_names
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
_MARKS = re.compile(r"[\\|_*\[\]]")  # code stays code: it ends with its cell, and our own messages have it
Documents = Mapping[str, Mapping[str, Any]]  # aggregates by model folder


@dataclass(frozen=True, slots=True)
class _Column:
    """A score's name, and its cell for each model folder."""

    name: str
    cell: Callable[[str], str]


def leaderboard(documents: Documents, metrics: Metrics, unproven: Mapping[str, Collection[str]] | None = None) -> str:
    """The page for all model folders (folder to its aggregated document); debugging runs stand apart.

    `unproven` has the framework's names of scores whose records nothing accounts for, by folder: they are marked.
    """
    real = {folder: documents[folder] for folder in sorted(documents) if not folder.startswith(DEBUG)}
    debug = sorted(folder for folder in documents if folder.startswith(DEBUG))
    parts = [_INTRODUCTION, *(_scores(real, metrics, unproven or {}) if real else ["Nothing has been measured yet.\n"])]
    if unmatched := _unmatched(real.values()):
        parts.append(_UNMATCHED + "".join(f"- {_cell(line)}\n" for line in unmatched))
    if remarks := _remarks(real):
        parts.append(_REMARKED + "".join(f"- {_cell(line)}\n" for line in remarks))
    if any(UNPROVEN in part for part in parts):
        parts.append(_UNPROVEN)
    if any(_imported(document) for document in real.values()):
        parts.append(_IMPORTED)
    if debug:
        parts.append("## Debugging runs\n\nA few samples each; not comparable.\n\n" + _links(debug))
    return "\n".join(parts)


def unmarked(page: str) -> str:
    """The page as a clone without the ledger makes it."""
    return page.replace(UNPROVEN, "").replace(f"\n{_UNPROVEN}", "")


def _scores(documents: Documents, metrics: Metrics, unproven: Mapping[str, Collection[str]]) -> Iterator[str]:
    """One table where all columns fit; else the averages, and under each language its benchmarks."""
    entries, scripts = used_entries(documents.values(), metrics), scripts_of(documents.values())
    found, problems = averages(list(documents.values()), entries, scripts)
    marks = {folder: of_tasks(unproven.get(folder, ()), entries) for folder in documents}
    cared = {folder: remarked(document, entries, scripts) for folder, document in documents.items()}
    means = [_of_average(average, documents, marks, cared) for average in found]
    columns = {entry.name: _of_entry(entry, documents, marks, cared) for entry in entries}
    if _fits(map(len, [*(one.name for one in (*means, *columns.values())), *_RUN])):
        yield _table(documents, [*means, *columns.values()], whole=True)
    else:
        yield _table(documents, means, whole=True)
        yield from _by_language(documents, columns, entries, scripts)
    if found:
        yield _AVERAGES.format(names=", ".join(_cell(one.name) for one in found))
    yield from (f"{_cell(problem)}\n" for problem in problems)


def _by_language(
    documents: Documents, columns: Mapping[str, _Column], entries: Sequence[MetricEntry], scripts: Scripts
) -> Iterator[str]:
    for language, names in by_language({entry.name: entry.tasks for entry in entries}, scripts).items():
        yield f"## {_cell(language)}\n"
        yield from (_table(documents, part, whole=False) for part in _cut([columns[name] for name in names]))


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
    average: Average, documents: Documents, marks: Mapping[str, set[str]], cared: Mapping[str, set[str]]
) -> _Column:
    names = {entry.name for entry in average.entries}

    def cell(folder: str) -> str:
        return _marked(average.text(documents[folder]["results"]), names & cared[folder], names & marks[folder])

    return _Column(average.name, cell)


def _of_entry(
    entry: MetricEntry, documents: Documents, marks: Mapping[str, set[str]], cared: Mapping[str, set[str]]
) -> _Column:
    def cell(folder: str) -> str:
        document, names = documents[folder], {entry.name}
        text = shown(document["results"].get(entry.name))
        text = "no metric" if text == "–" and entry.name in document.get("unmatched", {}) else text
        return _marked(text, names & cared[folder], names & marks[folder])

    return _Column(entry.name, cell)


def _marked(score: str, cared: Collection[str], unproven: Collection[str]) -> str:
    """A score that has a remark or is unproven says so."""
    if score in ("–", "no metric"):
        return score
    return f"{score}{_cell(REMARKED) if cared else ''}{UNPROVEN if unproven else ''}"


def _table(documents: Documents, columns: Sequence[_Column], *, whole: bool) -> str:
    """`whole`: with how many evals there are, and when the newest was measured."""
    names = read_names(document["model"] for document in documents.values())
    more = _RUN if whole else ()
    head = ["model", "settings", *(_cell(column.name) for column in columns), *more]
    rule = ["---", "---", *("---:" for _ in columns), *(["---:", "---"] if whole else [])]
    rows = [
        [*_named(folder, document, names), *(column.cell(folder) for column in columns), *(_run(document) if whole else [])]
        for folder, document in documents.items()
    ]  # fmt: skip
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *rows])


def _named(folder: str, document: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    return [f"[{_cell(names[document['model']])}]({_url(folder)})", _cell(_settings(document)) or "–"]


def _settings(document: Mapping[str, Any]) -> str:
    settings = document["custom_settings"]
    return f"{settings['name']} (v{settings['version']})" if settings["version"] else str(settings["name"])


def _run(document: Mapping[str, Any]) -> list[str]:
    measured = [one["measured"] for one in document["evals"].values() if one["measured"]]
    imported = _imported(document)
    evals = str(len(document["evals"])) + (f" ({imported} imported)" if imported else "")
    return [evals, max(measured, default="–")[:10]]


def _unmatched(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """`entry: task … has no metric …; it has …`, each once."""
    return sorted({f"{name}: {why}" for one in documents for name, why in one.get("unmatched", {}).items()})


def _remarks(documents: Documents) -> list[str]:
    """What aggregates warn of among the answers of their tasks, with the model before it."""
    found = [f"{read_name(folder)}: {line}" for folder, document in documents.items() for line in of_answers(document)]
    more = len(found) - _MOST_REMARKS
    return [*found[:_MOST_REMARKS], *([f"and {more} more: evalctl results show"] if more > 0 else [])]


def _imported(document: Mapping[str, Any]) -> int:
    return sum("imported" in one for one in document["evals"].values())


def _links(folders: Sequence[str]) -> str:
    return "".join(f"- [{_cell(read_name(folder).removeprefix('debug/'))}]({_url(folder)})\n" for folder in folders)


def _cell(text: str) -> str:
    """One line of text that Markdown shows as it is: a record can name its settings as a link, an image or a new row."""
    return _MARKS.sub(r"\\\g<0>", plain(text)).replace("<", "&lt;")


def _url(folder: str) -> str:
    return quote(folder.removeprefix("results/"), safe="/=+:@,")
