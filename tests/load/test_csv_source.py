"""Reading the lab's tables: the same cells as the csv module, and the place of each."""

from __future__ import annotations

import csv
import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evalctl.load.csv_source import MAX_LINE, MAX_LINES, parse

CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12).map(str.strip)
ROWS = st.lists(st.tuples(CELL.filter(bool), CELL, CELL), min_size=1, max_size=6, unique_by=lambda row: row[0])


def written(rows: list[tuple[str, str, str]], quoting: Any, end: str) -> str:
    """The table as the csv module writes it."""
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator=end).writerows([("key", "b", "c"), *rows])
    return out.getvalue()


@settings(max_examples=200, deadline=None)
@given(
    ROWS,
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_cells_are_those_of_the_csv_module(
    rows: list[tuple[str, str, str]], quoting: int, end: str, mark: bool, last_break: bool
) -> None:
    """Quotes, commas in values, a byte order mark, both line breaks, no last line break."""
    text = ("\ufeff" if mark else "") + written(rows, quoting, end)
    table, problems = parse(text if last_break else text.removesuffix(end), "t.csv", ("key", "b"))
    assert not problems
    assert [tuple(row.cells.values()) for row in table.rows] == rows


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_a_cell_stands_where_its_span_says(rows: list[tuple[str, str, str]]) -> None:
    """The text of the line between the columns of a span is the cell (less doubled quotes)."""
    text = written(rows, csv.QUOTE_MINIMAL, "\n")
    lines = text.split("\n")
    for row in parse(text, "t.csv", ("key",))[0].rows:
        for column, span in row.spans.items():
            there = lines[span.line - 1][span.column - 1 : span.end_column - 1]
            if '"' not in row.cells[column]:
                assert there.startswith(row.cells[column])


@settings(max_examples=300, deadline=None)
@given(st.text('ab",\n\r \ufeff\u3042', max_size=60))
def test_no_text_is_a_crash(text: str) -> None:
    """Rows and findings, each within the file."""
    table, problems = parse(f"key,b\n{text}", "t.csv", ("key", "b"))
    assert all(set(row.cells) == {"key", "b"} for row in table.rows)
    assert all(problem.help and problem.span.column >= 1 for problem in problems)
    assert len({row.cells["key"] for row in table.rows}) == len(table.rows)


def test_a_row_is_never_dropped_without_a_finding() -> None:
    """Five lines that say something: as many rows and findings."""
    text = 'key,b\na,1\nb\n"c,1\nd,1,2\na,2\n,,\n\n'
    table, problems = parse(text, "t.csv", ("key", "b"))
    assert [row.cells["key"] for row in table.rows] == ["a"]
    assert [(problem.code, problem.span.line) for problem in problems] == [
        ("csv-form", 3), ("csv-form", 4), ("csv-form", 5), ("duplicate-key", 6),
    ]  # fmt: skip


def test_a_line_that_never_ends_is_one_finding() -> None:
    """A quote that is not closed, or cells without end, are not looked through."""
    for line in ("x" + "," * MAX_LINE, '"' + "x" * MAX_LINE):
        (problem,) = parse(f"key,b\n{line}\n", "t.csv", ("key", "b"))[1]
        assert (problem.code, problem.span.line) == ("csv-form", 2) and "characters" in problem.message


def test_a_table_of_too_many_lines_is_one_finding() -> None:
    """Each line could be a finding of its own."""
    (problem,) = parse("key,b\n" + "a,b\n" * MAX_LINES, "t.csv", ("key", "b"))[1]
    assert problem.code == "file-too-large"
