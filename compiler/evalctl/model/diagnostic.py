"""Findings about a person's files: where, what, why, and what to type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

ERROR, WARNING, NOTE = "error", "warning", "note"
_RANK = {ERROR: 0, WARNING: 1, NOTE: 2}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file; lines and columns count from 1, `end_column` is one past the last character."""

    file: str
    line: int = 1
    column: int = 1
    end_column: int = 2


@dataclass(frozen=True, slots=True)
class Origin:
    """The layer that set a value, and its position; `span` is None for values that the program decides."""

    layer: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value and its origin; equality and hash ignore the origin."""

    value: T
    origin: Origin = field(compare=False)


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains the first."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: `code` is a kebab-case id with a page (`evalctl explain CODE`), `help` can be typed or followed."""

    code: str
    message: str
    span: Span
    help: str = ""
    notes: tuple[Note, ...] = ()
    severity: str = ERROR

    @property
    def sort_key(self) -> tuple[bool, str, int, int, int, str, str]:
        """One total order: notes after all others, then file, position, severity, code, text."""
        place = (self.span.file, self.span.line, self.span.column)
        return (self.severity == NOTE, *place, _RANK[self.severity], self.code, self.message)


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """Whether any finding is an error."""
    return any(diagnostic.severity == ERROR for diagnostic in diagnostics)
