"""Two YAML documents compared key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.load import yaml_source
from evalctl.model.diagnostic import Span
from evalctl.model.document import Document, Path

_LONGEST = 200
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One key whose value differs; a text of "(absent)" is a key that is not there."""

    path: Path
    old: str
    new: str
    span: Span

    @property
    def key(self) -> str:
        """`node_kinds.gpu_1.gpus`."""
        return ".".join(map(str, self.path)) or "(whole file)"

    @property
    def words(self) -> str:
        """The change as a person reads it."""
        return f"{self.key}: {self.old} → {self.new}"


def parsed(text: str, path: str) -> Document | None:
    """The document; None where there is none, or it cannot be read (`check` says why)."""
    return yaml_source.parse(text, path)[0] if text else None


def differences(old: str, new: str, path: str) -> list[Difference]:
    """Every key whose value differs, in the new document's order; lists are compared as wholes."""
    before, after = parsed(old, path), parsed(new, path)
    values = [dict(_leaves(one.data)) if one is not None else {} for one in (before, after)]
    keys = dict.fromkeys([*values[1], *values[0]])
    return [
        Difference(key, shown(values[0].get(key, _ABSENT)), shown(values[1].get(key, _ABSENT)), _span(after, key, path))
        for key in keys
        if values[0].get(key, _ABSENT) != values[1].get(key, _ABSENT)
    ]


def shown(value: Any) -> str:
    """A value on one line, cut where it is too long to read."""
    if value is _ABSENT:
        return "(absent)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    words = " ".join(text.split()) or '""'
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _leaves(value, (*path, key))
    elif data is not None or path:
        yield path, data


def _span(document: Document | None, path: Path, file: str) -> Span:
    return Span(file) if document is None else document.span(path)
