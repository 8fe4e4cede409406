"""The processes of jobs, as the kernel lists them under /proc: to be found, signalled and waited for."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from evalctl_queue.tickets import Ticket


def reaped() -> Iterator[tuple[int, int]]:
    """(pid, exit status) of children that have ended: the job or its orphans."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        yield pid, code if code >= 0 else 128 - code


def descendants(root: int) -> list[int]:
    """The living processes below `root`."""
    children: dict[int, list[int]] = {}
    for pid, parent in processes():
        children.setdefault(parent, []).append(pid)
    found, heads = [], [root]
    while heads:
        heads = [child for head in heads for child in children.get(head, ())]
        found += heads
    return found


def processes() -> Iterator[tuple[int, int]]:
    """Every process that is not a zombie, and its parent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, *_ = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if state != "Z":
                    yield int(folder.name), int(parent)


def signal_all(pids: Sequence[int], sign: signal.Signals) -> None:
    """Sends `sign` to each process that is still alive."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sign)


def carriers(ticket: Ticket) -> list[int]:
    """The pids of the job's processes, found by the variable that the job was started with."""
    mark = f"EVALCTL_TICKET={ticket.folder}".encode()
    found = []
    for pid, _ in processes():
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def is_open(pid: int, path: Path) -> bool:
    """Whether a process has `path` open."""
    with contextlib.suppress(OSError):
        target = path.stat()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(link.stat(), target):
                    return True
    return False
