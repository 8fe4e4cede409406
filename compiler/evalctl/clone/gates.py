"""The gates of a repository and the baselines of its requests, checked against manifests and results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalctl.load.places import GATES
from evalctl.model.diagnostic import Diagnostic
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.results.store import ResultIndex

if TYPE_CHECKING:
    from evalctl.check.gates import CheckedGate, Known

Requests = Mapping[str, KnownRequest]


def gates_of(project: Project, requests: Requests, index: ResultIndex) -> list[CheckedGate]:
    """Every gate, in order."""
    paths = project.workspace.under(GATES)
    if not paths:
        return []
    known = _known(project, requests, index)
    return [_gate(project, path, known) for path in paths]


def _gate(project: Project, path: str, known: Known) -> CheckedGate:
    from evalctl.check.gates import CheckedGate, checked, models_of, name_of

    text = project.workspace.text(path)
    if text is None:
        return CheckedGate(name_of(path), path, None, None, (), tuple(project.workspace.problems[path]))
    return checked(path, text, project.catalogue_for(sorted(set(models_of(text, path)))), known)


def problems_of(project: Project, requests: Requests, index: ResultIndex) -> list[Diagnostic]:
    """The findings about all gates and baselines."""
    found = [one for gate in gates_of(project, requests, index) for one in gate.problems]
    return [*found, *baselines_of(project, requests, requests, index)]


def baselines_of(project: Project, asked: Requests, requests: Requests, index: ResultIndex) -> list[Diagnostic]:
    """The findings about the baselines of the requests `asked`; those whose plan names no baseline are not read again."""
    paths = [path for path, one in asked.items() if one.plan is None or b'"baseline"' in one.plan]
    texts = {path: text for path in paths if (text := project.workspace.text(path)) and "baseline" in text}
    if not texts:
        return []
    from evalctl.check.gates import baseline_model, baseline_problems

    known = _known(project, requests, index)
    return [
        found for path, text in texts.items()
        for found in baseline_problems(path, text, project.catalogue_for(baseline_model(path, text)), known)
    ]  # fmt: skip


def _known(project: Project, requests: Requests, index: ResultIndex) -> Known:
    from evalctl.check.gates import Known

    named = {model for one in requests.values() for model in one.models}
    return Known(project.workspace.models | named, set(index.by_folder))
