"""What sync would do about each eval: run it, reuse a result, wait for another job, or nothing because it is blocked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.model.result import IMPORTED
from evalctl.results.store import ResultIndex

RUN, REUSED, COPIED, WAITING, BLOCKED = "run", "reused", "reused from", "waiting for", "blocked"


@dataclass(frozen=True, slots=True)
class EvalForecast:
    """One eval: what happens and because of what."""

    task: str
    state: str
    detail: str
    seconds: int


@dataclass(frozen=True, slots=True)
class JobForecast:
    """One job of plan.json with what happens to its evals; `runs` says whether it is submitted at all."""

    job: Mapping[str, Any]
    evals: tuple[EvalForecast, ...]

    @property
    def runs(self) -> bool:
        """Whether anything of it is left to measure."""
        return any(forecast.state == RUN for forecast in self.evals)


@dataclass(frozen=True, slots=True)
class RequestForecast:
    """One request; `jobs` is empty where an error forbids planning."""

    request: str
    jobs: tuple[JobForecast, ...]
    blocked: bool = False


def forecast(summaries: Mapping[str, Mapping[str, Any] | None], index: ResultIndex) -> list[RequestForecast]:
    """Every request in order; the first request that asks for an eval runs it, later ones wait for it."""
    owners: dict[str, str] = {}
    return [
        RequestForecast(path, tuple(_job(job, index, owners) for job in summary["jobs"]))
        if summary is not None
        else RequestForecast(path, (), blocked=True)
        for path, summary in summaries.items()
    ]


def _job(job: Mapping[str, Any], index: ResultIndex, owners: dict[str, str]) -> JobForecast:
    return JobForecast(job, tuple(_eval(job, task, index, owners) for task in job["tasks"]))


def _eval(job: Mapping[str, Any], task: Mapping[str, Any], index: ResultIndex, owners: dict[str, str]) -> EvalForecast:
    state, detail = _state(job, task, index, owners)
    return EvalForecast(task["task"], state, detail, task["seconds"])


def _state(
    job: Mapping[str, Any], task: Mapping[str, Any], index: ResultIndex, owners: dict[str, str]
) -> tuple[str, str]:
    path, digest = task["result"], task["digest"]
    if path in index.unreadable:
        return BLOCKED, f"{path}: {index.unreadable[path]}"
    if index.current(path, digest):
        return REUSED, path
    elsewhere = index.by_digest.get(digest)
    if elsewhere is not None:
        return COPIED, elsewhere.path
    owner = owners.setdefault(digest, job["name"])
    if owner != job["name"]:
        return WAITING, owner
    return RUN, _why(path, job.get("address", ""), index)


def _why(path: str, address: str, index: ResultIndex) -> str:
    if path not in index.by_path:
        return "no result yet"
    measured = index.by_path[path]
    if measured.digest.startswith(IMPORTED):
        return "its result is an imported one"
    if measured.address != address and address:
        return f"another address answers: {measured.address or 'not recorded'} → {address}"
    return "inputs changed since its result"


def counts(forecasts: Iterable[RequestForecast]) -> dict[str, int]:
    """Evals by state."""
    total: dict[str, int] = {}
    for request in forecasts:
        for job in request.jobs:
            for evaluation in job.evals:
                total[evaluation.state] = total.get(evaluation.state, 0) + 1
    return total
