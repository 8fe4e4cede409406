"""Adds rows to the lab's tables, in the format of the last row, and changes cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from evalctl.load.csv_source import Table
from evalctl.model.diagnostic import Span

_BREAKS = re.compile("(\r\n|[\n\r\x85\u2028\u2029])")


def appended(text: str, table: Table, rows: Sequence[Mapping[str, str]]) -> str:
    """`text` (of `table`) with `rows` (column to text) after its last row."""
    parts = _BREAKS.split(text)
    last = max((row.span.line for row in table.rows), default=1)
    at = 2 * (last - 1)
    line_end = parts[1] if len(parts) > 1 else "\n"
    lines = [_line(parts[at], table, row) for row in rows]
    parts[at] = line_end.join([parts[at], *lines])
    return "".join(parts)


def replaced(text: str, cells: Iterable[tuple[Span, str]]) -> str:
    """`text` with new values in the cells at the given positions."""
    parts = _BREAKS.split(text)
    for span, value in sorted(cells, reverse=True):  # from the end, so that the other positions stay valid
        at = 2 * (span.line - 1)
        parts[at] = _with_cell(parts[at], span, value)
    return "".join(parts)


def _line(model: str, table: Table, row: Mapping[str, str]) -> str:
    quoted = _quoted_columns(model, table)
    values = [_cell(row.get(column, ""), column in quoted) for column in table.columns]
    return ",".join(values) + "," * _surplus(model, table)


def _quoted_columns(model: str, table: Table) -> set[str]:
    if not table.rows:
        return set()
    return {column for column, span in table.rows[-1].spans.items() if _is_quoted(model, span)}


def _is_quoted(line: str, span: Span) -> bool:
    return span.column > 1 and line[span.column - 2] == '"'


def _surplus(model: str, table: Table) -> int:
    """The number of commas at the end of a line that belong to no column."""
    last = list(table.rows[-1].cells.values()) if table.rows else list(table.columns)
    empty = sum(1 for _ in takewhile(lambda cell: not cell, reversed(last)))
    stripped = model.rstrip()
    return max(0, len(stripped) - len(stripped.rstrip(",")) - empty)


def _cell(value: str, quoted: bool) -> str:
    if quoted or any(mark in value for mark in ',"'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _with_cell(line: str, span: Span, value: str) -> str:
    start = span.column - 1
    if _is_quoted(line, span):
        closing = re.compile('(?:[^"]|"")*').match(line, start)
        assert closing is not None, "the pattern also matches the empty text"
        return line[: start - 1] + _cell(value, True) + line[closing.end() + 1 :]
    end = line.find(",", start)
    old = line[start:] if end < 0 else line[start:end]
    left, right = old[: len(old) - len(old.lstrip())], old[len(old.rstrip()) :] if old.strip() else ""
    return f"{line[:start]}{left}{_cell(value, False)}{right}{line[start + len(old) :]}"
