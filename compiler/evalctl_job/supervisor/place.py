"""Shared by all parts of a running job: folder, attempt, clock, marks, variables, and the start of children."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from evalctl_job.attempt import AttemptFile
from evalctl_job.run_folder import RunFolder
from evalctl_job.supervisor import node
from evalctl_job.supervisor.document import Job
from evalctl_job.supervisor.marks import MarkWriter
from evalctl_job.supervisor.processes import Child
from evalctl_job.supervisor.secrets import without_secrets
from evalctl_job.supervisor.signals import Signals

_LONGEST_START = 600.0


class Clock:
    """The job measures its own time: Grid Engine kills at the limit without a warning."""

    def __init__(self, walltime_seconds: int, drain_seconds: int, began_at: float) -> None:
        """Counts from the begin of the script at `began_at`; a later change of the system clock has no effect."""
        self.walltime_seconds, self._drain_seconds = walltime_seconds, drain_seconds
        self._begin = time.monotonic() - min(max(time.time() - began_at, 0.0), _LONGEST_START)

    def seconds(self) -> float:
        """Since the job began."""
        return time.monotonic() - self._begin

    def left(self) -> float:
        """Seconds left for work, without those reserved for the end."""
        return self.walltime_seconds - self._drain_seconds - self.seconds()


class Place:
    """One job on its node. `variables` are those of the job; `caller_umask` is for caches, which may be shared."""

    def __init__(
        self, folder: RunFolder, job: Job, clock: Clock, marks: MarkWriter, caller_umask: int, signals: Signals
    ) -> None:
        """The attempt is read later."""
        self.folder, self.job, self.clock, self.marks = folder, job, clock, marks
        self._caller_umask, self.signals = caller_umask, signals
        self.attempt = AttemptFile(
            number=0, name=job.name, environments="", env_file="", walltime_seconds=job.walltime_seconds
        )
        self.variables = dict(os.environ)
        self.private = Path()  # of this user alone, on this node; made at the job's beginning

    @property
    def cache_umask(self) -> int:
        """The umask of programs that fill caches: a group may share a cache that .env names; others never write to it."""
        own = node.has_own_caches(self.variables, self.attempt.caches)
        return self.attempt.umask if own else self._caller_umask | stat.S_IWOTH

    def without_secrets(self, keep: Collection[str] = ()) -> dict[str, str]:
        """The variables for a child, without keys other than those to `keep`."""
        key = [self.job.server.key_variable] if self.job.server else []
        return without_secrets(self.variables, {*self.job.secrets, *key}, keep)

    def path_of(self, environment: str, variables: Mapping[str, str]) -> str:
        """PATH with the programs of a job environment first."""
        return f"{self.attempt.environments}/{environment}/bin:{variables['PATH']}"

    def program(self, name: str, *options: str, environment: str = "") -> list[str]:
        """The command of a program of this package; `-P`: files in the working folder are not imported as modules."""
        python = f"{self.attempt.environments}/{environment or self.job.environment}/bin/python"
        return [python, "-P", "-m", f"evalctl_job.{name}", *options]

    def launch(
        self,
        argv: Sequence[str], log: Path, variables: Mapping[str, str], folder: Path | None = None, umask: int = -1,
        keeps: Sequence[int] = (),
    ) -> Child:  # fmt: skip
        """A child whose output goes to the file `log`; it keeps these descriptors."""
        return Child(argv, log, variables, folder or self.folder.path, umask, keeps)


def say(text: str) -> None:
    """Prints a line into the job's log; ignores a full disk."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode("utf-8", "replace"))
