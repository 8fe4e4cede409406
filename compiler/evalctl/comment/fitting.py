"""A text below a limit, of parts that can be shortened: what matters most is first, and what is left out is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LIMIT = 65_536  # characters of a comment on GitHub; GitLab takes a million
_SPARE = 536  # for the last line, and for what counts characters otherwise


@dataclass(frozen=True, slots=True)
class CommentPart:
    """A heading, lines, and what follows them; `rest` words the lines that found no room. `share` is how much of the limit the part
    may take at most while later parts wait."""

    head: str
    lines: Sequence[str]
    foot: str = ""
    rest: Callable[[int], str] = lambda left: f"… and {left} more"
    share: float = 1.0


def fitted(parts: Sequence[CommentPart], limit: int = LIMIT - _SPARE) -> str:
    """All parts, each with as many of its lines as fit."""
    text = ""
    for part in parts:
        text += _cut(part, min(limit - length(text), int(limit * part.share)))
    return text


def _cut(part: CommentPart, room: int) -> str:
    """The part with as many lines as have room; nothing where not even its heading has."""
    whole = "".join([part.head, *part.lines, part.foot])
    if length(whole) <= room:
        return whole
    tail = part.rest(len(part.lines)) + "\n" + part.foot
    used = length(part.head + tail)
    if used > room:
        return ""
    kept = 0
    for line in part.lines:
        used += length(line)
        if used > room:
            break
        kept += 1
    return "".join([part.head, *part.lines[:kept], part.rest(len(part.lines) - kept) + "\n", part.foot])


def length(text: str) -> int:
    """In UTF-16, as JavaScript counts: no platform counts more."""
    return len(text) + sum(character > "\uffff" for character in text)
