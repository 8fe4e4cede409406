"""Shards of evals as a pass sees them: which have all their answers, what a merge waits for, and what a claim is of."""

from __future__ import annotations

from pathlib import Path

from evalctl.model.evaluation import Job, JobTask
from evalctl.sync.context import Context
from evalctl_job.shards import notes, read_key

MISSING = "shards-missing"


def answers_folder(context: Context, job: Job) -> Path:
    """The folder of answers of unfinished evals; one per vLLM version, so that no score combines answers of two versions."""
    return context.home_folder.answers / (job.server.environment or job.server.provider)


def is_answered(context: Context, job: Job, task: JobTask) -> bool:
    """Whether a shard has all its answers."""
    return task.part is not None and task.part.note(answers_folder(context, job), _kept(task)).is_file()


def lacking(context: Context, job: Job) -> tuple[str, str]:
    """Why a merge waits, and for which shards; ("", "") where all have answered."""
    for task in job.tasks:
        if task.shards and task.part is None:
            found = notes(answers_folder(context, job), _kept(task), task.shards)
            missing = [str(number) for number, note in enumerate(found, 1) if not note.is_file()]
            if missing:
                which = "shard" if len(missing) == 1 else "shards"
                return MISSING, f"{task.evaluation.task.key}: {which} {', '.join(missing)} of {task.shards}"
    return "", ""


def _kept(task: JobTask) -> str:
    """The name of its eval's answers."""
    evaluation = task.evaluation
    return evaluation.answers if evaluation.unanswered else evaluation.digest


def claimed(key: str, digest: str) -> str:
    """What a claim of an eval is of: the eval itself, or one of its shards."""
    shard = read_key(key)[1]
    return shard.named(digest) if shard else digest


def leftovers(folder: Path, answers: str, digest: str) -> list[Path]:
    """Answers and notes of the shards of an eval that has its result: the file of the merge has all of it. An eval that allows
    unanswered questions has the answers of one that does not, whose shards may still be needed.
    """
    if answers != digest:
        return []
    return [path for path in folder.glob(f"{answers}.*-of-*.json*") if read_key(path.stem)[1]]
