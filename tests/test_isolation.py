"""Tests touch nothing of the person who runs them."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path


def _own_home() -> Path:
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def test_home_is_not_the_persons() -> None:
    """HOME, and all that is found through it, is temporary and empty but for a git identity."""
    assert Path.home() != _own_home()
    assert Path("~/.evalctl").expanduser().parent == Path.home()
    assert [path.name for path in Path.home().iterdir()] == [".gitconfig"]


def test_git_reads_no_settings_of_the_person_or_the_machine() -> None:
    """Every setting that git knows outside a repository comes from the temporary home."""
    reply = subprocess.run(
        ["git", "config", "--list", "--show-origin"], capture_output=True, text=True, check=True, cwd=Path.home()
    )
    origins = {line.split("\t")[0] for line in reply.stdout.splitlines()}
    assert {f"file:{Path.home() / '.gitconfig'}"} == origins


def test_the_local_queue_is_not_the_persons() -> None:
    """Without EVALCTL_QUEUE the queue lies in the (temporary) home."""
    from evalctl.schedulers.local_queue import default_queue

    assert default_queue().is_relative_to(Path.home())


def test_a_started_program_can_be_interrupted() -> None:
    """Also where the tests run in the background of a shell, which ignores SIGINT for them."""
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    program = [sys.executable, "-c", code]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "False\n"
    background = "trap '' INT QUIT; exec \"$0\" -m pytest -q tests/test_isolation.py -k test_home"
    suite = ["bash", "-c", f"{background} --collect-only", sys.executable]
    assert subprocess.run(suite, cwd=Path(__file__).parents[1], capture_output=True).returncode == 0
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def test_a_started_program_is_isolated_too() -> None:
    """Programs that a test starts inherit it."""
    code = "import pathlib; print(pathlib.Path.home())"
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert str(Path.home()) == reply.stdout.strip()
