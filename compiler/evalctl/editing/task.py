"""Adds a whole task: rows in both tables, entries in metrics.yaml, items in suites (manual, 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalctl.editing import lists, tables
from evalctl.load import csv_source, yaml_source
from evalctl.load.csv_source import Table
from evalctl.load.places import METRICS, SUITES, TABLES
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.suggest import help_for, listed

RUNTIME, SETTINGS = TABLES
RUNTIME_COLUMNS = ("key", "script", "result_dir", "framework")
SETTINGS_COLUMNS = ("key", "generation_settings")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A new entry of metrics.yaml: its name in aggregated_results.json, its function and its metrics."""

    name: str
    function: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewTask:
    """A new task as typed by a person; `times` maps runtime columns to HH:MM:SS, `settings` None is the usual default."""

    key: str
    script: str
    result_dir: str
    framework: str
    times: Mapping[str, str]
    settings: str | None
    entries: Sequence[NewEntry]
    suites: Sequence[str]


def with_task(task: NewTask, texts: Mapping[str, str]) -> tuple[dict[str, str], list[Diagnostic]]:
    """The files that change (path to new text), and findings for names that exist already or are missing."""
    problems: list[Diagnostic] = []
    changed = {RUNTIME: _runtime(task, texts, problems), SETTINGS: _settings(task, texts, problems)}
    if task.entries:
        changed[METRICS] = _metrics(task, texts, problems)
    if task.suites:
        changed[SUITES] = _suites(task, texts, problems)
    return {path: text for path, text in changed.items() if text != texts.get(path)}, problems


def read_table(path: str, texts: Mapping[str, str], columns: Sequence[str], problems: list[Diagnostic]) -> Table | None:
    """The table at `path`; None where it has mistakes, which are added to `problems`."""
    if path not in texts:
        problems.append(Diagnostic("missing-file", f"there is no {path}", Span(path), help=f"create {path}"))
        return None
    table, found = csv_source.parse(texts[path], path, columns)
    problems += found
    return None if found else table


def _runtime(task: NewTask, texts: Mapping[str, str], problems: list[Diagnostic]) -> str:
    table = read_table(RUNTIME, texts, RUNTIME_COLUMNS, problems)
    if table is None:
        return texts.get(RUNTIME, "")
    for row in table.rows:
        if row.cells["key"] == task.key:
            help = "use another key, or edit the row"
            problems.append(Diagnostic("duplicate-key", f"`{task.key}` exists already", row.spans["key"], help))
    given = {"key": task.key, "script": task.script, "result_dir": task.result_dir, "framework": task.framework}
    return tables.appended(texts[RUNTIME], table, [{**given, **task.times}])


def _settings(task: NewTask, texts: Mapping[str, str], problems: list[Diagnostic]) -> str:
    """task_settings.csv with the task's row, which the framework's name identifies: two tasks may share it, if their settings are equal."""
    table = read_table(SETTINGS, texts, SETTINGS_COLUMNS, problems)
    if table is None:
        return texts.get(SETTINGS, "")
    for row in table.rows:
        if row.cells["key"] != task.script:
            continue
        if task.settings is not None and task.settings != row.cells["generation_settings"]:
            message = f"`{task.script}` has other default settings already"
            help = "leave --settings out to share them, or define the task in the framework under another name"
            problems.append(Diagnostic("duplicate-key", message, row.spans["generation_settings"], help))
        return texts[SETTINGS]
    settings = "temperature=0.0" if task.settings is None else task.settings
    return tables.appended(texts[SETTINGS], table, [{"key": task.script, "generation_settings": settings}])


def _metrics(task: NewTask, texts: Mapping[str, str], problems: list[Diagnostic]) -> str:
    """metrics.yaml with the new entries at the end, so that the spreadsheet's columns do not move."""
    text = texts.get(METRICS, "")
    for entry in task.entries:
        document, found = yaml_source.parse(text, METRICS)
        if document is None:
            problems += found
            break
        metrics = ", ".join(map(lists.scalar, entry.metrics))
        item = (
            f"{{name: {lists.scalar(entry.name)}, function: {entry.function}, metrics: [{metrics}],"
            f" tasks: [{lists.scalar(task.script)}]}}"
        )
        longer = lists.with_item(text, document, ("entries",), item) if _holds(document.data, "entries") else None
        if longer is None:
            problems.append(_no_list("entries", document.span(("entries",))))
            break
        text = longer
    return text


def _suites(task: NewTask, texts: Mapping[str, str], problems: list[Diagnostic]) -> str:
    text = texts.get(SUITES, "")
    for suite in task.suites:
        document, found = yaml_source.parse(text, SUITES)
        if document is None:
            problems += found
            break
        if not _holds(document.data, suite):
            known = list(document.data) if isinstance(document.data, dict) else []
            help = help_for(
                suite, known, f"the suites are: {listed(known)}; for a new suite add the line `{suite}: [{task.key}]`"
            )
            problems.append(Diagnostic("unknown-task", f"there is no suite `{suite}`", Span(SUITES), help))
            continue
        longer = lists.with_item(text, document, (suite,), lists.scalar(task.key))
        if longer is None:
            problems.append(_no_list(suite, document.span((suite,))))
            continue
        text = longer
    return text


def _holds(data: object, key: str) -> bool:
    return isinstance(data, dict) and key in data


def _no_list(key: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "wrong-type", f"`{key}` is not a list", span, help="write it as a list (`key: [item]`) in an editor"
    )
