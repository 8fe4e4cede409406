"""The interface to schedulers: functions that make commands and read their replies, text in and text out.

A scheduler is a module that satisfies `Scheduler`. It starts no process, reads no file and no clock and knows no
site: it returns the command to run and parses the command's reply. A new scheduler is one file, one line in SCHEDULERS,
recorded replies in `tests/schedulers/replies/`, and words in a few tables that docs/architecture.md lists. `gridengine`, `pbs` and `slurm` (its words: `slurm_words`) are schedulers of sites,
`local` is for a machine without a scheduler (`evalctl_queue` is its program); `common` is what they share.

evalctl identifies a job by its name, so that a submission whose reply was lost can be found again; native ids serve for
messages and for cancelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting
from evalctl.schedulers import gridengine, local, pbs, slurm
from evalctl.schedulers.common import Unreadable
from evalctl.shell import Command, Reply

__all__ = ["SCHEDULERS", "Scheduler", "Unreadable"]


class Scheduler(Protocol):
    """A module that knows one scheduler's commands; `site_args` are a service's words (`-g GROUP`, `--queue DIR`)."""

    PROGRAMS: tuple[str, ...]  # programs that a login node must have
    STARTUP: tuple[str, ...]  # files in the person's home folder that add options to them, and cannot be disabled
    VERSION: Command  # prints the version of the program that lists jobs, on its first line

    def directives(self, batch: Batch) -> list[str]:
        """The directive lines for the head of a script."""

    def submit(
        self, script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
        site_args: Sequence[str] = (), gpus: Sequence[str] = (),
    ) -> Command:  # fmt: skip
        """The command that submits a script under the attempt's name; its name, output folder and time override directives.

        The job gets only EVALCTL_RUN_DIR of the environment. `walltime_seconds` None keeps the script's own; `gpus` are
        device numbers, used where no scheduler assigns them. A `run_dir` with special characters is an EnvironmentProblem.
        """

    def native_id(self, reply: Reply, name: str) -> str:
        """The id in the reply to the successful submission of `name`, or "" where the reply is ambiguous."""

    def refusal(self, reply: Reply) -> str | None:
        """The message with which the scheduler refused this job for good, from a closed list; None for everything else."""

    def postponed(self, reply: Reply) -> str | None:
        """The message with which it refused the job for now (a limit on submitted jobs, …); None for everything else."""

    def query(self, user: str, site_args: Sequence[str] = ()) -> Command:
        """One command that lists all jobs of `user` with whole names, in the place to which `site_args` submit."""

    def sightings(self, reply: Reply) -> list[Sighting]:
        """The jobs in a query's reply; [] only when there certainly are none; raises Unreadable for any unknown form."""

    def recognises(self, version: Reply) -> bool:
        """Whether a reply to VERSION is from this scheduler. Other schedulers have programs with the same names, whose empty
        list means nothing."""

    def cancel(self, native_id: str, site_args: Sequence[str] = ()) -> Command:
        """The command that ends one job."""

    def cancelled(self, reply: Reply) -> bool:
        """Whether the job is being ended or has ended already; False when the scheduler did not answer."""


SCHEDULERS: dict[str, Scheduler] = {"gridengine": gridengine, "pbs": pbs, "slurm": slurm, "local": local}
