"""Files of run folders, where a job leaves what it did: jobs run models' code, so no file there is trusted unchecked.

No link is followed, only regular files of this user are read, and sizes are bounded (depth and numbers:
`model/plain_json.py`).
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 8 * 1024 * 1024  # of a mark or a note
_MOST_FILES = 20_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe without a writer must not block
_BELOW_HOME = 3  # runs/JOB/aN


class NotTrusted(ValueError):
    """The file is not one that a job of this user writes; the text says why."""


def read(folder: Path, name: str | Path, most: int = MOST_BYTES) -> bytes:
    """The content of the file `name` of a run folder; raises FileNotFoundError, or NotTrusted with the reason."""
    with opened(folder, name, most) as file:
        return file.read(most + 1)


def opened(
    folder: Path, name: str | Path, most: int, below: int = _BELOW_HOME, *, group: int | None = None
) -> BinaryIO:
    """The file for reading; as `read`. Folders are opened one below the other, so that none of the last `below` of
    `folder`, and none in `name`, is a link. Files of other users of the `group` are read, too.
    """
    inner = Path(name)
    if inner.is_absolute() or ".." in inner.parts:
        raise NotTrusted("its name leads out of the folder")
    *parents, last = (*folder.parts[-below:], *inner.parts)
    descriptor = os.open(Path(*folder.parts[:-below]), _FOLDER & ~os.O_NOFOLLOW)
    try:
        for parent in parents:
            descriptor = _stepped(descriptor, parent)
        file = os.open(last, _FILE, dir_fd=descriptor)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise NotTrusted("it is a link or is behind one: links are not followed") from error
        raise
    finally:
        os.close(descriptor)
    try:
        _require_trusted(os.fstat(file), most, group)
    except NotTrusted:
        os.close(file)
        raise
    return os.fdopen(file, "rb")


def _stepped(descriptor: int, name: str) -> int:
    inner = os.open(name, _FOLDER, dir_fd=descriptor)
    os.close(descriptor)
    return inner


def _require_trusted(facts: os.stat_result, most: int, group: int | None) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise NotTrusted("it is not a regular file")
    if facts.st_uid != os.geteuid() and facts.st_gid != group:
        raise NotTrusted(f"it belongs to another user ({facts.st_uid})")
    if facts.st_nlink != 1:
        raise NotTrusted(f"it is one of {facts.st_nlink} hard links to a file")
    if facts.st_size > most:
        raise NotTrusted(f"it has {facts.st_size} bytes, at most {most} are read")


def is_own(folder: Path, name: str | Path) -> bool:
    """Whether the file exists and can be trusted, whatever its size."""
    try:
        opened(folder, name, sys.maxsize).close()
    except (OSError, NotTrusted):
        return False
    return True


def names(folder: Path, below: Path, ending: str) -> list[str]:
    """Names (`below/…`) of files with this ending, at any depth, in order; links are not followed."""
    return sorted(itertools.islice(_names(folder, str(below), ending), _MOST_FILES))


def _names(folder: Path, below: str, ending: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder / below))
    except OSError:
        return
    for entry in entries:
        if f"/{entry.name}".endswith(ending):
            yield f"{below}/{entry.name}"  # of any kind: `read` reports one that is not trusted
        elif entry.is_dir(follow_symlinks=False):
            yield from _names(folder, f"{below}/{entry.name}", ending)
