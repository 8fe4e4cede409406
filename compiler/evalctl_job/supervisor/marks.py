"""Writes the marks, one JSON object per file, by rename. Their types are `evalctl_job/marks.py`'s."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from evalctl_job import run_folder
from evalctl_job.files import json_text, write_by_rename
from evalctl_job.marks import Finished, JobMark, ServerReady, ServerRestarted, Started, TaskMark
from evalctl_job.run_folder import RunFolder

_SPARE_BYTES = 65536
_NAMES: Mapping[type[JobMark], str] = {
    Started: run_folder.STARTED, ServerReady: run_folder.SERVER_READY, ServerRestarted: run_folder.SERVER_RESTARTED,
    Finished: run_folder.FINISHED,
}  # fmt: skip


class MarkWriter:
    """The marks of one run folder. `shown` removes secrets from texts."""

    def __init__(self, folder: RunFolder, shown: Callable[[str], str]) -> None:
        """Makes the folders, and a spare file that leaves room for the last marks if the disk becomes full."""
        self.folder, self.shown = folder, shown
        folder.task_marks.mkdir(parents=True, exist_ok=True)
        folder.relay.path.mkdir(exist_ok=True)
        folder.spare.write_bytes(bytes(_SPARE_BYTES))

    def write(self, mark: JobMark) -> None:
        """A mark of the job."""
        self._write(self.folder.mark(_NAMES[type(mark)]), mark)

    def write_task(self, mark: TaskMark) -> None:
        """The mark of a task, with the unchanged verdict of acceptance."""
        self._write(self.folder.task_mark(mark.key), mark)

    def _write(self, path: Path, mark: JobMark | TaskMark) -> None:
        """If the disk is full, the spare file is deleted first."""
        text = to_text(mark, self._clean)
        try:
            write_by_rename(path, text)
        except OSError:
            self.folder.spare.unlink(missing_ok=True)
            write_by_rename(path, text)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.shown(value)
        return [self._clean(one) for one in value] if isinstance(value, tuple) else value


def to_text(mark: JobMark | TaskMark, clean: Callable[[Any], Any] = lambda value: value) -> str:
    """The file of a mark."""
    whole = asdict(mark)
    return json_text({one.name: clean(whole[one.name]) for one in fields(mark)})


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())
