"""`evalctl plan`: what sync would do. Reads manifests/ and results/, asks no scheduler and no network."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from evalctl import report
from evalctl.commands.common import requests_named, root_of
from evalctl.entries import Entry
from evalctl.model.diagnostic import ERROR, Diagnostic, has_errors
from evalctl.model.evaluation import Eval
from evalctl.pipeline import Project
from evalctl.plan import pages
from evalctl.plan.forecast import RequestForecast, forecast
from evalctl.plan.notes import notes
from evalctl.results.store import index_folder
from evalctl.shell import Command, EnvironmentProblem
from evalctl.shell import run as run_command

RESULTS_CACHE = ".evalctl/cache/results.json"
DETAILED = 20  # with more requests than this, a line each


def run(arguments: argparse.Namespace) -> int:
    """Prints the plan; 1 if an error blocks a request of it."""
    root = root_of(arguments)
    project = Project(root)
    entries, problems = project.check()
    paths = requests_named(arguments.requests, root, entries)
    if arguments.base:
        paths = _changed(root, arguments.base, paths)
    detailed = bool(arguments.requests) or len(paths) <= DETAILED
    forecasts = _forecast(root, entries, paths)
    evals = _evals(project, paths) if detailed else {}
    shown = _concerning(project, paths, problems) if detailed else [p for p in problems if p.severity == ERROR]
    said = notes(forecasts, project.shared[0].services)
    _show(arguments.format, root, forecasts, evals, shown, said)
    return 1 if has_errors(shown) else 0


def _forecast(root: Path, entries: Mapping[str, Entry], paths: Sequence[str]) -> list[RequestForecast]:
    """What happens to `paths`, given all requests: an eval that another one asks for already is not run twice."""
    others = [path for path in entries if path not in set(paths)]
    summaries = {path: entries[path].summary for path in [*others, *paths]}
    everything = forecast(summaries, index_folder(root, root / RESULTS_CACHE))
    return everything[len(others) :]


def _evals(project: Project, paths: Sequence[str]) -> dict[str, Eval]:
    """Compiled now, so that the settings of each eval can be shown."""
    return {e.digest: e for path in paths for e in project.compile_one(path).evals}


def _concerning(project: Project, paths: Sequence[str], problems: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Findings about these requests and the files that they use, not those of other requests."""
    others = {path for path in project.workspace.request_paths if path not in paths}
    used = {(d.code, d.span) for path in paths for d in project.compile_one(path).diagnostics}
    return [p for p in problems if p.span.file not in others and (p.severity == ERROR or (p.code, p.span) in used)]


def _show(
    form: str, root: Path, forecasts: list[RequestForecast], evals: Mapping[str, Eval], problems: list[Diagnostic],
    said: list[str],
) -> None:  # fmt: skip
    if form == "json":
        found = json.loads(report.as_json(problems))
        document = {"requests": [asdict(one) for one in forecasts], "findings": found, "notes": said}
        print(json.dumps(document, indent=1, ensure_ascii=False))
    elif form == "markdown":
        findings = [f"{p.severity} {report.place(p.span)}: {p.message} ({p.help})" for p in problems]
        print(pages.markdown(forecasts, evals, findings, said))
    else:
        report.show(problems, root, "text", sys.stderr)
        detailed = evals or len(forecasts) <= DETAILED
        print(pages.text(forecasts, evals, said) if detailed else pages.brief(forecasts, said))


def _changed(root: Path, base: str, paths: Sequence[str]) -> list[str]:
    """Requests whose plan at `base` was another, by the plan.json files in git; new requests are among them."""
    reply = run_command(
        Command(("git", "diff", "--name-only", "-z", base, "--", "generated", "manifests/requests"), cwd=root)
    )
    if reply.status != 0:
        problem = reply.stderr.strip().splitlines()[:1] or ["git did not answer"]
        raise EnvironmentProblem(
            f"git cannot compare with `{base}`: {problem[0]}", help="fetch that commit (in CI: fetch-depth: 0)"
        )
    touched = set(filter(None, reply.stdout.split("\0")))
    return [path for path in paths if path in touched or f"generated/{_stem(path)}/plan.json" in touched]


def _stem(path: str) -> str:
    return path.removeprefix("manifests/requests/").removesuffix(".yaml")
