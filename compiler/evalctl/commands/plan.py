"""`evalctl plan`: what sync would do. Reads manifests/ and results/, asks no scheduler and no network."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalctl import report
from evalctl.commands.common import requests_named, root_of
from evalctl.model.diagnostic import ERROR, Diagnostic, has_errors
from evalctl.model.evaluation import Eval
from evalctl.pipeline import Project
from evalctl.plan import pages, summary
from evalctl.plan.forecast import RequestForecast, forecast
from evalctl.results.store import index_folder
from evalctl.shell import Command, EnvironmentProblem
from evalctl.shell import run as run_command

RESULTS_CACHE = ".evalctl/cache/results.json"
DETAILED = 20  # with more requests than this, a line each


def run(arguments: argparse.Namespace) -> int:
    """Prints the plan; 1 if an error blocks a request of it."""
    root = root_of(arguments)
    project = Project(root)
    paths = requests_named(arguments.requests, root, project.workspace.request_paths)
    if arguments.base:
        paths = _changed(root, arguments.base, paths)
    summaries, evals, problems = _planned(project, paths, detailed=bool(arguments.requests) or len(paths) <= DETAILED)
    forecasts = forecast(summaries, index_folder(root, root / RESULTS_CACHE))
    _show(arguments.format, root, forecasts, evals, problems)
    return 1 if has_errors(problems) else 0


def _planned(
    project: Project, paths: Sequence[str], *, detailed: bool
) -> tuple[dict[str, Mapping[str, Any] | None], dict[str, Eval], list[Diagnostic]]:
    """Summaries by request; with `detailed`, compiled now, so that the settings of each eval can be shown."""
    if not detailed:
        entries, problems = project.check()
        return {path: entries[path].summary for path in paths}, {}, [p for p in problems if p.severity == ERROR]
    compiled = [project.compile_one(path) for path in paths]
    problems = [*project.shared[1], *(problem for one in compiled for problem in one.diagnostics)]
    summaries: dict[str, Mapping[str, Any] | None] = {
        one.path: None if one.plan is None else summary.summary(one.plan) for one in compiled
    }
    evals = {evaluation.digest: evaluation for one in compiled for evaluation in one.evals}
    return summaries, evals, sorted(problems, key=lambda problem: problem.sort_key)


def _show(
    form: str, root: Path, forecasts: list[RequestForecast], evals: Mapping[str, Eval], problems: list[Diagnostic]
) -> None:
    if form == "json":
        document = {"requests": [asdict(one) for one in forecasts], "findings": json.loads(report.as_json(problems))}
        print(json.dumps(document, indent=1, ensure_ascii=False))
    elif form == "markdown":
        findings = [f"{p.severity} {report.place(p.span)}: {p.message} ({p.help})" for p in problems]
        print(pages.markdown(forecasts, evals, findings))
    else:
        report.show(problems, root, "text", sys.stderr)
        print(pages.text(forecasts, evals) if evals or len(forecasts) <= DETAILED else pages.brief(forecasts))


def _changed(root: Path, base: str, paths: Sequence[str]) -> list[str]:
    """Requests whose plan at `base` was another, by the plan.json files in git; new requests are among them."""
    reply = run_command(
        Command(("git", "diff", "--name-only", "-z", base, "--", "generated", "manifests/requests"), cwd=root)
    )
    if reply.status != 0:
        problem = reply.stderr.strip().splitlines()[-1:] or ["git did not answer"]
        raise EnvironmentProblem(
            f"git cannot compare with `{base}`: {problem[0]}", help="fetch that commit (in CI: fetch-depth: 0)"
        )
    touched = set(filter(None, reply.stdout.split("\0")))
    return [path for path in paths if path in touched or f"generated/{_stem(path)}/plan.json" in touched]


def _stem(path: str) -> str:
    return path.removeprefix("manifests/requests/").removesuffix(".yaml")
