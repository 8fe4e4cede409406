"""Where jobs run, as manifests/services/NAME.yaml says it: node kinds, limits, cost."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from evalctl.model.fields import INTEGER_TEXT, VARIABLE, AbsolutePath, Line, Name, Strict, Walltime
from evalctl.model.walltime import rounded

MOST = 10**9  # of any price or size: products of several stay numbers that a plan can show


class Cost(Strict):
    """What a job costs: coefficient x priority x (used x elapsed + reserved x walltime) per hour, in `unit`."""

    unit: Name
    used: Annotated[float, Field(ge=0, le=MOST)] = Field(description="Weight of the elapsed time.")
    reserved: Annotated[float, Field(ge=0, le=MOST)] = Field(0.0, description="Weight of the walltime asked for.")
    minimum_seconds: Annotated[float, Field(ge=0, le=MOST)] = Field(
        0.0, description="A job is charged for at least this long."
    )
    held: bool = Field(False, description="The whole walltime is taken at the start and the rest paid back.")
    currency: Name | None = None
    currency_per_unit: Annotated[float, Field(ge=0, le=MOST)] | None = None
    checked: Line = Field(description="Date on which a person last compared these with the site's price page.")
    source: Line


class NodeKind(Strict):
    """One resource type of a service."""

    gpus: Annotated[int, Field(ge=0, le=64)]
    gpu: Name | None = Field(None, description="GPU model.")
    gpu_memory_gb: Annotated[float, Field(gt=0, le=MOST)] | None = None
    cores: Annotated[int, Field(ge=1, le=MOST)] | None = None
    memory_gb: Annotated[float, Field(gt=0, le=MOST)] | None = None
    runtime_column: Name = Field(description="Column of tasks_runtime.csv that holds this kind's times.")
    max_walltime: Walltime | None = None
    coefficient: Annotated[float, Field(ge=0, le=MOST)] | None = Field(
        None, description="Cost per hour in the service's unit."
    )
    server_environment: Name = Field("vllm", description="Job environment that serves models here.")
    serves: bool | None = Field(None, description="Whether vLLM can run here; by default where there is a GPU.")
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    enforce_eager: bool = Field(False, description="Start vLLM without compiling (quick start, slower answers).")
    variables: dict[Annotated[str, StringConstraints(pattern=VARIABLE)], Line] = Field(
        default_factory=dict, description="Environment variables of the server on this kind."
    )
    offered: bool = Field(True, description="Whether the plan may recommend this kind.")
    directives: tuple[Line, ...] = Field((), description="Finished directive words, e.g. `-l node_q=1`.", strict=False)

    @property
    def can_serve(self) -> bool:
        """Whether vLLM can run here."""
        return self.serves if self.serves is not None else self.gpus > 0


class Service(Strict):
    """A place that runs jobs, a file manifests/services/NAME.yaml. A new site with a known scheduler needs no code."""

    scheduler: Literal["gridengine", "pbs", "slurm", "local"]
    description: Line = ""
    detect: tuple[AbsolutePath, ...] = Field(
        (), description="Paths whose presence shows that this machine is it.", strict=False
    )
    submit_args: tuple[Line, ...] = Field(
        (), description="Words for the submit command; {GROUP} style placeholders come from .env.", strict=False
    )
    directives: tuple[Line, ...] = Field((), description="Finished directive words for every job.", strict=False)
    node_kinds: dict[Name, NodeKind]
    priorities: dict[
        Annotated[str, StringConstraints(pattern=INTEGER_TEXT, max_length=6)], Annotated[float, Field(ge=0, le=MOST)]
    ] = Field(default_factory=dict, description="Allowed priorities and the factor each puts on the cost.")
    default_priority: Annotated[int, Field(ge=-1024, le=1024)] | None = None
    small_model: Name | None = Field(
        None,
        description="Node kind for models up to `small_model_limit` parameters; left out, it is chosen by expected cost.",
    )
    large_model: Name | None = Field(
        None, description="Node kind for larger models; left out, it is chosen by expected cost."
    )
    api: Name | None = Field(None, description="Node kind for models that others serve.")
    download: Name | None = Field(
        None, description="Node kind of a job that downloads models first; left out, `evalctl sync` does that itself."
    )
    small_model_limit: Annotated[float, Field(gt=0, le=1e15)] = 13e9
    cost: Cost | None = None
    max_walltime: Walltime = "24:00:00"
    walltime_step_minutes: Annotated[int, Field(ge=1, le=10_000)] = 10
    start_allowance_minutes: Annotated[int, Field(ge=0, le=10_000)] = 10
    grace_minutes: Annotated[int, Field(ge=0, le=10_000)] = Field(
        10, description="How long a submitted job may stay invisible."
    )
    drain_seconds: Annotated[int, Field(ge=5, le=86_400)] = Field(
        120, description="Reserved before the scheduler's kill for saving."
    )
    max_submitted: Annotated[int, Field(ge=1, le=MOST)] | None = None
    max_running: Annotated[int, Field(ge=1, le=MOST)] | None = None
    modules_init: AbsolutePath | None = None
    modules: tuple[Line, ...] = Field(
        (), description="Names that `module load` gets: NAME or NAME/VERSION.", strict=False
    )
    variables: dict[Annotated[str, StringConstraints(pattern=VARIABLE)], Line] = Field(
        default_factory=dict, description="Environment variables of every job."
    )
    scratch: tuple[Line, ...] = Field(
        (),
        description="Where TMPDIR may be: variable names ($T4TMPDIR) or paths with $JOB_ID; the first that exists.",
        strict=False,
    )
    parallel_tasks: Annotated[int, Field(ge=1, le=32)] = Field(
        32, description="The most tasks that ask one server at once; a node with few cores or little memory runs fewer."
    )
    code_execution: Literal["fenced", "best-effort", "unfenced"] = Field(
        "fenced",
        description="How code that a model wrote may run: only behind a fence without keys, files, network and other processes; "
        "behind what the node's kernel grants of it; or as the framework runs it.",
    )
    bulk_storage: tuple[AbsolutePath, ...] = Field(
        (),
        description="Where large files belong; caches that .env names elsewhere are reported by `evalctl env check`.",
        strict=False,
    )
    advice: tuple[Line, ...] = Field((), description="Notes that the plan repeats for this service.", strict=False)

    def longest_seconds(self, node: NodeKind) -> int:
        """The longest walltime of a node kind."""
        return _seconds(node.max_walltime or self.max_walltime)

    def priority_factor(self, priority: int | None) -> float:
        """What a priority multiplies the cost by."""
        return self.priorities.get(str(priority), 1.0)

    @property
    def step_seconds(self) -> int:
        """Walltimes are multiples of it."""
        return self.walltime_step_minutes * 60

    def walltime_seconds(self, wanted: int, node: NodeKind) -> int:
        """What is asked for when a job wants that long: rounded up to the site's step, cut at its limit."""
        return rounded(wanted, self.step_seconds, self.longest_seconds(node))


@cache
def _seconds(walltime: str) -> int:
    hours, minutes, seconds = (int(part) for part in walltime.split(":"))
    return hours * 3600 + minutes * 60 + seconds
