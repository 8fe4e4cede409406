"""Finds jobs by the names that a person types: request, model, task or job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalctl.model.evaluation import Job, RequestPlan
from evalctl.model.names import REQUESTS, request_name
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for
from evalctl.sync.context import Context
from evalctl.sync.control import matching, recorded


def chosen(plans: Sequence[RequestPlan], selectors: Sequence[str]) -> list[Job]:
    """The jobs that the selectors name; all without selectors. Task keys limit the jobs that other selectors name.

    An unknown selector is an EnvironmentProblem.
    """
    jobs = [job for plan in plans for job in plan.jobs]
    keys = _task_keys(jobs) & set(selectors)
    others = [word for word in selectors if word not in keys]
    named = {job.name for word in others for job in _named(plans, jobs, word)}
    found = [job for job in jobs if (not keys or keys & _task_keys([job])) and (not others or job.name in named)]
    if selectors and not found:
        raise EnvironmentProblem(f"{', '.join(others)} does not run {', '.join(sorted(keys))}", help="evalctl status")
    return found


def with_forgotten(
    context: Context, plans: Sequence[RequestPlan], selectors: Sequence[str]
) -> tuple[list[Job], list[str]]:
    """(chosen jobs, names of jobs that only the ledger knows): the request of the latter was deleted or is being edited."""
    forgotten: dict[str, list[str]] = {}
    for word in selectors:
        if not (matching(plans, word) or matching(plans, _as_request(word))):
            forgotten[word] = recorded(context, word) or recorded(context, _as_request(word))
    names = [name for found in forgotten.values() for name in found]
    rest = [word for word in selectors if not forgotten.get(word)]
    if names and set(rest) <= _task_keys([job for plan in plans for job in plan.jobs]):
        return [], names  # task keys then select nothing of the other requests
    return chosen(plans, rest), names


def _task_keys(jobs: Sequence[Job]) -> set[str]:
    return {task.evaluation.task.key for job in jobs for task in job.tasks}


def _named(plans: Sequence[RequestPlan], jobs: Sequence[Job], word: str) -> list[Job]:
    found = matching(plans, word) or matching(plans, _as_request(word)) or _waiting_for(plans, word)
    if not found:
        known = {name for job in jobs for name in _words(job)}
        otherwise = "name a request, a model, a task key or a job"
        raise EnvironmentProblem(
            f"there is no request, model, task or job `{word}`", help=help_for(word, known, otherwise)
        )
    return found


def _waiting_for(plans: Sequence[RequestPlan], name: str) -> list[Job]:
    """The jobs that wait for the download of this name."""
    return [
        job for plan in plans for job in plan.jobs
        if any(one.name == name and one.weights == job.weights for one in plan.downloads)
    ]  # fmt: skip


def _as_request(word: str) -> str:
    """A request's path, as the shell completes it from any folder."""
    parts = Path(word).as_posix().split(REQUESTS)
    return f"{REQUESTS}{parts[-1]}" if len(parts) > 1 else request_name(word)


def _words(job: Job) -> set[str]:
    return {
        request_name(job.request),
        job.name,
        *(t.evaluation.task.key for t in job.tasks),
        *(t.evaluation.subject.model for t in job.tasks),
    }
