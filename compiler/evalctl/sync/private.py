"""Folders of EVALCTL_HOME: all but `environments` are their owner's alone, whatever the umask of the process that writes into them.

Where git shares the clone with a group (`core.sharedRepository`), the group may enter them; a run folder stays its owner's.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from evalctl.git.calls import shared_mode
from evalctl.home_folder import HomeFolder
from evalctl.shell import make_folder, run
from evalctl.sync.context import Context

OWN_FILE, OWN_SCRIPT, OWN_FOLDER, GROUP_FOLDER = 0o600, 0o700, 0o700, 0o2770


def is_shared(context: Context) -> bool:
    """Whether git lets a group write to this clone."""
    return bool(shared_mode(context.root, run) & 0o020)


def tighten(home: Path, *, shared: bool) -> None:
    """Makes the folders and removes others' permissions; a folder of another user is left to that user."""
    for folder in HomeFolder(home).private:
        made(home, folder, shared=shared)


def made(home: Path, folder: Path, *, shared: bool) -> None:
    """Makes `folder` below `home` and the folders between, closed to others; OSError where one is not a real folder."""
    path = home
    for part in folder.relative_to(home).parts:
        path /= part
        _close(path, GROUP_FOLDER if shared else OWN_FOLDER)


def made_own(home: Path, folder: Path, *, shared: bool) -> None:
    """As `made`, and the last one is this user's alone: a job reads and runs what is in it."""
    made(home, folder.parent, shared=shared)
    _close(folder, OWN_FOLDER)
    if folder.lstat().st_uid != os.geteuid():
        raise OSError(errno.EPERM, "it belongs to another user", str(folder))


def _close(path: Path, mode: int) -> None:
    with suppress(FileExistsError):  # another process may make it meanwhile; what it is, is looked at below
        try:
            path.mkdir(mode)
        except FileNotFoundError:
            make_folder(path.parent.parent)
            path.parent.mkdir(0o755, exist_ok=True)
            path.mkdir(mode)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise OSError(errno.ENOTDIR, "it is a link or no folder; a run folder is never behind a link", str(path))
    if facts.st_uid == os.geteuid() and stat.S_IMODE(facts.st_mode) != mode:
        path.chmod(mode)
