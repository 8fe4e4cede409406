"""Two YAML documents compared key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.load import yaml_source
from evalctl.model.diagnostic import Span
from evalctl.model.document import Document, Path

_LONGEST, _BEFORE = 200, 40  # characters that are shown of a value, and of its equal part before the first difference
ABSENT = object()


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """One key whose value differs; `values` is (old, new), ABSENT where the document lacks the key."""

    path: Path
    values: tuple[Any, Any]
    span: Span

    @property
    def key(self) -> str:
        """`node_kinds.gpu_1.gpus`."""
        return ".".join(map(str, self.path)) or "(whole file)"

    @property
    def words(self) -> str:
        """`KEY: OLD → NEW`; a value that is too long is shown from shortly before the first difference on."""
        old, new = map(_line, self.values)
        start = 0
        if max(len(old), len(new)) > _LONGEST:
            shared = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
            start = max(0, shared - _BEFORE)
        return f"{self.key}: {_cut(old, start)} → {_cut(new, start)}"


def parsed(text: str, path: str) -> Document | None:
    """The document; None where the text is empty or cannot be read (`check` reports why)."""
    return yaml_source.parse(text, path)[0] if text else None


def differences(old: str, new: str, path: str) -> list[KeyDifference]:
    """Every key whose value differs, in the new document's order; lists are compared as wholes."""
    before, after = parsed(old, path), parsed(new, path)
    values = [dict(_leaves(one.data)) if one is not None else {} for one in (before, after)]
    keys = dict.fromkeys([*values[1], *values[0]])
    return [
        KeyDifference(key, (values[0].get(key, ABSENT), values[1].get(key, ABSENT)), _span(after, key, path))
        for key in keys
        if values[0].get(key, ABSENT) != values[1].get(key, ABSENT)
    ]


def shown(value: Any) -> str:
    """A value on one line, cut at 200 characters."""
    return _cut(_line(value), 0)


def _line(value: Any) -> str:
    if value is ABSENT:
        return "(absent)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(text.split()) or '""'


def _cut(line: str, start: int) -> str:
    end = start + _LONGEST
    return f"{'…' if start else ''}{line[start:end]}{'…' if len(line) > end else ''}"


def _leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _leaves(value, (*path, key))
    elif data is not None or path:
        yield path, data


def _span(document: Document | None, path: Path, file: str) -> Span:
    return Span(file) if document is None else document.span(path)
