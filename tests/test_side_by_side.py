"""Two suites on one machine: each real scheduler belongs to one test process at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from side_by_side import Schedulers

SLURM = "tests/schedulers/test_stories.py::test_a_job_runs[slurm]"
PBS = "tests/schedulers/test_pbs.py::test_a_job_runs[openpbs]"


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """The folder as tests/clusters leaves it."""
    for name in ("gridengine", "slurm", "pbs"):
        (tmp_path / f"{name}.lock").touch()
    return tmp_path


def test_a_second_suite_waits_for_the_scheduler_that_another_uses(locks: Path) -> None:
    """It stops servers and counts jobs; the second goes on when the first has left."""
    first, second = Schedulers(locks, together=False), Schedulers(locks, together=False)
    first.enter(SLURM)
    waiting = threading.Thread(target=second.enter, args=(SLURM,))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    first.leave()
    waiting.join(30)
    assert not waiting.is_alive()
    second.leave()


def test_another_scheduler_is_free_and_the_one_before_is_let_go(locks: Path) -> None:
    """A process never holds one scheduler while it waits for another."""
    first, second = Schedulers(locks, together=False), Schedulers(locks, together=False)
    first.enter(SLURM)
    second.enter(PBS)
    second.leave()
    first.enter(PBS)
    second.enter(SLURM)
    first.leave()
    second.leave()


def test_other_tests_and_machines_without_schedulers_wait_for_nothing(tmp_path: Path, locks: Path) -> None:
    """No lock is taken for a test that uses none, nor where tests/clusters started none."""
    first, second = Schedulers(locks, together=True), Schedulers(locks, together=True)
    first.enter(SLURM)
    second.enter("tests/schedulers/test_pbs.py::test_a_job_runs[stand-in]")
    second.enter("tests/plan/test_cost.py::test_a_cost")
    Schedulers(tmp_path / "none", together=True).enter(SLURM)
    first.leave()
