"""What is wrong with the evaluator's `.env`: names of variables and files, never values of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter

from evalctl.commands.settings import env_path, env_values, process_with_env_file
from evalctl.model.manifest import Service
from evalctl.shell import Command, EnvironmentProblem, run

# The lab's manual (1.1): models and data sets are large and must lie there; the others should.
CACHES = {"HUGGINGFACE_CACHE": "must", "UV_CACHE": "should", "VLLM_CACHE": "should"}


def problems(root: Path, service: Service | None, keys: Mapping[str, str]) -> list[str]:
    """All of them; `keys` are the variables that requests need, each with the request that needs it."""
    path = env_path(root)
    if not path.is_file():
        return [f"there is no {path.name}: cp .env_template .env, fill it in, chmod 600 .env"]
    values = env_values(root)
    unset = {**_group_variables(service), **keys} if service is not None else dict(keys)
    return [*_file(root, path), *_templates(path, values), *_caches(values, service), *_unset(root, unset)]


def _file(root: Path, path: Path) -> Iterator[str]:
    """Private, and not in git."""
    if path.stat().st_mode & 0o077:
        yield f"{path.name} can be read by others: chmod 600 {path.name}"
    try:
        tracked = run(Command(("git", "ls-files", "--error-unmatch", "--", str(path)), cwd=root)).status == 0
    except EnvironmentProblem:  # no git here: nothing can be tracked by it
        tracked = False
    if tracked:
        yield f"{path.name} is tracked by git: git rm --cached {path.name}; if it was ever pushed, revoke its keys first"


def _templates(path: Path, values: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(name for name, value in values.items() if "{" in value):
        yield f"{path.name}: {name} still has its template value"


def _caches(values: Mapping[str, str], service: Service | None) -> Iterator[str]:
    """Where the site has a place for large files."""
    bulk = service.bulk_storage if service is not None else ()
    for name, word in CACHES.items() if bulk else ():
        value = values.get(name, "")
        if not value:
            yield f"{name} is not set: it {word} name a folder under {' or '.join(bulk)}"
        elif not any(Path(value).is_relative_to(folder) for folder in bulk):
            yield f"{name} {word} lie under {' or '.join(bulk)}, not in {value}"


def _unset(root: Path, needed: Mapping[str, str]) -> Iterator[str]:
    environment = process_with_env_file(root)
    for name in sorted(needed):
        if not environment.get(name):
            yield f"{name} is not set: {needed[name]} needs it"


def _group_variables(service: Service) -> dict[str, str]:
    words: Iterable[str] = service.submit_args
    return {name: "every submission" for word in words for _, name, _, _ in Formatter().parse(word) if name}
