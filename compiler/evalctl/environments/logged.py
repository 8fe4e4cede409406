"""Runs long programs: output to a log file, regular progress lines, and help for failures."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from evalctl.environments.recipes import PYTHON
from evalctl.shell import Command, EnvironmentProblem, Process, start_detached, write_atomically

HEART_BEAT_S = 15.0

# What uv and the operating system say (seen: uv 0.13.9), and what to do about it.
_HELP = (
    (("No space left", "Disk quota exceeded"), "free some space, or set UV_CACHE in .env to a folder on a larger disk"),
    (("Hash mismatch",), "a file is not the one that was locked: try `uv cache clean`; if it stays, renew the lock"),
    (("No interpreter found", "No download found"), f"install Python {PYTHON}: `uv python install {PYTHON}`"),
    (("dns error", "error sending request", "onnection refused", "onnect error", "timed out", "Failed to fetch"),
     "no package index answered: check the network and PIP_INDEX_URL; on a cluster run this on the login node"),
    (("No solution found", "no version of", "was not found"), "the index lacks a locked file: check PIP_INDEX_URL"),
    (("Permission denied",), "choose a folder that you may write to"),
)  # fmt: skip


def call(argv: tuple[str, ...], environment: Mapping[str, str], log: Path, beat: Callable[[float], None]) -> int:
    """Runs `argv` with its output in `log`, calls `beat` with the seconds at intervals, and returns the exit status."""
    process = start_detached(Command(argv, env=environment), log)
    write_atomically(_pid_file(log), str(process.pid))
    try:
        return _wait(process, beat)
    except BaseException:  # Ctrl-C among them: the child has a session of its own and would continue
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    finally:
        _pid_file(log).unlink(missing_ok=True)


def end_leftover(log: Path, folder: Path) -> None:
    """Ends the program that a killed set-up left behind: it would write into `folder` while that is built again."""
    with suppress(FileNotFoundError, ProcessLookupError):
        pid = int(_pid_file(log).read_text(encoding="utf-8"))
        # The number may be another process's by now; ours has the folder among its arguments.
        while str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.killpg(pid, signal.SIGKILL)
            time.sleep(0.03)


def _pid_file(log: Path) -> Path:
    return log.with_suffix(".pid")


def _wait(process: Process, beat: Callable[[float], None]) -> int:
    begun = reported = time.monotonic()
    while True:
        status = process.poll()
        if status is not None:
            return status
        time.sleep(0.03)
        if time.monotonic() - reported >= HEART_BEAT_S:
            reported = time.monotonic()
            beat(reported - begun)


def output_so_far(log: Path) -> str:
    """The programs' output so far."""
    return log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""


def failure(name: str, log: Path) -> EnvironmentProblem:
    """The problem with the end of `log` as its message."""
    lines = output_so_far(log).splitlines()[-12:]
    tail = "\n".join(f"  {line}" for line in lines)
    return EnvironmentProblem(
        f"{name} could not be built:\n{tail}", help=f"{help_for(output_so_far(log)[-4000:])} (log: {log})"
    )


def help_for(text: str) -> str:
    """What to do about a message of uv or of the operating system."""
    return next(
        (help for signs, help in _HELP if any(sign in text for sign in signs)), "read the log, then run it again"
    )
