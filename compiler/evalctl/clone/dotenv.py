"""The evaluator's `.env`: read as data, never sourced here, never printed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from evalctl.git import calls
from evalctl.load.env_source import Refusal, Value, parse
from evalctl.shell import EnvironmentProblem, run
from evalctl.suggest import plural


def env_path(root: Path) -> Path:
    """The `.env` of the repository, or what EVALCTL_ENV_FILE names."""
    return Path(os.environ.get("EVALCTL_ENV_FILE") or root / ".env")


def env_values(root: Path) -> dict[str, str]:
    """Variables of `.env` as the job's shell reads them; empty when there is no file. A line that may be read otherwise
    there stops the command: nothing is done with another value than the job's.
    """
    values, refusals = env_lines(root)
    if refusals:
        first, others = refusals[0], len(refusals) - 1
        more = f" ({plural(others, 'more line')}: evalctl env check)" if others else ""
        raise EnvironmentProblem(f"{env_path(root)}:{first.line}: {first.reason}{more}", first.help)
    return {name: value.text for name, value in values.items()}


def env_lines(root: Path) -> tuple[dict[str, Value], list[Refusal]]:
    """What `.env` says, and the lines that bash may read otherwise."""
    path = env_path(root)
    return parse(path.read_bytes(), os.environ) if path.is_file() else ({}, [])


def process_with_env_file(root: Path) -> dict[str, str]:
    """This process's environment with `.env` over it, as the job itself sees it; empty lines of `.env` say nothing."""
    return {**os.environ, **{name: value for name, value in env_values(root).items() if value}}


def home_of(root: Path) -> Path:
    """Where environments, run folders and caches lie: EVALCTL_HOME of the environment or of .env, else .evalctl."""
    given = os.environ.get("EVALCTL_HOME") or env_values(root).get("EVALCTL_HOME")
    return _of_this_machine((Path(given).expanduser() if given else root / ".evalctl").absolute(), root.absolute())


def environments_of(root: Path) -> Path:
    """Where the job environments lie; EVALCTL_ENVIRONMENTS lets several repositories share them."""
    given = os.environ.get("EVALCTL_ENVIRONMENTS") or env_values(root).get("EVALCTL_ENVIRONMENTS")
    if not given:
        return home_of(root) / "environments"
    return _of_this_machine(Path(given).expanduser().absolute(), root.absolute())


def queue_of(root: Path, environment: Mapping[str, str]) -> str:
    """The folder of the local queue that EVALCTL_QUEUE names, "" for the home's own: what a ticket names is run."""
    given = environment.get("EVALCTL_QUEUE")
    return str(_of_this_machine(Path(given).expanduser().absolute(), root.absolute())) if given else ""


def _of_this_machine(folder: Path, root: Path) -> Path:
    """`folder`, unless git tracks anything there: programs are run and answers believed that this machine made, and a
    commit must not bring any.
    """
    inside = folder.relative_to(root) if folder.is_relative_to(root) else None
    for where, names in ((root, _steps(inside)), (folder.resolve(), ["."])):
        if names and where.is_dir() and (found := _tracked(where, names)):
            raise EnvironmentProblem(
                f"git tracks {found} in {where}: programs and answers in {folder} must be this machine's own",
                "see which commit brought it (git log -- PATH) and take it out of git; then remove that folder, which may hold "
                "strangers' programs, and: evalctl env setup",
            )
    return folder


def _steps(inside: Path | None) -> list[str]:
    """The folder as a path in the repository, and the links on the way to it, which git may track as well."""
    return [] if inside is None else [str(one) for one in (inside, *inside.parents) if str(one) != "."]


def _tracked(where: Path, names: Sequence[str]) -> str | None:
    """A file that git tracks at one of these paths in `where`; of a parent folder only if it is tracked itself, as a link is."""
    # environments of a colleague are asked about, too; git.calls switches off what a repository could start
    options = ("-c", "safe.directory=*", "--literal-pathspecs")
    for name in names:
        reply = run(calls.command(*options, "ls-files", "-z", "--", name, cwd=where))
        if "not a git repository" in reply.stderr:
            return None
        if reply.status != 0 and "beyond a symbolic link" not in reply.stderr:
            raise EnvironmentProblem(
                f"git cannot say what it tracks in {where}: {calls.fatal(reply.stderr)}", "git status"
            )
        paths = [path for path in reply.stdout.split("\0") if path]
        if found := [path for path in paths if name == names[0] or path == name]:
            return found[0]
    return None
