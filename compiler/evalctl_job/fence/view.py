"""Which files the code of a model may read: Python, the packages of this environment, and the system's libraries."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_OF_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def readable() -> tuple[str, ...]:
    """Absolute paths that exist, under the names by which programs know them; none is inside another."""
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    named = [*_OF_SYSTEM, sys.prefix, sys.base_prefix, *sys.path, *libraries]
    wanted = {os.path.normpath(one) for one in named if one.startswith("/") and Path(one).exists()}
    wanted |= {os.path.realpath(one) for one in wanted if not Path(one).is_symlink()}
    return tuple(one for one in sorted(wanted) if one != "/" and not _is_below(one, wanted))


def _is_below(path: str, others: set[str]) -> bool:
    return any(path != one and path.startswith(f"{one}/") for one in others)
