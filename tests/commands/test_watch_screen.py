"""What `sync --watch` draws on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from evalctl.commands.sync import Screen
from evalctl.model.run import Action, Step
from evalctl.report import cut
from evalctl.sync.sync import SyncReport


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _shown(monkeypatch: pytest.MonkeyPatch, steps: list[Step]) -> list[str]:
    out = Terminal()
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("LINES", "6")
    monkeypatch.setattr(sys, "stdout", out)
    Screen(False).show(SyncReport(tuple(steps), 4))
    return out.getvalue().splitlines()


def test_no_line_of_the_table_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of the table takes one row of the terminal, so that as many rows are cleared as were drawn."""
    lines = _shown(monkeypatch, [Step("j" * 40, Action.WAIT, "running", "x" * 90)])
    assert all(len(line) < 30 for line in lines)


def test_the_table_is_not_higher_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor cannot go above the first row: what does not fit is counted."""
    lines = _shown(monkeypatch, [Step(f"job{n}", Action.WAIT, "running", "") for n in range(20)])
    assert len(lines) == 5
    assert lines[-2] == "and 17 more lines"


def test_wide_characters_take_two_columns() -> None:
    """A line in Japanese is cut by the columns that it takes."""
    assert cut("\u65e5\u672c\u8a9e", 5) == "\u65e5\u672c"
