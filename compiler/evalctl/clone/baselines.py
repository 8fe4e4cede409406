"""The part of `evalctl plan` about baselines: what a request will be able to show, and what gates demand of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.model.plan_file import Baseline
from evalctl.model.providers import settings_folder
from evalctl.model.recorded import RecordedTask
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.plan.forecast import RequestForecast
from evalctl.results.store import ResultIndex, files_in
from evalctl.results.submission import recorded_task

if TYPE_CHECKING:
    from evalctl.plan.power import Demand


def with_baselines(
    root: Path, project: Project, entries: Mapping[str, KnownRequest], forecasts: Sequence[RequestForecast],
    index: ResultIndex,
) -> tuple[list[RequestForecast], list[Diagnostic]]:  # fmt: skip
    """The forecasts with what each will be able to show, and warnings where that is less than a gate demands."""
    found = [_one(root, project, entries, one, index) if one.baseline else (one, []) for one in forecasts]
    return [one for one, _ in found], [problem for _, problems in found for problem in problems]


def _one(
    root: Path, project: Project, entries: Mapping[str, KnownRequest], request: RequestForecast, index: ResultIndex
) -> tuple[RequestForecast, list[Diagnostic]]:
    from evalctl.plan.power import powers, rows, shortfalls
    from evalctl.results.entries import of_tasks
    from evalctl.results.power import Outlook

    assert request.baseline is not None
    catalogue = project.shared[0]
    scripts = {key: task.script for key, task in catalogue.tasks.items()}
    outlook = Outlook(index, files_in(root), catalogue.metrics, _folder(request.baseline))
    found = powers(request, outlook, catalogue.metrics, _planned(project, request.request))
    keys = {task.task for job in request.jobs for task in job.job.tasks}
    tasks = {name: key for key in sorted(keys) for name in of_tasks({scripts[key]}, [found[n].entry for n in found])}
    span = _place(project, request.request)
    problems = [_weak(text, span) for text in shortfalls(found, _demands(project, entries, request, index))]
    return replace(request, shows=rows(found, tasks)), problems


def _planned(project: Project, path: str) -> dict[str, RecordedTask]:
    """The task that each record will have, by key."""
    return {one.task.key: recorded_task(one) for one in project.compile_one(path).evals}


def _folder(baseline: Baseline) -> str:
    return settings_folder(baseline.provider, baseline.model, baseline.custom_settings)


def _demands(
    project: Project, entries: Mapping[str, KnownRequest], request: RequestForecast, index: ResultIndex
) -> list[Demand]:
    """The gates that name a model of this request as candidate."""
    from evalctl.check.gates import folder
    from evalctl.clone.gates import gates_of
    from evalctl.model.gate import compared
    from evalctl.plan.power import Demand
    from evalctl.results.gated import REQUIRED

    asked = {settings_folder(job.job.provider, job.job.model, job.job.custom_settings) for job in request.jobs}
    return [
        Demand(gate.name, [one for one in gate.compares if one.tier == REQUIRED])
        for gate in gates_of(project, entries, index)
        if gate.gate is not None and asked & {folder(compared(one)) for one in gate.gate.candidates}
    ]


def _place(project: Project, path: str) -> Span:
    from evalctl.load import yaml_source

    document = yaml_source.parse(project.workspace.text(path) or "", path)[0]
    return Span(path) if document is None else document.span(("baseline",))


def _weak(text: str, span: Span) -> Diagnostic:
    help = "measure more questions (raise max_samples) or more answers, or widen the margin in the gate"
    return Diagnostic("weak-comparison", text, span, help, severity=WARNING)
