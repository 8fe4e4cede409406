"""Forecasts what sync does with each eval: run it, reuse a result, wait for another job, or nothing because it is blocked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from evalctl.model.plan_file import Baseline, CostEstimate, PlanFile, PlannedJob, PlannedTask, PlannedUpload
from evalctl.model.result import IMPORTED
from evalctl.plan.cost import cost_of, walltime_of
from evalctl.plan.power import Showable
from evalctl.results.store import ResultIndex
from evalctl_job.shards import words

RUN, REUSED, COPIED, WAITING, BLOCKED = "run", "reused", "reused from", "waiting for", "blocked"
CHANGED = "inputs changed since its result"


@dataclass(frozen=True, slots=True)
class EvalForecast:
    """One eval, or a shard of one: its state and the reason. `task` is its key within the job."""

    task: str
    state: str
    detail: str
    seconds: int
    is_shard: bool = False

    @property
    def words(self) -> str:
        """The task as people read it, and which shard."""
        return words(self.task)


@dataclass(frozen=True, slots=True)
class JobForecast:
    """One job of plan.json with the state of its evals, and the walltime and cost of those that run.

    `runs` says whether it is submitted at all; `cost` is None where the service names no price.
    """

    job: PlannedJob
    evals: tuple[EvalForecast, ...]
    walltime_seconds: int
    cost: CostEstimate | None

    @property
    def runs(self) -> bool:
        """Whether an eval of it is left to measure."""
        return any(forecast.state == RUN for forecast in self.evals)


@dataclass(frozen=True, slots=True)
class RequestForecast:
    """One request; where an error blocks it, `jobs` is empty and `because` says which request it conflicts with.

    `upload` is its push_to_hub, `baseline` what it will be compared with, and `shows` what that will be able to show.
    """

    request: str
    jobs: tuple[JobForecast, ...]
    blocked: bool = False
    because: str = ""
    upload: PlannedUpload | None = None
    baseline: Baseline | None = None
    shows: tuple[Showable, ...] = ()


def forecast(
    summaries: Mapping[str, PlanFile | None],
    index: ResultIndex,
    blocked: Mapping[str, Collection[str]] | None = None,
) -> list[RequestForecast]:
    """Every request in order; the first request that asks for an eval runs it, later ones wait for it.

    `blocked` are requests that sync leaves out, each with those that it conflicts with.
    """
    owners: dict[str, str] = {}
    blocked = blocked or {}
    return [
        RequestForecast(path, (), True, _because(blocked.get(path, ()), summaries, index))
        if summary is None or path in blocked
        else RequestForecast(
            path,
            tuple(_job(job, index, owners) for job in summary.jobs),
            upload=summary.push_to_hub,
            baseline=summary.baseline,
        )
        for path, summary in summaries.items()
    ]


def _because(others: Collection[str], summaries: Mapping[str, PlanFile | None], index: ResultIndex) -> str:
    return ", ".join(f"conflicts with {path}{_finished(summaries.get(path), index)}" for path in sorted(others))


def _finished(summary: PlanFile | None, index: ResultIndex) -> str:
    tasks = list(summary.tasks) if summary else []
    done = sum(index.current(task.result, task.digest) for task in tasks)
    return f" (which has {done} of {len(tasks)} results)" if done else ""


def _job(job: PlannedJob, index: ResultIndex, owners: dict[str, str]) -> JobForecast:
    evals = tuple(_eval(job, task, index, owners) for task in job.tasks)
    running = [one.task for one in evals if one.state == RUN]
    return JobForecast(job, evals, walltime_of(job, running), cost_of(job, running))


def _eval(job: PlannedJob, task: PlannedTask, index: ResultIndex, owners: dict[str, str]) -> EvalForecast:
    state, detail = _state(job, task, index, owners)
    return EvalForecast(task.key, state, detail, task.seconds, task.shard > 0)


def _state(job: PlannedJob, task: PlannedTask, index: ResultIndex, owners: dict[str, str]) -> tuple[str, str]:
    path, digest = task.result, task.digest
    if path in index.unreadable:
        return BLOCKED, f"{path}: {index.unreadable[path]}"
    if index.current(path, digest):
        return REUSED, path
    elsewhere = index.by_digest.get(digest)
    if elsewhere is not None:
        return COPIED, elsewhere.path
    # The shards of an eval come before its merge, so only another request can have it before them.
    owner = owners.get(digest) or owners.setdefault(claimed_as(task), job.name)
    if owner != job.name:
        return WAITING, owner
    if task.shards and not task.shard:
        return RUN, f"scores the answers of its {task.shards} shards: {_why(path, index)}"
    return RUN, _why(path, index)


def claimed_as(task: PlannedTask) -> str:
    """What one job alone does: an eval, or a shard of it."""
    return f"{task.digest} {task.shard}/{task.shards}" if task.shard else task.digest


def _why(path: str, index: ResultIndex) -> str:
    if path not in index.by_path:
        return "no result yet"
    measured = index.by_path[path]
    if measured.digest.startswith(IMPORTED):
        return "its result was imported, and imported results are never reused"
    return CHANGED


def counts(forecasts: Iterable[RequestForecast]) -> dict[str, int]:
    """The number of evals in each state."""
    total: dict[str, int] = {}
    for request in forecasts:
        for job in request.jobs:
            for evaluation in (one for one in job.evals if not one.is_shard):
                total[evaluation.state] = total.get(evaluation.state, 0) + 1
    return total
