"""Which environment variables the scheduler's programs and git get: one table, with a reason for each name.

A variable of the person's shell must not change what is asked or how the answer reads: `SQUEUE_PARTITION` empties a
listing, `SBATCH_EXPORT` and `SBATCH_ARRAY_INX` change a submission, `GIT_INDEX_FILE` replaces the index. So the
scheduler's programs get the names below and nothing else. git starts the person's own helpers (hooks, ssh, credential
programs), which need their environment: it gets everything but `GIT_…`, of which only the names below.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Program(Enum):
    """The program whose environment is made."""

    SCHEDULER = "scheduler"
    GIT = "git"


PASSED: dict[Program, dict[str, str]] = {
    Program.SCHEDULER: {
        "PATH": "where the scheduler's programs are",
        "HOME": "site wrappers and Kerberos read it; start-up files that change options are checked for separately",
        "USER": "site wrappers read it",
        "LOGNAME": "qsub of Grid Engine and PBS records it",
        "SHELL": "qsub of PBS records it; jobs name their own shell",
        "TMPDIR": "where submit programs keep the copy of the script",
        "LD_LIBRARY_PATH": "schedulers installed from modules find their libraries by it",
        "SSH_AUTH_SOCK": "some sites' submit program is a wrapper around ssh",
        "KRB5CCNAME": "tickets of sites with Kerberos",
        "KRB5_CONFIG": "the same",
        "SLURM_JWT": "the token of sites with auth/jwt",
        "SGE_ROOT": "which Grid Engine; without it no client starts",
        "SGE_CELL": "the same",
        "SGE_CLUSTER_NAME": "the same",
        "SGE_QMASTER_PORT": "the same",
        "SGE_EXECD_PORT": "the same",
        "PBS_CONF_FILE": "which PBS; PBS_SERVER and PBS_DEFAULT would choose another server for one shell only",
        "SLURM_CONF": "which Slurm; SLURM_CLUSTERS would choose another cluster for one shell only",
    },
    # What `git rev-parse --local-env-vars` lists belongs to the repository of the program that started evalctl (a hook, an
    # editor). GIT_CONFIG_COUNT with its keys and values is among it.
    Program.GIT: {
        "GIT_SSH": "how the person reaches the remote",
        "GIT_SSH_COMMAND": "the same",
        "GIT_SSH_VARIANT": "the same",
        "GIT_PROXY_COMMAND": "the same",
        "GIT_ALLOW_PROTOCOL": "which remotes the person permits",
        "GIT_PROTOCOL_FROM_USER": "the same",
        "GIT_ASKPASS": "the person's password helper",
        "GIT_TERMINAL_PROMPT": "whether git may ask at the terminal",
        "GIT_SSL_CAINFO": "certificates of the site",
        "GIT_SSL_CAPATH": "the same",
        "GIT_SSL_CERT": "the same",
        "GIT_SSL_KEY": "the same",
        "GIT_SSL_NO_VERIFY": "the person's own decision",
        "GIT_HTTP_LOW_SPEED_LIMIT": "when a transfer counts as dead",
        "GIT_HTTP_LOW_SPEED_TIME": "the same",
        "GIT_HTTP_PROXY_AUTHMETHOD": "how the site's proxy is asked",
        "GIT_AUTHOR_NAME": "who the person is; CI sets these instead of user.name",
        "GIT_AUTHOR_EMAIL": "the same",
        "GIT_COMMITTER_NAME": "the same",
        "GIT_COMMITTER_EMAIL": "the same",
        "GIT_CONFIG_GLOBAL": "where the person's configuration is",
        "GIT_CONFIG_SYSTEM": "where the machine's configuration is",
        "GIT_CONFIG_NOSYSTEM": "whether it is read",
        "GIT_LFS_SKIP_SMUDGE": "whether LFS downloads the files of others' commits; it is no variable of git's",
        "GIT_EXEC_PATH": "where git installed from a module keeps its programs",
        "GIT_TEMPLATE_DIR": "the same",
    },
}
# Of these, the names that choose among several installations or clusters: with another value other jobs are listed.
CHOOSING = ("SGE_ROOT", "SGE_CELL", "SGE_QMASTER_PORT", "PBS_CONF_FILE", "SLURM_CONF")
# Messages are read by programs here: never in the person's language, and without complaints about a missing locale.
FORCED: dict[Program, dict[str, str]] = {
    Program.SCHEDULER: {"LC_ALL": "C"},
    Program.GIT: {"LC_ALL": "C"},
}
# sbatch gives its own umask to the job, and logs may hold answers of private data sets.
UMASK: dict[Program, int] = {Program.SCHEDULER: 0o077}


def environment(program: Program, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of such a program, made from this process's."""
    names = PASSED[program]
    others = program is Program.GIT
    kept = {name: value for name, value in environ.items() if name in names or (others and not name.startswith("GIT_"))}
    return {**kept, **FORCED[program]}


def chosen(environ: Mapping[str, str]) -> dict[str, str]:
    """Which installation the scheduler's programs talk to in this environment; "" for what is not set."""
    return {name: environ.get(name, "") for name in CHOOSING}
