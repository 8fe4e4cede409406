"""Reads the filled-in head of the lab's qsub_all.sh and its `qsub_task LANG TASK` lines as text; executes nothing.

The form of the script is that of its public history (swallow-evaluation-instruct before cc817e7, and 6c83ce0 of 2026): each
variable is assigned once, at the start of a line, followed by a comment. Everything else in the script is ignored; a variable
that is set and has no key in a request is reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evalctl.importing.flow import TEXT, hindrances
from evalctl.model.diagnostic import WARNING, Diagnostic, Note, Span

VARIABLES = (
    "NODE_KIND", "MODEL_NAME", "PROVIDER", "CUSTOM_SETTINGS", "PREDOWNLOAD_MODEL", "MAX_SAMPLES", "SERVICE", "PRIORITY",
    "CUDA_VISIBLE_DEVICES",
)  # fmt: skip

# Variables of 2026 without a key in a request (`unplaced` reports what to do instead).
UNPLACED = ("AR_ID", "TRUST_REMOTE_CODE", "UPLOAD_DETAILS", "COPY_DETAILS")
_ALL = "|".join((*VARIABLES, *UNPLACED, "ENABLE_ENV"))

_ASSIGNMENT = re.compile(rf"\s*(?:export\s+)?(?P<name>{_ALL})(?P<sign>\+?=)(?P<rest>.*)")
# An assignment whose effect depends on the shell: after a condition, in a loop, by `declare`.
_HIDDEN = re.compile(rf"(?:[;&|(]|\b(?:then|else|do|declare|typeset|readonly|local)\b[^=]*?)\s*(?P<name>{_ALL})\+?=")
_CHANGED = re.compile(rf"\s*(?:unset|read|eval|printf\s+-v|mapfile|readarray)\b[^#]*?\b(?P<name>{_ALL})\b")
_VALUE = re.compile(r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'#;&|()<>]*))(?:\s+#.*|\s*)""")
_CALL = re.compile(r"\bqsub_task\b")
_DEFINITION = re.compile(r"(function\s+)?qsub_task\s*\(\)")
_TASK = re.compile(r"\s*qsub_task\s+(?P<words>[^#]*?)\s*(?:#.*)?")
# The block that takes over values of qsub_multi.sh (2026) from the environment; without that script it does nothing.
_HANDED = re.compile(r"if \[\[ \"\$\{?ENABLE_ENV\}?\" == \"?enable_env\"? \]\]; *then")
_HANDED_LINE = re.compile(r"(?P<name>[A-Z_]+)=\"\$(?:ENV_(?P=name)|\{ENV_(?P=name)(?::-\$(?P=name))?\})\"|#.*|")
_OTHER = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_]\w*)=(?P<rest>.*)", re.ASCII)
_DEFAULT = re.compile(r"#.*?\bDefault: \"(?P<value>[^\"]*)\"")
_WORD = re.compile(r"""(["']?)([A-Za-z0-9_.-]+)\1""")


@dataclass(frozen=True, slots=True)
class Word:
    """A value as written, and its position."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Head:
    """The filled-in values: variables that are not empty, and task keys in order.

    `unplaced` are variables without a key in a request whose value differs from the default.
    """

    values: Mapping[str, Word]
    tasks: tuple[Word, ...]
    unplaced: Mapping[str, Word]


def read(text: str, file: str) -> tuple[Head, list[Diagnostic]]:
    """The variables and tasks of the script; a finding for each part that only running the script would reveal."""
    lines, problems = _without_handed(text.removeprefix("\ufeff").splitlines(), file)
    reading = _ReadHead(problems)
    for number, (line, hindrance) in enumerate(zip(lines, hindrances(lines), strict=True), 1):
        code = line.lstrip()
        if not code.startswith("#") and hindrance != TEXT:
            reading.line(line, Span(file, number, len(line) - len(code) + 1, len(line) + 1), hindrance)
    return reading.head(), problems


@dataclass(slots=True)
class _ReadHead:
    """What the lines so far gave; `on_top`: no line of code so far."""

    problems: list[Diagnostic]
    values: dict[str, Word] = field(default_factory=dict)
    tasks: dict[str, Word] = field(default_factory=dict)
    others: dict[str, Word] = field(default_factory=dict)
    on_top: bool = True

    def line(self, line: str, span: Span, hindrance: str) -> None:
        """Takes one line, and reports it where evalctl cannot know whether it runs."""
        found = len(self.problems)
        self._take(line, span, hindrance)
        if hindrance and found == len(self.problems) and (_ASSIGNMENT.fullmatch(line) or _TASK.fullmatch(line)):
            message = f"this line is {hindrance}: evalctl cannot know whether it runs"
            self.problems.append(_unreadable(message, span, _AT_TOP))

    def _take(self, line: str, span: Span, hindrance: str) -> None:
        code = line.lstrip()
        if match := _ASSIGNMENT.fullmatch(line):
            values = dict(self.values) if hindrance else self.values
            _take(match, values, replace(span, column=match.start("rest") + 1), self.problems)
        elif hidden := _HIDDEN.search(line.split("#")[0]) or _CHANGED.match(line):
            place = replace(span, column=hidden.start("name") + 1)
            self.problems.append(
                _unreadable(f"{hidden['name']} is not assigned on a line of its own", place, _ONE_LINE)
            )
        elif _CALL.search(code.split("#")[0]) and not _DEFINITION.match(code):
            tasks = dict(self.tasks) if hindrance else self.tasks
            _task(line, tasks, replace(span, column=line.index("qsub_task") + 1), self.problems)
        elif match := _OTHER.fullmatch(line):
            _other(match, self.others, span, on_top=self.on_top)
        elif code and not code.startswith("set "):
            self.on_top = False

    def head(self) -> Head:
        """The values that are not empty, those of requests apart from the others."""
        values, others = dict(self.values), dict(self.others)
        others |= {name: values.pop(name) for name in UNPLACED if name in values and values[name].text != "false"}
        given = {name: word for name, word in values.items() if word.text and name in VARIABLES}
        return Head(given, tuple(self.tasks.values()), {name: word for name, word in others.items() if word.text})


def _without_handed(lines: list[str], file: str) -> tuple[list[str], list[Diagnostic]]:
    """The lines, with the block emptied that takes over values of qsub_multi.sh; a note if there is such a block."""
    first = next((number for number, line in enumerate(lines) if _HANDED.fullmatch(line.strip())), None)
    if first is None:
        return lines, []
    last = next((number for number in range(first, len(lines)) if lines[number].strip() == "fi"), first)
    if last == first or not all(_HANDED_LINE.fullmatch(line.strip()) for line in lines[first + 1 : last]):
        return lines, []
    message = "values of qsub_multi.sh are ignored: the import reads those at the top of this script"
    help = "for several models write `models: [...]` in the request"
    found = Diagnostic("unreadable-source", message, Span(file, first + 1), help, severity=WARNING)
    return [*lines[:first], *[""] * (last + 1 - first), *lines[last + 1 :]], [found]


def _other(match: re.Match[str], others: dict[str, Word], span: Span, *, on_top: bool) -> None:
    """Records a variable that the lab's script does not have; below the script's head only if its value is plain."""
    value = _VALUE.fullmatch(match["rest"])
    found = value.group("double", "single", "bare") if value else ()
    text = next((part for part in found if part is not None), None)
    if not on_top and (text is None or any(mark in text for mark in "$`\\")):
        return
    default = _DEFAULT.search(match["rest"])
    if text is None or default is None or default["value"] != text:
        others[match["name"]] = Word(match["rest"] if text is None else text, span)


_AT_TOP = "put it on a line outside of any block, or comment it out"
_ONE_LINE = 'write NAME="VALUE" on a line of its own, below `# Set Args`'


def _take(match: re.Match[str], values: dict[str, Word], span: Span, problems: list[Diagnostic]) -> None:
    name, value = match["name"], _VALUE.fullmatch(match["rest"])
    found = value.group("double", "single", "bare") if value else ()
    text = next((part for part in found if part is not None), match["rest"])
    if name == "ENABLE_ENV":
        if text not in ("", "${1:-}"):
            help = "delete the line: the import reads the values at the top of the script"
            problems.append(_unreadable("the values on this line come from the environment", span, help))
        return
    if any(mark in text for mark in "$`\\") and not (value and value["single"]):
        help = f'write {name}="VALUE" with the final value'
        problems.append(
            _unreadable(f"the shell computes the value of {name}, but the import runs no shell", span, help)
        )
    elif match["sign"] != "=" or value is None:
        problems.append(_unreadable(f"the value of {name} is not a single word", span, f'write {name}="VALUE"'))
    elif name in values:
        first = Note("first given here", values[name].span)
        problems.append(Diagnostic("duplicate-key", f"{name} is given twice", span, "keep one of the lines", (first,)))
    else:
        values[name] = Word(text, span)


def _task(line: str, tasks: dict[str, Word], span: Span, problems: list[Diagnostic]) -> None:
    match = _TASK.fullmatch(line)
    words = [word[2] for part in match["words"].split() if (word := _WORD.fullmatch(part))] if match else []
    if match is None or len(words) != 2 or len(match["words"].split()) != 2:
        help = (
            "write one line `qsub_task LANGUAGE TASK` for each task; delete or comment out the code that computes them"
        )
        problems.append(_unreadable("the arguments of this qsub_task are known only when the script runs", span, help))
        return
    key = "_".join(words)
    tasks.setdefault(key, Word(key, span))


def _unreadable(message: str, span: Span, help: str) -> Diagnostic:
    return Diagnostic("unreadable-source", message, span, help)
