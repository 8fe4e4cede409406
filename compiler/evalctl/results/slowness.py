"""Why an eval is slow, by the manual's causes (3.6), and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalctl.model import plain_json
from evalctl.results.answers import Summary
from evalctl.suggest import plural
from evalctl_job.relay_files import ServerLoad, TaskCounts
from evalctl_job.typed import read

MANY = 0.05  # a share of looping, truncated or late answers from which the whole eval is slowed down
LENGTH = "length"
FULL = 0.95  # of the cache
# The relay's messages about it (evalctl_job/transport.py, evalctl_job/outcomes.py).
_LATE = "did not answer in time"
_LIMITED = "HTTP 429"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, its evidence, and what to change."""

    name: str
    seen: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.seen}; {self.remedy}"


def server_load(content: bytes) -> ServerLoad:
    """The content of a server.json; raises ValueError when it is damaged."""
    return read(ServerLoad, plain_json.document(content), extra=True)


def counts(content: bytes) -> TaskCounts:
    """The content of a counts.json; raises ValueError when it is damaged."""
    return read(TaskCounts, plain_json.document(content), extra=True)


def causes(summary: Summary, server: ServerLoad | None) -> list[Cause]:
    """The causes that the answers and the server show; `server` is None where its load is unknown."""
    return [*_of_answers(summary), *(_of_server(server) if server else ())]


def causes_at_work(task: TaskCounts | None, server: ServerLoad | None, *, late: bool = False) -> list[Cause]:
    """The same from the counts of a running attempt, without reading its answers. `late`: a request timed out."""
    counted = task or TaskCounts()
    return [
        *_length(counted.truncated, counted.answered),
        *_timeouts(counted, late),
        *_refusals(counted),
        *(_of_server(server) if server else ()),
    ]


def _of_answers(summary: Summary) -> Iterator[Cause]:
    yield from looping(summary)
    yield from _length(summary.truncated, summary.answers)


def looping(summary: Summary) -> Iterator[Cause]:
    """Whether so many answers loop that the others wait for them."""
    if summary.answers and summary.repeating / summary.answers >= MANY:
        yield Cause(
            "repetition", f"{summary.repeating} of {summary.answers} answers loop until they end",
            "inform the person who requested it, then lower max_model_length to 8192 (an override of the request)",
        )  # fmt: skip


def _timeouts(task: TaskCounts, failed: bool) -> Iterator[Cause]:
    late = task.abandoned + (task.failed if _LATE in (task.first_error or "") else 0)
    if failed or late >= max(1, MANY * task.asked):
        yield Cause(
            "timeouts", f"{plural(late, 'answer') if late else 'some answers'} came too late for the framework",
            "a larger request_timeout, or a node kind with more GPUs",
        )  # fmt: skip


def _refusals(task: TaskCounts) -> Iterator[Cause]:
    """The relay forgets a refusal with the next answer, so this one is the last that is known of the model.

    A rate limit is no silence, and is in the notes.
    """
    if task.last_refusal and not task.last_refusal.startswith(_LIMITED):
        remedy = "check whether the model's provider works; requests are tried again for a while"
        yield Cause("no answers", f"the last call failed ({task.last_refusal})", remedy)


def _length(truncated: int, answered: int) -> Iterator[Cause]:
    if answered and truncated / answered >= MANY:
        yield Cause(
            LENGTH, f"{truncated} of {answered} answers were cut off at the length limit",
            "see whether they loop (evalctl details REQUEST TASK --truncated) before raising max_new_tokens or max_model_length",
        )  # fmt: skip


def _of_server(server: ServerLoad) -> Iterator[Cause]:
    full = f"cache up to {server.highest_cache_use:.0%} full"
    if server.preemptions or server.highest_cache_use >= FULL:
        remedy = "a larger node kind, or a smaller max_model_length"
        yield Cause("too little memory", f"{plural(server.preemptions, 'preemption')}, {full}", remedy)
    elif server.queued_seconds and server.admission == "fixed":
        waited = f"requests waited {server.queued_seconds:.0f} s for a fixed limit of {server.limit}, {full}"
        yield Cause("too little concurrency", waited, "`concurrency: auto`, or a larger number")
    if server.refusals:
        yield Cause("rate limit", f"the server refused {plural(server.refusals, 'request')}", "a smaller `concurrency`")
