"""`evalctl plan`: shows what sync would do. Reads manifests/ and results/; contacts no scheduler and no network."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evalctl import report
from evalctl.clone import gates
from evalctl.clone.last_attempts import last_attempts
from evalctl.clone.predicted import with_measured
from evalctl.clone.requests import RESULTS_CACHE, blocked_requests, concerning, requests_named, root_of
from evalctl.commands import check
from evalctl.exits import PERSON, SUCCESS
from evalctl.git import calls
from evalctl.load.places import POLICY
from evalctl.model.diagnostic import ERROR, WARNING, Diagnostic, Span, has_errors
from evalctl.model.names import request_name
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.plan import pages
from evalctl.plan.applied import Applied
from evalctl.plan.forecast import CHANGED, COPIED, REUSED, RUN, EvalForecast, RequestForecast, forecast
from evalctl.plan.notes import notes
from evalctl.policy.budgets import BudgetState, words
from evalctl.results.proof import NOT_CHECKED, UNPROVEN, Proofs
from evalctl.results.store import ResultIndex, index_folder
from evalctl.shell import EnvironmentProblem
from evalctl.shell import run as run_command
from evalctl.suggest import plural
from evalctl.terminal import as_json, print_composed

_PLANNED = ("generated", "manifests/requests")
DETAILED = 20  # with more requests than this, one line each


def run(arguments: argparse.Namespace) -> int:
    """Prints the plan; returns 1 if an error blocks one of its requests."""
    root = root_of(arguments)
    project = Project(root)
    as_comment = arguments.format == "comment"
    entries, problems = check.checked(project, rendered=as_comment)
    paths = requests_named(arguments.requests, root, entries)
    if arguments.base is not None:
        paths = _changed(root, arguments.base, paths)
    detailed = bool(arguments.requests) or len(paths) <= DETAILED or as_comment
    index = index_folder(root, root / RESULTS_CACHE)
    forecasts = _forecast(entries, paths, index, problems)
    weak: list[Diagnostic] = []
    if detailed or arguments.format == "json":
        forecasts, weak = _in_detail(root, project, entries, paths, forecasts, index)
    problems = [*problems, *_unreadable(forecasts, index)]
    unproven, unchecked = _unproven(root, forecasts, index)
    settings = {job: shown for path in paths for job, shown in entries[path].applied.items()} if detailed else {}
    shown = concerning(entries, paths, problems) if detailed else [p for p in problems if p.severity == ERROR]
    shown = [*shown, *weak, *unproven]
    if as_comment:
        more = _of_the_change(root, arguments.base, project, entries, index)
        shown = sorted({*problems, *shown, *more}, key=lambda one: one.sort_key)
    budgets = _budgets(root, project, forecasts, entries)
    _show(arguments.format, root, forecasts, settings, shown, [*notes(forecasts, project.terms), *unchecked], budgets)
    return PERSON if has_errors(shown) else SUCCESS


def _in_detail(
    root: Path, project: Project, entries: Mapping[str, KnownRequest], paths: Sequence[str],
    forecasts: Sequence[RequestForecast], index: ResultIndex,
) -> tuple[list[RequestForecast], list[Diagnostic]]:  # fmt: skip
    """(forecasts with old and new values, last attempts and what a comparison will show, warnings about that)."""
    forecasts = _with_last_attempts(root, [_with_differences(root, project, one) for one in forecasts])
    forecasts = with_measured(root, project, forecasts, index)
    forecasts, weak = _with_baselines(root, project, entries, forecasts, index)
    return forecasts, weak + gates.baselines_of(project, {path: entries[path] for path in paths}, entries, index)


def _of_the_change(
    root: Path, base: str | None, project: Project, entries: Mapping[str, KnownRequest], index: ResultIndex
) -> list[Diagnostic]:
    """What `check --base` finds besides the requests: a comment has all of it."""
    if base is None:
        raise EnvironmentProblem(
            "a comment says what changes since a commit", help="evalctl plan --format comment --base COMMIT"
        )
    return [*check.of_everything(root, project, entries, index), *check.changes(root, base, project, entries)]


def _forecast(
    entries: Mapping[str, KnownRequest], paths: Sequence[str], index: ResultIndex, problems: Sequence[Diagnostic]
) -> list[RequestForecast]:
    """The forecast for `paths`, considering all requests: an eval of several requests runs only once."""
    others = [path for path in entries if path not in set(paths)]
    summaries = {path: entries[path].summary for path in [*others, *paths]}
    everything = forecast(summaries, index, blocked_requests(entries, problems))
    return everything[len(others) :]


def _with_differences(root: Path, project: Project, request: RequestForecast) -> RequestForecast:
    """The forecast, with old and new values for evals whose inputs changed since their result."""
    if not any(one.detail == CHANGED for job in request.jobs for one in job.evals):
        return request
    from evalctl.plan.changed_inputs import detail

    evals = {one.digest: one for one in project.compile_one(request.request).evals}
    jobs = [
        replace(job, evals=tuple(
            replace(one, detail=detail(root, evals.get(task.digest))) if one.detail == CHANGED else one
            for one, task in zip(job.evals, job.job.tasks, strict=True)
        ))
        for job in request.jobs
    ]  # fmt: skip
    return replace(request, jobs=tuple(jobs))


def _with_baselines(
    root: Path, project: Project, entries: Mapping[str, KnownRequest], forecasts: Sequence[RequestForecast],
    index: ResultIndex,
) -> tuple[list[RequestForecast], list[Diagnostic]]:  # fmt: skip
    """(forecasts with what those with a baseline will be able to show, warnings about that); loads SciPy only for these."""
    if not any(one.baseline for one in forecasts):
        return list(forecasts), []
    from evalctl.clone.baselines import with_baselines

    return with_baselines(root, project, entries, forecasts, index)


def _with_last_attempts(root: Path, forecasts: Sequence[RequestForecast]) -> list[RequestForecast]:
    """The forecasts, with how the last attempt of an eval failed, and evals without tries left as stopped."""
    running = {
        job.job.name: (job.job.retries, [one.task for one in job.evals if one.state == RUN])
        for request in forecasts for job in request.jobs if job.runs
    }  # fmt: skip
    tries = last_attempts(root, running)

    def with_last_attempt(name: str, one: EvalForecast) -> EvalForecast:
        words = tries.get((name, one.task)) if one.state == RUN else None
        return replace(one, detail=f"{one.detail}; last attempt: {words}") if words else one

    return [
        replace(request, jobs=tuple(
            replace(job, evals=tuple(with_last_attempt(job.job.name, one) for one in job.evals)) for job in request.jobs
        ))
        for request in forecasts
    ] if tries else list(forecasts)  # fmt: skip


def _unreadable(forecasts: Sequence[RequestForecast], index: ResultIndex) -> list[Diagnostic]:
    """Findings about unreadable results of these requests: their evals are neither reused nor run."""
    asked = {task.result for one in forecasts for job in one.jobs for task in job.job.tasks}
    return [found for found in index.diagnostics() if found.span.file in asked]


def _unproven(
    root: Path, forecasts: Sequence[RequestForecast], index: ResultIndex
) -> tuple[list[Diagnostic], list[str]]:
    """(warnings about unproven results that these requests would reuse, note on what was not checked)."""
    reused = {
        (one.detail if one.state in (REUSED, COPIED) else "") for request in forecasts for job in request.jobs
        for one in job.evals
    } - {""}  # fmt: skip
    if not reused:
        return [], []
    from evalctl.git.repository import open_repository
    from evalctl.sync.proofs import proofs_at

    try:
        proofs = proofs_at(open_repository(root), "HEAD", authoritative=False)
    except EnvironmentProblem:  # not a clone: there is no ledger
        proofs = Proofs(None)
    states = {path: proofs.state(index.by_path[path]) for path in sorted(reused)}
    unchecked = sum(state == NOT_CHECKED for state in states.values())
    reuses = f"{plural(unchecked, 'reused result')} {'is' if unchecked == 1 else 'are'}"
    note = f"{reuses} not checked against the ledger: this clone has no branch evalctl-state"
    found = [
        unproven_result(path, proofs.why_not(index.by_path[path]))
        for path, state in states.items()
        if state == UNPROVEN
    ]
    return found, [note] if unchecked else []


def unproven_result(path: str, why: str) -> Diagnostic:
    """The finding `unproven-result`: the ledger does not account for a result that would be reused."""
    return Diagnostic(
        "unproven-result", f"this result is unproven and would be reused: {why}", Span(path),
        help=f"delete the result to measure it again, or: evalctl results accept {path} --why TEXT", severity=WARNING,
    )  # fmt: skip


def _show(
    form: str, root: Path, forecasts: list[RequestForecast], settings: Applied, problems: list[Diagnostic],
    notes_shown: list[str], budgets: Sequence[BudgetState],
) -> None:  # fmt: skip
    notes_shown = [*notes_shown, *map(words, budgets)]
    if form == "json":
        found = json.loads(report.as_json(problems))
        more = {"budgets": [_budget(one) for one in budgets]} if budgets else {}
        document = {"requests": [_object(one) for one in forecasts], "findings": found, "notes": notes_shown, **more}
        print(as_json(document, indent=1))
    elif form == "comment":
        from evalctl.comment.body import PlannedChange, body
        from evalctl.comment.links import links_of

        print_composed(body(PlannedChange(forecasts, settings, problems, notes_shown), links_of(os.environ)))
    elif form == "markdown":
        findings = [f"{p.severity} {report.place(p.span)}: {p.message} ({p.help})" for p in problems]
        print_composed(pages.markdown(forecasts, settings, findings, notes_shown))
    else:
        report.show(problems, root, "text", sys.stderr)
        detailed = settings or len(forecasts) <= DETAILED
        print(pages.text(forecasts, settings, notes_shown) if detailed else pages.brief(forecasts, notes_shown))


def _budgets(
    root: Path, project: Project, forecasts: Sequence[RequestForecast], entries: Mapping[str, KnownRequest]
) -> list[BudgetState]:
    """The policy's budgets before and after these requests; reads the ledger only where there is a policy."""
    if POLICY not in project.workspace.keys:
        return []
    from evalctl.clone.policy import planned

    return planned(root, project, forecasts, entries)


def _budget(state: BudgetState) -> dict[str, Any]:
    return {**asdict(state), "left": state.left, "left_after": state.left_after, "holds": state.holds}


def _object(request: RequestForecast) -> dict[str, Any]:
    jobs = [{**asdict(job), "job": job.job.as_json()} for job in request.jobs]
    found = {**asdict(request), "jobs": jobs}
    return {name: value for name, value in found.items() if request.baseline or name not in ("baseline", "shows")}


def _changed(root: Path, base: str, paths: Sequence[str]) -> list[str]:
    """Requests whose plan.json in git has changed since this branch left `base`, including new requests."""
    commit = calls.left_at(root, base, run_command)
    added = _git_paths(root, base, "ls-files", "--others", "--exclude-standard", "-z", "--", *_PLANNED)
    touched = {
        *added,
        *_git_paths(root, base, "diff", "--name-only", "--no-ext-diff", "--relative", "-z", commit, "--", *_PLANNED),
    }
    return [path for path in paths if path in touched or f"generated/{request_name(path)}/plan.json" in touched]


def _git_paths(root: Path, base: str, *words: str) -> list[str]:
    reply = run_command(calls.command(*words, cwd=root))
    if reply.status != 0:
        problem = f"git cannot compare with `{base}`: {calls.fatal(reply.stderr)}"
        raise EnvironmentProblem(problem, help="fetch that commit (in CI: fetch-depth: 0)")
    return reply.stdout.split("\0")
