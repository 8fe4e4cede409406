"""How a file is known without being read: what changes whenever its content does, and when that can be relied upon."""

from __future__ import annotations

import os

# Lustre keeps times in whole seconds: a second change within one of them may have the same stamp.
SETTLED_NS = 2_000_000_000

Stamp = tuple[int, int, int, int]


def stamp(facts: os.stat_result) -> Stamp:
    """Size, both times and the inode, as git's index has them.

    The modification time can be set (rsync --times, a restored backup, `cp -p`); the change time cannot, and a file that
    replaces another has another inode.
    """
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


def is_settled(known: Stamp, now_ns: int) -> bool:
    """Whether a file that was read at `now_ns` had been left alone for so long that every later change gives another stamp."""
    return now_ns - max(known[1], known[2]) > SETTLED_NS
