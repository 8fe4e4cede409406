"""`evalctl new gate`: writes a gate, checked before it is written."""

from __future__ import annotations

import argparse

from evalctl.clone.changing import refused, write
from evalctl.clone.gates import gates_of
from evalctl.clone.requests import RESULTS_CACHE, root_of
from evalctl.exits import SUCCESS
from evalctl.load.places import GATES
from evalctl.model.diagnostic import has_errors
from evalctl.model.names import below
from evalctl.pipeline.project import Project
from evalctl.results.store import index_folder
from evalctl.shell import EnvironmentProblem

_HEAD = "# yaml-language-server: $schema=../../schema/gate.schema.json\n"
_FLAGS = ("key", "baseline", "model", "tasks", "margin")


def run(arguments: argparse.Namespace) -> int:
    """Writes manifests/gates/KEY.yaml (never overwrites a file); writes nothing if anything is wrong."""
    _require(arguments)
    root = root_of(arguments)
    path = f"{GATES}/{below(arguments.key, '')}.yaml"
    if (root / path).exists():
        raise EnvironmentProblem(f"{path} exists already", help="edit that file, or use another name")
    project, text = Project(root), _text(arguments)
    entries = project.check()[0]
    project.workspace.pretend(path, text)
    found = gates_of(project, entries, index_folder(root, root / RESULTS_CACHE))
    problems = [*project.workspace.unread, *(one for gate in found if gate.path == path for one in gate.problems)]
    problems = [one for one in problems if one.span.file == path]
    if has_errors(problems):
        return refused(problems, root, {path: text})
    write(root, {path: text})
    print(f"next: git add {path}, git commit; then: evalctl results gate {arguments.key}")
    return SUCCESS


def _require(arguments: argparse.Namespace) -> None:
    missing = [flag for flag in _FLAGS if getattr(arguments, flag) is None]
    if missing:
        words = " ".join("KEY" if flag == "key" else f"--{flag} …" for flag in missing)
        raise EnvironmentProblem(f"a gate needs {', '.join(missing)}", help=f"evalctl new gate {words}")


def _text(arguments: argparse.Namespace) -> str:
    """The gate as YAML: one candidate, and a rule for each suite or task."""
    from io import StringIO

    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    candidate = CommentedMap({"model": arguments.model, "custom_settings": arguments.custom_settings})
    rules = CommentedSeq(
        CommentedMap({"suite": word.strip(), "margin": arguments.margin})
        for word in arguments.tasks.split(",") if word.strip()
    )  # fmt: skip
    for one in (candidate, *rules):
        one.fa.set_flow_style()
    gate = CommentedMap({
        "baseline": arguments.baseline, "candidates": [candidate if arguments.custom_settings else arguments.model], "required": rules,
    })  # fmt: skip
    if arguments.reason:
        gate["reason"] = arguments.reason
    out = StringIO()
    yaml = YAML()
    yaml.width = 10_000
    yaml.dump(gate, out)
    return _HEAD + out.getvalue()
