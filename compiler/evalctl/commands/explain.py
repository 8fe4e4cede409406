"""`evalctl explain`: who set a value, or what a diagnostic means."""

from __future__ import annotations

import argparse
from typing import Any

from evalctl import report
from evalctl.check import codes
from evalctl.commands.common import request_named, root_of
from evalctl.model.evaluation import Eval, Setting
from evalctl.pipeline import Project
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed
from evalctl.terminal import as_json


def run(arguments: argparse.Namespace) -> int:
    """A diagnostic's page, all codes, or the origin of every setting of a request's eval(s)."""
    subject = arguments.subject
    if subject is None:
        lines = "\n".join(f"{code:<28} {summary}" for code, summary in codes.CODES.items())
        print(_dumped(codes.CODES) if arguments.json else lines)
        return 0
    if subject in codes.CODES and arguments.task is None:
        page = {"code": subject, "summary": codes.CODES[subject], "page": codes.page(subject)}
        print(_dumped(page) if arguments.json else page["page"])
        return 0
    return _request(arguments)


def _request(arguments: argparse.Namespace) -> int:
    root = root_of(arguments)
    project = Project(root)
    paths = project.workspace.request_paths
    try:
        path = request_named(arguments.subject, root, paths)
    except EnvironmentProblem as problem:
        guess = help_for(arguments.subject, codes.CODES, problem.help)
        raise EnvironmentProblem(
            f"`{arguments.subject}` is neither a request nor a diagnostic's code", help=guess
        ) from None
    compiled = project.compile_one(path)
    if not compiled.evals:
        report.show(compiled.diagnostics, root, "json" if arguments.json else "text")
        return 1
    evals = [e for e in compiled.evals if arguments.task in (None, e.task.key)]
    if not evals:
        keys = sorted({e.task.key for e in compiled.evals})
        help = help_for(arguments.task, keys, f"its tasks are: {listed(keys)}")
        raise EnvironmentProblem(f"{path} does not run a task `{arguments.task}`", help=help)
    print(_dumped([_object(e) for e in evals]) if arguments.json else "\n\n".join(_text(e) for e in evals))
    return 0


def _text(evaluation: Eval) -> str:
    subject = evaluation.subject
    named = f", settings {subject.custom_settings}" if subject.custom_settings else ""
    lines = [
        f"{evaluation.task.key}: {subject.model}{named}",
        f"  eval     {evaluation.digest}",
        f"  result   {evaluation.result_path}",
        f"  task     {evaluation.task.framework} {evaluation.framework_version}: {evaluation.task.script}",
    ]
    rows = [(s.name, _value(s), _origin(s)) for s in evaluation.settings]
    width = max((len(name) for name, _, _ in rows), default=0)
    values = min(44, max((report.display_width(value) for _, value, _ in rows), default=0))
    return "\n".join(
        [*lines, *[f"  {name:<{width}}  {_padded(value, values)}  {origin}" for name, value, origin in rows]]
    )


def _value(setting: Setting) -> str:
    value = setting.sourced.value
    return "(unset)" if value is None else as_json(value)


def _origin(setting: Setting) -> str:
    origin = setting.sourced.origin
    where = f"{origin.layer}, {report.place(origin.span)}" if origin.span is not None else origin.layer
    return where if setting.applied else f"{where}; NOT APPLIED: {setting.why}"


def _dumped(document: Any) -> str:
    return as_json(document, indent=2)


def _object(evaluation: Eval) -> dict[str, Any]:
    return {
        "task": evaluation.task.key, "model": evaluation.subject.model, "custom_settings": evaluation.subject.custom_settings,
        "digest": evaluation.digest, "result": evaluation.result_path,
        "settings": [
            {"name": s.name, "value": s.sourced.value, "applied": s.applied, "layer": s.sourced.origin.layer,
             "place": report.place(s.sourced.origin.span) if s.sourced.origin.span else None, "why": s.why}
            for s in evaluation.settings
        ],
    }  # fmt: skip


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - report.display_width(text))
