"""Reads the evaluator's `.env` as data; never sources or prints it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from evalctl.git import calls
from evalctl.home_folder import DEFAULT, HomeFolder
from evalctl.load.env_source import BashValue, Refusal, parse
from evalctl.shell import EnvironmentProblem, run
from evalctl.suggest import plural


def env_path(root: Path) -> Path:
    """The path of `.env`: in the repository, or EVALCTL_ENV_FILE."""
    return Path(os.environ.get("EVALCTL_ENV_FILE") or root / ".env")


def env_values(root: Path) -> dict[str, str]:
    """The variables of `.env` as the job's shell reads them; empty when there is no file. An EnvironmentProblem for a line that
    bash may read differently: evalctl and the job must use the same values.
    """
    values, refusals = env_lines(root)
    if refusals:
        first, others = refusals[0], len(refusals) - 1
        more = f" ({plural(others, 'more line')}: evalctl env check)" if others else ""
        raise EnvironmentProblem(f"{env_path(root)}:{first.line}: {first.reason}{more}", first.help)
    return {name: value.text for name, value in values.items()}


def env_lines(root: Path) -> tuple[dict[str, BashValue], list[Refusal]]:
    """(values of `.env`, lines that are refused because bash may read them differently)."""
    path = env_path(root)
    return parse(path.read_bytes(), os.environ) if path.is_file() else ({}, [])


def process_with_env_file(root: Path) -> dict[str, str]:
    """This process's environment, overridden by the non-empty values of `.env`, as in a job."""
    return {**os.environ, **{name: value for name, value in env_values(root).items() if value}}


def home_of(root: Path) -> Path:
    """The folder of environments, run folders and caches: EVALCTL_HOME of the environment or of .env, else .evalctl."""
    given = os.environ.get("EVALCTL_HOME") or env_values(root).get("EVALCTL_HOME")
    return _of_this_machine((Path(given).expanduser() if given else root / DEFAULT).absolute(), root.absolute())


def environments_of(root: Path) -> Path:
    """The folder of the job environments; with EVALCTL_ENVIRONMENTS several repositories share it."""
    given = os.environ.get("EVALCTL_ENVIRONMENTS") or env_values(root).get("EVALCTL_ENVIRONMENTS")
    if not given:
        return HomeFolder(home_of(root)).environments
    return _of_this_machine(Path(given).expanduser().absolute(), root.absolute())


def queue_of(root: Path, environment: Mapping[str, str]) -> str:
    """The folder of the local queue: EVALCTL_QUEUE, or "" for the one in the home. Its tickets name programs that are run."""
    given = environment.get("EVALCTL_QUEUE")
    return str(_of_this_machine(Path(given).expanduser().absolute(), root.absolute())) if given else ""


def _of_this_machine(folder: Path, root: Path) -> Path:
    """`folder`; an EnvironmentProblem if git tracks anything in it: evalctl runs programs and trusts answers in it, so they must
    come from this machine and not from a commit.
    """
    inside = folder.relative_to(root) if folder.is_relative_to(root) else None
    for where, names in ((root, _steps(inside)), (folder.resolve(), ["."])):
        if names and where.is_dir() and (found := _tracked(where, names)):
            raise EnvironmentProblem(
                f"git tracks {found} in {where}: programs and answers in {folder} must not come from a commit",
                "find the commit that added it (git log -- PATH) and remove it from git; then delete that folder, which may "
                "contain unknown programs, and: evalctl env setup",
            )
    return folder


def _steps(inside: Path | None) -> list[str]:
    """The folder as a path in the repository, and each folder above it: git may track a link at any of them."""
    return [] if inside is None else [str(one) for one in (inside, *inside.parents) if str(one) != "."]


def _tracked(where: Path, names: Sequence[str]) -> str | None:
    """A file that git tracks at one of these paths in `where`; a parent folder counts only if it is tracked itself (as a link)."""
    # `where` may be a colleague's repository: git.calls disables hooks and other programs that it could start
    options = ("-c", "safe.directory=*", "--literal-pathspecs")
    for name in names:
        reply = run(calls.command(*options, "ls-files", "-z", "--", name, cwd=where))
        if "not a git repository" in reply.stderr:
            return None
        if reply.status != 0 and "beyond a symbolic link" not in reply.stderr:
            raise EnvironmentProblem(
                f"git cannot list the tracked files of {where}: {calls.fatal(reply.stderr)}", "git status"
            )
        paths = [path for path in reply.stdout.split("\0") if path]
        if found := [path for path in paths if name == names[0] or path == name]:
            return found[0]
    return None
