"""Whether an answer repeats itself until it ends. Standard library only.

Looping means: the text ends in one passage of at most 500 characters, whole at least 4 times in a row and over at least
100 characters in all; the last repetition may be cut off. Characters are counted, so that it holds in any language.
A passage that changes a little each time (a counter in it) is not found, nor a loop that the model left again.
"""

from __future__ import annotations

TAIL = 2_500
LONGEST = 500
TIMES = 4
LEAST = 100
_SHORTEST = LEAST // TIMES  # of what a loop has twice, `LONGEST` characters apart at most


def loop(text: str) -> str | None:
    """The passage in which the text ends again and again, as it begins there; None when it does not loop."""
    tail = text.rstrip()[-TAIL:]
    return _loop(tail[::-1]) if tail.find(tail[-_SHORTEST:], -LONGEST - _SHORTEST, -1) >= 0 else None


def _loop(tail: str) -> str | None:
    """Of a text that is reversed: a loop begins where it ended."""
    borders = [0]
    found = 0
    for end in range(1, len(tail)):
        border = borders[-1]
        while border and tail[end] != tail[border]:
            border = borders[border - 1]
        borders.append(border + (tail[end] == tail[border]))
        period = end + 1 - borders[-1]
        if period <= LONGEST and end + 1 >= max(LEAST, TIMES * period):
            found = period
            break
    return tail[:found][::-1] if found else None
