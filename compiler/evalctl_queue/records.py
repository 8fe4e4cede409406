"""What the queue keeps of a job, and how it lists one: the queue writes and reads these types, and evalctl reads its list with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

QUEUED, RUNNING, ENDING, LOST = "queued", "running", "ending", "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFile:
    """`ticket.json`: what was submitted. `gpus` is empty for a job without a GPU, of which `slots` may run at once."""

    name: str
    script: str
    output_dir: str
    cwd: str
    host: str
    gpus: tuple[str, ...] = ()
    slots: int = 1
    walltime: float | None = None
    run_dir: str = ""
    submitted_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """`started.json` and `ended.json`; `state` is empty in the first. `damaged`: the file could not be read."""

    state: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    pid: int | None = None
    keeper: int | None = None
    exit_status: int | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """One job in the list."""

    id: int
    name: str
    state: str
    started_at: float | None = None
    ended_at: float | None = None
    pid: int | None = None
    keeper: int | None = None
    exit_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """What `list` prints."""

    jobs: tuple[ListedJob, ...]


def as_json(value: TicketFile | JobState | JobList) -> Mapping[str, object]:
    """The object of a file or of the list."""
    return asdict(value)
