"""Slurm; every reply here was seen with 22.05.8."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting
from evalctl.model.service_words import gpu_option
from evalctl.model.walltime import clock
from evalctl.schedulers import slurm_words as words
from evalctl.schedulers.common import (
    Unreadable,
    answer,
    declined,
    message_of,
    only_id,
    passing,
    scheduler_command,
    unreachable,
    variable,
)  # fmt: skip
from evalctl.shell import Command, Reply

PROGRAMS: tuple[str, ...] = ("sbatch", "squeue", "scancel")
STARTUP: tuple[str, ...] = (".slurm/defaults",)  # of the plug-in cli_filter/user_defaults
VERSION = scheduler_command(("squeue", "--version"))  # `slurm-wlm 22.05.8`, `slurm 24.05.1`
_NUMBER = re.compile(r"(\d+(?:;[\w.-]+)?)")  # of --parsable; with `;cluster` where there are several clusters
_WORDS = re.compile(r"Submitted batch job (\d+)(?: on cluster [\w.-]+)?")
_ACCEPTED = re.compile(r"^(?:\d+(?:;\S+)?|Submitted batch job .*)$", re.MULTILINE)
_SILENCE = re.compile(
    r"[Ss]ocket timed out|Unable to contact slurm controller|Connection (refused|timed out|reset)|Zero Bytes|"
    r"not respond|Transport endpoint|Protocol authentication error|Unexpected message received|can't be reached now"
)
_CLUSTER_LINE = re.compile(r"(?:CLUSTER: (?P<cluster>[\w.-]+))?[ \t]*\n")
_JOB = re.compile(
    r"(\d+(?:_[^\s|]+|\+\d+)?)\|([^|\n]*)\|([^|\n]*)\|(.*?)\|\1[ \t]*\n", re.DOTALL
)  # a name may be empty
_GONE = re.compile(r"Invalid job id|already completing or completed")


def directives(batch: Batch) -> list[str]:
    """`#SBATCH` lines; TERM is sent early enough to save the answers, and Slurm never requeues the job."""
    options = [f"--job-name={batch.name}", *batch.directives, f"--time={clock(batch.walltime_seconds)}"]
    if batch.gpus and not gpu_option(batch.directives):
        options.append(f"--gpus={batch.gpus}")
    if batch.priority is not None:
        options.append(f"--nice={-batch.priority}")
    return [f"#SBATCH {word}" for word in (*options, "--no-requeue", f"--signal=B:TERM@{batch.drain_seconds}")]


def submit(
    script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
    site_args: Sequence[str] = (), gpus: Sequence[str] = (),
) -> Command:  # fmt: skip
    """The sbatch command; `--export=NAME=value` passes that variable and nothing else of this shell."""
    folder = output_dir.replace("%", "%%")
    limit = () if walltime_seconds is None else (f"--time={clock(walltime_seconds)}",)
    return scheduler_command((
        "sbatch", "--parsable", *site_args, f"--job-name={name}", f"--output={folder}/%x.%j.out",
        *limit, f"--export={variable(run_dir)}", script,
    ), run_dir)  # fmt: skip


def native_id(reply: Reply, name: str) -> str:
    """`4`, or `4;cluster` where there are several clusters."""
    return only_id(reply, _NUMBER, _WORDS)


def refusal(reply: Reply) -> str | None:
    """A message of sbatch about the job itself; a limit of the whole queue is temporary, see `postponed`."""
    if passing(reply, words.REFUSED, _SILENCE, _ACCEPTED):
        return None
    by_policy = declined(reply, words.POLICY, _SILENCE, _ACCEPTED) and words.REFUSED_BY_POLICY.search(reply.stderr)
    return message_of(reply) if by_policy else declined(reply, words.REFUSED, _SILENCE, _ACCEPTED)


def postponed(reply: Reply) -> str | None:
    """A limit on submitted jobs, a standby controller. The policy's refusal without a reason counts as a limit."""
    passes = passing(reply, words.REFUSED, _SILENCE, _ACCEPTED)
    return None if refusal(reply) else passes or declined(reply, words.LIMITED, _SILENCE, _ACCEPTED)


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """squeue, including jobs that ended recently and jobs in hidden partitions (`--all`).

    The number is printed before and after the name, since a name may contain line breaks and separators (seen: 22.05.8).
    """
    options = ("--noheader", "--all", "--states=all", f"--user={user}", "--format=%i|%T|%r|%j|%i")
    return scheduler_command(("squeue", *_cluster(site_args), *options))


def _cluster(site_args: Sequence[str]) -> tuple[str, ...]:
    """The option of `submit_args` that names another cluster; all programs take it."""
    for place, word in enumerate(site_args):
        if re.match(r"--clusters?=|-M.", word):
            return (word,)
        if word in ("-M", "--clusters", "--cluster"):
            return tuple(site_args[place : place + 2])
    return ()


def sightings(reply: Reply) -> list[Sighting]:
    """Reads each job from its number to its repeated number; a line `CLUSTER: NAME` precedes the jobs of a cluster."""
    text, place, found, cluster = answer(reply), 0, [], ""
    while place < len(text):
        if match := _CLUSTER_LINE.match(text, place):
            cluster = f";{match['cluster']}" if match["cluster"] else cluster
        elif match := _JOB.match(text, place):
            found.append(_sighting(match, cluster))
        else:
            raise Unreadable(f"unknown line: {text[place:].splitlines()[0][:200]}")
        place = match.end()
    return found


def _sighting(job: re.Match[str], cluster: str) -> Sighting:
    number, word, reason, name = job.groups()
    state = words.state_of(word, reason)
    if state is None:
        raise Unreadable(f"unknown state {word}")
    detail = word if reason in ("None", "") else f"{word} {reason}"
    return Sighting(name.rstrip(" "), number + cluster, state, detail)


def recognises(version: Reply) -> bool:
    """Looks for `slurm VERSION`; Debian's packages print `slurm-wlm`."""
    return re.match(r"slurm(?:-wlm)? \d", version.stdout) is not None


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """scancel, which prints nothing and accepts ended and unknown jobs; the cluster is that of the id."""
    number, _, cluster = native_id.partition(";")
    return scheduler_command(("scancel", *((f"--clusters={cluster}",) if cluster else _cluster(site_args)), number))


def cancelled(reply: Reply) -> bool:
    """The job is being ended, or had ended before."""
    if unreachable(reply, _SILENCE):
        return False
    return reply.status == 0 or _GONE.search(reply.stderr) is not None
