"""How many frameworks run at once on this node: as its cores and its memory allow, where the job may use only a part of either, too.

A framework that asks takes 2 to 10 ms of CPU for each question, and its start 10 s; it needs about 1 GB (seen: lighteval 0.13). On two
cores four tasks at once were faster than eight (docs/decisions.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_OF_A_CORE = 2  # frameworks that ask
_LEAST = 2
_BYTES = 1_200_000_000  # of a framework
_SHARE = 2  # the server gets as much of the memory as all frameworks together


@dataclass(frozen=True, slots=True)
class Slots:
    """How many tasks may ask at once, and how many there may be at once with those that score."""

    asking: int
    loaded: int

    def has_room(self, asking: int, loaded: int) -> bool:
        """Whether one more task may start beside so many."""
        return asking < self.asking and loaded < self.loaded


def slots(most: int, cores: float, memory: int) -> Slots:
    """At most `most` that ask; `memory` in bytes. With less than two a server would wait for each start of a framework."""
    loaded = max(_LEAST, memory // _SHARE // _BYTES)
    return Slots(min(most, loaded, max(_LEAST, int(_OF_A_CORE * cores))), loaded)


def cores(root: Path = Path("/")) -> float:
    """The cores that this process may use: its CPU set, and the quota of its control groups."""
    quotas = [float("inf")]
    for folder in _groups(root, "cpu"):
        with suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = (folder / "cpu.max").read_text().split()  # version 2
            quotas.append(int(quota) / int(period))
        with suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            quotas += [int(quota) / int(period)] if int(quota) > 0 else []
    return min(len(os.sched_getaffinity(0)), *quotas)


def memory(root: Path = Path("/")) -> int:
    """The bytes of memory that this process and its children can still have."""
    left = [_available(root)]
    for folder in _groups(root, "memory"):
        names = ("memory.max", "memory.current", "inactive_file")
        if not (folder / names[0]).exists():
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        with suppress(OSError, ValueError):  # `max`: no limit
            limit, used = (int((folder / name).read_text()) for name in names[:2])
            left.append(limit - used + _stat(folder / "memory.stat", names[2]))
    return max(0, min(left))


def _available(root: Path) -> int:
    lines = (line.split() for line in (root / "proc/meminfo").read_text().splitlines())
    return next(1024 * int(words[1]) for words in lines if words[0] == "MemAvailable:")


def _stat(path: Path, name: str) -> int:
    """Memory of a file cache counts as used, and is given back where it is needed."""
    lines = (line.split() for line in path.read_text().splitlines())
    return next((int(words[1]) for words in lines if words[0] == name), 0)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of those above it, of both versions of the kernel's interface."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            top = root / "sys/fs/cgroup" / (controllers and controller)
            own = top / path.lstrip("/")
            yield from (one for one in (own, *own.parents) if one.is_relative_to(top))
