"""One run behind the fence: makes it, starts the code, waits for what it reports, and ends everything that it has left."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from evalctl_job.fence import filter, kernel, landlock, limits, space
from evalctl_job.fence.words import LANDLOCK, NAMESPACES
from evalctl_job.files import json_text
from evalctl_job.supervisor.processes import family

ENTERED = b"entered\n"
_LONGEST_REPORT = 2**20
_LOOK_SECONDS = 0.05
_END_SECONDS = 5.0
_REPORT = 3  # the descriptor of what the code reports
_leave = os._exit


class NotFenced(Exception):
    """The kernel refused the fence for this run."""


class Died(Exception):
    """The code ended without a report: a signal, `os._exit`, or too little memory."""


class RunPlace:
    """What all runs of a runner share: an empty folder of this user, what the code may read, and the most processes."""

    def __init__(self, folder: str, readable: tuple[str, ...]) -> None:
        self.folder, self.readable, self.processes = folder, readable, limits.processes()


def run(code: Callable[[], Any], kind: str, place: RunPlace, link: socket.socket) -> Any:
    """What `code` returns behind the fence, as JSON can hold it. Ended without a value when the other side of `link` is gone."""
    folder = tempfile.mkdtemp(dir=place.folder) if kind != NAMESPACES else place.folder
    try:
        if kind == NAMESPACES:
            space.enter(Path(folder), map(Path, place.readable))
        else:
            kernel.control(kernel.SUBREAPER)
    except OSError as error:
        raise NotFenced(error.strerror or str(error)) from error
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _behind(code, kind, place, folder, writing)
    os.close(writing)
    try:
        return _value(_report(reading, process, link))
    finally:
        _end(process)
        if kind != NAMESPACES:  # with them the kernel has ended all others
            _end_family()
            shutil.rmtree(folder, ignore_errors=True)


def _behind(code: Callable[[], Any], kind: str, place: RunPlace, folder: str, writing: int) -> None:
    """Never returns. Without a report, the code has died."""
    try:
        write = os.write  # before the framework's own guard takes functions away
        try:
            _close_in(kind, place, folder, writing)
            write(_REPORT, ENTERED)
        except OSError as error:
            write(_REPORT, f"{error.strerror or error}\n".encode())
        else:
            write(_REPORT, json_text(code()).encode())
    finally:
        _leave(0)


def _close_in(kind: str, place: RunPlace, folder: str, writing: int) -> None:
    """Enters what only the code itself has: limits, filter, no privilege, no other descriptor."""
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(writing, _REPORT)
    for descriptor in range(_REPORT):
        os.dup2(nothing, descriptor)
    os.closerange(_REPORT + 1, 2**16)
    os.setsid()
    if kind == NAMESPACES:
        folder = str(space.WORK)
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.chdir(folder)
    limits.enter(place.processes)
    if kind == LANDLOCK:
        landlock.enter(place.readable, folder)
    kernel.drop_capabilities()
    with suppress(OSError):  # whether it is there is part of what `offer` found
        filter.enter()


def _report(reading: int, process: int, link: socket.socket) -> bytes:
    """Everything that the code has reported by the end of its line, or of itself; Died where nobody waits any more."""
    found = bytearray()
    while found.count(b"\n") < 2 and len(found) < _LONGEST_REPORT:
        ready = select.select([reading, link.fileno()], [], [], _LOOK_SECONDS)[0]
        if reading in ready:
            more = os.read(reading, _LONGEST_REPORT)
            if not more:
                break
            found += more
        elif link.fileno() in ready:
            raise Died("nobody waits for it any more")
        elif os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return bytes(found) + _rest(reading)  # what it has left may hold the pipe open
    return bytes(found)


def _rest(reading: int) -> bytes:
    """What an ended code wrote after it was looked for: it may have ended in between."""
    found = bytearray()
    while len(found) < _LONGEST_REPORT and select.select([reading], [], [], 0)[0]:
        more = os.read(reading, _LONGEST_REPORT)
        if not more:
            break
        found += more
    return bytes(found)


def _value(report: bytes) -> Any:
    """The value; NotFenced where the code did not begin."""
    entered, _, line = report.partition(b"\n")
    if entered + b"\n" != ENTERED:
        raise NotFenced(entered.decode(errors="replace") or "it ended before its beginning")
    try:
        return json.loads(line)
    except ValueError as error:
        raise Died("no report") from error


def _end(process: int) -> None:
    with suppress(OSError):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _end_family() -> None:
    """Ends all that the code has started: whose parent is dead is a child of this process."""
    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until and (left := family()):
        for one in left:
            with suppress(OSError):
                os.kill(one.pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
