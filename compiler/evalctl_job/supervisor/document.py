"""The job as the compiler wrote it into the script (TOML), and the attempt as `evalctl sync` wrote it (JSON)."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import tomllib

T = TypeVar("T")
Words = tuple[str, ...]
_OTHERS_CAN_WRITE = 0o022
_NONE: Mapping[str, str] = MappingProxyType({})


class NotSyncs(ValueError):
    """attempt.json is not what `evalctl sync` writes; the text says why."""


class Node(NamedTuple):
    """What the job needs of its node. `variables` are the site's."""

    gpus: int = 0
    modules_init: str = ""
    modules: Words = ()
    scratch: Words = ()
    variables: Mapping[str, str] = _NONE


class Checkpoint(NamedTuple):
    """A folder of weights; `whole` is the digest of every byte where the model card asks for it."""

    path: str
    revision: str
    whole: str = ""


class ServerFile(NamedTuple):
    """A text of a manifest that the server reads from a file: the option before its path, its name, its text."""

    option: str
    name: str
    text: str


class Server(NamedTuple):
    """A server of ours (`command`), or a provider (`base_url`)."""

    served_name: str
    litellm_prefix: str
    environment: str = ""
    command: Words = ()
    files: tuple[ServerFile, ...] = ()
    variables: Mapping[str, str] = _NONE
    base_url: str = ""
    key_variable: str = ""


class Task(NamedTuple):
    """One task: `seconds` it may take, `answers` the name of its answers where that is not the digest."""

    key: str
    seconds: int
    digest: str
    framework: str
    environment: str
    command: Words
    config: str
    relay: str
    answers: str = ""
    max_samples: int | None = None
    variables: Mapping[str, str] = _NONE
    secrets: Words = ()


class Download(NamedTuple):
    """A model of the Hub, brought into its cache."""

    model: str
    revision: str


class Job(NamedTuple):
    """The whole document. A download has no server and no tasks."""

    name: str
    walltime_seconds: int
    drain_seconds: int
    environment: str  # that holds this program
    node: Node
    start_seconds: int = 0
    parallel_tasks: int = 1
    admit: str = "auto"
    secrets: Words = ()
    server: Server | None = None
    checkpoint: Checkpoint | None = None
    tasks: tuple[Task, ...] = ()
    download: Download | None = None

    @property
    def environments(self) -> list[str]:
        """Every job environment that the job uses, each once."""
        of_server = [self.server.environment] if self.server else []
        return [
            *dict.fromkeys(
                name for name in (*of_server, self.environment, *(t.environment for t in self.tasks)) if name
            )
        ]


class Attempt(NamedTuple):
    """What `evalctl sync` knows when it submits: where everything is, which tasks to run, how long."""

    number: int
    name: str
    environments: str
    env_file: str
    walltime_seconds: int
    caches: str = ""
    answers: str = ""
    run_tasks: Words = ()
    umask: int = 0o077
    note: str = ""
    variables: Mapping[str, str] = _NONE
    stall_seconds: int = 60


def read_job(text: str) -> Job:
    """The job in the script's document; ValueError where it is not whole."""
    table = tomllib.loads(text)
    if table.pop("end", None) != {}:  # a script that was cut off may still be TOML, of fewer tasks
        raise ValueError("its end is missing")
    alike = table.pop("each_task", {})
    if "tasks" in table:
        table["tasks"] = [{**alike, **task} for task in table["tasks"]]
    return _made(Job, table)


def read_attempt(path: Path) -> Attempt:
    """The attempt; NotSyncs unless it is a regular file of this user that nobody else can write, in a folder of this user."""
    for each, folder in ((path, False), (path.parent, True)):
        _require_own(each, folder)
    return _made(Attempt, json.loads(path.read_text(encoding="utf-8")))


def _require_own(path: Path, folder: bool) -> None:
    try:
        facts = os.lstat(path)
    except FileNotFoundError as error:
        raise NotSyncs(f"{path.name} is not in the run folder; `evalctl sync` writes it") from error
    kind = stat.S_ISDIR if folder else stat.S_ISREG
    others = not folder and facts.st_mode & _OTHERS_CAN_WRITE
    if not kind(facts.st_mode) or facts.st_uid != os.geteuid() or others:
        raise NotSyncs(f"{path.name} is a link, or others can write it or own it; `evalctl sync` writes it anew")


_INNER: Mapping[tuple[type, str], tuple[type, bool]] = {
    (Job, "node"): (Node, False), (Job, "server"): (Server, False), (Job, "checkpoint"): (Checkpoint, False),
    (Job, "download"): (Download, False), (Job, "tasks"): (Task, True), (Server, "files"): (ServerFile, True),
}  # fmt: skip


def _made(kind: type[T], table: Mapping[str, Any]) -> T:
    """A value of `kind`; an unknown key is a bug of the compiler and is not passed over."""
    if unknown := sorted(table.keys() - set(kind._fields)):  # type: ignore[attr-defined]
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    return kind(**{name: _inner(kind, name, value) for name, value in table.items()})


def _inner(kind: type, name: str, value: Any) -> Any:
    inner, several = _INNER.get((kind, name), (None, False))
    if inner is not None:
        return tuple(_made(inner, row) for row in value) if several else _made(inner, value)
    return tuple(value) if isinstance(value, list) else value
