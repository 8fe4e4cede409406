"""PBS: ABCI 3.0 runs PBS Professional 2022.1; replies are those of OpenPBS 23.06, of the same family."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting, State
from evalctl.schedulers.common import Unreadable, answer, clock, said, unreachable, variable
from evalctl.shell import Command, Reply

_SUBMITTED = re.compile(r"^(\d+(?:\[\])?\.\S+)$", re.MULTILINE)
_SILENCE = re.compile(
    r"cannot connect to server|Connection (refused|timed out|reset)|Communication failure|Server disconnected|"
    r"No default server|pbs_iff|End of File|Expired credential",
    re.IGNORECASE,
)
_DOWN = (162, 255)  # qsub's and qstat's status when the server is down (seen: 23.06)
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
    limit = () if walltime_seconds is None else ("-l", f"walltime={clock(walltime_seconds)}")
    return Command((
        "qsub", *site_args, "-N", name, "-o", output_dir, *limit,
        "-v", variable(run_dir), script,
    ))  # fmt: skip


def native_id(reply: Reply) -> str:
    """`12345.pbs1`."""
    found = _SUBMITTED.search(reply.stdout) if reply.status == 0 else None
    return found.group(1) if found else ""


def refusal(reply: Reply) -> str | None:
    """A bad queue is 170, a bad resource 187, a bad walltime 166; a server that is down refuses nothing."""
    return None if reply.status in (0, *_DOWN) or unreachable(reply, _SILENCE) else said(reply)


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """All jobs that are not over, others' too (names tell ours): `-u` would choose the table that cuts names."""
    return Command(("qstat", "-f", "-F", "json"))


def sightings(reply: Reply) -> list[Sighting]:
    """No `Jobs` at all means none, but only in an answer that names its server."""
    try:
        document = json.loads(answer(reply))
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(document, dict) or "pbs_server" not in document:
        raise Unreadable("not an answer of a PBS server")
    jobs = document.get("Jobs", {})
    if not isinstance(jobs, dict):
        raise Unreadable("`Jobs` is not an object")
    return [_sighting(number, job) for number, job in jobs.items()]


def _sighting(number: str, job: Any) -> Sighting:
    if not isinstance(job, dict):
        raise Unreadable(f"job {number} is not an object")
    # A name like 007 comes back as the number 7 (seen: 23.06); ours begin with a letter.
    name, letter, comment = job.get("Job_Name"), job.get("job_state"), str(job.get("comment", ""))
    if name in (None, "") or letter not in _STATES:
        raise Unreadable(f"job {number} has no name or an unknown state {letter}")
    state = _STATES[letter]
    if comment.startswith("Can Never Run") or "too many failed attempts" in comment:
        state = State.STUCK
    return Sighting(str(name), number, state, f"{letter} {comment}".rstrip())


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """qdel: TERM, then KILL."""
    return Command(("qdel", native_id))


def cancelled(reply: Reply) -> bool:
    """Ended, or gone before."""
    if unreachable(reply, _SILENCE) or reply.status in _DOWN:
        return False
    return reply.status in (0, _UNKNOWN_JOB, _FINISHED_JOB)
