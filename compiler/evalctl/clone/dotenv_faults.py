"""What is wrong with the evaluator's `.env`: names of variables and files, never values of keys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from evalctl.clone.dotenv import env_lines, env_path, env_values, process_with_env_file
from evalctl.git import calls
from evalctl.model.service import Service
from evalctl.shell import EnvironmentProblem, run

# The lab's manual (1.1): models and data sets are large and must lie there; the others should.
CACHES = {"HUGGINGFACE_CACHE": "must", "UV_CACHE": "should", "VLLM_CACHE": "should"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do about it; `line` where it is one line that cannot be read."""

    message: str
    help: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.message}: {self.help}" if self.help else self.message


def problems(root: Path, service: Service | None, keys: Mapping[str, str]) -> list[Problem]:
    """All of them; `keys` are the variables that requests need, each with the request that needs it."""
    path = env_path(root)
    if not path.is_file():
        return [Problem(f"there is no {path.name}", "cp .env_template .env, fill it in, chmod 600 .env")]
    if refused := refused_lines(root):
        return [*_file(root, path), *refused]  # the rest would speak of values that are not known
    values = env_values(root)
    unset = {**_group_variables(service), **keys} if service is not None else dict(keys)
    return [
        *_file(root, path), *_templates(path, root), *_caches(values, service), *_unset(root, unset),
    ]  # fmt: skip


def _file(root: Path, path: Path) -> Iterator[Problem]:
    """Private, and not in git."""
    if path.stat().st_mode & 0o077:
        yield Problem(f"{path.name} can be read by others", f"chmod 600 {path.name}")
    try:
        tracked = run(calls.command("ls-files", "--error-unmatch", "--", str(path), cwd=root)).status == 0
    except EnvironmentProblem:  # no git here: nothing can be tracked by it
        tracked = False
    if tracked:
        help = f"git rm --cached {path.name}; if it was ever pushed, revoke its keys first"
        yield Problem(f"{path.name} is tracked by git", help)


def refused_lines(root: Path) -> list[Problem]:
    """What the job's shell may read otherwise, or not at all; by number, as a line may hold a key."""
    name = env_path(root).name
    return [Problem(f"{name}:{one.line}: {one.reason}", one.help, one.line) for one in env_lines(root)[1]]


def _templates(path: Path, root: Path) -> Iterator[Problem]:
    """Each by its own line; those that build on it say nothing more."""
    for name in sorted(name for name, value in env_lines(root)[0].items() if "{" in value.own):
        help = "put in yours, or nothing where you do not need it"
        yield Problem(f"{path.name}: {name} still has its template value", help)


def _caches(values: Mapping[str, str], service: Service | None) -> Iterator[Problem]:
    """Where the site has a place for large files, and where a job can write at all."""
    bulk = service.bulk_storage if service is not None else ()
    for name, word in CACHES.items():
        value = values.get(name, "")
        if not value and bulk:
            yield Problem(f"{name} is not set", f"it {word} name a folder under {' or '.join(bulk)}")
        elif value and not value.startswith("/"):
            yield Problem(f"{name} must be an absolute path, not {value}", "")
        elif bulk and not any(_lies_under(value, folder) for folder in bulk):
            yield Problem(f"{name} {word} lie under {' or '.join(bulk)}, not in {value}", "")
        elif value and not os.access(_nearest(Path(value)), os.W_OK | os.X_OK):
            yield Problem(f"{name}: {value} cannot be written here ({_nearest(Path(value))} is yours to read only)", "")


def _lies_under(value: str, folder: str) -> bool:
    """Wherever links and `..` lead."""
    return Path(os.path.realpath(value)).is_relative_to(os.path.realpath(folder))


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(one for one in (path, *path.parents) if one.exists())


def _unset(root: Path, needed: Mapping[str, str]) -> Iterator[Problem]:
    environment = process_with_env_file(root)
    for name in sorted(needed):
        if not environment.get(name):
            yield Problem(f"{name} is not set", f"{needed[name]} needs it")


def _group_variables(service: Service) -> dict[str, str]:
    words: Iterable[str] = service.submit_args
    return {name: "every submission" for word in words for _, name, _, _ in Formatter().parse(word) if name}
