"""The marks: what a job reports of itself in `marks/`, one JSON object in each file. Both programs read and write these types.

A value that its writer could not find out is null or absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalctl_job.fence.words import CodeExecution
from evalctl_job.shards import ShardNote
from evalctl_job.typed import Moment

DONE, FAILED, RUNNING = "done", "failed", "running"
ANSWERED = "answered"  # of a shard: it has all its answers, and scores nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """`started`: the job has begun, on this node."""

    started_at: Moment | None = None
    host: str | None = None
    pid: int | None = None
    native_id: str | None = None
    job: str | None = None
    name: str | None = None
    attempt: int | None = None
    gpu_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReady:
    """`server_ready`: the server answers; `ready_at` is the first time, `seconds` after it was started.

    Servers of jobs before 2026-11-27 had a `port`.
    """

    ready_at: Moment | None = None
    seconds: int | None = None
    restarts: int = 0
    port: int | None = None
    server_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRestarted:
    """`server_restarted`: the server died and was started again."""

    restarted_at: Moment
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """`finished`: the last mark of a job. `reason` is "" after success."""

    exit: int
    reason: str = ""
    detail: str = ""
    ended_at: Moment | None = None
    seconds: int | None = None
    tasks_done: tuple[str, ...] = ()
    tasks_failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """`acceptance.json`: whether the scores of a task are accepted, why not, and facts about its answers.

    `config_tasks` are the framework's own settings by entry, `sent` the values of each parameter of the requests, `judge` the model
    that scored the answers (`judges.recorded`), `code_execution` the fence around code that the model wrote (None where it wrote none).
    """

    task: str = ""
    verdict: str = ""
    reason: str | None = None
    detail: str | None = None
    scores: Mapping[str, Mapping[str, float]] | None = None
    config_tasks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    samples: Mapping[str, int] | None = None
    tokens: Mapping[str, int] | None = None
    requests: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, object] = field(default_factory=dict)
    answered_by: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    judge: Mapping[str, str] = field(default_factory=dict)
    code_execution: CodeExecution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMark:
    """`task/<key>`: `running`, `done` or `failed`, and what acceptance found; of a shard `answered` in place of `done`.

    `restarts`: how often its framework was started again because it asked no more; then `reason` and `detail` of a running task say why.
    `shards` are the notes of the shards whose answers were scored.
    """

    key: str
    state: str
    reason: str = ""
    detail: str = ""
    digest: str = ""
    started_at: Moment | None = None
    ended_at: Moment | None = None
    exit: int | None = None
    acceptance: Acceptance | None = None
    restarts: int = 0
    shards: tuple[ShardNote, ...] = ()


JobMark = Started | ServerReady | ServerRestarted | Finished
