"""Reads the marks that a job left in its run folder. Written by rename: a broken one is no half, but damage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from evalctl.model import plain_json
from evalctl.model.run import Marks, TaskMark
from evalctl.results.reading import LAST_MOMENT
from evalctl.sync import runfiles

SCHEMA = "evalctl/mark/1"  # of a mark that names none, as those of this version's jobs

T = TypeVar("T")
Kinds = Mapping[str, tuple[type, ...]]

_TEXT, _NUMBER = (str, NoneType), (int, float, NoneType)
_STARTED: Kinds = {"started_at": _NUMBER, "host": _TEXT, "native_id": _TEXT, "gpu_name": _TEXT}
_READY: Kinds = {"ready_at": _NUMBER, "server_version": _TEXT}
_FINISHED: Kinds = {"exit": (int,), "reason": _TEXT, "detail": _TEXT}
_TASK: Kinds = {
    "key": (str,), "state": (str,), "reason": _TEXT, "detail": _TEXT, "started_at": _NUMBER, "ended_at": _NUMBER,
    "acceptance": (dict, NoneType),
}  # fmt: skip
_ACCEPTANCE: Kinds = {
    "verdict": _TEXT, "reason": _TEXT, "detail": _TEXT, "scores": (dict, NoneType), "config_tasks": (dict, NoneType),
    "samples": (dict, NoneType), "tokens": (dict, NoneType), "sent": (dict, NoneType), "versions": (dict, NoneType),
    "warnings": (list, NoneType), "answered_by": (dict, NoneType),
}  # fmt: skip


def read_marks(run_dir: Path) -> Marks:
    """All marks of one attempt; a mark that is there but cannot be read is named in `unreadable`."""
    unreadable = list[str]()
    # The job's own marks first: where `finished` is seen, the tasks' last words are older.
    started, ready, finished = (
        _read(run_dir, f"marks/{name}.json", partial(_moments, kinds), unreadable)
        for name, kinds in (("started", _STARTED), ("server_ready", _READY), ("finished", _FINISHED))
    )
    tasks = {}
    for name in runfiles.names(run_dir, "marks/task", ".json"):
        mark = _read(run_dir, name, partial(_task_mark, Path(name).stem), unreadable)
        if mark is not None:
            tasks[mark.key] = mark
    return Marks(started, ready, finished, tasks, tuple(unreadable))


def unreadable_task(marks: Marks, key: str) -> bool:
    """Whether a task has a mark that cannot be read."""
    return any(f"/marks/task/{key}.json: " in why for why in marks.unreadable)


def _read(run_dir: Path, name: str, form: Callable[[Mapping[str, Any]], T], unreadable: list[str]) -> T | None:
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


def _shown(value: Any) -> Any:
    """A text as a line that a terminal shows as it is; other values unchanged."""
    return "".join(one if one.isprintable() else " " for one in value) if isinstance(value, str) else value


def _moments(kinds: Kinds, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Checked, with times that have a date."""
    _checked(kinds, document)
    for key in kinds:
        if key.endswith("_at") and not 0 <= (document.get(key) or 0) < LAST_MOMENT:
            raise ValueError(f"its `{key}` is no time: {document.get(key)}")
    return document


def _checked(kinds: Kinds, document: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, kind in kinds.items():
        if not isinstance(document.get(key), kind):
            raise ValueError(f"its `{key}` is {document.get(key)!r}"[:120])
    return document


def _task_mark(name: str, document: Mapping[str, Any]) -> TaskMark:
    """The acceptance check says why a task failed; the script says it where there was none."""
    _moments(_TASK, document)
    if document["key"] != name:
        raise ValueError(f"it is about another task, `{document['key']}`")
    acceptance = _acceptance(document.get("acceptance") or {})
    return TaskMark(
        key=document["key"],
        state=document["state"],
        reason=document.get("reason") or acceptance.get("reason") or "",
        detail=document.get("detail") or _shown(acceptance.get("detail")) or "",
        started_at=document.get("started_at"),
        ended_at=document.get("ended_at"),
        acceptance=acceptance,
    )


def _acceptance(document: Mapping[str, Any]) -> Mapping[str, Any]:
    _checked(_ACCEPTANCE, document)
    groups = (document.get("scores") or {}, document.get("config_tasks") or {})
    if not all(isinstance(entry, dict) for group in groups for entry in group.values()):
        raise ValueError("its scores are not metrics by task")
    if not all(isinstance(score, (int, float)) for metrics in groups[0].values() for score in metrics.values()):
        raise ValueError("a score in it is no number")
    return document
