"""`evalctl env setup` and `evalctl env check`: job environments and the evaluator's .env."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl.commands.common import root_of
from evalctl.commands.settings import environments_of, process_with_env_file
from evalctl.environments import catalogue as catalogue_of_environments
from evalctl.environments import check, setup
from evalctl.shell import EnvironmentProblem

if TYPE_CHECKING:
    from evalctl.pipeline import Project


def run(arguments: argparse.Namespace) -> int:
    """Builds, or says what is missing (then 1)."""
    root = _root(arguments)
    if arguments.action == "setup":
        names = arguments.names or needed(root)
        environ = process_with_env_file(root)
        setup(names, environments_of(root), lambda line: print(line, flush=True), environ=environ)
        return 0
    from evalctl.commands import dotenv

    problems = dotenv.refused_lines(root)  # until they are corrected nobody knows which environments are meant
    if not problems:
        problems = [*check(arguments.names or needed(root), environments_of(root)), *dotenv_problems(root)]
    for problem in problems:
        print(problem)
    if not problems:
        print("nothing is missing")
    return 1 if problems else 0


def _root(arguments: argparse.Namespace) -> Path:
    """Environments can be built before there is a repository: then here."""
    try:
        return root_of(arguments)
    except EnvironmentProblem:
        if arguments.repo is not None:
            raise
        return Path.cwd()


def needed(root: Path, asked: str | None = None) -> list[str]:
    """What this service's node kinds and the tasks of the requests use; all frameworks where there is no request."""
    from evalctl.commands.machine import detected_service
    from evalctl.pipeline import Project

    project = Project(root)
    catalogue = project.shared[0]
    name = detected_service(root, catalogue, asked) if catalogue.services else ""
    service = catalogue.services[name].service if name in catalogue.services else None
    kinds = service.node_kinds.values() if service is not None else ()
    servers = {kind.server_environment for kind in kinds if kind.gpus}
    if not servers or (service is not None and service.scheduler == "local" and shutil.which("nvidia-smi") is None):
        servers = {"vllm-cpu"}  # a machine of one's own without a GPU
    frameworks = {task.framework for task in catalogue.tasks.values()} or {
        name for name in catalogue_of_environments() if not name.startswith("vllm")
    }
    return sorted(servers | frameworks)


def dotenv_problems(root: Path, asked: str | None = None) -> list[str]:
    """What is wrong with `.env` for this service and the requests that run on it."""
    from evalctl.commands import dotenv
    from evalctl.commands.machine import detected_service
    from evalctl.pipeline import Project

    project = Project(root)
    services = project.shared[0].services
    name = detected_service(root, project.shared[0], asked) if services else ""
    service = services[name].service if name in services else None
    return dotenv.problems(root, service, _keys(project, name))


def _keys(project: Project, service: str) -> dict[str, str]:
    """Variables whose values the jobs of this service's requests need, and a request that needs each."""
    entries, _ = project.check()
    plans = [plan for path in reversed(entries) if (plan := project.compile_one(path).plan) is not None]
    jobs = [(plan, job) for plan in plans for job in plan.jobs if job.service == service]
    sharing = [("HF_TOKEN", plan.request) for plan, _ in jobs if plan.push_to_hub is not None]
    return {**dict(sharing), **{key: job.request for _, job in jobs for key in job.secrets}}
