"""attempt.json: the values of one attempt that `evalctl sync` writes at submission and the script cannot contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFile:
    """Paths, tasks to run and time limits of an attempt. `note` is the file for a download's outcome."""

    number: int
    name: str
    environments: str
    env_file: str
    walltime_seconds: int
    caches: str = ""
    answers: str = ""
    run_tasks: tuple[str, ...] = ()
    umask: int = 0o077
    note: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    rest_seconds: int = 120  # without a question, before the server is ended: it takes minutes to start
    stall_seconds: int = 50  # a stall is noticed one look later: within a minute
