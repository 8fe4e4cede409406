"""One pass at a time in one home. The kernel frees the lock when its owner dies, so no lock is ever removed by force."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from evalctl.git.calls import shared_mode
from evalctl.home_folder import HomeFolder
from evalctl.model.walltime import moment
from evalctl.shell import EnvironmentProblem, TryLater, json_text, make_folder, run
from evalctl.sync.context import Context


class Held(TryLater):
    """Another evalctl runs in this home; try again later (exit 4)."""


@contextmanager
def locked(home: Path, host: str, *, wait_s: float = 0.0, shared: int = 0) -> Iterator[None]:
    """Holds the lock of `home` while the block runs; raises Held with its owner when it is not free within `wait_s`.

    `shared` are the permissions that core.sharedRepository asks for: others of the group take the same lock.
    """
    inside = HomeFolder(home)
    path = inside.lock
    try:
        make_folder(home.parent)
        home.mkdir(0o755, exist_ok=True)  # the umask may remove permissions
    except (
        FileNotFoundError
    ) as error:  # file systems without new folders report that the path does not exist (seen: /proc)
        raise EnvironmentProblem(
            f"{home} cannot be made", "set EVALCTL_HOME to a folder where you can write"
        ) from error
    if shared:
        for folder in (home, inside.runs, inside.remembered.path):
            share_folder(folder, shared)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600 | shared)
        _take(descriptor, path, time.monotonic() + wait_s)
        _sign(descriptor, host)
        yield
    finally:
        os.close(descriptor)


def in_home(context: Context, *, wait_s: float = 0.0) -> AbstractContextManager[None]:
    """Holds the lock of this home, open to those who share the clone."""
    return locked(context.home, context.host, wait_s=wait_s, shared=shared_mode(context.root, run))


def share_folder(folder: Path, shared: int) -> None:
    """Makes `folder`, or opens the user's own one, to those who may use files with the permissions `shared`."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        enter = (shared & 0o444) >> 2  # who may read a folder may enter it
        folder.chmod(0o2700 | shared | enter)


def _take(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise EnvironmentProblem(
                    f"{path} cannot be locked: {error.strerror}", "set EVALCTL_HOME to a folder on another file system"
                ) from error
        if time.monotonic() >= deadline:
            raise Held(f"another evalctl runs here ({_owner(path)})", "wait until it has ended")
        time.sleep(0.1)


def _sign(descriptor: int, host: str) -> None:
    since = moment(time.time())
    owner = json_text({"pid": os.getpid(), "host": host, "since": since}, indent=None).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, owner, 0)


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"see {path}"
