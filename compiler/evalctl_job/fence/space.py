"""Namespaces: the code has its own root with a few folders to read, its own processes, no network and no other user's rights.

The steps are bubblewrap's. bubblewrap itself would start a new program for each run, half a second of Python and numpy each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from evalctl_job.fence.kernel import call
from evalctl_job.fence.view import DEVICES

_ALL = 0x0002_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_KEPT = 2 | 4 | 8  # flags of a mount that a user namespace may not take away: the same numbers in statvfs and mount
_ROOT = "size=4m,nr_inodes=10000,mode=0755"
_ROOM = "size=256m,nr_inodes=20000,mode=0700"  # for what the code writes
WORK = Path("/tmp")


def enter(folder: Path, paths: Iterable[Path]) -> None:
    """This process, alone in its thread, and its later children are inside; `folder` is an empty one, on which the new root is put."""
    user, group = os.geteuid(), os.getegid()
    call("unshare", _ALL)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    _mount(None, Path("/"), _PRIVATE | _RECURSIVE)
    _mount("tmpfs", folder, _NO_SUID | _NO_DEVICES, "tmpfs", _ROOT)
    _mount("tmpfs", _new_folder(_inside(folder, WORK)), _NO_SUID | _NO_DEVICES, "tmpfs", _ROOM)
    for path in paths:
        _show(path, _inside(folder, path))
    for device in map(Path, DEVICES):
        if device.exists():
            _bind(device, _new_file(_inside(folder, device)))
    _mount(None, folder, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    os.chdir(folder)
    call("pivot_root", b".", b".")
    call("umount2", b".", _DETACH)
    os.chdir(WORK)


def _inside(folder: Path, path: Path) -> Path:
    return folder / path.relative_to("/")


def _show(path: Path, target: Path) -> None:
    """A link stays a link (`/lib` of most systems), all else is there for reading."""
    if path.is_symlink():
        _new_folder(target.parent)
        target.symlink_to(path.readlink())
        return
    _bind(path, _new_folder(target) if path.is_dir() else _new_file(target))
    _mount(None, target, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | os.statvfs(path).f_flag & _KEPT)


def _new_folder(target: Path) -> Path:
    target.mkdir(parents=True, exist_ok=True)
    return target


def _new_file(target: Path) -> Path:
    _new_folder(target.parent)
    target.touch()
    return target


def _bind(source: Path, target: Path) -> None:
    _mount(str(source), target, _BIND | _RECURSIVE)


def _mount(source: str | None, target: Path, flags: int, kind: str | None = None, data: str | None = None) -> None:
    call("mount", _bytes(source), os.fsencode(target), _bytes(kind), flags, _bytes(data))


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)
