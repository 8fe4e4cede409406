"""Two suites on one machine: each real scheduler belongs to one test process at a time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
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


def test_a_scheduler_is_free_when_its_scope_is_over(locks: Path) -> None:
    """The process goes on with other tests for half an hour."""
    first, second = Schedulers(locks, together=False), Schedulers(locks, together=False)
    first.enter(SLURM)
    first.enter("tests/plan/test_cost.py::test_a_cost")
    second.enter(SLURM)
    second.leave()


def test_waiting_for_a_scheduler_is_no_part_of_a_tests_time(locks: Path, tmp_path: Path) -> None:
    """A limit of one second, and a scheduler that another suite uses for longer."""
    folder = tmp_path / "tests/schedulers"
    folder.mkdir(parents=True)
    conftest = (Path(__file__).parent / "conftest.py").read_text().replace("/run/evalctl-clusters", str(locks))
    (tmp_path / "tests/conftest.py").write_text(conftest)
    (folder / "test_one.py").write_text(
        "import pytest\n\n@pytest.mark.parametrize('site', ['slurm'])\ndef test_a_job(site): assert site\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\ntimeout = 1\n")
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    other = Schedulers(locks, together=False)
    other.enter(SLURM)
    call = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests"]
    with subprocess.Popen(
        call, cwd=tmp_path, env=path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        while run.poll() is None and str(locks / "slurm.lock") not in opened_by(run.pid):
            time.sleep(0.05)
        time.sleep(2.5)
        other.leave()
        said = run.communicate(timeout=300)[0]
    assert "1 passed in" in said, said


def opened_by(pid: int) -> list[str]:
    """The files that a process has open."""
    with contextlib.suppress(OSError):  # it has ended
        return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return []


def test_other_tests_and_machines_without_schedulers_wait_for_nothing(tmp_path: Path, locks: Path) -> None:
    """No lock is taken for a test that uses none, nor where tests/clusters started none."""
    first, second = Schedulers(locks, together=True), Schedulers(locks, together=True)
    first.enter(SLURM)
    second.enter("tests/schedulers/test_pbs.py::test_a_job_runs[stand-in]")
    second.enter("tests/plan/test_cost.py::test_a_cost")
    Schedulers(tmp_path / "none", together=True).enter(SLURM)
    first.leave()
