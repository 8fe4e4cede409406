"""`evalctl new`: writes a request from options, or from questions at the terminal; `new task` writes a task, `new gate` a gate."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from evalctl import report
from evalctl.clone.requests import root_of
from evalctl.commands import new_gate, new_task
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.diagnostic import has_errors
from evalctl.model.names import request_name
from evalctl.pipeline.project import Project
from evalctl.plan.jobs import stem
from evalctl.screen.prompts import ask_for_missing
from evalctl.shell import EnvironmentProblem, below, write_atomically

_HEAD = "# yaml-language-server: $schema={up}schema/request.schema.json\n"


def run(arguments: argparse.Namespace) -> int:
    """Writes manifests/requests/NAME.yaml (never overwrites a file) and checks it."""
    if arguments.name == "task" and (arguments.key or arguments.script or not arguments.model):
        return new_task.run(arguments)
    if arguments.name == "gate" and (arguments.key or arguments.margin is not None):
        return new_gate.run(arguments)
    if arguments.key:
        raise EnvironmentProblem(
            f"a request has one name, but two are given: `{arguments.name}` and `{arguments.key}`",
            help="evalctl new NAME --model …, evalctl new task KEY --script …, or evalctl new gate KEY --margin …",
        )
    root = root_of(arguments)
    catalogue = Project(root).whole_catalogue
    ask_for_missing(arguments, root, catalogue)
    path = request_path(root, arguments.name, arguments.model, arguments.custom_settings)
    if path.exists():
        raise EnvironmentProblem(
            f"{path.relative_to(root)} exists already",
            help="edit that file, or use another name: evalctl new NAME --model …",
        )
    shown = path.relative_to(root).as_posix()
    write_atomically(below(root, shown), _text(arguments, root, path))
    compiled = Project(root).compile_one(shown)
    report.show(sorted(compiled.diagnostics, key=lambda d: d.sort_key), root, "text")
    print(f"wrote {shown}")
    if has_errors(compiled.diagnostics):
        print("correct the errors above, then: evalctl compile")
        return PERSON
    print("next: evalctl plan, evalctl compile, git add manifests generated, git commit")
    return SUCCESS


def request_path(root: Path, given: str | None, model: str, custom_settings: str | None) -> Path:
    """The path of a request: from the given name, else from model and settings; always below manifests/requests/."""
    name = given or "-".join(filter(None, (model.split("/")[-1], custom_settings)))
    name = request_name(name)
    if not re.fullmatch(r"[^\x00-\x1f/\\.~-][^\x00-\x1f\\]*", name) or ".." in name:
        raise EnvironmentProblem(f"`{name}` cannot be a file name", help=f"e.g. {stem(name)}")
    return root / "manifests" / "requests" / f"{name}.yaml"


def _text(arguments: argparse.Namespace, root: Path, path: Path) -> str:
    """The request as YAML, in the usual order of keys; ruamel.yaml adds the necessary quotes."""
    from io import StringIO

    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    request = CommentedMap()
    request["model"] = {"path": arguments.path, "name": arguments.model} if arguments.path else arguments.model
    tasks = CommentedSeq(word.strip() for word in arguments.tasks.split(",") if word.strip())
    tasks.fa.set_flow_style()
    given = {
        "custom_settings": arguments.custom_settings, "provider": arguments.provider, "service": arguments.service,
        "node_kind": arguments.node_kind, "tasks": tasks, "max_samples": arguments.max_samples, "baseline": arguments.baseline, "reason": arguments.reason,
    }  # fmt: skip
    request.update({key: value for key, value in given.items() if value is not None})
    out = StringIO()
    yaml = YAML()
    yaml.width = 10_000
    yaml.dump(request, out)
    up = "../" * (len(path.relative_to(root).parts) - 1)
    return _HEAD.format(up=up) + out.getvalue()
