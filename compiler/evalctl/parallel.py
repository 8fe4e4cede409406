"""One function applied to many items on several processors: copies of this process, made by fork, share what it has loaded."""

from __future__ import annotations

import gc
import os
import pickle
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

MOST = 4  # processes: each has memory of its own, and a login node has other users


def mapped(work: Callable[[Item], Made], items: Sequence[Item], fewest: int) -> list[Made]:
    """`[work(item) for item in items]`, with `fewest` items or more in each process.

    `work` returns all that it finds: what it changes in a copy of the process is lost.
    """
    made, rest = [work(item) for item in items[:1]], items[1:]  # loads what every item needs, before there are copies
    count = max(1, min(MOST, _processors(), len(rest) // fewest))
    parts = [rest[len(rest) * one // count : len(rest) * (one + 1) // count] for one in range(count)]
    gc.freeze()  # a collection in a copy would write to all of the shared memory
    copies = [_started(work, part) for part in parts[1:]]
    gc.unfreeze()
    try:
        made += map(work, parts[0])
    finally:  # no copy outlives this call, whatever was raised
        theirs: list[list[Made]] = [_finished(*copy) if copy else [] for copy in copies]
    for part, found in zip(parts[1:], theirs, strict=True):
        made += found or map(work, part)
    return made


def _processors() -> int:
    """Those that this process may use. Linux only: elsewhere a copy made by fork may find system libraries unusable."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _started(work: Callable[[Item], Made], items: Sequence[Item]) -> tuple[int, int] | None:
    """A copy of this process that works on `items`: its number, and the pipe from which its results are read.

    None where the person may have no more processes, as login nodes limit them: the first process does this part, too.
    """
    reads, writes = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reads)
        os.close(writes)
        return None
    if child:
        os.close(writes)
        return child, reads
    try:
        with os.fdopen(writes, "wb") as pipe:
            pickle.dump([work(item) for item in items], pipe, pickle.HIGHEST_PROTOCOL)
        os._exit(0)
    finally:
        os._exit(1)  # what was raised will be raised in the first process, which does this part again


def _finished(child: int, reads: int) -> list[Made]:
    """What a copy has made; [] where it failed."""
    with os.fdopen(reads, "rb") as pipe:
        data = pipe.read()
    return pickle.loads(data) if os.waitpid(child, 0)[1] == 0 else []
