"""A machine without a scheduler: `evalctl_queue`, a program of this project, manages a queue per GPU."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting, State
from evalctl.model.walltime import clock
from evalctl.schedulers.common import Unreadable, answer, message_of, only_id
from evalctl.shell import Command, Reply
from evalctl_job.typed import read
from evalctl_queue.records import JobList, ListedJob

PROGRAMS: tuple[str, ...] = ()
STARTUP: tuple[str, ...] = ()
VERSION = Command((sys.executable, "--version"))
_STATES = {
    "queued": State.QUEUED, "running": State.RUNNING, "ending": State.ENDING,
    **dict.fromkeys(("done", "failed", "timeout", "cancelled", "lost"), State.ENDED),
}  # fmt: skip
_TICKET = re.compile(r"(\d+)")


def directives(batch: Batch) -> list[str]:
    """A comment for the reader: the queue gets all this from its command line."""
    return [f"# local queue: {batch.name}, {batch.gpus} GPU(s), at most {clock(batch.walltime_seconds)}"]


def submit(
    script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
    site_args: Sequence[str] = (), gpus: Sequence[str] = (),
) -> Command:  # fmt: skip
    """The job waits for the GPUs with these numbers; without any, for a CPU slot."""
    devices = ("--gpus", ",".join(gpus)) if gpus else ("--cpu",)
    limit = () if walltime_seconds is None else ("--walltime", str(walltime_seconds))
    return Command(
        (*_program("submit"), *site_args, "--name", name, *devices, "--output-dir",
         output_dir, *limit, "--", script),
        env={"EVALCTL_RUN_DIR": run_dir},
    )  # fmt: skip


def native_id(reply: Reply, name: str) -> str:
    """The ticket's number."""
    return only_id(reply, _TICKET)


def refusal(reply: Reply) -> str | None:
    """A message of the queue (status 1) or of its argument parser (2); a traceback is not a refusal."""
    refused = re.search(r"^(local queue: |usage: )", reply.stderr, re.MULTILINE) is not None
    return message_of(reply) if reply.status in (1, 2) and not reply.timed_out and refused else None


def postponed(reply: Reply) -> str | None:
    """None: the queue has no limit."""
    return None


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """Lists the queue, including the jobs that ended last."""
    return Command((*_program("list"), *_queue(site_args)))


def sightings(reply: Reply) -> list[Sighting]:
    """All jobs in the list: the queue belongs to one person."""
    try:
        return [_sighting(job) for job in read(JobList, json.loads(answer(reply)), extra=True).jobs]
    except ValueError as error:
        raise Unreadable(f"not a job list: {error}") from error


def _sighting(job: ListedJob) -> Sighting:
    if job.state not in _STATES or not job.name:
        raise Unreadable(f"unknown state {job.state}")
    detail = job.state if job.exit_status is None else f"{job.state}, exit status {job.exit_status}"
    return Sighting(job.name, str(job.id), _STATES[job.state], detail)


def recognises(version: Reply) -> bool:
    """The queue is a program of this project, called by its path."""
    return True


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """Ends the job and all processes that it started."""
    return Command((*_program("cancel"), *_queue(site_args), native_id))


def cancelled(reply: Reply) -> bool:
    """The queue has status 0 for a job that it ends and for one that has ended already."""
    return reply.status == 0 and not reply.timed_out


def _program(verb: str) -> tuple[str, ...]:
    # -I: neither the working folder nor PYTHON* variables choose what is imported.
    return (sys.executable, "-I", str(Path(__file__).parents[2] / "evalctl_queue" / "__main__.py"), verb)


def _queue(site_args: Sequence[str]) -> tuple[str, ...]:
    """The option with the queue's folder; other words of `site_args` are for submitting only."""
    words = list(site_args)
    return tuple(words[words.index("--queue") : words.index("--queue") + 2]) if "--queue" in words else ()
