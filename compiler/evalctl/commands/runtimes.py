"""`evalctl runtimes`: compares measured run times with tasks_runtime.csv, and suggests values."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evalctl import report
from evalctl.clone.changing import faults, refused, write
from evalctl.clone.requests import root_of
from evalctl.columns import aligned
from evalctl.editing import tables
from evalctl.editing.task import RUNTIME, RUNTIME_COLUMNS, read_table
from evalctl.exits import SUCCESS
from evalctl.model.catalogue import Catalogue
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.result import Result
from evalctl.model.walltime import clock
from evalctl.pipeline.project import Project
from evalctl.plan.placement import placed_on
from evalctl.plan.speeds import MeasuredRun, PredictionError, errors, runs
from evalctl.results.reading import parse
from evalctl.results.store import index_folder
from evalctl.runtimes import MARGIN, MIN_RUNS, STEP, RuntimeCell, lines, measurement
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed
from evalctl.terminal import as_json

_HEAD = ("task", "column", "allowed", "models", "n", "median", "max", "suggested")
_RULE = (
    f"rule: the longest of at least {MIN_RUNS} runs x {MARGIN:g}, rounded up to {STEP // 60} min; without debugging runs"
    " and runs that continued with earlier answers"
)


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each cell with measurements; with --write writes the suggested values into the table."""
    root = root_of(arguments)
    project = Project(root)
    catalogue = project.whole_catalogue
    _require_service(arguments.service, catalogue)
    results, problems = _results(root)
    measured = [one for result in results if (one := measurement(result, catalogue)) is not None]
    if arguments.service:
        measured = [one for one in measured if one.column in _columns(catalogue, arguments.service)]
    found = lines(measured, catalogue, arguments.service)
    if arguments.json:
        lines_of = (
            map(_prediction, _errors(results, catalogue, arguments.service))
            if arguments.predictions
            else map(_object, found)
        )
        print(as_json(list(lines_of), indent=2))
    else:
        report.show(problems, root, "text")
        _show(found, len(measured))
        _show_predictions(_errors(results, catalogue, arguments.service))
    return _write(root, project, found) if arguments.write else SUCCESS


def _require_service(name: str | None, catalogue: Catalogue) -> None:
    if name is not None and name not in catalogue.services:
        otherwise = f"the services are: {listed(catalogue.services)}"
        raise EnvironmentProblem(f"there is no service `{name}`", help=help_for(name, catalogue.services, otherwise))


def _columns(catalogue: Catalogue, service: str) -> set[str]:
    return {node.runtime_column for node in catalogue.services[service].service.node_kinds.values()}


def _results(root: Path) -> tuple[list[Result], list[Diagnostic]]:
    index = index_folder(root)
    return [parse(path, (root / path).read_bytes()) for path in index.by_path], index.diagnostics()


def _write(root: Path, project: Project, found: Sequence[RuntimeCell]) -> int:
    """Writes the cells; the rest of the file does not change by a byte."""
    texts = project.workspace.texts([RUNTIME])
    problems: list[Diagnostic] = []
    table = read_table(RUNTIME, texts, RUNTIME_COLUMNS, problems)
    if table is None:
        return refused(problems, root, {})
    places = {(row.cells["key"], column): span for row in table.rows for column, span in row.spans.items()}
    cells = [
        (places[line.task, line.column], clock(line.suggested, hour_digits=2))
        for line in found
        if line.suggested is not None and (line.task, line.column) in places
    ]
    if not cells:
        return SUCCESS
    changed = {RUNTIME: tables.replaced(texts[RUNTIME], cells)}
    if problems := faults(root, changed):
        return refused(problems, root, changed)
    write(root, changed)
    print(f"{len(cells)} times changed; next: evalctl compile, and a commit that others can review")
    return SUCCESS


def _show(found: Sequence[RuntimeCell], number: int) -> None:
    if not found:
        print(f"no run times were measured yet ({number} results with a run time)")
        return
    rows = [_HEAD, *(row for line in found for row in _rows(line))]
    print("\n".join(aligned(rows)))
    print(_RULE)


def _rows(line: RuntimeCell) -> Iterator[tuple[str, ...]]:
    """A row per class of models; the suggestion is in the first row, since it applies to all of them."""
    suggestion = clock(line.suggested, hour_digits=2) if line.suggested is not None else f"– ({line.why})"
    for number, group in enumerate(line.groups):
        first = number == 0
        allowed = clock(line.allowed, hour_digits=2) if line.allowed is not None else "–"
        yield (
            line.task if first else "", line.column if first else "", allowed if first else "", group.size,
            str(len(group.seconds)), clock(group.median, hour_digits=2), clock(max(group.seconds), hour_digits=2), suggestion if first else "",
        )  # fmt: skip


def _object(line: RuntimeCell) -> dict[str, Any]:
    groups = [
        {"models": one.size, "n": len(one.seconds), "median": one.median, "max": max(one.seconds)}
        for one in line.groups
    ]
    return {
        "task": line.task, "column": line.column, "allowed": line.allowed, "measured": groups,
        "suggested": line.suggested, "why": line.why,
    }  # fmt: skip


def _errors(results: Sequence[Result], catalogue: Catalogue, service: str | None) -> list[PredictionError]:
    """The runs of a service, or of all, with what was predicted for them."""
    found = [one for one in runs(results, catalogue) if service in (None, one.service)]
    places = {
        number: placed_on(one.node_kind, entry.service, catalogue.cards[one.model], one.server)
        for number, one in enumerate(found)
        if (entry := catalogue.services.get(one.service)) and one.node_kind in entry.service.node_kinds
    }
    return list(errors(found, catalogue, places))


def _show_predictions(found: Sequence[PredictionError]) -> None:
    if not found:
        return
    rows = [("model", "node kind", "tasks", "tokens/s", "took", "from assumptions", "from other runs")]
    rows += [
        (
            one.run.model, f"{one.run.service} {one.run.node_kind}", str(len(one.run.tokens)), f"{one.run.rate:,.0f}",
            clock(round(one.run.seconds), hour_digits=2), _predicted(one.assumed, one.run), _predicted(one.from_others, one.run),
        )
        for one in found
    ]  # fmt: skip
    print("\n".join(["", "predictions of whole runs, without the start of the server (evalctl plan):", *aligned(rows)]))


def _predicted(seconds: float | None, run: MeasuredRun) -> str:
    if seconds is None:
        return "–"
    return f"{clock(round(seconds), hour_digits=2)} ({seconds / run.seconds - 1:+.0%})"


def _prediction(one: PredictionError) -> dict[str, Any]:
    run = one.run
    return {
        "model": run.model, "service": run.service, "node_kind": run.node_kind, "tokens": dict(run.tokens), "seconds": run.seconds,
        "tokens_per_second": run.rate, "from_assumptions": one.assumed, "from_other_runs": one.from_others,
    }  # fmt: skip
