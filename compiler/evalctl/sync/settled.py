"""Requests whose evals all have their results in the commit: a pass knows their jobs by name, without a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalctl.git.repository import open_repository
from evalctl.model.plan_file import PlanFile
from evalctl.sync.context import Context
from evalctl.sync.publish import committed_results


@dataclass(frozen=True, slots=True)
class SettledJob:
    """One job of such a request; `results` maps the place of each result to the digest of its eval."""

    name: str
    service: str
    request: str
    results: Mapping[str, str]


def settled(context: Context, summaries: Mapping[str, PlanFile]) -> dict[str, tuple[SettledJob, ...]]:
    """Of the requests in `summaries` (path to plan.json) the settled ones, with their jobs."""
    results = committed_results(context, open_repository(context.root))
    found = {path: tuple(_jobs(path, summary)) for path, summary in summaries.items()}
    return {
        path: jobs for path, jobs in found.items()
        if all(results.current(place, digest) for job in jobs for place, digest in job.results.items())
    }  # fmt: skip


def _jobs(request: str, summary: PlanFile) -> Iterator[SettledJob]:
    for job in summary.jobs:
        yield SettledJob(job.name, job.service, request, {task.result: task.digest for task in job.tasks})
