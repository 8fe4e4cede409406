"""Collects what sync, status, logs, cancel and retry need: this machine's service, all plans, the context."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evalctl.clone.dotenv import env_path, env_values, environments_of, home_of, process_with_env_file, queue_of
from evalctl.clone.policy import policy_at
from evalctl.clone.requests import blocked_requests, root_of
from evalctl.git import calls
from evalctl.git.repository import open_repository
from evalctl.model.catalogue import Catalogue
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.evaluation import RequestPlan
from evalctl.model.plan_file import PlanFile
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.shell import EnvironmentProblem
from evalctl.shell import run as run_command
from evalctl.suggest import help_for, listed
from evalctl.sync.context import Context
from evalctl.sync.settled import SettledJob, settled


@dataclass(frozen=True, slots=True)
class Machine:
    """This clone on this machine; `blocked` requests have errors and are left out.

    `not_ready` maps requests that cannot be submitted yet to (reason, what to type).
    """

    context: Context
    plans: tuple[RequestPlan, ...]
    blocked: tuple[str, ...]
    errors: tuple[Diagnostic, ...]
    not_ready: Mapping[str, tuple[str, str]]
    settled: tuple[SettledJob, ...] = ()
    for_the_hub: tuple[PlanFile, ...] = ()  # plan.json of requests whose results are to be uploaded


# Reasons of a job that was never submitted; status replaces them by the reason why the request is not ready.
BEFORE_SUBMISSION = (
    "never-submitted", "other-service", "script-missing", "environment-not-built", "env-variable-missing", "secret-not-set",
)  # fmt: skip
_REVIEWED = ("manifests/requests", "generated")
COMMIT_HELP = "git add manifests generated && git commit (sync runs only committed scripts)"


def machine(arguments: argparse.Namespace, *, committed: bool, settle: bool = False) -> Machine:
    """Compiles and checks everything; with `committed`, plans only requests whose scripts are those of HEAD.

    With `settle`, requests with all their results are not compiled, but listed in `settled`.
    """
    root = root_of(arguments)
    project = Project(root)
    entries, problems, _ = project.compile(check_only=True)
    uncommitted = _uncommitted(root, entries)
    if committed:
        problems = [*problems, *uncommitted]
    errors = [problem for problem in problems if problem.severity == "error"]
    outdated = [problem for problem in errors if problem.code == "generated-outdated"]
    blocked = blocked_requests(entries, errors if committed else [one for one in errors if one not in outdated])
    if blocked and not committed:
        names = ", ".join(sorted(blocked))
        print(f"left out because of errors (evalctl compile --check shows them): {names}", file=sys.stderr)
    catalogue = project.shared[0]
    name = detected_service(root, catalogue, getattr(arguments, "service", None))
    context = context_of(root, catalogue, name, _head(root))
    context = replace(context, policy=policy_at(open_repository(root), context.commit))
    summaries = _summaries(entries, blocked) if settle else {}
    done = settled(context, summaries) if settle else {}
    plans = [project.compile_one(path).plan for path in entries if path not in blocked and path not in done]
    return Machine(
        context, tuple(plan for plan in plans if plan is not None), tuple(sorted(blocked)), tuple(errors),
        _not_ready(uncommitted, outdated), tuple(job for jobs in done.values() for job in jobs),
        tuple(summary for summary in summaries.values() if summary.push_to_hub is not None),
    )  # fmt: skip


def _not_ready(uncommitted: Sequence[Diagnostic], outdated: Sequence[Diagnostic]) -> dict[str, tuple[str, str]]:
    return {
        **{problem.span.file: ("not-committed", COMMIT_HELP) for problem in uncommitted},
        **{problem.span.file: ("not-compiled", f"evalctl compile && {COMMIT_HELP}") for problem in outdated},
    }


def _summaries(entries: Mapping[str, KnownRequest], blocked: Collection[str]) -> dict[str, PlanFile]:
    found = ((path, entry.summary) for path, entry in entries.items() if path not in blocked)
    return {path: summary for path, summary in found if summary is not None}


def _uncommitted(root: Path, entries: dict[str, KnownRequest]) -> list[Diagnostic]:
    """Findings for requests whose files differ from those of HEAD: only committed scripts run."""
    words = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *_REVIEWED)
    reply = run_command(calls.command(*words, cwd=root))
    if reply.status != 0:
        why = f"git cannot list the committed files of {root}: {calls.fatal(reply.stderr)}"
        raise calls.unusable(root, reply.stderr) or EnvironmentProblem(why, help="git status")
    changed = {line[3:] for line in reply.stdout.split("\0") if line}
    return [
        Diagnostic(
            "not-committed",
            f"{path} or its scripts are not committed",
            Span(path),
            help=COMMIT_HELP,
        )
        for path, entry in entries.items()
        if path in changed or any(artifact in changed for artifact in entry.artifacts or ())
    ]


def context_of(root: Path, catalogue: Catalogue, name: str, commit: str) -> Context:
    """The context of a pass: this clone on this machine, as service `name`."""
    environment = process_with_env_file(root)
    environment = {**environment, "EVALCTL_QUEUE": queue_of(root, environment)}
    return Context(
        root=root,
        home=home_of(root).absolute(),
        environments=environments_of(root).absolute(),
        service_name=name,
        service=catalogue.services[name].service,
        metrics=catalogue.metrics,
        environment=environment,
        env_file=env_path(root).absolute(),
        commit=commit,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
    )


def _head(root: Path) -> str:
    commit = calls.commit_of(root, "HEAD", run_command)
    if commit is None:
        raise EnvironmentProblem(
            f"{root} has no commit yet, and there are jobs only for committed requests",
            help="git add . && git commit; then the same command again",
        )
    return commit


def detected_service(root: Path, catalogue: Catalogue, asked: str | None) -> str:
    """The service of this machine: the requested one, EVALCTL_SERVICE, or detected by its paths; else local."""
    return detection(root, catalogue, asked)[0]


def detection(root: Path, catalogue: Catalogue, asked: str | None) -> tuple[str, str]:
    """(service of this machine, how it was determined)."""
    named = asked or os.environ.get("EVALCTL_SERVICE") or env_values(root).get("EVALCTL_SERVICE")
    services = catalogue.services
    if named is not None:
        if named not in services:
            raise EnvironmentProblem(
                f"there is no service `{named}`", help=help_for(named, services, f"there are: {listed(services)}")
            )
        return named, "set by --service" if asked else "set by EVALCTL_SERVICE"
    for name, entry in services.items():
        if entry.service.detect and all(Path(path).exists() for path in entry.service.detect):
            return name, f"detected by {', '.join(entry.service.detect)}"
    if "local" in services:
        return "local", "because no other service was detected by its paths"
    raise EnvironmentProblem(
        "this machine matches no service of manifests/services/",
        help=f"name one: --service {next(iter(services), 'NAME')}",
    )
