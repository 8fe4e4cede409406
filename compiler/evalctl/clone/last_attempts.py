"""How the last attempts of evals failed, from the ledger of this clone and the run folders of this machine; asks no scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl.clone.dotenv import home_of
from evalctl.git import calls
from evalctl.shell import EnvironmentProblem
from evalctl.shell import run as run_command

if TYPE_CHECKING:
    from evalctl.sync.ledger import Records

_BRANCH = "refs/heads/evalctl-state"


def last_attempts(root: Path, jobs: Mapping[str, tuple[int, Sequence[str]]]) -> dict[tuple[str, str], str]:
    """(job, task key) to the failure as text; `jobs` maps a job to its retries and task keys. Empty where there is no ledger."""
    if not jobs:
        return {}
    try:
        records = ledger_of(root)
    except EnvironmentProblem:  # not a clone that git can use: there is no ledger
        return {}
    if records is None:
        return {}
    from evalctl.sync.lastwords import last_attempt

    home = home_of(root)
    found = {
        (name, key): last_attempt(records.of(name), retries, home, key)
        for name, (retries, keys) in jobs.items() if name in records.by_job
        for key in keys
    }  # fmt: skip
    return {where: words for where, words in found.items() if words}


def ledger_of(root: Path) -> Records | None:
    """The ledger as this clone knows it; None where it has none."""
    if calls.commit_of(root, _BRANCH, run_command) is None:
        return None
    from evalctl.git.repository import open_repository  # gitpython comes with it
    from evalctl.sync.ledger import Ledger

    return Ledger(open_repository(root)).read()
