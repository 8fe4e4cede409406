"""Whether a running task still asks, by what the relay counts of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from evalctl_job.relay_files import TaskCounts
from evalctl_job.typed import read

QUIET_SECONDS = 10.0  # a framework that asks in several calls, or one question after the other, pauses for less
_LOOK_SECONDS = 1.0


class Asking:
    """The questions of one framework process."""

    def __init__(self, counts: Path) -> None:
        """`counts` is the relay's file of the task, which may not be there yet."""
        self._counts = counts
        self._seen, self._busy_at, self._looked_at = TaskCounts(), time.monotonic(), 0.0

    def quiet_seconds(self) -> float:
        """For how long all its questions have been answered and none has come; 0.0 where there was none yet."""
        if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._look()
        return self._looked_at - self._busy_at

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        try:
            now = read(TaskCounts, json.loads(self._counts.read_text(encoding="utf-8")), extra=True)
        except (OSError, ValueError):
            now = TaskCounts()
        waits = now.asked > now.answered + now.failed
        if not now.asked or waits or now.requests != self._seen.requests:
            self._busy_at = self._looked_at
        self._seen = now
