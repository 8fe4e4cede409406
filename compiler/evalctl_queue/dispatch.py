"""Starts the jobs that need not wait, and removes the folders of jobs that ended long ago."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from evalctl_queue.keeper import Keeper
from evalctl_queue.records import JobState, as_json
from evalctl_queue.tickets import Ticket, locked, tickets, write

KEPT = 200  # ended jobs


def dispatch(queue: Path) -> None:
    """Starts every waiting job that need not wait for an earlier one; the caller holds the queue's lock."""
    mine = [(ticket, ticket.state().state) for ticket in tickets(queue) if ticket.on_this_machine]
    running = [ticket for ticket, state in mine if state in ("running", "ending")]
    taken = {gpu for ticket in running for gpu in ticket.submission.gpus}
    without_gpu, blocked = sum(not ticket.submission.gpus for ticket in running), False
    for ticket in (ticket for ticket, state in mine if state == "queued"):
        gpus = set(ticket.submission.gpus)
        if gpus:
            free = not gpus & taken
            taken |= gpus  # of running and of waiting jobs: later jobs do not overtake
        else:
            free = not blocked and without_gpu < ticket.submission.slots
            without_gpu, blocked = without_gpu + free, not free
        if free:
            start(ticket, queue)
    prune([ticket for ticket, state in mine if state not in ("queued", "running", "ending")])


def prune(ended: Sequence[Ticket]) -> None:
    """Removes the folders of all but the last KEPT ended jobs."""
    for ticket in ended[:-KEPT]:
        with contextlib.suppress(OSError):
            (ticket.folder / "ticket.json").unlink()  # first: a ticket without a recorded end would be queued again
            shutil.rmtree(ticket.folder, ignore_errors=True)


def start(ticket: Ticket, queue: Path) -> None:
    """Forks the job's keeper, which holds the ticket's lock before the start is recorded."""
    lock = os.open(ticket.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # does not block for long: others hold it briefly, or under the queue's lock
    write(ticket.folder / "started.json", as_json(JobState(started_at=time.time())))
    if os.fork() == 0:
        status = 1
        try:
            detach(ticket, lock)
            Keeper(ticket, lock).run()
            os.close(lock)
            with locked(queue):
                dispatch(queue)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(lock)


def detach(ticket: Ticket, lock: int) -> None:
    """Leaves the caller's session, terminal and open files, including its lock on the queue."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(ticket.folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, file in enumerate((null, null, log)):
        os.dup2(file, number)
    os.closerange(3, lock)
    os.closerange(lock + 1, os.sysconf("SC_OPEN_MAX"))
