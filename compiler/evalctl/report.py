"""Findings to text, JSON or GitHub annotations. Does not know who found them."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from evalctl import terminal
from evalctl.columns import display_width
from evalctl.model.diagnostic import ERROR, NOTE, WARNING, Diagnostic, Note, Span
from evalctl.secret_shapes import redacted
from evalctl.terminal import plain

FORMATS = ("text", "json", "github")
LONGEST = 160  # characters of an excerpt
# As libyaml counts lines.
LINE_BREAKS = "\r\n|[\n\r\x85\u2028\u2029]"

Lines = Callable[[str], Sequence[str]]


def show(
    diagnostics: Sequence[Diagnostic], root: Path, form: str, stream: TextIO | None = None,
    texts: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Prints all findings in one of FORMATS; `texts` are files as they would be, in place of those on disk."""
    out = stream or sys.stdout
    if form == "json":
        print(as_json(diagnostics), file=out)
        return
    lines, colours = _reader(root, texts or {}), terminal.colours(out)
    for diagnostic in diagnostics:
        print(as_github(diagnostic) if form == "github" else as_text(diagnostic, lines, colours), file=out)


def count_line(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning, 3 notes`."""
    found = list(diagnostics)
    parts = []
    for severity in (ERROR, WARNING, NOTE):
        number = sum(diagnostic.severity == severity for diagnostic in found)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(parts) or "no findings"


def as_text(diagnostic: Diagnostic, lines: Lines, colours: bool = False) -> str:
    """Headline, place, excerpt with a caret, second places, help."""
    diagnostic = _presentable(diagnostic)

    def paint(text: str, name: str) -> str:
        return f"{terminal.COLOURS[name]}{text}{terminal.END}" if colours else text

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
        before, marked, after = _window(_redacted(text[span.line - 1]), span)
        caret = " " * display_width(before) + paint("^" * max(1, display_width(marked)), "error")
        parts.append(f"{pad} {paint('|', 'place')}")
        parts.append(f"{paint(str(span.line), 'place')} {paint('|', 'place')} {before}{marked}{after}")
        parts.append(f"{pad} {paint('|', 'place')} {caret}")
    return parts


_redacted = lru_cache(maxsize=16)(redacted)  # all findings of a list may be on one long line


def _window(line: str, span: Span) -> tuple[str, str, str]:
    """The line before, at and after the place, cut where it is too long to read."""
    start, end = span.column - 1, max(span.column, span.end_column - 1)
    before = plain(line[max(0, start - LONGEST) : start])
    marked, after = plain(line[start : min(end, start + LONGEST)]), plain(line[end : end + LONGEST])
    if len(before) > LONGEST // 2:
        before = f"…{before[-LONGEST // 2 :]}"
    if len(marked) > LONGEST // 2:
        return before, f"{marked[: LONGEST // 2]}…", ""
    rest = max(0, LONGEST - len(before) - len(marked))
    return before, marked, after if len(after) <= rest else f"{after[:rest]}…"


def _presentable(diagnostic: Diagnostic) -> Diagnostic:
    """Names and values come from files that anybody may have written: no control characters, no secrets."""

    def shown(text: str) -> str:
        return plain(redacted(text))

    notes = tuple(Note(shown(note.message), note.span and _presentable_span(note.span)) for note in diagnostic.notes)
    return replace(
        diagnostic, message=shown(diagnostic.message), help=shown(diagnostic.help), notes=notes,
        span=_presentable_span(diagnostic.span),
    )  # fmt: skip


def _presentable_span(span: Span) -> Span:
    return replace(span, file=plain(span.file))


def _reader(root: Path, texts: Mapping[str, str]) -> Lines:
    known: dict[str, list[str]] = {path: re.split(LINE_BREAKS, text) for path, text in texts.items()}

    def lines(file: str) -> list[str]:
        if file not in known:
            known[file] = _lines_of(root / file)
        return known[file]

    return lines


def _lines_of(path: Path) -> list[str]:
    try:
        # A link could show a file outside the repository, and reading a pipe would never end.
        if not stat.S_ISREG(path.lstat().st_mode):
            return []
        return re.split(LINE_BREAKS, path.read_bytes().decode("utf-8-sig", errors="replace"))
    except (OSError, ValueError):
        return []


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of objects with code, severity, message, file, line, column, end_column, help, notes."""
    return terminal.as_json([_object(diagnostic) for diagnostic in diagnostics], indent=2)


def _object(diagnostic: Diagnostic) -> dict[str, Any]:
    diagnostic = _presentable(diagnostic)
    span = diagnostic.span
    return {
        "code": diagnostic.code, "severity": diagnostic.severity, "message": diagnostic.message, "file": span.file,
        "line": span.line, "column": span.column, "end_column": span.end_column, "help": diagnostic.help,
        "notes": [{"message": n.message, "place": place(n.span) if n.span else None} for n in diagnostic.notes],
    }  # fmt: skip


def as_github(diagnostic: Diagnostic) -> str:
    """A workflow command, which GitHub shows on the line of the pull request."""
    diagnostic = _presentable(diagnostic)
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
