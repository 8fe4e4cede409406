"""The key of a job's relay. Whoever asks the relay knows it: it is in the environments of the job's own processes alone.

Files, command lines and logs have it nowhere, and it is worth nothing once the job has ended.
"""

from __future__ import annotations

import os

VARIABLE = "EVALCTL_RELAY_KEY"


def made() -> str:
    """A key of 256 random bits."""
    return os.urandom(32).hex()


def header(key: str) -> dict[str, str]:
    """What goes with a request."""
    return {"Authorization": f"Bearer {key}"}
