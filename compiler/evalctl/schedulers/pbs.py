"""PBS: ABCI 3.0 runs PBS Professional 2022.1; all replies are those of OpenPBS 23.06.06, of the same family."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting, State
from evalctl.schedulers.common import Unreadable, answer, asked, clock, said, unreachable, variable
from evalctl.shell import Command, EnvironmentProblem, Reply

PROGRAMS: tuple[str, ...] = ("qsub", "qstat", "qdel")
VERSION = asked(("qstat", "--version"))  # `pbs_version = 23.06.06`
_SUBMITTED = re.compile(r"^(\d+(?:\[\])?\.\S+)$", re.MULTILINE)
_SILENCE = re.compile(
    r"cannot connect to server|Connection (refused|timed out|reset)|Communication failure|Server disconnected|"
    r"No default server|pbs_iff|End of File|Expired credential",
    re.IGNORECASE,
)
# Statuses that leave open what happened: system error (seen when the server is down), internal error, protocol error,
# no connection, no server (the error's number in pbs_error.h, modulo 256); 255 when qstat and qdel reach nobody.
_UNCLEAR = (162, 163, 183, 185, 186, 255)
_UNKNOWN_JOB, _FINISHED_JOB = 153, 35
_STATES = {
    **dict.fromkeys("QWT", State.QUEUED), **dict.fromkeys("RBSU", State.RUNNING), **dict.fromkeys("FXM", State.ENDED),
    "H": State.HELD, "E": State.ENDING,
}  # fmt: skip


def directives(batch: Batch) -> list[str]:
    """`#PBS` lines as on ABCI: one log, written while the job runs; by default PBS may run a job again."""
    words = [f"-N {batch.name}", *batch.directives, f"-l walltime={clock(batch.walltime_seconds)}"]
    if batch.priority is not None:
        words.append(f"-p {batch.priority}")
    return [f"#PBS {word}" for word in (*words, "-j oe", "-k oed", "-r n")]


def submit(
    script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
    site_args: Sequence[str] = (), gpus: Sequence[str] = (),
) -> Command:  # fmt: skip
    """qsub with a file: it is copied now, and its directives are read (after `--` neither would happen)."""
    if not output_dir.isascii():
        raise EnvironmentProblem(
            f"`{output_dir}`: qsub takes ASCII paths only (seen: illegal -o value)",
            help="move the repository (or EVALCTL_HOME) to a plain path",
        )
    limit = () if walltime_seconds is None else ("-l", f"walltime={clock(walltime_seconds)}")
    return asked((
        "qsub", *site_args, "-N", name, "-o", output_dir, *limit,
        "-v", variable(run_dir), script,
    ), run_dir)  # fmt: skip


def native_id(reply: Reply) -> str:
    """`12345.pbs1`."""
    found = _SUBMITTED.search(reply.stdout) if reply.status == 0 else None
    return found.group(1) if found else ""


def refusal(reply: Reply) -> str | None:
    """A bad queue is 170, a bad resource 187, a bad walltime 166; a server that is down refuses nothing."""
    return None if reply.status in (0, *_UNCLEAR) or unreachable(reply, _SILENCE) else said(reply)


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """The user's jobs that are not over, one attribute a line: with `-w`, `-f` wins over the table that `-u` asks for.

    Not `-F json`: it lists everybody's jobs, and one with a variable like `nan`, `.5` or an escape character makes the
    answer for all of them invalid.
    """
    return asked(("qstat", "-f", "-w", "-u", user))


def sightings(reply: Reply) -> list[Sighting]:
    """Each job is closed by an empty line; a user without jobs gets nothing at all."""
    *jobs, rest = answer(reply).split("\n\n")
    if rest:
        raise Unreadable("the answer stops in the middle of a job, or is not one of qstat")
    return [_sighting(job) for job in jobs]


def _sighting(job: str) -> Sighting:
    head, *lines = job.split("\n")
    number = head.removeprefix("Job Id: ")
    attributes: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(" = ")
        attributes.setdefault(key.strip(), value)  # what comes later may be text of a variable
    name, letter, comment = (attributes.get(key, "") for key in ("Job_Name", "job_state", "comment"))
    if number == head or not name or letter not in _STATES:
        raise Unreadable(f"{head[:80]} has no name or an unknown state {letter}")
    return Sighting(name, number, _state(letter, comment), f"{letter} {comment}".rstrip())


def _state(letter: str, comment: str) -> State:
    # A job that cannot be started, for want of its output folder for example, is held by the server after 21 tries.
    hopeless = comment.startswith("Can Never Run") or "too many failed attempts" in comment
    return State.STUCK if hopeless else _STATES[letter]


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """qdel: TERM, then KILL."""
    return asked(("qdel", native_id))


def cancelled(reply: Reply) -> bool:
    """Ended, or gone before."""
    if unreachable(reply, _SILENCE) or reply.status in _UNCLEAR:
        return False
    return reply.status in (0, _UNKNOWN_JOB, _FINISHED_JOB)
