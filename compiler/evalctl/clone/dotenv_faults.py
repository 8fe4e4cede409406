"""Finds faults of the evaluator's `.env`; names variables and files, never values of keys."""

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

# The lab's manual (1.1): models and data sets are large and must be on the site's large disk; the others should be.
CACHES = {"HUGGINGFACE_CACHE": "must", "UV_CACHE": "should", "VLLM_CACHE": "should"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of `.env`, and what to do; `line` is the number of a refused line, else 0."""

    message: str
    help: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.message}: {self.help}" if self.help else self.message


def problems(root: Path, service: Service | None, keys: Mapping[str, str]) -> list[Problem]:
    """All faults; `keys` maps variables that requests need to a request that needs them."""
    path = env_path(root)
    if not path.is_file():
        return [Problem(f"there is no {path.name}", "cp .env_template .env, fill it in, chmod 600 .env")]
    if refused := refused_lines(root):
        return [*_file(root, path), *refused]  # the other checks need the values of these lines
    values = env_values(root)
    unset = {**_group_variables(service), **keys} if service is not None else dict(keys)
    return [
        *_file(root, path), *_templates(path, root), *_caches(values, service), *_unset(root, unset),
    ]  # fmt: skip


def _file(root: Path, path: Path) -> Iterator[Problem]:
    """The file must be private and not in git."""
    if path.stat().st_mode & 0o077:
        yield Problem(f"{path.name} can be read by others", f"chmod 600 {path.name}")
    try:
        tracked = run(calls.command("ls-files", "--error-unmatch", "--", str(path), cwd=root)).status == 0
    except EnvironmentProblem:  # not a git repository: the file cannot be tracked
        tracked = False
    if tracked:
        help = f"git rm --cached {path.name}; if it was ever pushed, revoke its keys first"
        yield Problem(f"{path.name} is tracked by git", help)


def refused_lines(root: Path) -> list[Problem]:
    """Lines that the job's shell may read differently, or not at all; by number, since a line may contain a key."""
    name = env_path(root).name
    return [Problem(f"{name}:{one.line}: {one.reason}", one.help, one.line) for one in env_lines(root)[1]]


def _templates(path: Path, root: Path) -> Iterator[Problem]:
    """Variables that still have the value of .env_template; each is reported once, by its own line."""
    for name in sorted(name for name, value in env_lines(root)[0].items() if "{" in value.own):
        help = "write your own value, or leave it empty if you do not need the variable"
        yield Problem(f"{path.name}: {name} still has its template value", help)


def _caches(values: Mapping[str, str], service: Service | None) -> Iterator[Problem]:
    """Folders must be on the site's disk for large files, and writable."""
    bulk = service.bulk_storage if service is not None else ()
    for name, word in CACHES.items():
        value = values.get(name, "")
        if not value and bulk:
            yield Problem(f"{name} is not set", f"it {word} be a folder under {' or '.join(bulk)}")
        elif value and not value.startswith("/"):
            yield Problem(f"{name} must be an absolute path, not {value}", "")
        elif bulk and not any(_is_under(value, folder) for folder in bulk):
            yield Problem(f"{name} {word} be under {' or '.join(bulk)}, but is {value}", "")
        elif value and not os.access(_nearest(Path(value)), os.W_OK | os.X_OK):
            yield Problem(f"{name}: {value} cannot be written ({_nearest(Path(value))} is read-only for you)", "")


def _is_under(value: str, folder: str) -> bool:
    """Whether a path is in a folder, after resolving links and `..`."""
    return Path(os.path.realpath(value)).is_relative_to(os.path.realpath(folder))


def _nearest(path: Path) -> Path:
    """The path, or the nearest existing folder above it."""
    return next(one for one in (path, *path.parents) if one.exists())


def _unset(root: Path, needed: Mapping[str, str]) -> Iterator[Problem]:
    environment = process_with_env_file(root)
    for name in sorted(needed):
        if not environment.get(name):
            yield Problem(f"{name} is not set", f"{needed[name]} needs it")


def _group_variables(service: Service) -> dict[str, str]:
    words: Iterable[str] = service.submit_args
    return {name: "every submission" for word in words for _, name, _, _ in Formatter().parse(word) if name}
