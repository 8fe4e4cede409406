"""Tests touch nothing of the person who runs them."""

from __future__ import annotations

import os
import pwd
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
    from evalctl_queue.commands import default_queue

    assert default_queue().is_relative_to(Path.home())


def test_a_started_program_can_be_interrupted() -> None:
    """Its SIGINT is not ignored, so that Ctrl-C reaches it and bash can trap it."""
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert reply.stdout == "False\n"


def test_the_suite_may_run_in_the_background() -> None:
    """A shell without job control ignores SIGINT for what it starts there; what the tests start is not concerned."""
    tests = "tests/test_isolation.py::test_a_started_program_can_be_interrupted"
    background = 'trap \'\' INT QUIT; exec "$0" -m pytest -q "$1"'
    argv = ["bash", "-c", background, sys.executable, tests]
    done = subprocess.run(argv, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_started_program_is_isolated_too() -> None:
    """Programs that a test starts inherit it."""
    code = "import pathlib; print(pathlib.Path.home())"
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert str(Path.home()) == reply.stdout.strip()
