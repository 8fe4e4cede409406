"""What the plan says of a service as a whole: limits that this many jobs meet, and the advice of the service's file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from evalctl.model.catalogue import ServiceEntry
from evalctl.model.manifest import Service
from evalctl.plan.forecast import RequestForecast


def notes(forecasts: Sequence[RequestForecast], services: Mapping[str, ServiceEntry]) -> list[str]:
    """`SERVICE: sentence` for each service that gets a job now."""
    jobs = Counter(job.job["service"] for request in forecasts for job in request.jobs if job.runs)
    return [
        f"{name}: {line}"
        for name in sorted(jobs)
        if name in services
        for line in (*_limits(services[name].service, jobs[name]), *services[name].service.advice)
    ]


def _limits(service: Service, jobs: int) -> Iterator[str]:
    if service.max_submitted is not None and jobs > service.max_submitted:
        yield f"of {jobs} jobs, {service.max_submitted} can be submitted at a time; later syncs submit the others"
    if service.max_running is not None and jobs > service.max_running:
        yield f"of {jobs} jobs, at most {service.max_running} run at once; the others wait in the queue"
