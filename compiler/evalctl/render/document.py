"""Writes the TOML document in a job's script: the node's program reads it, and a reviewer can read it, whatever the texts contain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from evalctl.render.quoting import HIDDEN

END = "END_OF_JOB"  # ends the here-document in the script
Value = str | int | tuple[str, ...] | tuple[tuple[str, str], ...]  # pairs are an inline table
_LINE = 100
# Grid Engine treats any line of the script that begins with `#$` as a directive, also in a here-document (seen: 8.1.9).
_DIRECTIVE = re.compile(r"^#", re.MULTILINE)
_END_LINE = re.compile(rf"^{END[0]}(?={END[1:]}$)", re.MULTILINE)


def most_alike(tables: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """A table of common values: for each fact that all of several tables have, the most frequent value."""
    alike: dict[str, Value] = {}
    for name in tables[0]:
        values = [table.get(name, "") for table in tables]
        different = dict.fromkeys(values)
        if len(different) < len(values) and all(map(_says, different)):
            alike[name] = max(different, key=values.count)
    return alike


def without(table: Mapping[str, Value], alike: Mapping[str, Value]) -> dict[str, Value]:
    """The table without the facts that equal those of `alike`."""
    return {name: value for name, value in table.items() if alike.get(name) != value}


def lines(facts: Mapping[str, Value]) -> Iterator[str]:
    """`name = value` for each fact that is not empty; empty values are the defaults of the program that reads the document."""
    return (f"{name} = {_value(value)}" for name, value in facts.items() if _says(value))


def _says(value: Value) -> bool:
    return bool(value) or value == 0


def _value(value: Value) -> str:
    if isinstance(value, str):
        return text(value)
    return str(value) if isinstance(value, int) else _sequence(value)


@lru_cache(maxsize=8192)  # a thousand requests for the same tasks have the same sequences
def _sequence(value: tuple[str, ...] | tuple[tuple[str, str], ...]) -> str:
    words = [one for one in value if isinstance(one, str)]
    pairs = [one for one in value if not isinstance(one, str)]
    return _inline(pairs) if pairs else _array(words)


def _inline(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{text(name)} = {text(one)}" for name, one in pairs) + "}"


def _array(words: Sequence[str]) -> str:
    line = f"[{', '.join(map(text, words))}]"
    return (
        line if len(line) <= _LINE or len(words) == 1 else "[\n" + "".join(f"  {one},\n" for one in _rows(words)) + "]"
    )


def _rows(texts: Sequence[str]) -> Iterator[str]:
    """Lines of an array: one with the words before the first option, then one for each option with its value."""
    row: list[str] = []
    for one in texts:
        if row and (one.startswith("-") or (row[0].startswith("-") and len(row) == 2)):
            yield ", ".join(map(text, row))
            row = []
        row.append(one)
    if row:
        yield ", ".join(map(text, row))


@lru_cache(maxsize=8192)
def text(value: str) -> str:
    """`value` as a TOML string: a multi-line string where it has several lines, hidden characters as escapes."""
    if "\n" in value:
        return f'"""\n{_lines(value)}"""'
    if value.isprintable() and "'" not in value and ('"' in value or "\\" in value):
        return f"'{value}'"  # a literal string is easier to read
    return '"' + _hidden(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _lines(value: str) -> str:
    """A multi-line string; escapes three quotes (they end it), `#` at the beginning of a line (a directive) and the END line."""
    broken = value.replace("\\", "\\\\").replace('""', '"\\"')
    closed = broken[:-1] + '\\"' if broken.endswith('"') and not broken.endswith('\\"') else broken
    return _hidden(_END_LINE.sub(f"\\\\u{ord(END[0]):04x}", _DIRECTIVE.sub(r"\\u0023", closed)))


def _hidden(value: str) -> str:
    """Escapes control, direction and zero-width characters, which can make a text look different from what it is."""
    return value if value.isprintable() else HIDDEN.sub(_shown, value)


def _shown(match: re.Match[str]) -> str:
    return "".join(f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}" for one in match.group())
