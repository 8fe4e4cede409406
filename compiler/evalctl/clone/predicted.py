"""The part of `evalctl plan` and `runtimes` about measured runs: hours that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl.pipeline.project import Project
from evalctl.plan.cost import cost_of
from evalctl.plan.forecast import RUN, JobForecast, RequestForecast
from evalctl.results.store import ResultIndex

if TYPE_CHECKING:
    from evalctl.model.catalogue import Catalogue
    from evalctl.model.plan_file import PlannedKind
    from evalctl.plan.choice import ServerWork
    from evalctl.plan.speeds import Speeds

NEWEST = 500  # results that are read: more change a median little


def with_measured(
    root: Path, project: Project, forecasts: Sequence[RequestForecast], index: ResultIndex
) -> list[RequestForecast]:
    """The forecasts, with predictions from measured runs where there are any."""
    if not index.by_path or not any(job.runs and job.job.kinds for one in forecasts for job in one.jobs):
        return list(forecasts)
    from evalctl.plan.speeds import Speeds, runs
    from evalctl.results.reading import parse

    newest = sorted(index.by_path.values(), key=lambda one: -one.measured_at)[:NEWEST]
    results = [parse(one.path, (root / one.path).read_bytes()) for one in newest]
    speeds = Speeds(runs(results, project.whole_catalogue))
    return [_request(project, one, speeds) for one in forecasts] if speeds.runs else list(forecasts)


def _request(project: Project, request: RequestForecast, speeds: Speeds) -> RequestForecast:
    if not any(job.runs and job.job.kinds for job in request.jobs):
        return request
    compiled = project.compile_one(request.request)
    catalogue = project.whole_catalogue
    by_digest = {one.digest: one for one in compiled.evals}
    jobs = []
    for job in request.jobs:
        group = [by_digest[task.digest] for task in job.job.tasks if task.digest in by_digest]
        if job.runs and job.job.kinds and len(group) == len(job.job.tasks) and compiled.checked is not None:
            from evalctl.plan.places import load_of

            job = _job(job, load_of(compiled.checked.request, group, catalogue), catalogue, speeds)
        jobs.append(job)
    return replace(request, jobs=tuple(jobs))


def _job(job: JobForecast, work: ServerWork, catalogue: Catalogue, speeds: Speeds) -> JobForecast:
    kinds = tuple(_kind(kind, job.job.service, work, catalogue, speeds) for kind in job.job.kinds)
    first, *others = kinds
    others.sort(key=lambda one: (one.seconds is None, one.expected is None, one.expected or 0.0))
    planned = replace(job.job, kinds=(first, *others))
    running = [one.task for one in job.evals if one.state == RUN]
    return replace(job, job=planned, cost=cost_of(planned, running))


def _kind(kind: PlannedKind, name: str, work: ServerWork, catalogue: Catalogue, speeds: Speeds) -> PlannedKind:
    from evalctl.plan.choice import repriced
    from evalctl.plan.placement import placed_on

    service = catalogue.services[name].service
    if kind.seconds is None or work.card is None:
        return kind
    place = placed_on(kind.node_kind, service, work.card, work.server)
    found = speeds.predicted(name, place, work)
    if found is None or not found.measured:
        return kind
    return repriced(kind, place, service, work, work.start + round(found.seconds), found.basis)
