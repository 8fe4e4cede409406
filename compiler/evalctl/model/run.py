"""The values that `sync` observes, decides and records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from evalctl_job.marks import Finished, ServerReady, Started, TaskMark


class State(str, Enum):
    """The state of a job at its scheduler, in terms common to all schedulers."""

    QUEUED = "queued"
    HELD = "held"
    RUNNING = "running"
    ENDING = "ending"
    STUCK = "stuck"  # the scheduler itself gave up (Eqw, JobLaunchFailure …): needs a person
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One job as the scheduler lists it. `name` is whole; `detail` is the scheduler's own word."""

    name: str
    native_id: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a job wrote about itself; `unreadable` names files that could not be read.

    `unloaded` is the last line of the job's log where the script began and there is no mark: the program in its job
    environment was not loaded, or it loads at this moment.
    """

    started: Started | None = None
    server_ready: ServerReady | None = None
    finished: Finished | None = None
    tasks: Mapping[str, TaskMark] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    unloaded: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Answers that a framework has got, of how many (None: not known), how many a minute (None: too little was seen).

    `ends_at` is when the last answer is expected if that goes on; scores are computed after it.
    """

    answered: int
    total: int | None = None
    per_minute: float | None = None
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress of each task of an attempt that has begun, and of all its tasks together."""

    tasks: Mapping[str, Progress]
    whole: Progress


class Phase(str, Enum):
    """The phase of an attempt in the ledger."""

    CLAIMED = "claimed"  # the claim is recorded; whether the job was submitted is not known
    SUBMITTED = "submitted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One submission of a job. `evals` maps task keys to eval digests that this attempt runs."""

    job: str  # Job.name
    number: int
    name: str  # the name that the scheduler knows: ev-<repo4>-<stem>-<digest8>-a<number>
    phase: Phase
    service: str
    request: str
    evals: Mapping[str, str]
    run_dir: str
    claimed_at: float
    submitted_at: float | None = None
    closed_at: float | None = None
    native_id: str = ""
    outcome: str = ""  # of a closed attempt: collected, failed:<reason>, lost, cancelled
    walltime_seconds: int = 0
    by: str = ""


class Action(str, Enum):
    """What `sync` does about a job now."""

    DONE = "done"
    SUBMIT = "submit"
    COLLECT = "collect"
    CLOSE = "close"
    WAIT = "wait"
    STOP = "stop"  # a person must look
    REPORT = "report"
    CANCEL = "cancel"  # only what a person asked to prune


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about one job, and why."""

    job: str
    action: Action
    reason: str
    detail: str = ""
