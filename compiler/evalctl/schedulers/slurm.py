"""Slurm; every reply here was seen with 22.05.8."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting, State
from evalctl.schedulers.common import Unreadable, answer, asked, clock, said, unreachable, variable
from evalctl.shell import Command, Reply

PROGRAMS: tuple[str, ...] = ("sbatch", "squeue", "scancel")
VERSION = asked(("sbatch", "--version"))  # `slurm-wlm 22.05.8`
_SUBMITTED = re.compile(r"^(\d+)(?:;\S+)?$", re.MULTILINE)
_SILENCE = re.compile(
    r"[Ss]ocket timed out|Unable to contact slurm controller|Connection (refused|timed out|reset)|Zero Bytes|"
    r"not respond|Transport endpoint|Protocol authentication error|Unexpected message received"
)
_GONE = re.compile(r"Invalid job id|already completing or completed")
_ENDED = (
    "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
    "REVOKED",
)  # fmt: skip
_STATES: dict[str, State] = {
    **dict.fromkeys(_ENDED, State.ENDED),
    **dict.fromkeys(("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED"), State.QUEUED),
    **dict.fromkeys(("RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"), State.RUNNING),
    **dict.fromkeys(("REQUEUE_HOLD", "RESV_DEL_HOLD"), State.HELD),
    "COMPLETING": State.ENDING,
    "SPECIAL_EXIT": State.STUCK,
}
_HELD = ("JobHeldUser", "JobHeldAdmin")
_HOPELESS = (
    "BadConstraints", "DependencyNeverSatisfied", "InvalidAccount", "InvalidQOS",
    "PartitionNodeLimit", "PartitionTimeLimit", "AccountNotAllowed", "QOSNotAllowed",
)  # fmt: skip


def directives(batch: Batch) -> list[str]:
    """`#SBATCH` lines; TERM comes early enough to save what there is, and a job never comes back by itself."""
    words = [f"--job-name={batch.name}", *batch.directives, f"--time={clock(batch.walltime_seconds)}"]
    if batch.gpus and not any(re.match(r"(--gpus|--gres|-G)\b", word) for word in batch.directives):
        words.append(f"--gpus={batch.gpus}")
    if batch.priority is not None:
        words.append(f"--nice={-batch.priority}")
    return [f"#SBATCH {word}" for word in (*words, "--no-requeue", f"--signal=B:TERM@{batch.drain_seconds}")]


def submit(
    script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
    site_args: Sequence[str] = (), gpus: Sequence[str] = (),
) -> Command:  # fmt: skip
    """sbatch; `--export=NAME=value` passes that variable and nothing else of this shell."""
    folder = output_dir.replace("%", "%%")
    limit = () if walltime_seconds is None else (f"--time={clock(walltime_seconds)}",)
    return asked((
        "sbatch", "--parsable", *site_args, f"--job-name={name}", f"--output={folder}/%x.%j.out",
        *limit, f"--export={variable(run_dir)}", script,
    ), run_dir)  # fmt: skip


def native_id(reply: Reply) -> str:
    """`4`, or `4;cluster` where there are several."""
    found = _SUBMITTED.search(reply.stdout) if reply.status == 0 else None
    return found.group(1) if found else ""


def refusal(reply: Reply) -> str | None:
    """What sbatch says against the job; a controller that does not answer refuses nothing."""
    return None if reply.status == 0 or unreachable(reply, _SILENCE) else said(reply)


def query(user: str, site_args: Sequence[str] = ()) -> Command:
    """squeue with ended jobs as long as it keeps them, those in hidden partitions too (`--all`).

    The name comes last because it may hold anything.
    """
    return asked(("squeue", "--noheader", "--all", "--states=all", f"--user={user}", "--format=%i|%T|%r|%j"))


def sightings(reply: Reply) -> list[Sighting]:
    """One line per job."""
    return [_sighting(line) for line in answer(reply).splitlines() if line.strip()]


def _sighting(line: str) -> Sighting:
    fields = line.split("|", 3)
    if len(fields) != 4 or not re.fullmatch(r"\d+(_\S+|\+\d+)?", fields[0]) or not fields[3].strip():
        raise Unreadable(f"unknown line: {line}")
    number, word, reason, name = fields
    detail = word if reason in ("None", "") else f"{word} {reason}"
    return Sighting(name.rstrip(), number, _state(word, reason), detail)


def _state(word: str, reason: str) -> State:
    if word not in _STATES:
        raise Unreadable(f"unknown state {word}")
    if reason in _HOPELESS and word == "PENDING":
        return State.STUCK
    return State.HELD if word == "PENDING" and reason in _HELD else _STATES[word]


def cancel(native_id: str, site_args: Sequence[str] = ()) -> Command:
    """scancel says nothing and is content with ended and unknown jobs too."""
    return asked(("scancel", native_id))


def cancelled(reply: Reply) -> bool:
    """Ended, or gone before."""
    if unreachable(reply, _SILENCE):
        return False
    return reply.status == 0 or _GONE.search(reply.stderr) is not None
