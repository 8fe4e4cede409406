"""Notes about a service as a whole: limits that this many jobs reach, and the advice in the service's file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalctl.plan.forecast import RequestForecast


@dataclass(frozen=True, slots=True)
class Terms:
    """The facts of a service's file that concern all its jobs together."""

    max_submitted: int | None
    max_running: int | None
    advice: Sequence[str]


def notes(forecasts: Sequence[RequestForecast], services: Mapping[str, Terms]) -> list[str]:
    """`SERVICE: sentence` for each service that gets a job now."""
    jobs = Counter(job.job.service for request in forecasts for job in request.jobs if job.runs)
    return [
        f"{name}: {line}"
        for name in sorted(jobs)
        if name in services
        for line in (*_limits(services[name], jobs[name]), *services[name].advice)
    ]


def _limits(terms: Terms, jobs: int) -> Iterator[str]:
    if terms.max_submitted is not None and jobs > terms.max_submitted:
        yield f"of {jobs} jobs, {terms.max_submitted} can be submitted at a time; later syncs submit the others"
    if terms.max_running is not None and jobs > terms.max_running:
        yield f"of {jobs} jobs, at most {terms.max_running} run at once; the others wait in the queue"
