"""Reads the job that the compiler wrote into the script (TOML), and the attempt that `evalctl sync` wrote (JSON)."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomllib

from evalctl_job.attempt import AttemptFile
from evalctl_job.shards import Shard
from evalctl_job.typed import read

Words = tuple[str, ...]
_OTHERS_CAN_WRITE = 0o022


class InvalidAttemptFile(ValueError):
    """attempt.json is not a file that `evalctl sync` wrote; the text says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """The job's requirements on its node. `variables` are the site's."""

    gpus: int = 0
    modules_init: str = ""
    modules: Words = ()
    scratch: Words = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder of weights; `whole` is the digest of every byte where the model card has it."""

    path: str
    revision: str
    whole: str = ""


@dataclass(frozen=True, slots=True)
class ServerFile:
    """A text of a manifest that the server reads from a file: the option before its path, its name, its text."""

    option: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server of ours (`command`), or a provider (`base_url`)."""

    served_name: str
    litellm_prefix: str
    environment: str = ""
    command: Words = ()
    files: tuple[ServerFile, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""
    key_variable: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One task: `seconds` it may take, `answers` the name of its answers where that is not the digest.

    `code_execution`: how code that the model wrote may run, "" where it runs none.
    `subsets` is the number of its parts with own scores, 0 where the compiler does not know it; `empty` names those without questions.
    `shard` of `shards`: only its questions are asked, and nothing is scored; `shards` alone: the answers of all shards are scored.
    """

    key: str
    seconds: int
    digest: str
    framework: str
    environment: str
    command: Words
    config: str
    relay: str
    answers: str = ""
    code_execution: str = ""
    max_samples: int | None = None
    subsets: int = 0
    empty: Words = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Words = ()
    shard: int = 0
    shards: int = 0

    @property
    def part(self) -> Shard | None:
        """The shard that it is; None for what is scored."""
        return Shard(self.shard, self.shards) if self.shard else None

    @property
    def kept(self) -> str:
        """The name of its eval's answers, of all shards."""
        return self.answers or self.digest


@dataclass(frozen=True, slots=True)
class Download:
    """A model to download from the Hub into its cache."""

    model: str
    revision: str


@dataclass(frozen=True, slots=True)
class Job:
    """The whole document. A download has no server and no tasks."""

    name: str
    walltime_seconds: int
    drain_seconds: int
    environment: str  # that holds this program
    node: Node
    start_seconds: int = 0
    parallel_tasks: int = 1
    admit: str = "auto"
    admit_most: int = 256
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


def read_job(text: str) -> Job:
    """The job in the script's document; ValueError where it is incomplete or invalid."""
    table = tomllib.loads(text)
    if table.pop("end", None) != {}:  # a truncated script may still be valid TOML, with fewer tasks
        raise ValueError("its end is missing")
    alike = table.pop("each_task", {})
    if "tasks" in table:
        table["tasks"] = [{**alike, **task} for task in table["tasks"]]
    return read(Job, table)


def read_attempt(path: Path) -> AttemptFile:
    """The attempt; InvalidAttemptFile unless it is a regular file of this user that nobody else can write, in a folder of this user."""
    for each, folder in ((path, False), (path.parent, True)):
        _require_own(each, folder)
    return read(AttemptFile, json.loads(path.read_text(encoding="utf-8")))


def _require_own(path: Path, folder: bool) -> None:
    try:
        facts = os.lstat(path)
    except FileNotFoundError as error:
        raise InvalidAttemptFile(f"{path.name} is not in the run folder; `evalctl sync` writes it") from error
    kind = stat.S_ISDIR if folder else stat.S_ISREG
    others = not folder and facts.st_mode & _OTHERS_CAN_WRITE
    if not kind(facts.st_mode) or facts.st_uid != os.geteuid() or others:
        raise InvalidAttemptFile(
            f"{path.name} is a link, or others can write it or own it; `evalctl sync` writes it again"
        )
