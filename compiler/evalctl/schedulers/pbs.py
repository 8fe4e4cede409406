"""PBS: ABCI 3.0 runs PBS Professional 2022.1; all replies here are of OpenPBS 23.06.06, of the same family."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting, State
from evalctl.model.walltime import clock
from evalctl.schedulers.common import (
    Unreadable,
    answer,
    declined,
    only_id,
    passing,
    scheduler_command,
    unreachable,
    variable,
)  # fmt: skip
from evalctl.shell import Command, EnvironmentProblem, Reply

PROGRAMS: tuple[str, ...] = ("qsub", "qstat", "qdel")
STARTUP: tuple[str, ...] = (".qstatrc",)  # a script for qstat, where it was built with Tcl
VERSION = scheduler_command(("qstat", "--version"))  # `pbs_version = 23.06.06`
_ID = re.compile(r"(\d+(?:\[\])?\.(?=\S*[A-Za-z])[\w.-]+)")  # `12345.pbs1`; a server's name has a letter
_ACCEPTED = re.compile(rf"^{_ID.pattern}$", re.MULTILINE)
_SILENCE = re.compile(
    r"cannot connect to server|Connection (refused|timed out|reset)|Communication failure|Server disconnected|"
    r"No default server|pbs_iff|End of File|Expired credential",
    re.IGNORECASE,
)
# Statuses that leave open what happened: system error (seen when the server is down), internal error, protocol error,
# no connection, no server (the error's number in pbs_error.h, modulo 256); 255 when qstat and qdel reach no server.
_UNCLEAR = (162, 163, 183, 185, 186, 255)
# Closed list: numbers of pbs_error.h, modulo 256, with which a server refuses the job for good. Of
# 23.06: attribute or value (154-159, 166, 184, 220), job name (68), user, group, account, host (160, 171, 172, 175, 197,
# 201), queue (170, 174, 189), resource or limit of one job (181, 187, 188, 200, 3-7, 40, 62), project and dependency
# (206, 236, 240), script (71, 194), reservation (52, 228), a hook's refusal (32, 65).
_REFUSED_STATUS = frozenset(
    {154, 155, 156, 157, 159, 166, 184, 220, 68, 160, 171, 172, 175, 197, 201, 170, 174, 189, 181, 187, 188, 200, 3, 4, 5,
     6, 7, 40, 62, 206, 236, 240, 71, 194, 52, 228, 32, 65, 180, 69}
)  # fmt: skip
_REFUSED = re.compile(  # of qsub itself, status 1 or 2: nothing was sent
    r"^qsub: (?:illegal -\w value|invalid option -- .*|Job name is too long ?|script file::? .*|option requires .*"
    r"|Failed to create the job script.*|cannot (?:open|access) script .*)$|^usage: qsub ",
    re.MULTILINE,
)
# Limits on simultaneous jobs (38 ENTLIMCT, 39 ENTLIMRESC, 198 MAXQUED, 70 RESCBUSY), and temporary refusals
# (173 queue not enabled, 191 no destination takes it, 212 server going down, 13 and 158 connections, 104 try again).
_LIMITED_STATUS = frozenset({38, 39, 198, 70, 173, 191, 192, 212, 13, 158, 104, 179, 123})
_LIMITED = re.compile(
    r"would exceed .*limit|[Mm]aximum number of jobs already in queue"
    r"|[Qq]ueue is not enabled|[Tt]oo many (?:jobs|open connections)|limit .*jobs .*(?:reached|exceeded)",
)
_SAID = re.compile(r"^qsub: ", re.MULTILINE)
_UNKNOWN_JOB, _FINISHED_JOB = 153, 35
_STATES = {
    **dict.fromkeys("QWT", State.QUEUED), **dict.fromkeys("RBSU", State.RUNNING), **dict.fromkeys("FX", State.ENDED),
    "H": State.HELD, "E": State.ENDING,
    "M": State.HELD,  # moved to another server, where it may run: only a person can check that
}  # fmt: skip


def directives(batch: Batch) -> list[str]:
    """`#PBS` lines as on ABCI: one log, written while the job runs; not rerunnable (PBS's default is that it is)."""
    words = [f"-N {batch.name}", *batch.directives, f"-l walltime={clock(batch.walltime_seconds)}"]
    if batch.priority is not None:
        words.append(f"-p {batch.priority}")
    return [f"#PBS {word}" for word in (*words, "-j oe", "-k oed", "-r n")]


def submit(
    script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
    site_args: Sequence[str] = (), gpus: Sequence[str] = (),
) -> Command:  # fmt: skip
    """qsub with a file: PBS copies it at once and reads its directives (after `--` it would do neither)."""
    if not output_dir.isascii():
        raise EnvironmentProblem(
            f"`{output_dir}`: qsub takes ASCII paths only (seen: illegal -o value)",
            help="move the repository (or EVALCTL_HOME) to a path with ASCII characters only",
        )
    limit = () if walltime_seconds is None else ("-l", f"walltime={clock(walltime_seconds)}")
    return scheduler_command((
        "qsub", *site_args, "-N", name, "-o", output_dir, *limit,
        "-v", variable(run_dir), script,
    ), run_dir)  # fmt: skip


def native_id(reply: Reply, name: str) -> str:
    """`12345.pbs1`."""
    return only_id(reply, _ID)


def refusal(reply: Reply) -> str | None:
    """By the status: an unknown queue is 170, a resource 187, a walltime 166; an unreachable server refuses nothing."""
    if reply.status in _UNCLEAR or postponed(reply):
        return None
    words = re.compile("") if reply.status in _REFUSED_STATUS else _REFUSED
    return declined(reply, words, _SILENCE, _ACCEPTED)


def postponed(reply: Reply) -> str | None:
    """`would exceed complex's per-user limit` and similar messages: status 38, or a hook's (32, 65) with such words."""
    if reply.status in _UNCLEAR:
        return None
    words = re.compile("") if reply.status in _LIMITED_STATUS else _LIMITED
    passes = passing(reply, _SAID if reply.status in _REFUSED_STATUS else _REFUSED, _SILENCE, _ACCEPTED)
    return declined(reply, words, _SILENCE, _ACCEPTED) or passes


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """The user's jobs that have not ended, one attribute a line: with `-w`, `-f` overrides the table format of `-u`.

    Not `-F json`: it lists the jobs of all users, and one with a variable like `nan`, `.5` or an escape character makes the
    whole reply invalid.
    """
    return scheduler_command(("qstat", "-f", "-w", "-u", user))


def sightings(reply: Reply) -> list[Sighting]:
    """Each job ends with an empty line; the reply for a user without jobs is empty."""
    *jobs, rest = answer(reply).split("\n\n")
    if rest:
        raise Unreadable("the reply ends in the middle of a job, or is not a reply of qstat")
    return [_sighting(job) for job in jobs]


def _sighting(job: str) -> Sighting:
    head, *lines = job.split("\n")
    number = head.removeprefix("Job Id: ")
    attributes: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(" = ")
        attributes.setdefault(key.strip(), value)  # a later line may be the text of a variable
    name, letter, comment = (attributes.get(key, "") for key in ("Job_Name", "job_state", "comment"))
    if number == head or not name or letter not in _STATES:
        raise Unreadable(f"{head[:80]} has no name or an unknown state {letter}")
    return Sighting(name, number, _state(letter, comment), f"{letter} {comment}".rstrip())


def _state(letter: str, comment: str) -> State:
    # A job that cannot be started (its output folder is missing, …) is held by the server after 21 tries.
    hopeless = comment.startswith("Can Never Run") or "too many failed attempts" in comment
    return State.STUCK if hopeless else _STATES[letter]


def recognises(version: Reply) -> bool:
    """`pbs_version = 23.06.06`; Torque says `Version: 6.1`, Grid Engine its usage."""
    return version.stdout.startswith("pbs_version = ")


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """qdel, which sends TERM, then KILL."""
    return scheduler_command(("qdel", native_id))


def cancelled(reply: Reply) -> bool:
    """The job is being ended, or had ended before."""
    if unreachable(reply, _SILENCE) or reply.status in _UNCLEAR:
        return False
    return reply.status in (0, _UNKNOWN_JOB, _FINISHED_JOB)
