"""Two passes at once in one home."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from evalctl.git.advance import share_like_parent
from evalctl.shell import EnvironmentProblem
from evalctl.sync.lock import Held, in_home, locked

from .world import Clone, git, wait_for


def holder(home: Path) -> int:
    """A process that holds the lock until it is killed."""
    pid = os.fork()
    if pid == 0:
        with locked(home, "login1"):
            (home / "held").touch()
            signal.pause()
        os._exit(0)
    wait_for((home / "held").exists)
    return pid


def test_the_second_says_who_holds_it_and_a_dead_owner_holds_nothing(tmp_path: Path) -> None:
    """Pid and host; after kill -9 the lock is free at once."""
    pid = holder(tmp_path)
    try:
        with pytest.raises(Held, match=f"process {pid} on login1 since"), locked(tmp_path, "login2"):
            pytest.fail("the lock was given twice")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    with locked(tmp_path, "login2"):
        assert '"host": "login2"' in (tmp_path / "sync.lock").read_text()


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """File systems of the kernel say that the folder is not there."""
    with pytest.raises(EnvironmentProblem, match="cannot be made"), locked(Path("/proc/x"), "login1"):
        pytest.fail("there is no such folder")


def test_a_command_of_a_person_waits_a_little(tmp_path: Path) -> None:
    """cancel and retry come in while `sync --watch` pauses."""
    import threading

    pid = holder(tmp_path)
    asked = time.monotonic()
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    with locked(tmp_path, "login2", wait_s=10):
        assert time.monotonic() - asked > 0.2
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("value", "lock", "folder"),
    [("group", 0o660, 0o2770), ("all", 0o664, 0o2775), ("0640", 0o640, 0o2750), ("false", 0o600, 0o700)],
)
def test_a_clone_that_a_group_shares_has_a_lock_that_the_group_can_take(
    clone: Clone, value: str, lock: int, folder: int
) -> None:
    """Lock, state and run folders have the modes of core.sharedRepository, whatever the umask is."""
    git(clone.root, "config", "core.sharedRepository", value)
    before = os.umask(0o077)
    try:
        with in_home(clone.context(home=clone.root / "home")):
            assert (clone.root / "home/sync.lock").stat().st_mode & 0o7777 == lock
        assert (clone.root / "home").stat().st_mode & 0o7777 == folder
        if value != "false":
            share_like_parent(clone.root / "home/runs/job")
            assert (clone.root / "home/runs/job").stat().st_mode & 0o070 == (0o070 if folder & 0o020 else 0)
    finally:
        os.umask(before)
