"""Findings to text, JSON or GitHub annotations. Does not know who found them."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from evalctl.model.diagnostic import ERROR, WARNING, Diagnostic, Span

FORMATS = ("text", "json", "github")
_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "place": "\x1b[34m",
    "bold": "\x1b[1m",
}
_END = "\x1b[0m"

Lines = Callable[[str], Sequence[str]]


def show(diagnostics: Sequence[Diagnostic], root: Path, form: str, stream: TextIO | None = None) -> None:
    """Prints all findings in one of FORMATS."""
    out = stream or sys.stdout
    if form == "json":
        print(as_json(diagnostics), file=out)
        return
    for diagnostic in diagnostics:
        print(
            as_github(diagnostic) if form == "github" else as_text(diagnostic, _reader(root), coloured(out)), file=out
        )


def coloured(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that wants colours (NO_COLOR is honoured)."""
    import os

    return stream.isatty() and not os.environ.get("NO_COLOR")


def count_line(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    found = list(diagnostics)
    parts = []
    for severity in (ERROR, WARNING):
        number = sum(diagnostic.severity == severity for diagnostic in found)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(parts) or "no findings"


def as_text(diagnostic: Diagnostic, lines: Lines, colours: bool = False) -> str:
    """Headline, place, excerpt with a caret, second places, help."""

    def paint(text: str, name: str) -> str:
        return f"{_COLOURS[name]}{text}{_END}" if colours else text

    head = f"{paint(f'{diagnostic.severity}[{diagnostic.code}]', diagnostic.severity)}: {paint(diagnostic.message, 'bold')}"
    gutter = len(str(diagnostic.span.line))
    parts = [head, *_excerpt(diagnostic.span, lines, gutter, paint)]
    for note in diagnostic.notes:
        where = f" ({place(note.span)})" if note.span is not None else ""
        parts.append(f"{' ' * gutter} = note: {note.message}{where}")
    if diagnostic.help:
        parts.append(f"{' ' * gutter} = help: {diagnostic.help}")
    return "\n".join(parts) + "\n"


def place(span: Span) -> str:
    """`file:line:column`, which terminals and editors open."""
    return f"{span.file}:{span.line}:{span.column}"


def _excerpt(span: Span, lines: Lines, gutter: int, paint: Callable[[str, str], str]) -> list[str]:
    pad = " " * gutter
    parts = [f"{pad}{paint('-->', 'place')} {place(span)}"]
    text = lines(span.file)
    if 0 < span.line <= len(text):
        line = text[span.line - 1]
        before = display_width(line[: span.column - 1])
        width = max(1, display_width(line[span.column - 1 : span.end_column - 1]))
        parts += [
            f"{pad} {paint('|', 'place')}",
            f"{paint(str(span.line), 'place')} {paint('|', 'place')} {_plain(line)}",
        ]
        parts.append(f"{pad} {paint('|', 'place')} {' ' * before}{paint('^' * width, 'error')}")
    return parts


def _plain(line: str) -> str:
    """Control characters must not reach a terminal."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)


def display_width(text: str) -> int:
    """Terminal columns: Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _reader(root: Path) -> Lines:
    known: dict[str, list[str]] = {}

    def lines(file: str) -> list[str]:
        if file not in known:
            try:
                known[file] = (root / file).read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                known[file] = []
        return known[file]

    return lines


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of objects with code, severity, message, file, line, column, end_column, help, notes."""
    return json.dumps([_object(diagnostic) for diagnostic in diagnostics], indent=2, ensure_ascii=False)


def _object(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code, "severity": diagnostic.severity, "message": diagnostic.message, "file": span.file,
        "line": span.line, "column": span.column, "end_column": span.end_column, "help": diagnostic.help,
        "notes": [{"message": n.message, "place": place(n.span) if n.span else None} for n in diagnostic.notes],
    }  # fmt: skip


def as_github(diagnostic: Diagnostic) -> str:
    """A workflow command, which GitHub shows on the line of the pull request."""
    span = diagnostic.span
    kind = "notice" if diagnostic.severity == "note" else diagnostic.severity
    text = diagnostic.message + (f"\n{diagnostic.help}" if diagnostic.help else "")
    where = {
        "file": span.file,
        "line": span.line,
        "col": span.column,
        "endColumn": span.end_column,
        "title": diagnostic.code,
    }
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in where.items())
    return f"::{kind} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
