"""JSON that anybody may have written, as data that can be computed with and written again: its numbers and its depth are bounded."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

_DEEPEST = 40
_LONGEST_NUMBER = 25  # digits: more are no time, no count and no score


def document(content: bytes | str) -> dict[str, Any]:
    """The JSON object in `content`; ValueError with the reason when it is none, or one that cannot be computed with."""
    value = parsed(content)
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def parsed(content: bytes | str) -> Any:
    """The JSON value in `content`; ValueError with the reason as in `document`."""
    try:
        value = json.loads(content, parse_constant=_refuse, parse_int=_whole, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _require_plain(value, _DEEPEST)
    return value


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _whole(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_NUMBER else int(_refuse(f"{text[:20]}…"))


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(f"{text[:20]}…")


def _require_plain(value: Any, depth: int) -> None:
    """Not deeper than `depth`, and no half of a surrogate pair: what is read here is written again as UTF-8."""
    if depth == 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (dict, list)):
        for one in itertools.chain(value, value.values()) if isinstance(value, dict) else value:
            _require_plain(one, depth - 1)
