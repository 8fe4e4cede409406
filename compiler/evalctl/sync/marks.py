"""Reads the marks that a job left in its run folder. A job writes each by rename, so an unreadable mark is damaged, not half-written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from evalctl import runfiles
from evalctl.model import plain_json
from evalctl.model.run import Marks
from evalctl_job import key_shapes
from evalctl_job.marks import Acceptance, Finished, ServerReady, Started, TaskMark
from evalctl_job.run_folder import FINISHED, INSIDE, MARK, SERVER_READY, STARTED, RunFolder
from evalctl_job.typed import read

_END_BYTES, _LONGEST_LINE = 64 * 1024, 400
SCHEMA = "evalctl/mark/1"  # the schema of marks without one, which jobs of this version write

T = TypeVar("T")
Form = Callable[[Mapping[str, object]], T]


def read_marks(run_dir: Path) -> Marks:
    """All marks of one attempt; `unreadable` names marks that exist but cannot be read."""
    unreadable = list[str]()
    # The job's own marks first: where `finished` is read, the marks of tasks are final.
    started = _read(run_dir, INSIDE.mark(STARTED), _as(Started), unreadable)
    ready = _read(run_dir, INSIDE.mark(SERVER_READY), _as(ServerReady), unreadable)
    finished = _read(run_dir, INSIDE.mark(FINISHED), _as(Finished), unreadable)
    tasks = {}
    for name in runfiles.names(run_dir, INSIDE.task_marks, MARK):
        mark = _read(run_dir, Path(name), partial(_task_mark, Path(name).stem), unreadable)
        if mark is not None:
            tasks[mark.key] = mark
    silent = not (started or ready or finished or tasks or unreadable)
    return Marks(started, ready, finished, tasks, tuple(unreadable), _last_line(run_dir) if silent else "")


def _last_line(run_dir: Path) -> str:
    """The last line of the script's output, if the script began; the program prints nothing before its first mark."""
    if not RunFolder(run_dir).started_lock.is_dir():
        return ""
    try:
        with runfiles.opened(run_dir, INSIDE.job_log, sys.maxsize) as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _END_BYTES))
            lines = log.read(_END_BYTES).decode("utf-8", errors="replace").split("\n")
    except (OSError, runfiles.NotTrusted):
        return ""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return key_shapes.without_shapes(str(_shown(last.strip())))[:_LONGEST_LINE]


def unreadable_task(marks: Marks, key: str) -> bool:
    """Whether a task has a mark that cannot be read."""
    return any(f"/{INSIDE.task_mark(key)}: " in why for why in marks.unreadable)


def _read(run_dir: Path, name: Path, form: Form[T], unreadable: list[str]) -> T | None:
    try:
        document = {key: _shown(value) for key, value in plain_json.document(runfiles.read(run_dir, name)).items()}
        if document.get("schema", SCHEMA) != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA!r} (written by a newer evalctl?)")
        return form(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        unreadable.append(f"{run_dir / name}: {error}")
        return None


def _as(kind: type[T]) -> Form[T]:
    """A mark of this kind; keys of other versions are ignored."""
    return partial(read, kind, extra=True)


def _shown(value: object) -> object:
    """A text as a line that a terminal shows as it is; other values unchanged."""
    return "".join(one if one.isprintable() else " " for one in value) if isinstance(value, str) else value


def _task_mark(name: str, document: Mapping[str, object]) -> TaskMark:
    """The mark of a task: the acceptance check's reason, or the script's where there was no check."""
    mark = _as(TaskMark)(document)
    if mark.key != name:
        raise ValueError(f"it is about another task, `{mark.key}`")
    found = mark.acceptance or Acceptance()
    return replace(
        mark, reason=mark.reason or found.reason or "", detail=mark.detail or str(_shown(found.detail or ""))
    )
