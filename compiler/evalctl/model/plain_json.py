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
    _require_depth(value, _DEEPEST)
    if not _is_text(content):
        _require_text(value)
    return value


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _whole(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_NUMBER else int(_refuse(f"{text[:20]}…"))


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(f"{text[:20]}…")


def _require_depth(value: Any, depth: int) -> None:
    """Not deeper than `depth`."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and depth == 1:
        raise ValueError("it is nested too deeply")
    for one in inner:
        if isinstance(one, (dict, list)):
            _require_depth(one, depth - 1)


def _is_text(content: bytes | str) -> bool:
    """Whether it is UTF-8 and escapes no character by its number: all of its texts can then be written as UTF-8."""
    try:
        data = content if isinstance(content, bytes) else content.encode()
        data.decode()
    except UnicodeError:
        return False
    return b"\\u" not in data


def _require_text(value: Any) -> None:
    """No half of a surrogate pair: what is read here is written again as UTF-8."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (dict, list)):
        for one in itertools.chain(value, value.values()) if isinstance(value, dict) else value:
            _require_text(one)
