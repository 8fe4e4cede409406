"""Builds the typed catalogue from texts: what all requests share (tasks, suites, metrics, services, providers)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.check import framework_tasks, models, parser_plugins, server_files
from evalctl.check import providers as providers_check
from evalctl.check import services as services_check
from evalctl.check import suites as suites_check
from evalctl.check.metrics import shared_names
from evalctl.check.schema import document_at, validated
from evalctl.check.services import RUNTIME
from evalctl.check.wording import from_model
from evalctl.frameworks import FRAMEWORKS
from evalctl.load import csv_source, yaml_source
from evalctl.load.csv_source import Table, TableRow
from evalctl.load.places import METRICS, SUITES
from evalctl.model.catalogue import Catalogue, Layer
from evalctl.model.diagnostic import Diagnostic, Origin, Sourced, Span
from evalctl.model.document import Document, Path
from evalctl.model.evaluation import Task
from evalctl.model.fields import LONGEST_NAME, RESULT_DIR
from evalctl.model.manifest import GenerationSettings
from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.names import NAME
from evalctl.suggest import help_for, listed

SETTINGS = "manifests/tasks/task_settings.csv"

NO_METRICS = Metrics(entries=())

_SCRIPT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:.@+-]*\Z")
_TIME = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)\Z")


def shared(texts: Mapping[str, str], metrics: Metrics | None = None) -> tuple[Catalogue, list[Diagnostic]]:
    """The catalogue of `texts` (path to text) without any model; faulty parts are left out and reported as findings.

    `metrics` are those of `texts`, if they have been read already.
    """
    problems: list[Diagnostic] = []
    defaults = _task_defaults(texts, problems)
    tasks, spans, columns = _tasks(texts, defaults, problems)
    metrics = _metrics(texts, problems) if metrics is None else metrics
    problems += [*shared_names(tasks, spans, metrics), *framework_tasks.of_rows(tasks, spans)]
    return Catalogue(
        tasks=tasks,
        suites=suites_check.suites(document_at(texts, SUITES, problems), tasks, spans or None, problems),
        services=services_check.services(texts, columns, problems),
        settings={},
        common=models.common(texts, problems),
        cards={},
        metrics=metrics,
        chat_templates=server_files.chat_templates(texts, problems),
        parser_plugins=parser_plugins.parser_plugins(texts, problems),
        task_spans=spans,
        service_names=services_check.names(texts),
        providers=providers_check.providers(texts, problems),
    ), problems


def _table(texts: Mapping[str, str], path: str, required: tuple[str, ...], problems: list[Diagnostic]) -> Table:
    if path not in texts:
        problems.append(Diagnostic("missing-file", f"there is no {path}", Span(path), help=f"create {path}"))
        return Table(path, (), ())
    table, found = csv_source.parse(texts[path], path, required)
    problems += found
    return table


@dataclass(frozen=True, slots=True)
class Defaults:
    """Default settings by the framework's task name; `names` are all names in the table (None: it cannot be read)."""

    layers: Mapping[str, Layer]
    names: Container[str] | None


# ---- tasks ------------------------------------------------------------------------------------------------------


def _task_defaults(texts: Mapping[str, str], problems: list[Diagnostic]) -> Defaults:
    table = _table(texts, SETTINGS, ("key", "generation_settings"), problems)
    parsed: dict[str, Mapping[str, Any]] = {}
    layers: dict[str, Layer] = {}
    for row in table.rows:
        text, span = row.cells["generation_settings"], row.spans["generation_settings"]
        if text not in parsed:
            found: list[Diagnostic] = []
            pairs = _pairs(text, span, found)
            problems += found
            if found:  # reported for each row with the same text
                continue
            parsed[text] = pairs
        origin = Origin("task default", span)
        layers[row.cells["key"]] = {name: Sourced(value, origin) for name, value in parsed[text].items()}
    return Defaults(layers, frozenset(row.cells["key"] for row in table.rows) if table.rows else None)


def _pairs(text: str, span: Span, problems: list[Diagnostic]) -> Mapping[str, Any]:
    """Typed settings from `temperature=0.2,top_p=0.95`."""
    from pydantic import ValidationError

    given: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = pair.partition("=")
        if name not in GenerationSettings.model_fields:
            known = GenerationSettings.model_fields
            help = help_for(name, known, "write pairs such as temperature=0.0, separated by commas")
            problems.append(Diagnostic("unknown-key", f"`{pair}` is not a generation setting", span, help))
        elif not value:
            message = f"`{name}` has no value"
            problems.append(Diagnostic("wrong-type", message, span, f"write {name}=VALUE ({name}=null unsets it)"))
        elif name in given:
            problems.append(Diagnostic("duplicate-key", f"`{name}` is given twice", span, "keep one of the two"))
        else:
            given[name] = yaml_source.resolve_scalar(value)
    try:
        settings = GenerationSettings.model_validate(given)
    except ValidationError as error:
        cell = Document(span.file, given, {(): (span.line, span.column, span.end_column)}, {})
        problems += [from_model(cell, detail) for detail in error.errors()]
        return {}
    return {name: getattr(settings, name) for name in given}


def _tasks(
    texts: Mapping[str, str], defaults: Defaults, problems: list[Diagnostic]
) -> tuple[dict[str, Task], dict[str, Span], tuple[str, ...]]:
    table = _table(texts, RUNTIME, ("key", "script", "result_dir", "framework"), problems)
    columns = tuple(name for name in table.columns if name not in ("key", "script", "result_dir", "framework"))
    tasks: dict[str, Task] = {}
    taken: dict[str, str] = {}
    for row in table.rows:
        task = _task(row, columns, defaults, problems)
        if task is None:
            continue
        if task.result_dir in taken:
            message = f"`{task.key}` and `{taken[task.result_dir]}` have the same result_dir"
            problems.append(
                Diagnostic("duplicate-result-dir", message, row.spans["result_dir"], "give each task its own")
            )
            continue
        taken[task.result_dir] = task.key
        tasks[task.key] = task
    return tasks, {row.cells["key"]: row.spans["key"] for row in table.rows}, columns


def _task(row: TableRow, columns: tuple[str, ...], defaults: Defaults, problems: list[Diagnostic]) -> Task | None:
    cells = row.cells
    before = len(problems)
    for column, pattern in (("key", re.compile(NAME)), ("script", _SCRIPT), ("result_dir", re.compile(RESULT_DIR))):
        if len(cells[column]) > LONGEST_NAME or not pattern.fullmatch(cells[column]):
            message = f"`{cells[column][:LONGEST_NAME]}` cannot be a {column}"
            help = "use letters, digits, _ - and single dots (in a script also :, in a result_dir also /), at most 96 characters"
            problems.append(Diagnostic("forbidden-text", message, row.spans[column], help))
    if cells["framework"] not in FRAMEWORKS:
        help = help_for(cells["framework"], FRAMEWORKS, f"the frameworks are: {listed(FRAMEWORKS)}")
        message = f"there is no framework `{cells['framework']}`"
        problems.append(Diagnostic("unknown-framework", message, row.spans["framework"], help))
    seconds = {column: _seconds(row, column, problems) for column in columns}
    if defaults.names is not None and cells["script"] not in defaults.names:
        problems.append(_without_settings(row))
    layer = defaults.layers.get(cells["script"])
    if len(problems) > before or layer is None:
        return None
    temperature = layer.get("temperature")
    return Task(
        key=cells["key"],
        script=cells["script"],
        result_dir=cells["result_dir"],
        framework=cells["framework"],
        seconds={column: value for column, value in seconds.items() if value is not None},
        defaults=layer,
        samples_by_design=temperature is None or temperature.value != 0,
    )


def _without_settings(row: TableRow) -> Diagnostic:
    script = row.cells["script"]
    return Diagnostic(
        "task-without-settings", f"task `{row.cells['key']}`: no default settings for `{script}`", row.spans["script"],
        help=f'add the line `{script},"temperature=0.0"` to {SETTINGS} ("" if the task sets its own)',
    )  # fmt: skip


def _seconds(row: TableRow, column: str, problems: list[Diagnostic]) -> int | None:
    text = row.cells[column]
    if not text:
        return None
    match = _TIME.match(text)
    if not match:
        message = f"`{text}` is not a time"
        problems.append(Diagnostic("wrong-type", message, row.spans[column], help="write it as HH:MM:SS"))
        return None
    hours, minutes, seconds = (int(part) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _metrics(texts: Mapping[str, str], problems: list[Diagnostic]) -> Metrics:
    document = document_at(texts, METRICS, problems)
    if document is None:
        return NO_METRICS
    metrics, found = validated("metrics", document)
    problems += found
    if metrics is None:
        return NO_METRICS
    names: set[str] = set()
    for index, entry in enumerate(metrics.entries):
        span = document.span(("entries", index, "name"))
        if entry.name in names:
            problems.append(
                Diagnostic("duplicate-key", f"entry `{entry.name}` is listed twice", span, "keep one of them")
            )
        names.add(entry.name)
        problems += _unused(document, index, entry)
        if entry.subsets and entry.subsets not in metrics.subset_groups:
            help = help_for(entry.subsets, metrics.subset_groups, "add it under subset_groups")
            where = document.span(("entries", index, "subsets"))
            problems.append(
                Diagnostic("unknown-subset-group", f"there is no subset group `{entry.subsets}`", where, help)
            )
    assert isinstance(metrics, Metrics)
    return metrics


def _unused(document: Document, index: int, entry: MetricEntry) -> Iterator[Diagnostic]:
    """Findings for the keys that the entry's function ignores."""
    path: Path = ("entries", index)
    if entry.function != "mean" and len(entry.metrics) > 1:
        message = f"`{entry.function}` takes one metric, but {len(entry.metrics)} are named"
        help = "write an entry for each metric, or `function: mean` for their mean (of a task without subsets)"
        yield Diagnostic("out-of-range", message, document.span((*path, "metrics")), help)
    if entry.function != "micro" and entry.subsets:
        message = f"`subsets` is for `function: micro`; `{entry.function}` ignores it"
        yield Diagnostic(
            "exclusive-keys",
            message,
            document.key_span((*path, "subsets")),
            "remove `subsets`, or write `function: micro`",
        )
