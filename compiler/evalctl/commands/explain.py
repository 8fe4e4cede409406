"""`evalctl explain`: the origin of a value, or the meaning of a diagnostic, a reason, a state or a method."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalctl import columns, report
from evalctl.check import codes
from evalctl.clone.last_attempts import last_attempts
from evalctl.clone.requests import request_named, root_of
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.evaluation import Eval, RequestPlan, Setting
from evalctl.pipeline.project import Project
from evalctl.plan.filled import Filled, filled
from evalctl.shell import EnvironmentProblem
from evalctl.site import section_text
from evalctl.suggest import help_for, listed
from evalctl.sync.pages import page_of, pages, text
from evalctl.terminal import as_json


def run(arguments: argparse.Namespace) -> int:
    """Prints the page of a word, all words, or the origin of every setting of a request's evals."""
    if arguments.subject is None or arguments.list:
        print(_dumped(_words()) if arguments.json else _listed())
        return SUCCESS
    words = (arguments.subject, arguments.task, *arguments.more)
    word = " ".join(filter(None, words))  # some words contain a space (`reused from`), with or without quotes
    found = _pages(word)
    if not found and arguments.more:
        help = help_for(word, [*pages(), *section_text.METHODS], "evalctl explain --list: all words")
        raise EnvironmentProblem(f"`{word}` is neither a reason nor a request and a task of it", help=help)
    if not found:
        return _request(arguments)
    print(
        _dumped(found)
        if arguments.json
        else "\n\n".join(found[name] for name in ("page", "reason", "section") if name in found)
    )
    _name_request(arguments, word)
    return SUCCESS


def _name_request(arguments: argparse.Namespace, word: str) -> None:
    """Mentions a request with the same name as the word, and how to explain it."""
    with contextlib.suppress(EnvironmentProblem):  # pages can be read outside of a repository
        path = f"manifests/requests/{word}.yaml"
        if (root_of(arguments) / path).is_file():
            print(f"there is also a request with this name: evalctl explain {path}", file=sys.stderr)


def _pages(word: str) -> dict[str, str]:
    """The pages of a word, by kind: a few words are both the code of a diagnostic and a reason."""
    found = {"code": word, "summary": codes.CODES[word], "page": codes.page(word)} if word in codes.CODES else {}
    page = page_of(word)
    found = {**found, "word": word, "reason": text(page)} if page else found
    return found or _of_method(word)


def _of_method(word: str) -> dict[str, str]:
    """What the page of methods says of a method as outputs name it."""
    found = section_text.of_method(word)
    return {"method": word, "section": found} if found else {}


def _words() -> dict[str, dict[str, str]]:
    methods = {name: f"how a number is computed ({anchor})" for name, anchor in section_text.METHODS.items()}
    return {"codes": codes.CODES, "reasons": {page.word: page.means for page in pages().values()}, "methods": methods}


def _listed() -> str:
    """A line for each code, then one for each word of `status`, `sync` and `plan`."""
    return "\n".join(f"{word:<28} {meaning}" for words in _words().values() for word, meaning in words.items())


def _request(arguments: argparse.Namespace) -> int:
    root = root_of(arguments)
    project = Project(root)
    paths = project.workspace.request_paths
    try:
        path = request_named(arguments.subject, root, paths)
    except EnvironmentProblem as problem:
        guess = help_for(
            arguments.subject,
            [*codes.CODES, *pages(), *section_text.METHODS],
            f"{problem.help}; evalctl explain --list: all words",
        )
        message = f"`{arguments.subject}` is neither a request nor a diagnostic's code nor a reason nor a method"
        raise EnvironmentProblem(message, help=guess) from None
    compiled = project.compile_one(path)
    if not compiled.evals:
        report.show(compiled.diagnostics, root, "json" if arguments.json else "text")
        return PERSON
    evals = [e for e in compiled.evals if arguments.task in (None, e.task.key)]
    if not evals:
        keys = sorted({e.task.key for e in compiled.evals})
        help = help_for(arguments.task, keys, f"its tasks are: {listed(keys)}")
        raise EnvironmentProblem(f"{path} does not run a task `{arguments.task}`", help=help)
    cards = project.catalogue_for(sorted({one.subject.model for one in evals})).cards
    tries = _last_attempts(root, compiled.plan)
    shown = [Explained(one, filled(one, cards.get(one.subject.model)), tries.get(one.digest, "")) for one in evals]
    print(_dumped([_object(one) for one in shown]) if arguments.json else "\n\n".join(_text(one) for one in shown))
    return SUCCESS


def _last_attempts(root: Path, plan: RequestPlan | None) -> dict[str, str]:
    """Digest of an eval -> how its last attempt failed."""
    jobs = {job.name: job for job in plan.jobs} if plan is not None else {}
    by_task = {(name, task.key): task.evaluation.digest for name, job in jobs.items() for task in job.tasks}
    keys = {name: (job.retries, [task.key for task in job.tasks]) for name, job in jobs.items()}
    return {by_task[where]: words for where, words in last_attempts(root, keys).items()}


@dataclass(frozen=True, slots=True)
class Explained:
    """An eval, with values that no setting sets, and how its last attempt failed."""

    evaluation: Eval
    filled: tuple[Filled, ...]
    last_attempt: str

    def is_filled(self, setting: Setting) -> bool:
        """Whether a setting was not applied and another value is used instead."""
        return not setting.applied and any(one.name == setting.name for one in self.filled)


def _text(explained: Explained) -> str:
    evaluation = explained.evaluation
    subject = evaluation.subject
    named = f", settings {subject.custom_settings}" if subject.custom_settings else ""
    lines = [
        f"{evaluation.task.key}: {subject.model}{named}",
        f"  eval     {evaluation.digest}",
        f"  result   {evaluation.result_path}",
        f"  task     {evaluation.task.framework} {evaluation.framework_version}: {evaluation.task.script}",
        *([f"  last attempt {explained.last_attempt}"] if explained.last_attempt else []),
    ]
    rows = [
        *((one.name, "-" if one.value is None else as_json(one.value), one.origin) for one in explained.filled),
        *((s.name, _value(s), _origin(s, "not sent" if explained.is_filled(s) else "NOT APPLIED")) for s in evaluation.settings),
    ]  # fmt: skip
    rows.sort(key=lambda row: row[0])  # applied settings before those that are not applied
    width = max((columns.display_width(name) for name, _, _ in rows), default=0)
    values = min(44, max((columns.display_width(value) for _, value, _ in rows), default=0))
    return "\n".join(
        [
            *lines,
            *[
                f"  {columns.padded(name, width)}  {columns.padded(value, values)}  {origin}"
                for name, value, origin in rows
            ],
        ]
    )


def _value(setting: Setting) -> str:
    value = setting.sourced.value
    return "(unset)" if value is None else as_json(value)


def _origin(setting: Setting, kept_out: str) -> str:
    origin = setting.sourced.origin
    where = f"{origin.layer}, {report.place(origin.span)}" if origin.span is not None else origin.layer
    return where if setting.applied else f"{where}; {kept_out}: {setting.why}"


def _dumped(document: Any) -> str:
    return as_json(document, indent=2)


def _object(explained: Explained) -> dict[str, Any]:
    evaluation = explained.evaluation
    return {
        "task": evaluation.task.key, "model": evaluation.subject.model, "custom_settings": evaluation.subject.custom_settings,
        "digest": evaluation.digest, "result": evaluation.result_path,
        "last_attempt": explained.last_attempt,
        "settings": [
            {"name": s.name, "value": s.sourced.value, "applied": s.applied, "layer": s.sourced.origin.layer,
             "place": report.place(s.sourced.origin.span) if s.sourced.origin.span else None, "why": s.why}
            for s in evaluation.settings
        ],
        "filled": [{"name": one.name, "value": one.value, "origin": one.origin} for one in explained.filled],
    }  # fmt: skip
