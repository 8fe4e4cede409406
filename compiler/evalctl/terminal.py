"""Makes texts safe for a terminal: names, texts, replies and logs may come from untrusted files.

`plain` makes a text of one line fit to be shown. `guarded` is the last step before standard output and standard error: no
command can print a character that moves a terminal, is invisible or turns the direction of writing, whatever it was given.
"""

from __future__ import annotations

import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TextIO

COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "place": "\x1b[34m",
    "good": "\x1b[1;32m",
    "bold": "\x1b[1m",
}
END = "\x1b[0m"
_OWN = re.compile("|".join(re.escape(one) for one in (*COLOURS.values(), END)))
# Control sequences (ECMA-48 5.4), and the operating system's commands, which set titles and links.
_SEQUENCES = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?")


class _Table(dict[int, str]):
    """For str.translate: characters that may be shown stay, others become � (a tab, a blank)."""

    def __init__(self, kept: str) -> None:
        super().__init__({ord(one): one for one in kept} or {ord("\t"): " "})

    def __missing__(self, number: int) -> str:
        one = chr(number)
        self[number] = one if one.isprintable() or unicodedata.category(one) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        return self[number]


_LINE, _LINES = _Table(""), _Table("\n\t")


def plain(text: str) -> str:
    """`text` as one line, safe for a terminal: control characters, and those that hide or reverse text, become �."""
    return text if text.isprintable() else text.translate(_LINE)


def plain_lines(text: str) -> str:
    """The same for a text of several lines; sequences for colours and cursor movement are removed."""
    return re.sub("\r\n?", "\n", _SEQUENCES.sub("", text)).translate(_LINES)


def as_json(document: Any, indent: int | None = None) -> str:
    """JSON in which Japanese can be read, and what `plain` would replace is escaped: a program reads what was there."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return "\n".join(line if line.isprintable() else "".join(map(_escaped, line)) for line in text.split("\n"))


def _escaped(one: str) -> str:
    return one if plain(one) == one else json.dumps(one)[1:-1]


def colours(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that wants colours (NO_COLOR is honoured)."""
    import os

    return stream.isatty() and not os.environ.get("NO_COLOR")


@contextmanager
def guarded() -> Iterator[None]:
    """Within, whatever is printed goes through `plain`; only evalctl's own colours do not, on a terminal."""
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            if "write" not in vars(stream):  # one command may run another
                vars(stream)["write"] = partial(_write, type(stream).write.__get__(stream), colours(stream))
                stack.callback(vars(stream).pop, "write")
        yield


def print_composed(text: str) -> None:
    """Prints Markdown whose parts from outside went through `plain` already: the invisible characters that evalctl itself puts into
    names, so that no platform makes links or mentions of them, stay."""
    type(sys.stdout).write(sys.stdout, f"{text}\n")


class Preceded(io.TextIOBase):
    """A stream on which `before` is called ahead of whatever is written, as long as it is a terminal."""

    def __init__(self, stream: TextIO, before: Callable[[], None]) -> None:
        self.stream, self.before = stream, before

    def write(self, text: str) -> int:
        """As the stream itself."""
        self.prepare()
        return self.stream.write(text)

    def prepare(self) -> None:
        """What comes ahead."""
        if self.isatty():
            self.before()

    def isatty(self) -> bool:
        """As the stream itself."""
        return self.stream.isatty()

    def flush(self) -> None:
        """As the stream itself."""
        self.stream.flush()


def move(sequence: str, stream: TextIO | Preceded) -> None:
    """Writes evalctl's own control sequence to a terminal."""
    while isinstance(stream, Preceded):
        stream.prepare()
        stream = stream.stream
    type(stream).write(stream, sequence)


def _write(write: Callable[[str], int], coloured: bool, text: str) -> int:
    if not text.isprintable():
        parts = _OWN.split(text) if coloured else [text]
        own = [*_OWN.findall(text), ""] if coloured else [""]
        text = "".join(part.translate(_LINES) + colour for part, colour in zip(parts, own, strict=True))
    return write(text)
