"""Adds an item to a list in a YAML file, in the format of the list's last item; to `[]` as an item of its own line."""

from __future__ import annotations

import json
import re

from evalctl.model.document import Document, Path

_BREAKS = re.compile("(\r\n|[\n\r\x85\u2028\u2029])")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def with_item(text: str, document: Document, path: Path, item: str) -> str | None:
    """`text` (of `document`) with `item` after the last item of the list at `path`; None where that is not a list."""
    items = document.data
    for part in path:
        items = items[part]
    if not isinstance(items, (list, tuple)):
        return None
    if not items:
        return _with_first(text, document, path, item)
    line, column, end = document.values[(*path, len(items) - 1)]
    parts = _BREAKS.split(text)
    at = 2 * (line - 1)
    before = parts[at][: column - 1]
    if re.fullmatch(r"\s*- +", before) is None:
        parts[at] = f"{parts[at][: end - 1]}, {item}{parts[at][end - 1 :]}"
        return "".join(parts)
    at = _end_of_item(parts, at, before.index("-"))
    parts[at] += (parts[1] if len(parts) > 1 else "\n") + before + item
    return "".join(parts)


def _with_first(text: str, document: Document, path: Path, item: str) -> str | None:
    """`text` with `item` in place of the `[]` at `path`, below its key; None where the line has more than the key and `[]`."""
    line, column, _ = document.values[path]
    parts = _BREAKS.split(text)
    at = 2 * (line - 1)
    key, rest = parts[at][: column - 1], parts[at][column - 1 :]
    if re.fullmatch(r"\[\s*\]\s*", rest) is None or re.fullmatch(r"\s*[^\s{\[,]+:\s+", key) is None:
        return None
    indent = len(key) - len(key.lstrip()) + 2
    parts[at] = f"{key.rstrip()}{parts[1] if len(parts) > 1 else chr(10)}{' ' * indent}- {item}"
    return "".join(parts)


def scalar(word: str) -> str:
    """`word` as a YAML scalar: plain where that is safe, else in double quotes."""
    return word if _PLAIN.fullmatch(word) and word.lower() not in _WORDS else json.dumps(word, ensure_ascii=False)


def _end_of_item(parts: list[str], at: int, dash: int) -> int:
    """The last line of the item that begins at line `at`: lines indented deeper than its dash belong to it."""
    while at + 2 < len(parts):
        line = parts[at + 2]
        if not line.strip() or line.lstrip().startswith("#") or len(line) - len(line.lstrip()) <= dash:
            break
        at += 2
    return at
