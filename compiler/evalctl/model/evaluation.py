"""A request with all names resolved: evals, jobs, the plan. Immutable, deterministic, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalctl.model.diagnostic import Sourced
from evalctl.model.names import request_name
from evalctl.model.plan_file import Baseline, CostEstimate, PlannedKind, PlannedUpload
from evalctl.model.walltime import rounded
from evalctl.model.weights import Checkpoint, WeightsToDownload
from evalctl_job.options import Options
from evalctl_job.shards import Shard


@dataclass(frozen=True, slots=True)
class Task:
    """A row of tasks_runtime.csv with its defaults of task_settings.csv. `seconds` maps a runtime column (hrt_q, …) to the time allowed.

    `samples_by_design`: the default temperature is not 0, so custom temperatures do not apply (the manual's caution, 3.2).
    """

    key: str
    script: str
    result_dir: str
    framework: str
    seconds: Mapping[str, int]
    defaults: Mapping[str, Sourced[Any]]
    samples_by_design: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One resolved setting of an eval and who set it; `applied` is False if the caution left it out, for the reason `why`."""

    name: str
    sourced: Sourced[Any]
    applied: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of an eval: a model at a revision, served by a provider, with named custom settings.

    `path` is set for a checkpoint on disk; `revision` is "" where others serve it, `address` where nobody else does.
    """

    provider: str
    model: str
    revision: str
    custom_settings: str | None
    custom_settings_file: str = ""
    custom_settings_version: str = ""
    path: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """The settings of one subject for tasks of one framework, resolved once: evals that share the object differ by their task only.

    `generation` is sent with each question, with `server` the server is started: sorted pairs. `settings` explains each value (no identity).
    """

    generation: tuple[tuple[str, Any], ...] = ()
    server: tuple[tuple[str, Any], ...] = ()
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Eval:
    """One model x settings x task with everything that can change its score; `digest` is its identity.

    `result_path` is the path of its result.json, relative to the repository. `unanswered` questions may stay without an answer.
    `answers` names the answers that are kept: those of an eval that allows for none, or raising the number would ask all again.
    """

    digest: str
    subject: Subject
    task: Task
    framework_version: str
    task_digest: str
    resolved: Resolved = field(compare=False)  # the digest compares its values
    max_samples: int | None
    result_path: str
    unanswered: int = 0
    answers: str = ""

    @property
    def generation(self) -> tuple[tuple[str, Any], ...]:
        """The settings sent with each question."""
        return self.resolved.generation

    @property
    def server(self) -> tuple[tuple[str, Any], ...]:
        """The settings that the server is started with."""
        return self.resolved.server

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Each setting and who set it."""
        return self.resolved.settings


def unlike(evals: Iterable[Eval]) -> list[Eval]:
    """The first eval of each resolved settings: what depends on no task holds for the others as for it."""
    first: dict[Resolved, Eval] = {}
    for one in evals:
        first.setdefault(one.resolved, one)
    return list(first.values())


@dataclass(frozen=True, slots=True)
class ServerFile:
    """A text that the server reads: the job writes it into the run folder as `name` and adds `option` and its path.

    A text of a manifest is never a word of the server's command: a program may open such a word as a path.
    """

    option: str
    name: str  # one of the names in plan/server.py, never from a manifest
    text: str


@dataclass(frozen=True, slots=True)
class Server:
    """One `vllm serve`, or a provider's endpoint (`argv` empty).

    `argv` lacks only host and port, which the job chooses, and the `files`. `gpus` is what it occupies.
    """

    provider: str
    argv: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    environment: str  # directory name of the job environment; "" where others serve
    served_name: str
    base_url: str  # of a provider; "" for vllm
    key_variable: str  # NAME of the environment variable that holds the key; never a key
    gpus: int
    tensor_parallel: int = 0  # GPUs that share a copy of the model, and copies; 0 where others serve
    data_parallel: int = 0
    files: tuple[ServerFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Invocation:
    """One framework call: files for the working folder, the command, and the options of the relay.

    `config` is the text of config.yaml. `relay` are the relay's options. `secrets` are NAMES of environment variables whose values
    the framework itself needs (a judge's key). `subsets`: parts of the task with scores of their own; 0: not known. `empty`: those without questions.
    """

    argv: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    config: str
    relay: Options
    secrets: tuple[str, ...] = ()
    subsets: int = 0
    empty: tuple[str, ...] = ()
    runs_code: bool = False  # code that the model wrote


@dataclass(frozen=True, slots=True)
class JobTask:
    """An eval inside a job: its call and the time that the CSV allows it.

    `shard` of `shards`: only a part of its questions is asked here. `shards` alone: the answers of all shards are scored here.
    """

    evaluation: Eval
    invocation: Invocation
    seconds: int
    shard: int = 0
    shards: int = 0

    @property
    def part(self) -> Shard | None:
        """The shard that it is; None for what gives a result."""
        return Shard(self.shard, self.shards) if self.shard else None

    @property
    def key(self) -> str:
        """Its name within the job and the ledger: the task's key, and which shard."""
        key = self.evaluation.task.key
        return self.part.named(key) if self.part else key


@dataclass(frozen=True, slots=True)
class Batch:
    """The facts about a job that the scheduler gets."""

    name: str
    walltime_seconds: int
    gpus: int
    priority: int | None
    directives: tuple[str, ...]  # finished words from the service and the node kind, e.g. "-l node_q=1"
    drain_seconds: int
    step_seconds: int = 60  # walltimes are multiples of it


@dataclass(frozen=True, slots=True)
class Job:
    """One server and the evals it serves: one scheduler submission, one script.

    `name` is `ev-<stem>-<digest8>`; a submission adds the repository's mark and the attempt. `request` is the
    manifest's path. `cuda_visible_devices` only on service local.
    """

    name: str
    request: str
    service: str
    node_kind: str
    batch: Batch
    server: Server
    tasks: tuple[JobTask, ...]
    parallel_tasks: int
    admit: str  # choices in flight at the relay: `auto` (as many as the server can handle) or a number
    admit_most: int  # with `auto`
    start_seconds: int
    framework_environments: Mapping[str, str]  # framework -> directory name of its job environment
    secrets: tuple[str, ...]  # NAMES of environment variables
    cuda_visible_devices: str | None
    retries: int
    estimate: CostEstimate | None
    site: Site
    advice: tuple[str, ...] = ()
    kinds: tuple[PlannedKind, ...] = ()  # of a server: its own, then the others that the service offers
    weights: WeightsToDownload | None = None  # what must be in the Hub's cache before it is submitted
    checkpoint: Checkpoint | None = None  # the folder that the model is read from
    requested_by: str = ""

    @property
    def script_path(self) -> str:
        """The path of the generated script, relative to the repository."""
        return f"generated/{request_name(self.request)}/{self.name}.sh"

    def walltime_seconds(self, keys: Collection[str]) -> int:
        """The walltime of an attempt that runs only these of the tasks."""
        busy = self.start_seconds + sum(task.seconds for task in self.tasks if task.key in keys)
        return rounded(busy + self.batch.drain_seconds, self.batch.step_seconds, self.batch.walltime_seconds)


@dataclass(frozen=True, slots=True)
class Site:
    """The commands at the begin of each script on a service's nodes."""

    scheduler: str
    modules_init: str
    modules: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    scratch: tuple[str, ...]
    code_execution: str = "fenced"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A generated file: path relative to the repository, and its whole text in UTF-8."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A job without a server, on service and node kind as a Job: it downloads weights into the Hub's cache.

    `name` is `ev-download-<digest8>`, the same in every request that needs these weights there.
    """

    name: str
    request: str
    service: str
    node_kind: str
    batch: Batch
    weights: WeightsToDownload
    site: Site
    requested_by: str = ""

    @property
    def script_path(self) -> str:
        """The path of the generated script, relative to the repository."""
        return f"generated/{request_name(self.request)}/{self.name}.sh"


Work = Job | Download  # what is submitted


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """All jobs that one request means, and those that download its models first."""

    request: str
    jobs: tuple[Job, ...]
    downloads: tuple[Download, ...] = ()
    push_to_hub: PlannedUpload | None = None
    baseline: Baseline | None = None
