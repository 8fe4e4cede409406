"""Reads the marks that a job left in its run folder. Written by rename: a broken one is no half, but damage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from evalctl.model.run import Marks, TaskMark

T = TypeVar("T")


def read_marks(run_dir: Path) -> Marks:
    """All marks of one attempt; a mark that is there but cannot be read is named in `unreadable`."""
    folder, unreadable = run_dir / "marks", list[str]()
    tasks = {}
    for path in sorted((folder / "task").glob("*.json")):
        mark = _read(path, _task_mark, unreadable)
        if mark is not None:
            tasks[mark.key] = mark
    started, ready, finished = (
        _read(folder / f"{name}.json", dict, unreadable) for name in ("started", "server_ready", "finished")
    )
    return Marks(started, ready, finished, tasks, tuple(unreadable))


def _read(path: Path, form: Callable[[Mapping[str, Any]], T], unreadable: list[str]) -> T | None:
    try:
        document = json.loads(path.read_bytes(), parse_constant=_refuse)
        if not isinstance(document, dict):
            raise ValueError("not an object")
        return form(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        unreadable.append(f"{path}: {error}")
        return None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _task_mark(document: Mapping[str, Any]) -> TaskMark:
    """The acceptance check says why a task failed; the script says it where there was none."""
    acceptance = document.get("acceptance") or {}
    return TaskMark(
        key=str(document["key"]),
        state=str(document["state"]),
        reason=str(document.get("reason") or acceptance.get("reason") or ""),
        detail=str(document.get("detail") or acceptance.get("detail") or ""),
        started_at=document.get("started_at"),
        ended_at=document.get("ended_at"),
        acceptance=acceptance,
    )
