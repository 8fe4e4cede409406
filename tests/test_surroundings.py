"""What of a person's environment reaches the scheduler's programs and git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evalctl.schedulers import SCHEDULERS
from evalctl.shell import Command, run
from evalctl.surroundings import Program, environment

HOSTILE = [
    "SQUEUE_PARTITION", "SQUEUE_NAMES", "SQUEUE_QOS", "SQUEUE_ACCOUNT", "SQUEUE_LICENSES", "SQUEUE_STATES", "SQUEUE_FORMAT",
    "SQUEUE_USERS", "SBATCH_EXPORT", "SBATCH_ARRAY_INX", "SBATCH_WAIT", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT",
    "SLURM_BITSTR_LEN", "PBS_SERVER", "PBS_DEFAULT", "PBS_DPREFIX", "SGE_LONG_JOB_NAMES", "SGE_SINGLE_LINE", "LD_PRELOAD",
    "BASH_ENV", "ENV", "IFS", "LANGUAGE", "TZ", "COLUMNS", "OPENAI_API_KEY", "BASH_FUNC_qsub%%",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_schedulers_programs_get_what_is_listed_and_nothing_else(name: str) -> None:
    """Whatever a person's shell has set, the child's environment is the table's."""
    assert name not in environment(Program.SCHEDULER, {name: "x", "PATH": "/bin"})


@pytest.mark.parametrize("program", Program)
def test_messages_are_never_in_the_persons_language(program: Program) -> None:
    """Programs read them."""
    assert environment(program, {"LC_ALL": "ja_JP.UTF-8", "LANG": "ja_JP.UTF-8"})["LC_ALL"] == "C"


def test_git_gets_no_variable_that_belongs_to_a_repository() -> None:
    """All that `git rev-parse --local-env-vars` lists is dropped; what the person's helpers need stays."""
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    given = {
        **dict.fromkeys(listed.stdout.split(), "x"),
        "SSH_AUTH_SOCK": "/s",
        "GIT_SSH_COMMAND": "ssh -v",
        "GIT_LFS_SKIP_SMUDGE": "1",  # or a colleague's data would be downloaded
        "GH_TOKEN": "t",
    }
    kept = environment(Program.GIT, given)
    helpers = {"SSH_AUTH_SOCK": "/s", "GIT_SSH_COMMAND": "ssh -v", "GIT_LFS_SKIP_SMUDGE": "1", "GH_TOKEN": "t"}
    assert kept == {**helpers, "LC_ALL": "C"}


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "local"])
def test_every_call_of_a_scheduler_is_one(name: str) -> None:
    """Submission, query, cancellation and version: each gets the scheduler's environment and a folder of ours."""
    scheduler = SCHEDULERS[name]
    submit = scheduler.submit("/r/job.sh", name="ev-x", output_dir="/r", run_dir="/r")
    for command in (submit, scheduler.query("me"), scheduler.cancel("1"), scheduler.VERSION):
        assert command.program is Program.SCHEDULER
        assert command.cwd in (Path("/"), Path("/r"))


def test_a_child_gets_the_table_and_a_umask_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`shell.run` makes the environment; what the command itself sets is added."""
    monkeypatch.setenv("SQUEUE_PARTITION", "none")
    words = ("bash", "-c", 'echo "${SQUEUE_PARTITION-unset} $LC_ALL $OWN"; umask')
    reply = run(Command(words, env={"OWN": "x"}, program=Program.SCHEDULER))
    assert reply.stdout == "unset C x\n0077\n"
