"""Limits of a run that no honest answer meets: memory, file sizes, processes."""

from __future__ import annotations

import os
import resource
from pathlib import Path

GB = 2**30
MEMORY, ADDRESSES = 8 * GB, 16 * GB  # LiveCodeBench itself says 4 GB
FILE = GB // 4
FILES = 1024
PROCESSES = 512  # of threads too, beside those that the user has on this machine


def processes() -> int:
    """How many the user may have: older kernels count all of the user's, newer ones those of the namespace."""
    return sum(map(_threads, Path("/proc").glob("[0-9]*"))) + PROCESSES


def _threads(process: Path) -> int:
    try:
        own = process.stat().st_uid == os.geteuid()
        return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[17]) if own else 0
    except OSError:
        return 0


def enter(most_processes: int) -> None:
    """Limits this process and its children; never raises one that is lower already."""
    wanted = {
        resource.RLIMIT_DATA: MEMORY, resource.RLIMIT_AS: ADDRESSES, resource.RLIMIT_FSIZE: FILE, resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_CORE: 0, resource.RLIMIT_NPROC: most_processes,
    }  # fmt: skip
    for which, most in wanted.items():
        hard = resource.getrlimit(which)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (limit, limit))
