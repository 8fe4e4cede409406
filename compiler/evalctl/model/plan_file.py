"""plan.json: what a request will run, as every command reads it. Without pydantic: commands that make no plan start sooner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from evalctl_job.shards import Shard

SCHEMA = "evalctl/plan/1"
ASSUMED, LIMIT = "assumed", "limit"  # what seconds are predicted from: plan/prediction.py


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One eval: its task, identity and place of the result; seconds that it may take.

    `shard` of `shards` is a part of its questions; `shards` alone is what scores the answers of all of them.
    """

    task: str
    digest: str
    result: str
    seconds: int
    shard: int = 0
    shards: int = 0

    @property
    def key(self) -> str:
        """Its name within the job."""
        return Shard(self.shard, self.shards).named(self.task) if self.shard else self.task

    def as_json(self) -> dict[str, Any]:
        """Its line of plan.json."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) or one.default is MISSING}


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Cost in the service's own unit; `held` is what the site takes at the start (None where it takes nothing).

    `used_rate` and `reserved_rate` are units per hour of elapsed time (of `minimum_seconds` at least) and of walltime.
    """

    unit: str
    expected: float
    worst: float
    held: float | None
    used_rate: float
    reserved_rate: float
    minimum_seconds: float
    currency: str | None
    currency_per_unit: float | None
    checked: str


@dataclass(frozen=True, slots=True)
class PlannedKind:
    """What a job would take and cost on a node kind: GPUs of a copy, copies, predicted seconds and what they were predicted from,
    the tables' limit; cost in `unit`, expected and at worst. `why` says what is lacking where one of these is None.
    """

    node_kind: str
    tensor_parallel: int
    data_parallel: int
    seconds: int | None = None
    basis: str = ""
    limit_seconds: int | None = None
    unit: str = ""
    expected: float | None = None
    worst: float | None = None
    why: str = ""

    @property
    def exceeds_limit(self) -> bool:
        """Whether it is predicted to take longer than the tables allow."""
        return (self.seconds or 0) > (self.limit_seconds or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """One job. `path`, `address`, `key_variable` and the parser plug-in are None where the job has none, and are not written then."""

    name: str
    script: str
    service: str
    node_kind: str
    walltime_seconds: int
    start_seconds: int
    drain_seconds: int
    step_seconds: int
    provider: str
    model: str
    revision: str
    path: str | None = None
    address: str | None = None
    key_variable: str | None = None
    custom_settings: str | None
    trust_remote_code: bool
    parser_plugin: str | None = None
    parser_plugin_sha256: str | None = None
    retries: int
    cost: CostEstimate | None
    advice: tuple[str, ...]
    kinds: tuple[PlannedKind, ...] = ()  # of a server: its own, then the others that the service offers
    tasks: tuple[PlannedTask, ...]

    def as_json(self) -> dict[str, Any]:
        """The job's part of plan.json."""
        document: dict[str, Any] = {name: getattr(self, name) for name in _FACTS if not self._is_left_out(name)}
        document["cost"] = None if self.cost is None else {name: getattr(self.cost, name) for name in _OF_COST}
        document["advice"] = list(self.advice)
        if self.kinds:
            document["kinds"] = [_of_kind(kind) for kind in self.kinds]
        document["tasks"] = [one.as_json() for one in self.tasks]
        return document

    def _is_left_out(self, name: str) -> bool:
        return name in _OPTIONAL and not getattr(self, name)


def _of_kind(kind: PlannedKind) -> dict[str, Any]:
    return {name: value for name in _OF_KINDS if (value := getattr(kind, name)) not in (None, "")}


_FACTS = tuple(field.name for field in fields(PlannedJob))
_OF_COST = tuple(field.name for field in fields(CostEstimate))
_OF_KINDS = tuple(field.name for field in fields(PlannedKind))
_OPTIONAL = ("path", "address", "key_variable", "parser_plugin", "parser_plugin_sha256", "kinds")


@dataclass(frozen=True, slots=True)
class PlannedUpload:
    """Whose dataset on the Hub gets results and details, and whether only members see it."""

    org: str
    private: bool


@dataclass(frozen=True, slots=True)
class Baseline:
    """The model, with its settings, that the scores of a request will be compared with."""

    provider: str
    model: str
    custom_settings: str | None


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A request's jobs, the upload that it asks for, what it will be compared with, and who asks."""

    request: str
    jobs: tuple[PlannedJob, ...]
    push_to_hub: PlannedUpload | None = None
    baseline: Baseline | None = None
    requested_by: str | None = None

    @property
    def tasks(self) -> Iterator[PlannedTask]:
        """Those of all jobs that give a result: each eval once, whatever its shards."""
        return (task for job in self.jobs for task in job.tasks if not task.shard)

    def as_json(self) -> dict[str, Any]:
        """The document; `of_json` reads it."""
        push = self.push_to_hub
        upload = {} if push is None else {"push_to_hub": {"org": push.org, "private": push.private}}
        named = {} if self.baseline is None else {"baseline": asdict(self.baseline)}
        who = {} if self.requested_by is None else {"requested_by": self.requested_by}
        jobs = [job.as_json() for job in self.jobs]
        return {"schema": SCHEMA, "request": self.request, **upload, **named, **who, "jobs": jobs}


def of_json(document: Mapping[str, Any]) -> PlanFile:
    """plan.json as evalctl wrote it."""
    upload, named = document.get("push_to_hub"), document.get("baseline")
    return PlanFile(
        document["request"],
        tuple(map(_job, document["jobs"])),
        None if upload is None else PlannedUpload(**upload),
        None if named is None else Baseline(**named),
        document.get("requested_by"),
    )


def _job(document: Mapping[str, Any]) -> PlannedJob:
    cost = document["cost"]
    tasks = tuple(PlannedTask(**one) for one in document["tasks"])
    whole = {
        "cost": None if cost is None else CostEstimate(**cost),
        "advice": tuple(document["advice"]),
        "tasks": tasks,
        "kinds": tuple(PlannedKind(**one) for one in document.get("kinds", ())),
    }
    return PlannedJob(**{**document, **whole})
