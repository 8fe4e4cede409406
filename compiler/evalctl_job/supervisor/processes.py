"""Starts children in own process groups, and ends all their processes.

A group is of the job's own session: PBS ends a job by its session (seen: OpenPBS 23.06 leaves processes that called
setsid).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

MARKER = "EVALCTL_MARKER"
_LOOK_SECONDS = 0.1
_SWEEP_LOOKS, _SWEEP_SECONDS = 15, 0.2


class Child:
    """A process that leads a group of its own."""

    def __init__(
        self,
        argv: Sequence[str], log: Path, variables: Mapping[str, str], folder: Path, umask: int = -1, keeps: Sequence[int] = (),
    ) -> None:  # fmt: skip
        """Starts it with the descriptors that it `keeps`; if the program cannot be started, it has ended with status 127."""
        with log.open("ab") as output:
            start = partial(_started, output=output, variables=variables, folder=folder, umask=umask, keeps=keeps)
            try:
                self._process = start(argv)
            except OSError as error:  # reported in its log and by its exit status, as by a shell
                self._process = start(["/bin/sh", "-c", 'echo "$0"; exit 127', f"{argv[0]}: {error.strerror}"])
        self.pid = self._process.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def status(self) -> int:
        """Its exit status as a shell reports it; waits for its end."""
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def end(self, seconds: float) -> None:
        """TERM to its group, then KILL after so many seconds."""
        end_group(self.pid, seconds, self._process)


def _started(
    argv: Sequence[str], output: IO[bytes], variables: Mapping[str, str], folder: Path, umask: int, keeps: Sequence[int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=dict(variables), cwd=folder,
        process_group=0, umask=umask, pass_fds=keeps,
    )  # fmt: skip


def end_group(pid: int, seconds: float, process: subprocess.Popen[bytes] | None = None) -> None:
    """TERM to the group, then KILL after so many seconds. `process` is its leader where it is a child of this program."""
    for sign, limit in ((signal.SIGTERM, seconds), (signal.SIGKILL, 0.0)):
        if not _signalled(pid, sign):
            return
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if process is not None:
                process.poll()  # a dead leader that nobody has waited for keeps its group
            if not _signalled(pid, 0):
                return
            time.sleep(_LOOK_SECONDS)


def _signalled(group: int, sign: int) -> bool:
    try:
        os.killpg(group, sign)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def new_marker() -> str:
    """A text in the environment of all processes of this job, by which they are found."""
    return f"{os.getpid()}-{os.urandom(8).hex()}"


class KnownProcess(NamedTuple):
    """A process, by its number and start time (numbers are reused)."""

    pid: int
    born: int


def family() -> set[KnownProcess]:
    """The processes below this one."""
    everyone = dict(_processes())
    found: dict[int, KnownProcess] = {os.getpid(): KnownProcess(0, 0)}
    while more := {
        pid: KnownProcess(pid, born) for pid, (parent, born) in everyone.items() if parent in found and pid not in found
    }:
        found |= more
    del found[os.getpid()]
    return set(found.values())


def _processes() -> Iterator[tuple[int, tuple[int, int]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if words[0] != "Z":
                    yield int(folder.name), (int(words[1]), int(words[19]))


def sweep(marker: str, known: set[KnownProcess]) -> None:
    """Ends all other processes of this job: children that left their group, and children of dead children."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for look in range(_SWEEP_LOOKS):
            left = leftovers(marker, known)
            if not left:
                return
            if look == 0:
                for pid in left:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, sign)
            time.sleep(_SWEEP_SECONDS)


def leftovers(marker: str, known: set[KnownProcess]) -> set[int]:
    """Processes with the marker in their environment, and known ones whose title has overwritten it.

    vLLM's workers set such a title; they were found through their parents before these ended.
    """
    there = {KnownProcess(pid, born) for pid, (_, born) in _processes()}
    marked = {
        one.pid for one in there if one.pid != os.getpid() and _has_marker(one.pid, f"{MARKER}={marker}".encode())
    }
    return marked | {one.pid for one in known & there}


def _has_marker(pid: int, words: bytes) -> bool:
    with suppress(OSError):
        return words in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False
