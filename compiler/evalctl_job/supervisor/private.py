"""The job's private folder on its node: the sockets of its server, which no other user may use."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from evalctl_job.supervisor.ending import ENVIRONMENT, GiveUp
from evalctl_job.supervisor.place import remove_tree

# Where schedulers have a local folder for a job, then what every Linux has; vLLM needs the last one anyway (NCCL).
_VARIABLES = ("TMPDIR", "SLURM_TMPDIR", "PBS_JOBFS", "PBS_LOCALDIR")
_OF_EVERY_NODE = ("/tmp", "/var/tmp", "/dev/shm")
# A Unix socket's path holds 107 bytes (Linux), and vLLM 0.32 names its sockets by a UUID of 36 characters.
_LONGEST = 107 - 1 - 36
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def made_folder(variables: Mapping[str, str]) -> Path:
    """A new folder of this user alone that holds sockets; GiveUp where the node has no suitable folder."""
    tried = []
    for base in dict.fromkeys([*filter(None, map(variables.get, _VARIABLES)), *_OF_EVERY_NODE]):
        folder = Path(os.path.realpath(base), f"ev-{os.urandom(6).hex()}")
        try:
            return _made(folder)
        except OSError as error:
            tried.append(f"{base}: {error.strerror or error}")
    raise GiveUp(ENVIRONMENT, "no-private-folder", "; ".join(tried))


def _made(folder: Path) -> Path:
    if len(os.fsencode(folder)) > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    if not str(folder).isprintable():  # its sockets are named in addresses, which are UTF-8
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ))
    if any(_is_replaceable(parent.stat()) for parent in folder.parents):
        raise OSError(errno.EPERM, "another user can replace it")
    folder.mkdir(0o700)  # never an existing folder
    try:
        folder.chmod(0o700)  # the umask may have removed permissions
        _try_socket(folder / "try")
    except OSError:
        remove_tree(folder)
        raise
    return folder


def _is_replaceable(facts: os.stat_result) -> bool:
    """Whether another user than root may rename what is in such a folder."""
    foreign = facts.st_uid not in (
        0,
        os.geteuid(),
        Path("/").stat().st_uid,
    )  # in a user namespace root has another number
    return foreign or bool(facts.st_mode & _WRITABLE_BY_OTHERS and not facts.st_mode & stat.S_ISVTX)


def _try_socket(path: Path) -> None:
    """Raises OSError where the file system refuses sockets (some parallel ones do)."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        one.listen(1)
    path.unlink()
