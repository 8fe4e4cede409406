"""Text in columns of a terminal: Japanese characters take two, combining marks none."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

GAP = "  "
Rows = Collection[Sequence[str]]


def display_width(text: str) -> int:
    """How many columns one line takes."""
    return sum(map(_columns, text))


def cut(text: str, columns: int) -> str:
    """The beginning of one line that fits into `columns`."""
    used = 0
    for place, character in enumerate(text):
        used += _columns(character)
        if used > columns:
            return text[:place]
    return text


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """One line with blanks up to `columns`; `right` puts the text at the right side."""
    blanks = " " * max(0, columns - display_width(text))
    return blanks + text if right else text + blanks


def widths(rows: Rows) -> list[int]:
    """Of each column, the width of its widest cell."""
    return [max(map(display_width, column)) for column in zip(*rows, strict=True)]


def aligned(rows: Rows, *, right: Collection[int] = ()) -> list[str]:
    """A line per row with each column in one width; `right` names those that are numbers."""
    found = widths(rows)
    return [
        GAP.join(
            padded(cell, width, right=number in right)
            for number, (cell, width) in enumerate(zip(row, found, strict=True))
        ).rstrip()
        for row in rows
    ]


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
