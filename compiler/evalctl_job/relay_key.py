"""The key of a job's relay. Only environment variables of the job's own processes hold it.

It is in no file, command line or log, and is useless once the job has ended.
"""

from __future__ import annotations

import os

VARIABLE = "EVALCTL_RELAY_KEY"
CHOICES = "X-Evalctl-Choices"  # header of a request with many questions: how many choices all of them want together


def made() -> str:
    """A key of 256 random bits."""
    return os.urandom(32).hex()


def header(key: str) -> dict[str, str]:
    """The header of a request."""
    return {"Authorization": f"Bearer {key}"}
