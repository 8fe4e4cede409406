"""The files of a run folder: the only place where the programs of the login node and of the compute node meet.

The folder belongs to one attempt. `evalctl sync` makes it with `attempt.json`; the job writes all else.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ATTEMPT, SUBMISSION, SUBMIT_LOG = "attempt.json", "submission.json", "submit.log"
STARTED_LOCK = "started.lock"  # a folder, since mkdir is atomic on local disks, NFS and Lustre
JOB_LOG, SERVER_LOG, RELAY_LOG, DOWNLOAD_LOG = "job.log", "server.log", "relay.log", "download.log"
MARKS, TASKS, RELAY = "marks", "tasks", "relay"
STARTED, SERVER_READY, SERVER_RESTARTED, FINISHED = "started", "server_ready", "server_restarted", "finished"


class RunFolder(NamedTuple):
    """Paths, nothing more; no file needs to exist."""

    path: Path

    def mark(self, name: str) -> Path:
        """A mark of the job."""
        return self.path / MARKS / f"{name}.json"

    def task_mark(self, key: str) -> Path:
        """The mark of a task."""
        return self.path / MARKS / "task" / f"{key}.json"

    @property
    def spare(self) -> Path:
        """Bytes that are given up for the last marks when the disk is full."""
        return self.path / MARKS / ".spare"

    def task(self, key: str) -> Path:
        """The folder in which a task's framework runs."""
        return self.path / TASKS / key

    @property
    def relay(self) -> Path:
        """The relay's state."""
        return self.path / RELAY

    def of_relay(self, key: str, kind: str) -> Path:
        """The relay's file about a task: `options.json`, `answers.jsonl`, `counts.json` or `stalled`."""
        return self.relay / f"{key}.{kind}"
