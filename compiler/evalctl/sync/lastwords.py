"""What the last attempt said of an eval that is not tried again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalctl.model.run import Action
from evalctl.sync.control import Line
from evalctl.sync.marks import read_marks

_EXHAUSTED = "attempts-exhausted"


def with_last_words(lines: Sequence[Line], root: Path) -> list[Line]:
    """The lines; one whose tries are used up names the reason and the words of the last try, as it did before."""
    return [_with_words(line, root) if _is_exhausted(line) else line for line in lines]


def _is_exhausted(line: Line) -> bool:
    return line.state == Action.STOP.value and line.reason == _EXHAUSTED and bool(line.run_dir)


def _with_words(line: Line, root: Path) -> Line:
    mark = read_marks(root / line.run_dir).tasks.get(line.task)
    if mark is None or not mark.detail:
        return line
    named = f"{mark.reason}: "
    return replace(line, detail=f"{named}{mark.detail}: {line.detail.removeprefix(named)}")
