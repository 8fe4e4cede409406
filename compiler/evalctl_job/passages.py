"""Which questions of a task are about the same passage: those whose texts begin alike. Standard library only.

Neither framework keeps the passage of a question apart from its text (seen: lighteval 0.13.0, lighteval-swallow 0.8), but the
prompts of reading tasks put it before the question, and so do the history questions of MMLU. What many questions share is the
task's template.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

_LEAST = 200  # columns of text that questions must share, and share with no other: a Japanese character has two
_MOST = 4  # questions that begin alike are about a passage if they are at most one in so many; else it is the template
_HEAD = 40  # characters by which the first paragraph of a template is known; it may name the choices, which differ
LONGEST = 20_000  # characters that are compared
_WIDE = "\u2e80"  # the first character of scripts with two columns


def passages(texts: Sequence[str]) -> list[int]:
    """The number of each question's passage within these questions, from 1; 0 for a question with a beginning of its own."""
    shown = _without_template(texts)
    order = sorted(range(len(shown)), key=shown.__getitem__)
    ordered = [shown[place] for place in order]
    alike = [_common(one, other) for one, other in itertools.pairwise(ordered)]
    numbers = [0] * len(texts)
    for number, (first, end) in enumerate(_groups(ordered, alike), 1):
        for place in order[first:end]:
            numbers[place] = number
    return _in_order(numbers)


def _without_template(texts: Sequence[str]) -> list[str]:
    """Without the first paragraph, where half of the questions have one that begins alike."""
    heads = Counter(text[:_HEAD] for text in texts)
    head, times = heads.most_common(1)[0] if heads else ("", 0)
    shared = times * 2 > len(texts) > 1
    return [
        (text.partition("\n\n")[2] or text if shared and text.startswith(head) else text)[:LONGEST] for text in texts
    ]


def _groups(ordered: Sequence[str], alike: Sequence[int]) -> list[tuple[int, int]]:
    """From and to which of the ordered texts each passage goes."""
    most, found = len(ordered) // _MOST, list[tuple[int, int]]()
    left = [(0, len(ordered), min(alike, default=0))]
    while left:
        first, end, shared = left.pop()
        for one, other in _runs(ordered, alike, first, end, shared):
            inside = min(alike[one : other - 1])
            outside = max(shared, *(alike[at] for at in (one - 1, other - 1) if 0 <= at < len(alike)), 0)
            if other - one <= most and _width(ordered[one][outside:inside]) >= _LEAST:
                found.append((one, other))
            else:
                left.append((one, other, inside))
    return found


def _runs(ordered: Sequence[str], alike: Sequence[int], first: int, end: int, shared: int) -> list[tuple[int, int]]:
    """The neighbours of [first, end) that have more in common than all of them have."""
    breaks = [at + 1 for at in range(first, end - 1) if _width(ordered[at][shared : alike[at]]) < _LEAST]
    ends = [first, *breaks, end]
    return [(one, other) for one, other in itertools.pairwise(ends) if other - one > 1]


def _width(text: str) -> int:
    return len(text) + sum(one >= _WIDE for one in text)


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _in_order(numbers: Sequence[int]) -> list[int]:
    """The same, numbered as they appear."""
    seen: dict[int, int] = {}
    return [seen.setdefault(one, len(seen) + 1) if one else 0 for one in numbers]
