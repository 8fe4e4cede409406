"""JSON of unknown origin: without NaN, with one value for each name, and not nested too deeply."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

DEEPEST = 64


def loads(content: bytes | str) -> Any:
    """Decoded JSON without NaN and infinities (null instead), or ValueError: not JSON, ambiguous, or nested too deeply."""
    try:
        found = json.loads(
            content, parse_constant=lambda word: None, parse_float=_finite, object_pairs_hook=_with_one_meaning
        )
    except RecursionError as problem:
        raise ValueError("nested too deeply") from problem
    _require_flat(found)
    return found


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _with_one_meaning(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; ValueError where a name has two values, of which programs take the first, the last or both (RFC 8259)."""
    found = dict(pairs)
    if len(found) < len(pairs) and any(found[name] != value for name, value in pairs):
        raise ValueError("a name has two values")
    return found


def _require_flat(value: Any) -> None:
    """ValueError for JSON so deep that it could be read but not be written again."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _inner(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
