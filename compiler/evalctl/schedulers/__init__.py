"""What evalctl needs of a scheduler: text in, text out.

A scheduler is a module that satisfies `Scheduler`. It starts no process, reads no file, asks no clock and knows no
site: it says which command to run and reads what the command said. A new one is one file, one line in SCHEDULERS and
its recorded replies in `tests/schedulers/replies/`. `gridengine`, `pbs` and `slurm` (its words: `slurm_words`) are schedulers of sites,
`local` is the one of a machine without a scheduler (`local_queue` runs it); `common` is what they share.

A job is known by its name, so that a submission whose reply was lost can be found again; native ids are for people and
for cancelling.
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

    PROGRAMS: tuple[str, ...]  # that a login node must have
    STARTUP: tuple[str, ...]  # files in the person's home folder that add options to them, and cannot be switched off
    VERSION: Command  # of the program that lists jobs; its first line says which version it is

    def directives(self, batch: Batch) -> list[str]:
        """Finished lines for the head of a script, as people on such sites write them."""

    def submit(
        self, script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
        site_args: Sequence[str] = (), gpus: Sequence[str] = (),
    ) -> Command:  # fmt: skip
        """The command that submits a script under the attempt's name; name, output folder and time win over directives.

        Of the environment the job gets EVALCTL_RUN_DIR alone. `walltime_seconds` None keeps the script's own; `gpus`
        are device numbers, used where no scheduler gives them out. An odd `run_dir` is an EnvironmentProblem.
        """

    def native_id(self, reply: Reply, name: str) -> str:
        """The id in the reply to the successful submission of `name`, or "" where none can be read for certain."""

    def refusal(self, reply: Reply) -> str | None:
        """What the scheduler said against this job, in words that are known to mean it; None for everything else."""

    def postponed(self, reply: Reply) -> str | None:
        """What it said when it certainly has not accepted the job, and may later (a limit on submitted jobs); else None."""

    def query(self, user: str, site_args: Sequence[str] = ()) -> Command:
        """One command that lists all jobs of `user` with whole names, where `site_args` submit them."""

    def sightings(self, reply: Reply) -> list[Sighting]:
        """The jobs in a query's reply; raises Unreadable rather than guess, and is [] only when there are none."""

    def recognises(self, version: Reply) -> bool:
        """Whether a reply to VERSION is one of this scheduler: others have programs of the same names, whose empty listing
        is no answer."""

    def cancel(self, native_id: str, site_args: Sequence[str] = ()) -> Command:
        """The command that ends one job."""

    def cancelled(self, reply: Reply) -> bool:
        """Whether the job is being ended, or was gone already; False when the scheduler did not answer."""


SCHEDULERS: dict[str, Scheduler] = {"gridengine": gridengine, "pbs": pbs, "slurm": slurm, "local": local}
