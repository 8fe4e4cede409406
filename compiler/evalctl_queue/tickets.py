"""The jobs in the queue: a folder each, with its ticket, its start and its end as files, and a lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalctl_job.typed import read
from evalctl_queue.records import ENDING, LOST, QUEUED, RUNNING, JobState, TicketFile, as_json

_DAMAGED = JobState(state=LOST, damaged=True)


class QueueRefusal(Exception):
    """The queue refuses a command; the text says why."""


@dataclass(frozen=True)
class Ticket:
    """One job in the queue: its folder, and what was submitted."""

    folder: Path
    submission: TicketFile

    @property
    def number(self) -> int:
        """The id: later jobs have larger ones."""
        return int(self.folder.name)

    @property
    def on_this_machine(self) -> bool:
        """Whether this machine runs the job: several machines may share a home folder."""
        return self.submission.host == socket.gethostname()

    def state(self) -> JobState:
        """The job's `state`, and other recorded facts."""
        ended, started = _state(self.folder / "ended.json"), _state(self.folder / "started.json")
        if ended or not started:
            return ended or JobState(state=QUEUED)
        if self.held():
            return replace(started, state=ENDING if (self.folder / "ending").exists() else RUNNING)
        # The job may have recorded its end between the two checks.
        return _state(self.folder / "ended.json") or replace(started, state=LOST)

    def held(self) -> bool:
        """Whether the keeper or the job is alive."""
        with (self.folder / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def end(self, state: str, exit_status: int | None) -> None:
        """Records the end of the job."""
        started = _state(self.folder / "started.json") or JobState()
        ended = replace(started, state=state, exit_status=exit_status, ended_at=time.time())
        write(self.folder / "ended.json", as_json(ended))


@contextlib.contextmanager
def locked(queue: Path) -> Iterator[None]:
    """Holds the queue's lock: one process at a time changes the queue."""
    (queue / "jobs").mkdir(parents=True, exist_ok=True, mode=0o700)
    with (queue / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough: a keeper forked meanwhile shares the lock


def tickets(queue: Path) -> list[Ticket]:
    """All jobs, oldest first; a folder without a ticket is an unfinished submission."""
    folders = sorted(
        (path for path in (queue / "jobs").glob("*") if path.name.isdigit()), key=lambda path: int(path.name)
    )
    return [Ticket(folder, submitted) for folder in folders if (submitted := _submission(folder))]


def new_folder(queue: Path) -> Path:
    """The folder of the next number; numbers of removed jobs are not used again, even if the counter file is damaged."""
    counter = queue / "last"
    known = counter.read_text(errors="replace").strip() if counter.exists() else ""
    there = (int(path.name) for path in (queue / "jobs").iterdir() if path.name.isdecimal())
    number = max(int(known) if known.isdecimal() else 0, *there, 0) + 1
    write(counter, number)
    folder = queue / "jobs" / str(number)
    folder.mkdir(mode=0o700)
    return folder


def _submission(folder: Path) -> TicketFile | None:
    """None while the job is being submitted. A damaged file is an error: a list without the job would mean that it has ended."""
    try:
        return read(TicketFile, json.loads((folder / "ticket.json").read_text(encoding="utf-8")), extra=True)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raise QueueRefusal(f"{folder}/ticket.json is damaged; when its job has ended: rm -r {folder}") from None


def _state(path: Path) -> JobState | None:
    """None when the file does not exist; a damaged one is LOST, so that a started job is not started again."""
    try:
        state = read(JobState, json.loads(path.read_text(encoding="utf-8")), extra=True)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        return _DAMAGED
    return _DAMAGED if state == JobState() else state


def write(path: Path, value: Any) -> None:
    """Writes a JSON file completely or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(value, ensure_ascii=False))
        file.flush()
        os.fsync(file.fileno())  # after a power cut the rename could be on disk without the text
    temporary.replace(path)
