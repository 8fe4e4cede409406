"""The filled-in head of the lab's qsub_all.sh and its `qsub_task LANG TASK` lines, read as text and never executed.

Form of the script as its public history has it (swallow-evaluation-instruct before cc817e7): each variable is assigned
once, at the start of a line, a comment behind it. Everything else in the script is machinery and is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evalctl.model.diagnostic import Diagnostic, Note, Span

VARIABLES = (
    "NODE_KIND", "MODEL_NAME", "PROVIDER", "CUSTOM_SETTINGS", "PREDOWNLOAD_MODEL", "MAX_SAMPLES", "SERVICE", "PRIORITY",
    "CUDA_VISIBLE_DEVICES",
)  # fmt: skip

_ASSIGNMENT = re.compile(rf"\s*(?:export\s+)?(?P<name>{'|'.join(VARIABLES)})(?P<sign>\+?=)(?P<rest>.*)")
# An assignment that depends on what the shell does before it: behind a condition, in a loop, by `declare`.
_HIDDEN = re.compile(
    rf"(?:[;&|(]|\b(?:then|else|do|declare|typeset|readonly|local)\b[^=]*?)\s*(?P<name>{'|'.join(VARIABLES)})\+?="
)
_VALUE = re.compile(r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'#;&|()<>]*))(?:\s+#.*|\s*)""")
_TASK = re.compile(r"\s*qsub_task\s+(?P<words>[^#]*?)\s*(?:#.*)?")
_WORD = re.compile(r"""(["']?)([A-Za-z0-9_.-]+)\1""")


@dataclass(frozen=True, slots=True)
class Word:
    """A value as written, and its place."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Head:
    """What a person filled in: variables that are not empty, and task keys in order."""

    values: Mapping[str, Word]
    tasks: tuple[Word, ...]


def read(text: str, file: str) -> tuple[Head, list[Diagnostic]]:
    """The variables and tasks of the script; what cannot be read without running it is a finding."""
    values: dict[str, Word] = {}
    tasks: dict[str, Word] = {}
    problems: list[Diagnostic] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        code = line.lstrip()
        if code.startswith("#"):
            continue
        if match := _ASSIGNMENT.fullmatch(line):
            _take(match, values, Span(file, number, match.start("rest") + 1, len(line) + 1), problems)
        elif hidden := _HIDDEN.search(line.split("#")[0]):
            span = Span(file, number, hidden.start("name") + 1, len(line) + 1)
            problems.append(_unreadable(f"{hidden['name']} is set in passing", span, _ONE_LINE))
        elif re.search(r"\bqsub_task\b", code.split("#")[0]) and not re.match(r"(function\s+)?qsub_task\s*\(\)", code):
            _task(line, tasks, Span(file, number, line.index("qsub_task") + 1, len(line) + 1), problems)
    return Head({name: word for name, word in values.items() if word.text}, tuple(tasks.values())), problems


_ONE_LINE = 'write NAME="VALUE" on a line of its own, below `# Set Args`'


def _take(match: re.Match[str], values: dict[str, Word], span: Span, problems: list[Diagnostic]) -> None:
    name, value = match["name"], _VALUE.fullmatch(match["rest"])
    found = value.group("double", "single", "bare") if value else ()
    text = next((part for part in found if part is not None), match["rest"])
    if any(mark in text for mark in "$`\\") and not (value and value["single"]):
        help = f'{name}="VALUE" with the value itself in it'
        problems.append(_unreadable(f"the value of {name} is computed by the shell, which is not run here", span, help))
    elif match["sign"] != "=" or value is None:
        problems.append(_unreadable(f"the value of {name} is not one word", span, f'write {name}="VALUE"'))
    elif name in values:
        first = Note("first given here", values[name].span)
        problems.append(Diagnostic("duplicate-key", f"{name} is given twice", span, "keep one of the lines", (first,)))
    else:
        values[name] = Word(text, span)


def _task(line: str, tasks: dict[str, Word], span: Span, problems: list[Diagnostic]) -> None:
    match = _TASK.fullmatch(line)
    words = [word[2] for part in match["words"].split() if (word := _WORD.fullmatch(part))] if match else []
    if match is None or len(words) != 2 or len(match["words"].split()) != 2:
        help = "one line `qsub_task LANGUAGE TASK` for each task; delete or comment out what computes them"
        problems.append(_unreadable("this use of qsub_task cannot be read without running it", span, help))
        return
    key = "_".join(words)
    tasks.setdefault(key, Word(key, span))


def _unreadable(message: str, span: Span, help: str) -> Diagnostic:
    return Diagnostic("unreadable-source", message, span, help)
