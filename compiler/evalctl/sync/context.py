"""The facts about this machine and this clone that all parts of a pass use; made once by the command."""

from __future__ import annotations

import getpass
import os
import pwd
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalctl.home_folder import HomeFolder
from evalctl.model.metrics import Metrics
from evalctl.model.policy import Policy
from evalctl.model.run import Attempt
from evalctl.model.service import Service
from evalctl.model.service_words import filled
from evalctl.schedulers import SCHEDULERS, Scheduler
from evalctl.shell import Command, Run, run

# The least time that a claim may stay without its submission, however short the grace period.
_SHORTEST_CLAIM_S = 240.0


def run_dir(home: Path, job: str, number: int) -> Path:
    """The folder of one attempt: derived, never read from the ledger, which others can write."""
    return HomeFolder(home).attempt(job, number)


def _silent(_: str) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True)
class Context:
    """`environment` is `.env` over the process's environment. `checkpoint` is called before and after each effect with
    its name; tests end the process there.
    """

    root: Path
    home: Path
    environments: Path  # folder of the job environments
    service_name: str
    service: Service
    metrics: Metrics
    environment: Mapping[str, str]
    env_file: Path
    commit: str  # that is checked out
    run: Run = run
    clock: Callable[[], float] = time.time
    progress: Callable[[str], None] = _silent
    checkpoint: Callable[[str], None] = _silent
    user: str = field(default_factory=getpass.getuser)
    host: str = field(default_factory=socket.gethostname)
    account_home: Path = field(
        default_factory=lambda: Path(pwd.getpwuid(os.getuid()).pw_dir)
    )  # as Grid Engine finds it; others read HOME
    schedulers: Mapping[str, Scheduler] = field(default_factory=lambda: SCHEDULERS)
    policy: Policy | str | None = None  # of the commit; a text: why it cannot be read

    @property
    def home_folder(self) -> HomeFolder:
        """The names of what is in EVALCTL_HOME."""
        return HomeFolder(self.home)

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler of the current service."""
        return self.schedulers[self.service.scheduler]

    @property
    def me(self) -> str:
        """The owner of our jobs: USER@SERVICE. The local queue of each machine is one of its own: USER@HOST."""
        return f"{self.user}@{self.host if self.service.scheduler == 'local' else self.service_name}"

    @property
    def queue(self) -> Path:
        """The folder of the local queue."""
        return Path(self.environment.get("EVALCTL_QUEUE") or self.home_folder.queue)

    @property
    def grace_seconds(self) -> float:
        """How long a submitted job may stay invisible."""
        return self.service.grace_minutes * 60.0

    @property
    def claim_grace_seconds(self) -> float:
        """The age at which a claim without a sign of its submission is claimed again."""
        return max(self.grace_seconds, _SHORTEST_CLAIM_S)

    def run_dir(self, job: str, number: int) -> Path:
        """The folder of one attempt."""
        return run_dir(self.home, job, number)

    def folder(self, attempt: Attempt) -> Path:
        """The folder of a recorded attempt; the path in the record is not used."""
        return self.run_dir(attempt.job, attempt.number)

    def is_elsewhere(self, attempt: Attempt) -> bool:
        """Whether the attempt was made with another EVALCTL_HOME: it is recorded there, and this one lacks its folder, or
        has only a copy of it (a copied clone): the job writes to the original.
        """
        own, recorded = self.folder(attempt), Path(attempt.run_dir)
        if os.path.realpath(recorded) == os.path.realpath(own):
            return False
        if not os.path.lexists(own):
            return True
        try:
            return recorded.parts[-3:] == own.parts[-3:] and not own.samefile(recorded)
        except OSError:  # the recorded folder does not exist: this home was moved
            return False

    def site_args(self) -> list[str]:
        """The service's words for the submit command with `.env`'s values; raises KeyError with a missing name."""
        return [
            *(filled(word, self.environment, self.service.scheduler) for word in self.service.submit_args),
            *self._queue_args(),
        ]

    def scheduler_args(self) -> list[str]:
        """The same for a query or a cancellation, which must not fail because a variable is missing: the word stays as it is.

        The scheduler refuses a query that names the cluster `{NAME}`, which counts as no answer.
        """
        return [*map(self._filled_or_not, self.service.submit_args), *self._queue_args()]

    def _filled_or_not(self, word: str) -> str:
        try:
            return filled(word, self.environment, self.service.scheduler)
        except KeyError:
            return word

    def query(self) -> Command:
        """The command that lists all our jobs."""
        return self.scheduler.query(self.user, self.scheduler_args())

    def startup_problem(self) -> str:
        """A file or variable that adds options to each call of the scheduler's programs, so that replies prove nothing; "" for none."""
        homes = dict.fromkeys((self.account_home, Path(os.environ.get("HOME") or self.account_home)))
        for path in (home / name for name in self.scheduler.STARTUP for home in homes):
            if path.is_file() and _has_options(path):
                return f"{path} adds options to the scheduler's programs: move the options into the service's file, and delete this file"
        return ""

    def _queue_args(self) -> list[str]:
        return ["--queue", str(self.queue)] if self.service.scheduler == "local" else []


def _has_options(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return any(line.strip() and not line.startswith("#") for line in text.splitlines())
