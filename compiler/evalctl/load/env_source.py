"""Reads the evaluator's `.env` as data: the unambiguous part of bash's language; everything else is refused.

The job's shell sources the file. A value that is accepted here has the same value there, on every machine: words, quotes, a
backslash, `$NAME` of an earlier line. A line that bash would compute, or could read in another way, is refused.
A property test compares with bash 5.2. No message repeats a part of the line: it may contain a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

GIVEN = ("HOME", "USER", "LOGNAME")  # they have the same value for a person on all machines of a site
_START = re.compile(r"[ \t]*(export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=", re.ASCII)
_SKIPPED = re.compile(r"[ \t]*(#.*)?", re.DOTALL)
_REST = re.compile(r"[ \t]*|[ \t]+#.*", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)
_NO_TEXT = re.compile("[\udc80-\udcff]")  # as `surrogateescape` decodes other bytes; a comment may have them
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# bash sets these itself, or they change how it reads the file or finds `env` (bash 5.2; `compgen -v` and bash's manual).
_OF_BASH = re.compile(
    r"_|BASH.*|COMP_.*|COPROC|DIRSTACK|EPOCH(REALTIME|SECONDS)|EUID|EXECIGNORE|FUNCNAME|FUNCNEST|GROUPS|HISTCMD|IFS|LINENO|OLDPWD"
    r"|OPT(ARG|ERR|IND)|PATH|PIPESTATUS|POSIXLY_CORRECT|PPID|PS4|PWD|S?RANDOM|SECONDS|SHELLOPTS|SHLVL|UID"
)

_QUOTE = "write '…' around the value"
_WHOLE = "write the final value, with nothing that the shell computes; a value that contains $ or ` needs '…' around it"


@dataclass(frozen=True, slots=True)
class BashValue:
    """`text` is the value that bash assigns; `own` is the part written on this line, without values of earlier lines."""

    text: str
    own: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line is refused, and what to do."""

    line: int
    reason: str
    help: str


class _RefusedError(Exception):
    def __init__(self, reason: str, help: str) -> None:
        super().__init__(reason)
        self.reason, self.help = reason, help


def parse(data: bytes, environment: Mapping[str, str]) -> tuple[dict[str, BashValue], list[Refusal]]:
    """(variables by name, refused lines); of a name that is given twice, the last value."""
    if whole := _of_the_file(data):
        return {}, [whole]
    values: dict[str, BashValue] = {}
    refusals: list[Refusal] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            _read_line(line.decode("utf-8", "surrogateescape"), values, environment)
        except _RefusedError as refused:
            refusals.append(Refusal(number, refused.reason, refused.help))
    return values, refusals


def _of_the_file(data: bytes) -> Refusal | None:
    """A fault of the whole file that editors cause: a byte order mark, Windows line endings."""
    if data.startswith(b"\xef\xbb\xbf"):
        reason = "the file begins with a byte order mark (BOM), which bash reads as part of the first name"
        return Refusal(1, reason, r"sed -i '1s/^\xEF\xBB\xBF//' .env")
    if end := re.search(rb"\r(?:\n|\Z)", data):
        reason = "the file has Windows (CRLF) line endings, which bash reads as part of the values"
        return Refusal(data.count(b"\n", 0, end.start()) + 1, reason, r"sed -i 's/\r$//' .env")
    return None


def _read_line(line: str, values: dict[str, BashValue], environment: Mapping[str, str]) -> None:
    if "\0" in line:
        _refuse("the line contains a NUL byte", "delete that byte")
    if _SKIPPED.fullmatch(line):
        return
    start = _START.match(line)
    if start is None:
        _refuse(
            "the line is not NAME=value",
            "write NAME=value, without spaces beside `=`; a name has letters, digits and _ only",
        )
    if _OF_BASH.fullmatch(start[2]):
        _refuse(f"{start[2]} is a variable of the shell itself", "delete the line, or give the variable another name")
    values[start[2]] = _Reader(line, start.end(), bool(start[1]), values, environment).value()


def _refuse(reason: str, help: str) -> NoReturn:
    raise _RefusedError(reason, help)


class _Reader:
    """Reads one value: a word of bash, part by part, up to a space."""

    def __init__(
        self, line: str, place: int, exported: bool, values: Mapping[str, BashValue], environment: Mapping[str, str]
    ) -> None:
        self.line, self.place, self.exported = line, place, exported
        self.values, self.environment = values, environment
        self.text, self.own = "", ""

    def value(self) -> BashValue:
        while self.place < len(self.line) and self.line[self.place] not in " \t":
            self._part(self.line[self.place])
        rest = self.line[self.place :]
        if not _REST.fullmatch(rest):
            _refuse("text follows the value", f"{_QUOTE} if the value contains spaces; one NAME=value on a line")
        if _CONTROL.search(self.own):
            _refuse("the value contains a control character", "delete that character")
        if _NO_TEXT.search(self.own):
            _refuse("the value is not UTF-8", "iconv -f CP932 -t UTF-8 .env, and check the result")
        return BashValue(self.text, self.own)

    def _part(self, mark: str) -> None:
        if mark == "'":
            self._single()
        elif mark == '"':
            self._double()
        elif mark == "\\":
            self._take(self._escaped(), 2)
        elif mark == "$":
            self._reference(bare=True)
        elif mark == "`":
            _refuse("a command would be run", _WHOLE)
        elif mark in ";&|<>()":
            _refuse(f"`{mark}` has a special meaning for the shell here", _QUOTE)
        elif mark in "{}" and self.exported:
            _refuse(f"`{mark}` after export has a special meaning for the shell", _QUOTE)
        elif mark == "~" and self.line[self.place - 1] in "=:":
            _refuse("the shell replaces `~` here", 'write "$HOME/…", or the full path')
        else:
            self._take(mark, 1)

    def _take(self, text: str, length: int) -> None:
        self.text, self.own, self.place = self.text + text, self.own + text, self.place + length

    def _escaped(self) -> str:
        if self.place + 1 == len(self.line):
            _refuse("a backslash joins the line with the next one", "write the value on one line")
        return self.line[self.place + 1]

    def _single(self) -> None:
        end = self.line.find("'", self.place + 1)
        if end < 0:
            _not_closed("'")
        self._take(self.line[self.place + 1 : end], end + 1 - self.place)

    def _double(self) -> None:
        self.place += 1
        while self.place < len(self.line):
            mark = self.line[self.place]
            if mark == '"':
                self.place += 1
                return
            if mark == "$":
                self._reference(bare=False)
            elif mark == "`":
                _refuse("a command would be run", _WHOLE)
            elif mark == "\\" and self.line[self.place + 1 : self.place + 2] in tuple('$`"\\'):
                self._take(self.line[self.place + 1], 2)
            else:
                self._take(mark, 1)
        _not_closed('"')

    def _reference(self, *, bare: bool) -> None:
        after = self.line[self.place + 1 : self.place + 2]
        if after == "(":
            _refuse("the shell would run a command or compute a sum", _WHOLE)
        if bare and after in ("'", '"'):
            _refuse(f"`${after}…{after}` is a special form of quotes", f"write {after}…{after} without the $")
        match = _REFERENCE.match(self.line, self.place)
        if match is None:
            _refuse("`$` begins an expression that the shell computes", _WHOLE)
        self.text += self._known(match[1] or match[2])
        self.place = match.end()

    def _known(self, name: str) -> str:
        if name in self.values:
            return self.values[name].text
        if name not in GIVEN or name not in self.environment:
            known = f"{', '.join(GIVEN)} and variables of earlier lines"
            _refuse("`$` names a variable whose value may differ in a job", f"{_WHOLE}; allowed after $: {known}")
        return self.environment[name]


def _not_closed(quote: str) -> NoReturn:
    _refuse(
        f"`{quote}` is not closed on its line",
        f"add the closing {quote}; a value that contains {quote} needs the other kind of quotes around it",
    )
