"""Stores what one command has compiled for the next. Losing it costs time only."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalctl import environments
from evalctl.home_folder import IN_CLONE
from evalctl.model.diagnostic import Diagnostic, Note, Span
from evalctl.shell import write_atomically
from evalctl.stamps import stamp

PATH = IN_CLONE.remembered.compiled
VERSION = 6


@dataclass(frozen=True, slots=True)
class Memory:
    """An index, and texts to which the index refers by position; texts are decoded only when needed."""

    index: Mapping[str, Any] = field(default_factory=dict)
    texts: bytes | memoryview = b""

    def text(self, place: Sequence[int]) -> bytes:
        """The text at position [begin, end]."""
        return bytes(self.texts[place[0] : place[1]])


class TextsToRemember:
    """Concatenates texts, and gives the position of each for `Memory.text`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._end = 0

    def add(self, text: bytes) -> list[int]:
        """Adds a text; returns its position [begin, end]."""
        begin, self._end = self._end, self._end + len(text)
        self._parts.append(text)
        return [begin, self._end]

    @property
    def joined(self) -> bytes:
        """All texts, concatenated."""
        return b"".join(self._parts)


def load(root: Path) -> Memory:
    """The stored memory; empty where the file is missing, damaged, or of another version or user."""
    try:
        data = (root / PATH).read_bytes()
    except OSError:
        return Memory()
    begin = data.find(b"\n") + 1
    end = data.find(b"\n", begin)
    whole = memoryview(data)  # avoids copying megabytes
    if whole[:begin] != _head(whole[begin:]):
        return Memory()
    return Memory(json.loads(whole[begin:end].tobytes()), whole[end + 1 :])


def save(root: Path, memory: Memory) -> None:
    """Stores the memory; ignores a read-only folder and file names that are not UTF-8."""
    try:
        body = (as_json(memory.index), b"\n", memory.texts)
        write_atomically(root / PATH, b"".join((_head(*body), *body)), folder_mode=0o700)
    except (OSError, ValueError):
        return


def as_json(value: Any) -> bytes:
    """One line of JSON; three times as fast as the json module, which matters for megabytes."""
    from pydantic_core import to_json

    return to_json(value)


def _head(*body: bytes | memoryview) -> bytes:
    """The first line, with version and checksum, which show that this program wrote the file completely."""
    checksum = 0
    for part in body:
        checksum = zlib.crc32(part, checksum)
    return f"evalctl {VERSION} {checksum:08x}\n".encode()


def digest(parts: Iterable[str]) -> str:
    """One key from several."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def program_key() -> str:
    """Changes when evalctl itself does (the stamps of its files, and what the job environments are made of)."""
    parts = [f"{name}={environment.digest}" for name, environment in sorted(environments.catalogue().items())]
    for folder, _, names in (*os.walk(Path(__file__).parents[1]), next(os.walk(environments.FOLDER))):
        for name in sorted(names):
            if name.endswith((".py", ".sh", ".tasks")):
                facts = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118 - a hundred of these at every start
                parts.append(f"{name}:{stamp(facts)}")
    return digest(parts)


def pack(diagnostics: Iterable[Diagnostic]) -> list[Any]:
    """Findings as JSON values."""
    return [
        [d.code, d.message, _pack_span(d.span), d.help, [[n.message, _pack_span(n.span)] for n in d.notes], d.severity]
        for d in diagnostics
    ]


def unpack(values: Iterable[Any]) -> list[Diagnostic]:
    """The findings that `pack` packed."""
    return [
        Diagnostic(
            code, message, Span(*span), help, tuple(Note(text, Span(*s) if s else None) for text, s in notes), severity
        )
        for code, message, span, help, notes, severity in values
    ]


def _pack_span(span: Span | None) -> list[Any] | None:
    return None if span is None else [span.file, span.line, span.column, span.end_column]
