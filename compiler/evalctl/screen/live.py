"""Output of --watch: events, each once, and below them lines that are redrawn in place on a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from evalctl import terminal
from evalctl.columns import cut


class Live:
    """Remembers the lines that were drawn last and the events that were printed."""

    def __init__(self) -> None:
        self.drawn = ""
        self.state = ""
        self.events: set[str] = set()

    def show(self, events: Sequence[str], lines: Sequence[str], state: str | None = None) -> bool:
        """Prints new events and the lines; off a terminal the lines only when `state` (default: the lines) has changed. Returns whether the lines were printed."""
        new = [text for text in dict.fromkeys(events) if text not in self.events]
        self.events.update(new)
        live = fitting(lines)
        in_place = sys.stdout.isatty()
        self.clear()
        if new:
            print("\n".join(new))
        state = live if state is None else state
        printed = in_place or state != self.state
        if printed:
            print(live)
        sys.stdout.flush()
        self.drawn, self.state = live, state
        return printed

    def clear(self) -> None:
        """Removes the lines from the terminal, to make room for other output."""
        if sys.stdout.isatty() and self.drawn:
            terminal.move(f"\x1b[{len(self.drawn.splitlines())}F\x1b[J", sys.stdout)
            sys.stdout.flush()
            self.drawn = ""


def fitting(lines: Sequence[str]) -> str:
    """The lines as one text; on a terminal cut to its width and number of rows, so that they can be redrawn."""
    if not sys.stdout.isatty():
        return "\n".join(lines)
    width, rows = shutil.get_terminal_size()
    shown = list(lines)
    if len(lines) >= rows > 2:
        shown = [*lines[: rows - 3], f"and {len(lines) - rows + 2} more lines", lines[-1]]
    return "\n".join(cut(terminal.plain(one), width - 1) for one in shown)
