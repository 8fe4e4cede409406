"""Cleans up after the job was killed by SIGKILL.

A SIGKILL may reach only the job's process and its group (seen: Grid Engine 8.1.9, for root's jobs), so the
guard is a process in a group of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from evalctl_job.files import write_by_rename
from evalctl_job.marks import FAILED, RUNNING, TaskMark
from evalctl_job.run_folder import MARK, RunFolder
from evalctl_job.supervisor.local_folders import remove_tree
from evalctl_job.supervisor.marks import now, to_text
from evalctl_job.supervisor.processes import end_group, sweep
from evalctl_job.supervisor.signals import Signals
from evalctl_job.typed import read

_END_SECONDS = 5.0


class Guard:
    """A fork of this process that waits until this process ends."""

    def __init__(self, folder: RunFolder, marker: str, made: Sequence[Path]) -> None:
        """Starts it; it will remove the folders that the job has `made` on the node. Call before any thread is started."""
        reading, self._writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writing)
            _stand(reading, folder, marker, made)
        os.close(reading)
        with suppress(OSError):  # whichever of the two ends first
            os.setpgid(self.pid, self.pid)

    def dismiss(self) -> None:
        """Ends it without cleaning up, and waits for its end."""
        with suppress(BrokenPipeError):  # it was killed
            os.write(self._writing, b"x")
        os.close(self._writing)
        os.waitpid(self.pid, 0)


def _stand(reading: int, folder: RunFolder, marker: str, made: Sequence[Path]) -> None:
    """Never returns. The pipe closes without a byte when the job's process has died."""
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        Signals.ignore()
        if not os.read(reading, 1):
            _clean_up(folder, marker)
            for one in made:
                remove_tree(one)
    finally:
        os._exit(0)


def _clean_up(folder: RunFolder, marker: str) -> None:
    for path in folder.task_marks.glob(f"*{MARK}"):
        with suppress(OSError, ValueError):
            _mark_killed(path)
    with suppress(OSError, ValueError):
        end_group(int(folder.server_pid.read_text()), _END_SECONDS)
    sweep(marker, set())


def _mark_killed(path: Path) -> None:
    mark = read(TaskMark, json.loads(path.read_text(encoding="utf-8")))
    if mark.state == RUNNING:
        write_by_rename(path, to_text(replace(mark, state=FAILED, reason="job-killed", ended_at=now())))
