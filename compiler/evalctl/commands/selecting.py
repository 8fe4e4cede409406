"""Jobs by what a person calls them: request, model, task or job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalctl.model.evaluation import Job, RequestPlan
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for
from evalctl.sync.context import Context
from evalctl.sync.control import matching, recorded


def chosen(plans: Sequence[RequestPlan], selectors: Sequence[str]) -> list[Job]:
    """The jobs that every word selects together with the others (all without words); an unknown word is an error."""
    jobs = [job for plan in plans for job in plan.jobs]
    if not selectors:
        return jobs
    found: dict[str, Job] = {}
    for word in selectors:
        matched = matching(plans, word) or matching(plans, _as_request(word)) or _waiting_for(plans, word)
        if not matched:
            known = {name for job in jobs for name in _words(job)}
            raise EnvironmentProblem(
                f"nothing here is called `{word}`",
                help=help_for(word, known, "name a request, a model, a task key or a job"),
            )
        found.update({job.name: job for job in matched})
    return list(found.values())


def with_forgotten(
    context: Context, plans: Sequence[RequestPlan], selectors: Sequence[str]
) -> tuple[list[Job], list[str]]:
    """The chosen jobs, and by name those that only the ledger knows: their request was deleted, or is edited just now."""
    forgotten: dict[str, list[str]] = {}
    for word in selectors:
        if not (matching(plans, word) or matching(plans, _as_request(word))):
            forgotten[word] = recorded(context, word) or recorded(context, _as_request(word))
    rest = [word for word in selectors if not forgotten.get(word)]
    jobs = chosen(plans, rest) if rest or not selectors else []
    return jobs, [name for names in forgotten.values() for name in names]


def _waiting_for(plans: Sequence[RequestPlan], name: str) -> list[Job]:
    """The jobs that wait for the download of this name."""
    return [
        job for plan in plans for job in plan.jobs
        if any(one.name == name and one.weights == job.weights for one in plan.downloads)
    ]  # fmt: skip


def _as_request(word: str) -> str:
    """A path as the shell completes it, from any folder."""
    parts = Path(word).as_posix().split("manifests/requests/")
    return f"manifests/requests/{parts[-1]}" if len(parts) > 1 else word.removesuffix(".yaml")


def _words(job: Job) -> set[str]:
    stem = job.request.removeprefix("manifests/requests/").removesuffix(".yaml")
    return {
        stem,
        job.name,
        *(t.evaluation.task.key for t in job.tasks),
        *(t.evaluation.subject.model for t in job.tasks),
    }
