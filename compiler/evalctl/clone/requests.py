"""Finds the repository, and requests by name, for several commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl.check.metrics import unknown_metrics
from evalctl.home_folder import IN_CLONE
from evalctl.load import requirement
from evalctl.load.places import METRICS, files_of
from evalctl.load.repo import find_root
from evalctl.load.workspace import is_shared
from evalctl.model.diagnostic import ERROR, Diagnostic
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.shell import EnvironmentProblem, current_folder
from evalctl.suggest import help_for, listed

if TYPE_CHECKING:
    from evalctl.pipeline.project import Project
    from evalctl.results.store import ResultIndex

RESULTS_CACHE = IN_CLONE.remembered.results_on_disk  # sync has another one, of committed results


def root_of(arguments: argparse.Namespace) -> Path:
    """The root of the repository: --repo, or found from the current folder."""
    given: Path | None = arguments.repo
    if given is not None and not given.is_dir():
        raise EnvironmentProblem(
            f"there is no folder {given}", help="--repo names the clone of an evaluation repository"
        )
    root = find_root(current_folder() if given is None else given.resolve())
    requirement.refuse_newer(root)
    return root


def request_named(word: str, root: Path, known: Iterable[str]) -> str:
    """The request with this path (from the current folder or the root) or this name (without folder and .yaml)."""
    paths = list(known)
    for candidate in (current_folder() / word, root / word):
        try:
            inside = candidate.resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            continue
        if inside in paths:
            return inside
    matching = [path for path in paths if _name(path) == word or path.endswith(f"/{word}.yaml")]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise EnvironmentProblem(f"several requests are named `{word}`: {listed(matching)}", help="give the path")
    raise EnvironmentProblem(
        f"there is no request `{word}`",
        help=help_for(word, map(_name, paths), f"the requests are: {listed(map(_name, paths)) or 'none yet'}"),
    )


def requests_named(words: Sequence[str], root: Path, known: Iterable[str]) -> list[str]:
    """The requests named by `words`; all requests without words."""
    paths = list(known)
    return [request_named(word, root, paths) for word in words] if words else paths


def concerning(
    entries: Mapping[str, KnownRequest], paths: Sequence[str], problems: Sequence[Diagnostic]
) -> list[Diagnostic]:
    """The findings about these requests and the files that they use."""
    others = entries.keys() - set(paths)
    used = {(d.code, d.span) for path in paths for d in entries[path].diagnostics}
    return [p for p in problems if p.span.file not in others and (p.severity == ERROR or (p.code, p.span) in used)]


def unknown_metrics_of(project: Project, index: ResultIndex) -> list[Diagnostic]:
    """Findings for entries of metrics.yaml that name a metric which a measured task lacks."""
    known: dict[str, set[str]] = {}
    for one in index.by_path.values():
        known.setdefault(one.script, set()).update(one.metrics)
    found = {script: names for script, names in known.items() if names}
    text = project.workspace.text(METRICS) if found else None
    return [] if text is None else unknown_metrics(text, project.metric_entries, found)


def blocked_requests(entries: Mapping[str, KnownRequest], problems: Iterable[Diagnostic]) -> dict[str, set[str]]:
    """Requests with an error (also in their model's files), which sync leaves out; each with the requests that it conflicts with.

    An error in a file that all requests share blocks all of them.
    """
    errors = [problem for problem in problems if problem.severity == ERROR]
    groups = [{error.span.file, *(note.span.file for note in error.notes if note.span is not None)} for error in errors]
    files = {file for group in groups for file in group}
    shared = any(is_shared(file) for file in files)
    return {
        path: {file for group in groups if path in group for file in group if file in entries} - {path}
        for path, entry in entries.items()
        if shared or entry.plan is None or path in files or any(set(files_of(model)) & files for model in entry.models)
    }


def _name(path: str) -> str:
    return path.removeprefix("manifests/requests/").rsplit(".", 1)[0]
