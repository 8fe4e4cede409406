"""Folders that a job makes on the node's local disks, and the removal of those whose job is no longer there.

A scheduler may end all processes of a job at once by SIGKILL (seen: Grid Engine at `h_rt`), so that none is left to remove
its folders. Whether a folder is in use is known by a lock of the kernel on the folder itself: it ends with the last process
that holds it. Numbers of processes would be reused, and differ between containers. The folder's name ends with the boot of
the node, since a folder on a disk that several nodes share may be locked on another one.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_BOOT_CHARACTERS = 6
MOST_ADDED = 1 + _BOOT_CHARACTERS  # characters of a name
_TRIES = 3
_PREFIX = "ev-"  # of all names, as of all jobs
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def made(folder: Path) -> Path:
    """A new folder of this user alone, named `folder` and an ending; it is in use until this process and its forks end.

    Where the file system has no such locks, it has no ending and is never removed by another job.
    """
    boot = _boot()
    for _ in range(_TRIES if boot else 0):
        named = Path(f"{folder}.{boot}")
        with suppress(FileNotFoundError):  # another job may find it before it is locked, and remove it
            if _in_use(_new(named)):
                return named
            named.rmdir()
            break
    return _new(folder)


def _new(folder: Path) -> Path:
    folder.mkdir(0o700)  # never an existing folder
    folder.chmod(0o700)  # the umask may have removed permissions
    return folder


def _in_use(folder: Path) -> bool:
    """Locks it until this process ends; False where it cannot be locked. FileNotFoundError where it is gone."""
    descriptor = _opened(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        os.close(descriptor)
        return False
    folder.lstat()
    return True


def remove_abandoned(bases: Iterable[str]) -> None:
    """Removes the folders of this user's jobs that are no longer on this node; leaves what it cannot remove."""
    boot = _boot()
    for base in dict.fromkeys(map(os.path.realpath, bases)):
        with suppress(OSError):
            if boot and not is_replaceable(Path(base)):
                for folder in Path(base).glob(f"{_PREFIX}*.{boot}"):
                    _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    with suppress(OSError):  # a link, no folder, removed by another job just now, or in use
        descriptor = _opened(folder)
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
        finally:
            os.close(descriptor)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii")[:_BOOT_CHARACTERS]
    except OSError:
        return ""


def remove_tree(folder: Path) -> None:
    """Removes a folder with its content, as far as possible."""
    import shutil  # its archives would be loaded at each start of a job

    shutil.rmtree(folder, ignore_errors=True)


def remove_all_but(folder: Path, kept: Collection[Path]) -> None:
    """Removes what is in the folder but these files, as far as possible."""
    for one in {*folder.iterdir()} - {*kept}:
        if one.is_dir() and not one.is_symlink():
            remove_tree(one)
        else:
            one.unlink(missing_ok=True)


def is_replaceable(folder: Path) -> bool:
    """Whether another user than root may rename what is in `folder`, or in a folder above it."""
    return any(_is_open(one.stat()) for one in (folder, *folder.parents))


def _is_open(facts: os.stat_result) -> bool:
    owners = (0, os.geteuid(), Path("/").stat().st_uid)  # in a user namespace root has another number
    return facts.st_uid not in owners or bool(facts.st_mode & _WRITABLE_BY_OTHERS and not facts.st_mode & stat.S_ISVTX)
