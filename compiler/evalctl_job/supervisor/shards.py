"""What a shard of a task leaves beside its answers, and what a merge of all shards takes from there."""

from __future__ import annotations

import json
from pathlib import Path

from evalctl_job import shards
from evalctl_job.files import write_json
from evalctl_job.marks import ServerReady, Started
from evalctl_job.relay_files import TaskCounts
from evalctl_job.run_folder import SERVER_READY, STARTED
from evalctl_job.shards import Shard, ShardNote
from evalctl_job.supervisor.document import Task
from evalctl_job.supervisor.marks import now
from evalctl_job.supervisor.place import Place
from evalctl_job.typed import T, read


def options_of(task: Task) -> str:
    """The relay's options of a task, with its shard."""
    own = {name: number for name in ("shard", "shards") if (number := getattr(task, name))}
    return json.dumps({**json.loads(task.relay or "{}"), **own}) if own else task.relay


def answers_name(task: Task) -> str:
    """The name of the answers of a task: each shard has a file of its own, since jobs of several nodes may not share one."""
    return task.part.named(task.kept) if task.part else task.kept


def leave_note(place: Place, task: Task, part: Shard, began_at: int) -> None:
    """Says that a shard has all its answers."""
    started = _read(Started, place.folder.mark(STARTED)) or Started()
    ready = _read(ServerReady, place.folder.mark(SERVER_READY)) or ServerReady()
    counts = _read(TaskCounts, place.folder.relay.counts(task.key)) or TaskCounts()
    note = ShardNote(
        number=part.number, of=part.of, digest=task.digest, attempt=place.attempt.name, host=started.host,
        gpu_name=started.gpu_name, server_version=ready.server_version, started_at=began_at, ended_at=now(),
        answers=counts.answered,
    )  # fmt: skip
    write_json(part.note(Path(place.attempt.answers), task.kept), shards.as_json(note))


def notes_of(place: Place, task: Task) -> tuple[ShardNote, ...]:
    """Those of all shards of a task that is a merge; () for any other."""
    if not task.shards or task.part:
        return ()
    found = (_read(ShardNote, path) for path in shards.notes(Path(place.attempt.answers), task.kept, task.shards))
    return tuple(note for note in found if note is not None)


def withdraw_notes(place: Place, task: Task) -> None:
    """Removes the notes of shards whose answers a merge did not find: they are run again, and ask what is missing."""
    counts = _read(TaskCounts, place.folder.relay.counts(task.key)) or TaskCounts()
    for number in counts.lacking:
        Shard(number, task.shards).note(Path(place.attempt.answers), task.kept).unlink(missing_ok=True)


def _read(kind: type[T], path: Path) -> T | None:
    try:
        return read(kind, json.loads(path.read_text(encoding="utf-8")), extra=True)
    except (OSError, ValueError):
        return None
