"""The policy of this repository: its mistakes, and what the policy of a base commit says about the changes since."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evalctl.check.policy import checked
from evalctl.clone.costs import costs
from evalctl.clone.requests import RESULTS_CACHE
from evalctl.git import calls
from evalctl.git.repository import Repository, open_repository
from evalctl.load.places import POLICY
from evalctl.model.diagnostic import ERROR, WARNING, Diagnostic, Span
from evalctl.model.names import request_name
from evalctl.model.plan_file import PlanFile
from evalctl.model.policy import Policy
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.plan.forecast import RequestForecast, forecast
from evalctl.policy.approvals import POLICY_OWNERS, ChangedRequest, PolicyVerdict, judged, unread
from evalctl.policy.budgets import BudgetState, states, words
from evalctl.policy.spent import Expense, Expenses, month_of
from evalctl.results.store import index_folder
from evalctl.shell import run

_OWN_PROVIDER = "vllm"
_PREFIXES = ("manifests/services/", "manifests/providers/")


def problems_of(project: Project) -> list[Diagnostic]:
    """The findings about the policy as it is now."""
    if POLICY not in project.workspace.keys:
        return []
    text = project.workspace.text(POLICY)
    if text is None:
        return list(project.workspace.problems[POLICY])
    return checked(text, project.shared[0].service_names)[1]


def policy_at(repo: Repository, commit: str | None) -> Policy | str | None:
    """The policy of a commit; a text with the reason where it cannot be read, None where there is none."""
    content = repo.read(commit, [POLICY], POLICY).get(POLICY)
    if content is None:
        return None
    try:
        policy, problems = checked(content.decode("utf-8"), None)
    except UnicodeDecodeError:
        return "it is not UTF-8"
    return policy or next((one.message for one in problems if one.severity == ERROR), "it is empty")


def verdict(root: Path, base: str, project: Project, requests: Mapping[str, KnownRequest]) -> PolicyVerdict | None:
    """What the policy of `base`, as it is now, says about the changes of this branch; None where it has no policy. A branch that is
    older than the policy is judged by it, too."""
    repo = open_repository(root)
    commit = calls.left_at(root, base, run)
    policy = policy_at(repo, calls.commit_of(root, base, run))
    if policy is None:
        return None
    if isinstance(policy, str):
        return unread(policy, POLICY)
    known, month = known_costs(root), month_of(time.time())
    plans = {path: requests[path].summary for path in _changed_requests(repo, commit, project, requests)}
    # Without the other requests: one that waits for a job of theirs pays for it where theirs does not run.
    forecasts = {one.request: one for one in forecast(plans, index_folder(root, root / RESULTS_CACHE))}
    changed = [
        _changed(project, path, plan, forecasts[path], month) for path, plan in plans.items() if plan is not None
    ]
    return judged(policy, known, month, changed, _changed_files(repo, commit, project))


def planned(
    root: Path, project: Project, forecasts: Sequence[RequestForecast], requests: Mapping[str, KnownRequest]
) -> list[BudgetState]:
    """The budgets of the policy as it is here, before and after what these requests would run; [] without a policy that can be read."""
    policy = checked(project.workspace.text(POLICY) or "", None)[0] if POLICY in project.workspace.keys else None
    if policy is None or not policy.budgets:
        return []
    month = month_of(time.time())
    plans = [(plan, one) for one in forecasts if one.jobs and (plan := requests[one.request].summary) is not None]
    return states(policy, known_costs(root), month, [cost for pair in plans for cost in expenses(*pair, month)])


def left(root: Path, policy: Policy | str | None) -> list[str]:
    """What is left of the month's budgets, a line each."""
    if not isinstance(policy, Policy) or not policy.budgets:
        return []
    return [words(one) for one in states(policy, known_costs(root), month_of(time.time()), [])]


def known_costs(root: Path) -> Expenses:
    """What was spent and is under way, as far as this clone knows the ledger."""
    found = costs(root)
    return Expenses() if found is None else found[0]


def _changed_requests(
    repo: Repository, commit: str, project: Project, requests: Mapping[str, KnownRequest]
) -> Iterator[str]:
    """Requests whose text or plan differs from that of the commit."""
    plans = {path: f"generated/{request_name(path)}/plan.json" for path in requests}
    before = repo.read(commit, [*plans, *plans.values()])
    for path, one in requests.items():
        text = project.workspace.text(path) or ""
        if before.get(path) != text.encode() or before.get(plans[path]) != one.plan:
            yield path


def _changed_files(repo: Repository, commit: str, project: Project) -> list[str]:
    """Services and providers that differ from those of the commit."""
    before = {
        path: text
        for path, text in repo.read(commit, repo.entries(commit, "manifests"), "manifests").items()
        if path.startswith(_PREFIXES)
    }
    now = {
        path: (project.workspace.text(path) or "").encode()
        for path in project.workspace.keys
        if path.startswith(_PREFIXES)
    }
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))


def _changed(project: Project, path: str, plan: PlanFile, planned: RequestForecast, month: str) -> ChangedRequest:
    running = [job for job in planned.jobs if job.runs]
    upload = plan.push_to_hub
    return ChangedRequest(
        path=path, person=plan.requested_by or "", service=plan.jobs[0].service if plan.jobs else "", priority=_priority(project, path),
        remote_code=tuple(dict.fromkeys(job.model for job in plan.jobs if job.trust_remote_code)),
        public_upload=upload.org if upload is not None and not upload.private else "",
        providers=tuple(dict.fromkeys(job.provider for job in plan.jobs if job.provider != _OWN_PROVIDER)),
        paths=tuple(dict.fromkeys(job.path for job in plan.jobs if job.path)),
        walltime=max((job.walltime_seconds for job in running), default=0), costs=tuple(expenses(plan, planned, month)),
    )  # fmt: skip


def expenses(plan: PlanFile, planned: RequestForecast, month: str) -> Iterator[Expense]:
    """What the jobs of a request that will run cost at their worst."""
    for job in planned.jobs:
        if job.runs and job.cost is not None:
            per_unit = job.cost.currency_per_unit
            yield Expense(
                service=job.job.service, month=month, person=plan.requested_by or "", model=job.job.model, request=plan.request,
                hours=job.walltime_seconds / 3600, unit=job.cost.unit, value=job.cost.worst, currency=job.cost.currency or "",
                money=None if per_unit is None else job.cost.worst * per_unit,
            )  # fmt: skip


def _priority(project: Project, path: str) -> str:
    """In words where it is above the service's default; "" otherwise."""
    checked_request = project.compile_one(path).checked
    if checked_request is None or checked_request.request.priority is None:
        return ""
    asked = checked_request.request.priority
    service = project.shared[0].services.get(checked_request.request.service)
    default = service.service.default_priority if service else None
    return f"priority {asked} is above the default ({default or 0})" if asked > (default or 0) else ""


def findings(found: PolicyVerdict | None) -> list[Diagnostic]:
    """The verdict as findings: refused is an error, what needs an approval and what a budget does not hold now are warnings."""
    if found is None:
        return []
    problems = [
        Diagnostic("policy-refused", f"refused: {one.why}", Span(one.file), help=f"change the request, or the policy first, with {POLICY_OWNERS}")
        for one in found.refused
    ]  # fmt: skip
    problems += [
        Diagnostic(
            "needs-approval", f"needs approval by {one.by}: {one.why}", Span(one.file),
            help=f"ask {one.by} to review this change", severity=WARNING,
        )
        for one in found.approvals
    ]  # fmt: skip
    short = [state for state in found.budgets if not state.holds]
    problems += [
        Diagnostic(
            "budget-exceeded", f"the budget {one.name} holds {one.limit:,.10g} {one.unit}, and {one.after:,.10g} would be used",
            Span(POLICY), help="what it does not hold waits: `evalctl sync` submits the oldest request first", severity=WARNING,
        )
        for one in short
    ]  # fmt: skip
    return problems
