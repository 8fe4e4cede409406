"""Reads the lab's CSV tables into rows with the position of every cell.

The lab's files have trailing commas, no newline at the end, quoted values and blank lines: all are read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evalctl.load.yaml_source import too_large
from evalctl.model.diagnostic import Diagnostic, Note, Span

MAX_LINES, MAX_LINE = 10_000, 20_000  # rows, and characters of a row


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a table: column name to text, and column name to position."""

    cells: dict[str, str]
    spans: dict[str, Span]
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a file in order, and its column names."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


def parse(text: str, file: str, required: Sequence[str]) -> tuple[Table, list[Diagnostic]]:
    """The rows of `text`; a line that does not fit the header is left out and reported as a finding."""
    lines = _lines(text)
    if len(lines) > MAX_LINES:
        return Table(file, (), ()), [too_large(file, f"{MAX_LINES:,} lines")]
    if not lines:
        return Table(file, (), ()), [Diagnostic("csv-form", "the table is empty", Span(file), help=_header(required))]
    problems: list[Diagnostic] = []
    number, header = lines[0]
    cells = _read_cells(file, number, header, len(required), problems)
    columns = tuple(cell.strip() for cell, _ in cells)
    if message := cells and _header_fault(columns, required):
        problems.append(Diagnostic("csv-form", message, Span(file, number, 1, len(header) + 1), help=_header(required)))
    if problems:
        return Table(file, columns, ()), problems
    rows = [row for line in lines[1:] if (row := _row(file, columns, *line, problems)) is not None]
    return Table(file, columns, _unique(rows, required[0], problems)), problems


def _lines(text: str) -> list[tuple[int, str]]:
    """(number, text) of each line, without lines of commas alone, which spreadsheets leave behind."""
    numbered = enumerate(re.split("\r\n|[\n\r\x85\u2028\u2029]", text.removeprefix("\ufeff")), 1)
    return [(number, line) for number, line in numbered if line.replace(",", "").strip()]


def _header_fault(columns: Sequence[str], required: Sequence[str]) -> str:
    missing = [name for name in required if name not in columns]
    if missing:
        return f"the header lacks `{'`, `'.join(missing)}`"
    if "" in columns:
        return "a column of the header has no name"
    twice = [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
    return f"the header has `{'`, `'.join(twice)}` twice" if twice else ""


def _header(required: Sequence[str]) -> str:
    return "the first line must begin with: " + ",".join(required)


def _row(file: str, columns: tuple[str, ...], number: int, line: str, problems: list[Diagnostic]) -> TableRow | None:
    span = Span(file, number, 1, max(2, len(line) + 1))
    cells = _read_cells(file, number, line, len(columns), problems)
    if not cells:
        return None
    if len(cells) != len(columns):
        message = f"{len(cells)} value{'' if len(cells) == 1 else 's'} for {len(columns)} columns"
        problems.append(Diagnostic("csv-form", message, span, help="one value for each of: " + ",".join(columns)))
        return None
    values = {column: text.strip() for column, (text, _) in zip(columns, cells, strict=True)}
    spans = {
        column: Span(file, number, start, max(start + 1, start + len(text)))
        for column, (text, start) in zip(columns, cells, strict=True)
    }
    return TableRow(values, spans, span)


def _unique(rows: list[TableRow], key: str, problems: list[Diagnostic]) -> tuple[TableRow, ...]:
    seen: dict[str, TableRow] = {}
    for row in rows:
        name = row.cells[key]
        if name in seen:
            first = Note("first given here", seen[name].spans[key])
            problems.append(
                Diagnostic("duplicate-key", f"`{name}` has two rows", row.spans[key], "keep one of them", (first,))
            )
        else:
            seen[name] = row
    return tuple(seen.values())


def _read_cells(file: str, number: int, line: str, least: int, problems: list[Diagnostic]) -> list[tuple[str, int]]:
    """The cells of one line, without those of trailing commas; [] when the line is too long or its quotes are wrong."""
    if len(line) > MAX_LINE:
        message = f"this line has more than {MAX_LINE:,} characters"
        problems.append(
            Diagnostic(
                "csv-form", message, Span(file, number), help="one line is one row: is a quote or a line break missing?"
            )
        )
        return []
    try:
        return _drop_trailing(_cells(line), least)
    except _Unquotable as fault:
        span = Span(file, number, fault.column, fault.column + 1)
        problems.append(Diagnostic("csv-form", fault.message, span, help=_QUOTES))
        return []


def _cells(line: str) -> list[tuple[str, int]]:
    """(text, column from 1) of each cell. The csv module gives no positions; these tables have one row per line."""
    cells: list[tuple[str, int]] = []
    position = 0
    while position <= len(line):
        text, start, position = _cell(line, position)
        cells.append((text, start))
    return cells


class _Unquotable(Exception):
    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


_QUOTES = 'put a value with commas between quotes: "temperature=0.2,top_p=0.95"'


def _cell(line: str, position: int) -> tuple[str, int, int]:
    if not line[position:].lstrip().startswith('"'):
        end = line.find(",", position)
        end = len(line) if end < 0 else end
        return line[position:end], position + 1, end + 1
    start = line.index('"', position) + 1
    end = start
    while end < len(line) and not (line[end] == '"' and line[end : end + 2] != '""'):
        end += 2 if line[end : end + 2] == '""' else 1
    if end >= len(line):
        raise _Unquotable("this quote is not closed", start)
    comma = line.find(",", end)
    after = len(line) if comma < 0 else comma
    if line[end + 1 : after].strip():
        raise _Unquotable("there is text after the closing quote", end + 2)
    return line[start:end].replace('""', '"'), start + 1, after + 1


def _drop_trailing(cells: list[tuple[str, int]], least: int) -> list[tuple[str, int]]:
    """The cells without empty ones at the end beyond `least`, which come from trailing commas."""
    while len(cells) > least and not cells[-1][0].strip():
        cells = cells[:-1]
    return cells
