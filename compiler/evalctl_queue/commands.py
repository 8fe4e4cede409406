"""The commands `submit`, `list` and `cancel`, and their command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import evalctl_queue
from evalctl_queue.dispatch import dispatch
from evalctl_queue.keeper import SWEEP_SECONDS, TERM_SECONDS
from evalctl_queue.processes import carriers, is_open, signal_all
from evalctl_queue.records import ENDING, QUEUED, RUNNING, JobList, JobState, ListedJob, TicketFile, as_json
from evalctl_queue.tickets import QueueRefusal, Ticket, locked, new_folder, tickets, write


def submit(arguments: argparse.Namespace) -> str:
    """Queues a script and starts the jobs that can start; returns the job's number."""
    queue = arguments.queue
    with locked(queue):
        for ticket in tickets(queue):
            if ticket.submission.name == arguments.name and ticket.state().state in (QUEUED, RUNNING, ENDING):
                raise QueueRefusal(f"{arguments.name} is in the queue already, as {ticket.number}")
        folder = new_folder(queue)
        write(folder / "ticket.json", as_json(submission_of(arguments)))
        with contextlib.suppress(OSError):  # the job is in the queue, so it is not refused: the next call starts it
            dispatch(queue)
    return folder.name


def submission_of(arguments: argparse.Namespace) -> TicketFile:
    """The content of a job's ticket, from the command line."""
    gpus = () if arguments.cpu else tuple(arguments.gpus.split(","))
    if not Path(arguments.script).is_file():
        raise QueueRefusal(f"there is no script {arguments.script}")
    if not Path(arguments.output_dir).is_dir():
        raise QueueRefusal(f"there is no folder {arguments.output_dir}")
    return TicketFile(
        name=arguments.name, gpus=gpus, slots=arguments.slots, walltime=arguments.walltime,
        script=str(Path(arguments.script).absolute()), output_dir=str(Path(arguments.output_dir).absolute()),
        run_dir=os.environ.get("EVALCTL_RUN_DIR", ""), cwd=str(Path.cwd()), host=socket.gethostname(), submitted_at=time.time(),
    )  # fmt: skip


def listed(arguments: argparse.Namespace) -> str:
    """All jobs as JSON, after starting the jobs that can start."""
    with locked(arguments.queue):
        dispatch(arguments.queue)
        jobs = tuple(_listed(ticket, ticket.state()) for ticket in tickets(arguments.queue))
    return json.dumps(as_json(JobList(jobs=jobs)), ensure_ascii=False, indent=1)


def _listed(ticket: Ticket, now: JobState) -> ListedJob:
    return ListedJob(
        id=ticket.number, name=ticket.submission.name, state=now.state, started_at=now.started_at, ended_at=now.ended_at,
        pid=now.pid, keeper=now.keeper, exit_status=now.exit_status,
    )  # fmt: skip


def cancel(arguments: argparse.Namespace) -> str:
    """Ends a job, waiting or running; a job that has ended or is unknown is not an error."""
    with locked(arguments.queue):
        ticket = next((one for one in tickets(arguments.queue) if one.number == arguments.id), None)
        now = ticket.state() if ticket else JobState()
        if ticket and now.state == QUEUED:
            ticket.end("cancelled", None)
            return f"{arguments.id} was waiting and is removed from the queue"
        if not ticket or now.state not in (RUNNING, ENDING):
            return f"{arguments.id} has ended already"
        if not ticket.on_this_machine:
            raise QueueRefusal(f"{arguments.id} runs on {ticket.submission.host}: cancel it there")
        (ticket.folder / "ending").touch()
    if not wake_keeper(ticket, now.keeper):
        end_orphan(ticket)
    return f"{arguments.id} is being ended"


def wake_keeper(ticket: Ticket, keeper: int | None) -> bool:
    """Wakes the keeper so that it sees the cancellation; False when the keeper was killed and the job still runs."""
    if keeper is None:
        return True  # the keeper is just starting and will check
    if not is_open(keeper, ticket.folder / "lock"):
        return False  # its pid may belong to another process by now
    os.kill(keeper, signal.SIGTERM)
    return True


def end_orphan(ticket: Ticket) -> None:
    """Sends TERM, then KILL, to all processes that have this ticket in their environment."""
    for sign, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, SWEEP_SECONDS)):
        limit = time.monotonic() + seconds
        while (left := carriers(ticket)) and time.monotonic() < limit:
            signal_all(left, sign)
            time.sleep(0.5)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="evalctl_queue", description=evalctl_queue.__doc__.splitlines()[0])
    verbs = made.add_subparsers(required=True)
    for name, call in (("submit", submit), ("list", listed), ("cancel", cancel)):
        verb = verbs.add_parser(name, help=call.__doc__)
        verb.set_defaults(call=call)
        verb.add_argument("--queue", type=Path, default=default_queue(), help="folder of the queue (EVALCTL_QUEUE)")
        if call is cancel:
            verb.add_argument("id", type=int)
        if call is submit:
            add_submit_options(verb)
    return made


def default_queue() -> Path:
    """One queue per person and machine, because the GPUs are the machine's."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return Path(os.environ.get("EVALCTL_QUEUE") or state / "evalctl/queue")


def add_submit_options(verb: argparse.ArgumentParser) -> None:
    """The options of `submit`."""
    verb.add_argument("--name", required=True)
    devices = verb.add_mutually_exclusive_group(required=True)
    devices.add_argument("--gpus", help="device numbers, comma between them")
    devices.add_argument("--cpu", action="store_true", help="needs no GPU")
    verb.add_argument("--slots", type=int, default=1, help="how many jobs without a GPU may run at once")
    verb.add_argument("--output-dir", required=True, help="folder of what the script prints")
    verb.add_argument("--walltime", type=float, help="seconds")
    verb.add_argument("script")


def main(argv: Sequence[str] | None = None) -> int:
    """Status 0 with an answer, 1 when refused, 2 for a wrong command line."""
    arguments = parser().parse_args(argv)
    call: Callable[[argparse.Namespace], str] = arguments.call
    try:
        sys.stdout.write(f"{call(arguments)}\n")
    except (QueueRefusal, OSError) as problem:
        sys.stderr.write(f"local queue: {problem}\n")
        return 1
    return 0
