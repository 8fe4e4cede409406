"""Grid Engine: TSUBAME4 runs Altair's 2023.1; every reply here was seen with Son of Grid Engine 8.1.9."""

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
from evalctl.shell import Command, Reply

PROGRAMS: tuple[str, ...] = ("qsub", "qstat", "qdel")
STARTUP: tuple[str, ...] = (
    ".sge_qstat",
    ".sge_request",
)  # `-s r` in them hides waiting jobs; -clear would drop the site's own options, too
VERSION = scheduler_command(("qstat", "-help"))  # `SGE 8.1.9`
# The usage is printed by 6.2, 6.2u5, 2011.11, 8.1.9 and Univa's 8.6.1. A site may have a build or a wrapper with another
# usage (TSUBAME4's has no -xml): the product and its version are enough. OpenPBS's qstat has no -help, but accepts
# `qstat -r -u USER`.
_OWN = re.compile(r"^(?:usage: qstat \[options\]$|(?:[A-Za-z/]{0,5}GE|.*Grid Engine) \S*\d)", re.MULTILINE)
_TERSE = re.compile(r"(\d+)(?:\.\d+-\d+:\d+)?")  # of -terse, which a site's wrapper may add
_ACCEPTED = re.compile(r"^(?:Your job|\d+(?:\.\d+-\d+:\d+)?$)", re.MULTILINE)
_SILENCE = re.compile(
    r"unable to (send message to|contact) qmaster|commlib error|got \w+(?: \w+)* error|gdi request|JSV",
    re.IGNORECASE,
)
# Closed list: messages of sge_qmaster and qsub 8.1.9 that mean that no job was created. After any other, that is unknown.
_REFUSED = re.compile(
    r"^(?:Unable to run job: )?(?:qsub: )?(?:error: |ERROR! )?(?:"
    r"denied: .*|unknown resource .*|(?:job rejected|Job rejected): (?!only \d+ jobs).*|no suitable queues?\.?"
    r"|Job was rejected because .*|[Ii]nvalid option argument .*|[Uu]nknown option .*|.*option must have .*argument.*"
    r"|[Pp]riority must be .*|error opening .*: No such file or directory.*|.* is not a valid object name.*"
    r"|.*cannot start with a digit.*|.*: no suitable queues)$",
    re.MULTILINE,
)
# `max_u_jobs` and `max_jobs` count present jobs; `resource quota` is checked when jobs start.
_LIMITED = re.compile(
    r"^(?:Unable to run job: )?job rejected: only \d+ jobs are allowed per (?:user|cluster)|quota (?:exceeded|limit)",
    re.MULTILINE | re.IGNORECASE,
)
_GONE = re.compile(r'job "?\d+"? does not exist')
# id, priority, the name cut to ten characters (it may contain spaces), user, state, date and time
_JOB = re.compile(r"\s*(\d+)\s+\d+\.\d+\s+\S.*?\s(\S+)\s+([A-Za-z]+)\s+\d\S*\s+\d\d:\d\d:\d\d")
_DETAIL = " " * 7  # numbers have seven columns, so that no job line begins with seven spaces
_NAME = re.compile(r"\s+Full jobname:\s+(\S.*?)\s*$")


def directives(batch: Batch) -> list[str]:
    """`#$` lines as on TSUBAME; the group is given on the command line only."""
    words = ["-S /bin/bash", "-cwd", f"-N {batch.name}", *batch.directives, f"-l h_rt={clock(batch.walltime_seconds)}"]
    if batch.priority is not None:
        words.append(f"-p {batch.priority}")
    return [f"#$ {word}" for word in (*words, "-j y", "-r n")]


def submit(
    script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
    site_args: Sequence[str] = (), gpus: Sequence[str] = (),
) -> Command:  # fmt: skip
    """The qsub command; the output folder must exist, or the job would go into state Eqw."""
    limit = () if walltime_seconds is None else ("-l", f"h_rt={clock(walltime_seconds)}")
    return scheduler_command((
        "qsub", *site_args, "-N", name, "-o", output_dir, "-e", output_dir,
        *limit, "-v", variable(run_dir), script,
    ), run_dir)  # fmt: skip


def native_id(reply: Reply, name: str) -> str:
    """From `Your job 4 ("NAME") has been submitted`, or the bare number of a site's `-terse` wrapper."""
    words = rf'Your job(?:-array)? (\d+)(?:\.\d+-\d+:\d+)? \("{re.escape(name)}"\) has been submitted'
    return only_id(reply, re.compile(words), _TERSE)


def refusal(reply: Reply) -> str | None:
    """By the text: qsub has status 1 for an unreachable qmaster as well as for a wrong option."""
    return None if postponed(reply) else declined(reply, _REFUSED, _SILENCE, _ACCEPTED)


def postponed(reply: Reply) -> str | None:
    """A limit on the number of simultaneous jobs, or a refusal that says that it is temporary."""
    return declined(reply, _LIMITED, _SILENCE, _ACCEPTED) or passing(reply, _REFUSED, _SILENCE, _ACCEPTED)


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """`qstat -r`: plain qstat cuts names at ten characters, and that of TSUBAME4 reportedly has no `-xml`."""
    return scheduler_command(("qstat", "-r", "-u", user))


def sightings(reply: Reply) -> list[Sighting]:
    """Reads job lines, each with the `Full jobname:` line below it."""
    found: list[Sighting] = []
    job: tuple[str, str] | None = None
    for line in _body(answer(reply)):
        if match := _JOB.match(line):
            _complete(job)
            job = (match.group(1), match.group(3))
        elif (match := _NAME.match(line)) and job:
            found.append(Sighting(match.group(1), job[0], _state(job[1]), job[1]))
            job = None
        elif not line.startswith(_DETAIL):
            raise Unreadable(f"unknown line: {line}")
    _complete(job)
    return found


def _body(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and not (len(lines) > 2 and lines[0].startswith("job-ID") and not lines[1].strip("-")):
        raise Unreadable(f"not a job list: {lines[0]}")
    return lines[2:]


def _complete(job: tuple[str, str] | None) -> None:
    if job is not None:
        raise Unreadable(f"job {job[0]} has no full name")


def _state(letters: str) -> State:
    """A state has several letters (`hqw`, `Eqw`, `dr`, `Rr`): the worst decides."""
    if not set(letters) <= set("dEhqwrRtsSTPNx"):
        raise Unreadable(f"unknown state {letters}")
    for letter, state in (("E", State.STUCK), ("d", State.ENDING), ("h", State.HELD), ("w", State.QUEUED)):
        if letter in letters:
            return state
    return State.RUNNING


def recognises(version: Reply) -> bool:
    """Looks for `AGE 2021.1.1` or `usage: qstat [options]` in both outputs."""
    return _OWN.search(f"{version.stdout}\n{version.stderr}") is not None


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """qdel by number: qdel takes a name as a pattern."""
    return scheduler_command(("qdel", native_id))


def cancelled(reply: Reply) -> bool:
    """The job was deleted, registered for deletion, or had ended before."""
    if unreachable(reply, _SILENCE):
        return False
    return reply.status == 0 or _GONE.search(reply.stdout + reply.stderr) is not None
