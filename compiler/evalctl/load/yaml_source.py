"""Parses YAML 1.2 text into plain data with positions.

libyaml scans the text (30 times faster than ruamel.yaml here); scalars are resolved by the YAML 1.2 core schema, since
PyYAML's own 1.1 rules turn `NO` into False and `24:00:00` into 86400. Anchors, aliases, tags and several documents are
not part of the manifest language. Where libyaml refuses a text, the error message is that of ruamel.yaml.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import yaml
from yaml.cyaml import CBaseLoader

from evalctl.model.diagnostic import Diagnostic, Note, Span
from evalctl.model.document import Document, Path, Place

MAX_DEPTH = 50
MAX_CHARACTERS = 4_000_000
MAX_VALUES = 10_000  # each value can have a finding: a file with millions of values must not take minutes

_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# Below 10^300: such numbers can be printed (Python refuses 4,300 digits, CVE-2020-10735) and converted to float. A longer
# number is read as text, which no field for a number accepts.
_INT = re.compile(r"[-+]?[0-9]{1,300}\Z|0o[0-7]{1,330}\Z|0x[0-9a-fA-F]{1,240}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,300}|[0-9]{1,300}(?:\.[0-9]{0,300})?)(?:[eE][-+]?[0-9]{1,4})?\Z")
_BEGINS_NUMBER = frozenset("+-.0123456789")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
# The characters that YAML 1.2 (5.1) permits: tab, line breaks and everything printable.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(text: str, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """The data of `text` with every position; None with findings where the text cannot be read."""
    if len(text) > MAX_CHARACTERS:
        return None, [too_large(file, f"{MAX_CHARACTERS:,} characters")]
    if forbidden := control_character(text, file):
        return None, [forbidden]
    try:
        builder = _Builder(file)
        for event in iter(CBaseLoader(text).get_event, None):
            builder.take(event)
    except _Refused as refused:
        return None, [refused.diagnostic]
    except yaml.YAMLError as error:
        return None, [_syntax_error(text, file, error)]
    if builder.problems:
        return None, builder.problems
    return Document(file, builder.data, builder.values, builder.keys), []


class _Refused(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class _Builder:
    """Builds data from libyaml's events without recursion, so that deep nesting cannot exhaust the stack."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}
        self.problems: list[Diagnostic] = []
        self._open: list[_Collection] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._refuse_features(event)
            self._scalar(event, _place(event))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._refuse_features(event)
            self._start(event, {} if kind is yaml.MappingStartEvent else [])
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._open.pop()
        elif kind is yaml.AliasEvent:
            raise _Refused(_feature(self.file, event, "aliases (*name)"))
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise _Refused(_feature(self.file, event, "second document (---)"))

    def _refuse_features(self, event: Any) -> None:
        if event.anchor is not None:
            raise _Refused(_feature(self.file, event, "anchors (&name)"))
        if event.tag is not None:
            raise _Refused(_feature(self.file, event, "tags (!name)"))

    def _scalar(self, event: Any, place: Place) -> None:
        holder = self._open[-1] if self._open else None
        if holder is not None and holder.expects_key:
            self._key(holder, event.value, place)
        else:
            self._put(event.value if event.style else resolve_scalar(event.value), place)

    def _key(self, holder: _Collection, name: str, place: Place) -> None:
        """Adds a key. Keys are text as written: `1.10` is not 1.1, and `on` and `1` need no quotes."""
        path = (*holder.path, name)
        if path in self.keys:
            first = Span(self.file, *self.keys[path])
            self.problems.append(
                Diagnostic(
                    "duplicate-key",
                    f"`{name}` is given twice",
                    Span(self.file, *place),
                    help="keep one of the two",
                    notes=(Note("first given here", first),),
                )
            )
        self.keys[path] = place
        holder.key, holder.expects_key = name, False

    def _start(self, event: Any, collection: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _Refused(_feature(self.file, event, f"more than {MAX_DEPTH} levels of nesting"))
        if self._open and self._open[-1].expects_key:
            raise _Refused(_feature(self.file, event, "keys that are lists or mappings"))
        path = self._put(collection, _place(event))
        self._open.append(_Collection(collection, path))

    def _put(self, value: Any, place: Place) -> Path:
        if not self._open:
            path: Path = ()
            self.data = value
        else:
            path = self._open[-1].add(value)
        if len(self.keys) + len(self.values) >= 2 * MAX_VALUES:
            raise _Refused(too_large(self.file, f"{MAX_VALUES:,} values"))
        self.values[path] = place
        return path


class _Collection:
    """A mapping or sequence whose end has not been read yet."""

    __slots__ = ("expects_key", "key", "path", "target")

    def __init__(self, target: Any, path: Path) -> None:
        self.target = target
        self.path = path
        self.key = ""
        self.expects_key = isinstance(target, dict)

    def add(self, value: Any) -> Path:
        if isinstance(self.target, list):
            self.target.append(value)
            return (*self.path, len(self.target) - 1)
        self.expects_key = True
        self.target[self.key] = value
        return (*self.path, self.key)


def resolve_scalar(text: str) -> Any:
    """The value of a plain (unquoted) scalar by the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGINS_NUMBER:
        return text
    if _INT.match(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.match(text):
        return float(text)
    if _SPECIAL_FLOAT.match(text):
        return float(text.replace(".", ""))
    return text


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    last = end.column + 1 if end.line == start.line else start.column + 2
    return (start.line + 1, start.column + 1, max(last, start.column + 2))


def _feature(file: str, event: Any, what: str) -> Diagnostic:
    return Diagnostic(
        "yaml-feature", f"manifests have no {what}", Span(file, *_place(event)), help=_FEATURE_HELP[what.split()[0]],
    )  # fmt: skip


_FEATURE_HELP = {
    "aliases": "write the value out where it is used",
    "anchors": "write the value out where it is used",
    "tags": "remove the tag, and quote the value if it is text",
    "second": "put each document into a file of its own",
    "more": "reduce the nesting",
    "keys": "write each key as plain text",
}


def too_large(file: str, most: str) -> Diagnostic:
    """The finding for a file that exceeds a limit; `most` words the limit (`10,000 values`)."""
    return Diagnostic(
        "file-too-large", f"this file has more than {most}", Span(file),
        help="split the file into several manifests, or keep the data elsewhere",
    )  # fmt: skip


def control_character(text: str, file: str, code: str = "yaml-syntax") -> Diagnostic | None:
    """A finding for the first character of `text` that no manifest may contain; None where there is none."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    at = found.start()
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    line = len(re.findall("\r\n?|\n", text[:at])) + 1
    column = at - start + 1
    return Diagnostic(
        code, f"the control character U+{ord(text[at]):04X} is not allowed here", Span(file, line, column, column + 1),
        help="delete that character: most editors do not show it, and copied text often contains it",
    )  # fmt: skip


def _syntax_error(text: str, file: str, error: yaml.YAMLError) -> Diagnostic:
    problem: Any = _explained(text) or error
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    problem_text = str(getattr(problem, "problem", "") or "")
    context = str(getattr(problem, "context", "") or "")
    if ("end of stream" in problem_text or "stream end" in problem_text) and getattr(problem, "context_mark", None):
        mark = problem.context_mark  # where the quote or bracket was opened, not the end of the file
    span = _inside(text, Span(file, mark.line + 1, mark.column + 1, mark.column + 2)) if mark else Span(file)
    message = ", ".join(filter(None, (context, problem_text))) or "this is not YAML"
    return Diagnostic("yaml-syntax", message, span, help=_syntax_help(f"{context} {problem_text}", text, span.line))


def _inside(text: str, span: Span) -> Span:
    """`span`, or the end of the last line with text where `span` is behind it."""
    lines = text.rstrip().split("\n")
    if span.line <= len(lines):
        return span
    last = len(lines[-1].rstrip())
    return Span(span.file, len(lines), max(1, last), max(2, last + 1))


def _explained(text: str) -> Any:
    """ruamel.yaml's error for the text, which names the context; None where ruamel.yaml accepts the text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    if len(text) > 100_000 or text.count("[") + text.count("{") > 200:
        return None
    reader = YAML(typ="rt")
    reader.allow_duplicate_keys = True
    try:
        reader.load(text)
    except MarkedYAMLError as better:
        return better
    except Exception:  # this only improves the message: libyaml's own is used instead
        return None
    return None


def _syntax_help(problem_text: str, text: str, line: int) -> str:
    if re.search(r"^(?:<{7}|>{7}) ", text, re.MULTILINE):
        return "this is an unresolved merge conflict of git: keep one side, and delete the lines with <<<<<<<, ======= and >>>>>>>"
    for near in text.split("\n")[max(0, line - 2) : line]:
        if wide := re.search("[：，［］｛｝＃－“”]", near):
            narrow = "-" if wide[0] == "－" else '"' if wide[0] in "“”" else unicodedata.normalize("NFKC", wide[0])
            return f"`{wide[0]}` is full-width: write `{narrow}`"
        if re.search(r":\u3000", near):
            return "the space after the colon is full-width: write `: `"
        if close := re.match(r"[\s-]*(\w+):(\S+)\s*$", near):
            return f"a space is missing after the colon: write `{close[1]}: {close[2]}`"
    return next(
        (help for words, help in _SYNTAX_HELP if words in problem_text), "check the indentation and the quotes here"
    )


_SYNTAX_HELP = (
    ("'\\t'", "indent with spaces: YAML has no tabs there"),
    (
        "mapping values",
        "YAML reads the text before `: ` as a key, and no key is possible here: put text that contains `: ` into quotes, "
        "or check the indentation of this line",
    ),
    ("escape", r"inside double quotes write \\ for a backslash, or use single quotes"),
    ("quoted scalar", "close the quote"),
    ("flow ", "close the bracket, and put a comma between the items"),
    ("cannot start any token", "put text that begins with this character into quotes"),
    ("block mapping", "indent all keys of one mapping equally, and write a colon and a space after each: `key: value`"),
    ("block collection", "indent all items of one list equally, and write `- ` before each"),
    ("simple key", "write a colon and a space after a key: `key: value`"),
    ("':'", "write a colon and a space after a key: `key: value`"),
)
