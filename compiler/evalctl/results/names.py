"""Frameworks' spellings of one task: `swallow|NAME|0`, `swallow|NAME`, `NAME|0` and `NAME` are all NAME."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def task_name(key: str) -> str:
    """The NAME (with its `:subset`) inside a framework's task key."""
    parts = key.split("|")
    if len(parts) > 2 or (len(parts) == 2 and not parts[1].isdigit()):
        return parts[1]
    return parts[0]
