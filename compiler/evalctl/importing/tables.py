"""Merges the lab's tasks_runtime.csv and task_settings.csv into ours: adds new rows, reports different values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalctl.editing import tables
from evalctl.editing.task import RUNTIME, RUNTIME_COLUMNS, SETTINGS, SETTINGS_COLUMNS, read_table
from evalctl.load import csv_source
from evalctl.load.csv_source import Table, TableRow
from evalctl.model.diagnostic import Diagnostic, Span

# In the lab's table `lighteval` means its fork of 0.8; here it means upstream lighteval.
_FRAMEWORKS = {"lighteval": "lighteval-swallow"}


@dataclass(frozen=True, slots=True)
class CellDifference:
    """One cell whose value in the lab's table differs."""

    key: str
    column: str
    ours: str
    theirs: str
    our_place: Span
    their_place: Span


@dataclass(frozen=True, slots=True)
class Merge:
    """Our table at `path` merged with the lab's: new text, added rows, different cells, columns that our table lacks."""

    path: str
    text: str
    added: tuple[str, ...]
    differences: tuple[CellDifference, ...]
    dropped: tuple[str, ...]


def merged(text: str, file: str, ours: Mapping[str, str], *, replace: bool) -> tuple[Merge | None, list[Diagnostic]]:
    """The lab's table `text` merged into ours; with `replace` different values of the lab replace ours."""
    header = csv_source.parse(text, file, ("key",))[0].columns
    path, columns = (RUNTIME, RUNTIME_COLUMNS) if "script" in header else (SETTINGS, SETTINGS_COLUMNS)
    theirs, problems = csv_source.parse(text, file, columns)
    our_table = read_table(path, ours, columns, problems)
    if problems or our_table is None:
        return None, problems
    known = {row.cells["key"]: row for row in our_table.rows}
    new = [_translated(row) for row in theirs.rows if row.cells["key"] not in known]
    differences = tuple(_differences(known, theirs))
    changed = tables.appended(ours[path], our_table, new) if new else ours[path]
    if replace:  # new rows are at the end, so the positions of the other cells are still valid
        changed = tables.replaced(changed, [(one.our_place, one.theirs) for one in differences])
    dropped = tuple(column for column in theirs.columns if column not in our_table.columns)
    return Merge(path, changed, tuple(row["key"] for row in new), differences, dropped), problems


def _translated(row: TableRow) -> dict[str, str]:
    cells = dict(row.cells)
    if "framework" in cells:
        cells["framework"] = _FRAMEWORKS.get(cells["framework"], cells["framework"])
    return cells


def _differences(known: Mapping[str, TableRow], theirs: Table) -> Iterator[CellDifference]:
    for row in theirs.rows:
        ours = known.get(row.cells["key"])
        for column, value in _translated(row).items():
            if ours is not None and column in ours.cells and ours.cells[column] != value:
                yield CellDifference(
                    row.cells["key"], column, ours.cells[column], value, ours.spans[column], row.spans[column]
                )
