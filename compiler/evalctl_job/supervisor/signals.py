"""Signals set a value here, which the job's loop reads."""

from __future__ import annotations

import signal
from types import FrameType

ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


class Signals:
    """Whether the job was asked to end: by a scheduler near the limit, or by a person or the site."""

    def __init__(self) -> None:
        """Installs the handlers."""
        self.came = False
        for sign in ALL:
            signal.signal(sign, self._note)

    def _note(self, _: int, __: FrameType | None) -> None:
        self.came = True

    @staticmethod
    def ignore() -> None:
        """Ignores further signals: the job ends already."""
        for sign in ALL:
            signal.signal(sign, signal.SIG_IGN)
