"""What runs in one process when tests run side by side (`pytest -n`): a file, or everything on one scheduler."""

from __future__ import annotations

import re

# One scheduler for all tests that stop it, fill it and count its jobs; the stand-in of PBS is nobody else's.
_ON_A_SCHEDULER = re.compile(r"tests/schedulers/.*\[(?:.*-)?(gridengine|slurm|pbs|openpbs)(?:-.*)?\]$")
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
