"""attempt.json: what `evalctl sync` knows when it submits, and the script cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFile:
    """Where everything is, which tasks to run, how long. `note` is where a download writes what came of it."""

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
    stall_seconds: int = 60
