"""What a job says it has left in a folder that all machines share must be seen here, or it counts as failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalctl.model.evaluation import Download
from evalctl.results.submission import Submission
from evalctl.sync.collect import Collected, submission
from evalctl.sync.context import Context
from evalctl.sync.records import COLLECTED
from evalctl.sync.weights import lacking
from evalctl_job.shards import read_key


def seen_here(context: Context, download: Download | None, found: Collected) -> Collected:
    """A download whose files only its node sees has failed: else it would be submitted again without end."""
    if download is None or found.outcome != COLLECTED or not lacking(context, download.weights)[0]:
        return found
    return replace(found, outcome="failed:weights-unseen")


def seen_answers(found: Collected) -> Collected:
    """Shards whose notes only their node sees have failed, for the same reason."""
    if found.outcome != COLLECTED or not any(read_key(key)[1] for key in found.attempt.evals):
        return found
    submitted = submission(found.folder, found.attempt)
    notes = [note_of(submitted, key, digest) for key, digest in found.attempt.evals.items()]
    unseen = any(note is not None and not note.is_file() for note in notes)
    return replace(found, outcome="failed:shard-unseen") if unseen else found


def note_of(submitted: Submission, key: str, digest: str) -> Path | None:
    """Where a shard leaves its note; None for what is no shard."""
    shard = read_key(key)[1]
    return shard.note(Path(submitted.answers), submitted.tasks[key].answers or digest) if shard else None
