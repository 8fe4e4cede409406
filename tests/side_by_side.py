"""What runs in one process when tests run side by side (`pytest -n`): a file, or everything on one scheduler."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

# One scheduler for all tests that stop it, fill it and count its jobs; the stand-in of PBS is nobody else's.
_ON_A_SCHEDULER = re.compile(r"tests/schedulers/.*\[(?:.*-)?(gridengine|slurm|pbs|openpbs)(?:-.*)?\]$")
_REAL = ("gridengine", "pbs", "slurm")
# The longest first, or the last process would be alone with them.
_FIRST = ("tests/schedulers/", "tests/e2e/", "tests/faults/", "tests/job/")


def scope(nodeid: str) -> str:
    """Tests of one scope follow each other in one process."""
    found = _ON_A_SCHEDULER.match(nodeid)
    return found.group(1).removeprefix("open") if found else nodeid.split("::")[0]


def turn(nodeid: str) -> tuple[bool, int]:
    """When a test's turn comes, among all."""
    first = next((number for number, folder in enumerate(_FIRST) if nodeid.startswith(folder)), len(_FIRST))
    return _ON_A_SCHEDULER.match(nodeid) is None, first


class Schedulers:
    """The real schedulers of this machine, each for one test process at a time: two suites may run at once."""

    def __init__(self, folder: Path, together: bool) -> None:
        """`folder` has the locks that tests/clusters makes; `together`: one process runs all scopes."""
        self._folder = folder
        self._together = together
        self._held: dict[str, int] = {}

    def enter(self, nodeid: str) -> None:
        """Before a test: lets go the scheduler of the scope before, and waits until the test's own is free."""
        name = scope(nodeid)
        if name in self._held:
            return
        self.leave()
        if not _ON_A_SCHEDULER.match(nodeid):
            return
        for one in _REAL if self._together else (name,):  # in one order, so that two suites never wait for each other
            self._hold(one)

    def leave(self) -> None:
        """Lets go what is held."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _hold(self, name: str) -> None:
        path = self._folder / f"{name}.lock"
        if path.is_file():
            self._held[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._held[name], fcntl.LOCK_EX)
