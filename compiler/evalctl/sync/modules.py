"""The set-up file of environment modules, which every job of a service sources: which other users can change it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_ROOT = 0


def setup_problem(path: str | None) -> str:
    """Which other users can change `path` on this machine, and what to type; "" for none, or where the file does not exist.

    A node may have a file that this machine lacks; the job ends if the node lacks it.
    """
    if path is None:
        return ""
    given = Path(path)
    real = Path(os.path.realpath(given))
    for place in dict.fromkeys((real, *real.parents, *given.parents)):
        try:
            facts = place.stat()
        except OSError:
            return ""
        if (who := _others(facts)) is not None:
            return (
                f"{place} can be changed by {who}, and every job sources {path}: chown root {place}; chmod go-w {place}"
            )
    return ""


def _others(facts: os.stat_result) -> str | None:
    """Users other than root and this one who can write there; in a folder with the sticky bit others replace only their own files."""
    if facts.st_uid not in (_ROOT, os.geteuid()):
        return f"its owner, user {facts.st_uid}"
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX:
        return None
    if facts.st_mode & stat.S_IWOTH:
        return "everybody"
    if facts.st_mode & stat.S_IWGRP and facts.st_gid != _ROOT:
        return f"group {facts.st_gid}"
    return None
