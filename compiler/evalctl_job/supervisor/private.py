"""The job's private folder on its node: the sockets of its server, which no other user may use."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from evalctl_job.supervisor import local_folders
from evalctl_job.supervisor.ending import ENVIRONMENT, GiveUp

# Where schedulers have a local folder for a job, then what every Linux has; vLLM needs the last one anyway (NCCL).
_VARIABLES = ("TMPDIR", "SLURM_TMPDIR", "PBS_JOBFS", "PBS_LOCALDIR")
_OF_EVERY_NODE = ("/tmp", "/var/tmp", "/dev/shm")
# A Unix socket's path holds 107 bytes (Linux), and vLLM 0.32 names its sockets by a UUID of 36 characters.
_LONGEST = 107 - 1 - 36


def bases(variables: Mapping[str, str], scratch: Path | None = None) -> list[str]:
    """Where the folder may be, the best first; beside the job's `scratch` folder where the path of that is too long."""
    named = [variables[name] for name in _VARIABLES if variables.get(name)]
    beside = [str(scratch.parent)] if scratch is not None else []
    return list(dict.fromkeys([*named[:1], *beside, *named[1:], *_OF_EVERY_NODE]))


def made_folder(variables: Mapping[str, str], scratch: Path | None = None) -> Path:
    """A new folder of this user alone that holds sockets; GiveUp where the node has no suitable folder."""
    tried = []
    for base in bases(variables, scratch):
        try:
            return _made(Path(os.path.realpath(base), f"ev-{os.urandom(3).hex()}"))
        except OSError as error:
            tried.append(f"{base}: {error.strerror or error}")
    raise GiveUp(ENVIRONMENT, "no-private-folder", "; ".join(tried))


def _made(folder: Path) -> Path:
    if len(os.fsencode(folder)) + local_folders.MOST_ADDED > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    if not str(folder).isprintable():  # its sockets are named in addresses, which are UTF-8
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ))
    if local_folders.is_replaceable(folder.parent):
        raise OSError(errno.EPERM, "another user can replace it")
    made = local_folders.made(folder)
    try:
        _try_socket(made / "try")
    except OSError:
        local_folders.remove_tree(made)
        raise
    return made


def _try_socket(path: Path) -> None:
    """Raises OSError where the file system refuses sockets (some parallel ones do)."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        one.listen(1)
    path.unlink()
