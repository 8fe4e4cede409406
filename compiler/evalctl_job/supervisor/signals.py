"""Signals are noted here and answered in the job's loop."""

from __future__ import annotations

import signal
from types import FrameType

ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


class Signals:
    """Whether the job was asked to end: by a scheduler, near the limit or because somebody wants it."""

    def __init__(self) -> None:
        """From now on they are noted."""
        self.came = False
        for sign in ALL:
            signal.signal(sign, self._note)

    def _note(self, _: int, __: FrameType | None) -> None:
        self.came = True

    @staticmethod
    def ignore() -> None:
        """The job ends already."""
        for sign in ALL:
            signal.signal(sign, signal.SIG_IGN)
