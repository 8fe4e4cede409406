"""Tables of `evalctl results` as text: as many columns as fit into the terminal; the others are named below the table."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from textwrap import wrap

from evalctl.columns import GAP, Rows, aligned, cut, display_width, widths
from evalctl.suggest import listed, plural
from evalctl.terminal import COLOURS, END, colours, plain

_COLOUR_OF = {"better": "good", "worse": "error", "not comparable": "warning"}


def room(*, wide: bool) -> int | None:
    """The width of the terminal; None (show everything) with --wide, or if another program reads the output, as for ps and gh."""
    if wide or not (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()):
        return None
    return shutil.get_terminal_size().columns


def table(rows: Sequence[Sequence[str]], width: int | None, names: int = 1, *, by_name: bool = True) -> str:
    """A table of `width` columns; the first `names` cells of each row are always shown. `by_name`: --columns chooses others."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if width is None or _width(cells) <= width:
        return "\n".join(aligned(cells))
    if names == 1:
        cells = _shortened(cells, min(width // 2, width - len(GAP) - widths(cells)[1]))
    kept = names + 1
    while kept < len(cells[0]) and _width([row[: kept + 1] for row in cells]) <= width:
        kept += 1
    left = cells[0][kept:]
    how = "--wide shows all, --columns A,B those" if by_name else "--wide shows all"
    more = f"{plural(len(left), 'more column')} ({how}): {listed(left, 4)}"
    return "\n".join([*aligned([row[:kept] for row in cells]), *(wrap(more, width) if left else [])])


def folded(text: str, width: int | None) -> list[str]:
    """A sentence in lines of at most `width` columns, indented from the second on."""
    return [text] if width is None else wrap(text, max(width, 20), subsequent_indent="  ")


def fitting(
    forms: Sequence[Sequence[Sequence[str]]], width: int | None, coloured: Sequence[str]
) -> tuple[str, Sequence[str]]:
    """(the first of several forms of one table that fits, or the last with short names; its heads).

    `coloured` has for each row the word that gets its colour on a terminal.
    """
    fits = (form for form in forms if width is None or _width([[plain(cell) for cell in row] for row in form]) <= width)
    form = next(fits, forms[-1])
    names = len(form[0]) - 1
    first, *rows = table(form, None).split("\n") if form is not forms[-1] else _narrow(form, width, names)
    painted = [_painted(row, word) for row, word in zip(rows, coloured, strict=False)]
    return "\n".join([first, *painted, *rows[len(coloured) :]]), form[0]


def _narrow(form: Sequence[Sequence[str]], width: int | None, names: int) -> list[str]:
    cells = [[plain(cell) for cell in row] for row in form]
    if width is not None:
        others = sum(widths([row[1:] for row in cells])) + len(GAP) * names
        cells = _shortened(cells, width - others)
    return aligned(cells)


def _painted(row: str, word: str) -> str:
    """The last time that the word is in the row is in its column."""
    name = _COLOUR_OF.get(word)
    if name is None or not colours(sys.stdout):
        return row
    before, found, after = row.rpartition(word)
    return f"{before}{COLOURS[name]}{found}{END}{after}"


def _shortened(cells: list[list[str]], width: int) -> list[list[str]]:
    """Rows with long names shortened at the beginning (the publisher); unchanged if two names would become equal."""
    names = [_end(row[0], max(width, 12)) for row in cells]
    if len(set(names)) < len({row[0] for row in cells}):
        return cells
    return [[name, *row[1:]] for name, row in zip(names, cells, strict=True)]


def _end(name: str, width: int) -> str:
    if display_width(name) <= width:
        return name
    return "…" + cut(name[::-1], width - 1)[::-1]


def _width(cells: Rows) -> int:
    return sum(widths(cells)) + len(GAP) * (len(next(iter(cells))) - 1)
