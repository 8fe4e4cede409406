"""Landlock: what a process may open, connect to and signal, where the kernel grants no namespaces (Linux 5.13; signals: 6.12).

By ctypes, since no package of the job environments offers it: three system calls and three structures.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from evalctl_job.fence.kernel import NO_NEW_PRIVILEGES, control, system_call
from evalctl_job.fence.view import DEVICES

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_ASK_VERSION, _BENEATH = 1, 1
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_FILES = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))  # rights by the version that brought them
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE
_TCP, _TCP_SINCE = 0b11, 4
SIGNALS_SINCE = 6
_SCOPES = 0b11  # abstract sockets, signals


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Of the kernel's Landlock; OSError where there is none."""
    return system_call("landlock_create_ruleset", _CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))


def enter(readable: Iterable[str], folder: str) -> None:
    """This process and its children read these paths alone, and write into `folder` alone."""
    known = version()
    handled = sum(rights for since, rights in _FILES if known >= since)
    asked = (ctypes.c_uint64 * 3)(handled, _TCP * (known >= _TCP_SINCE), _SCOPES * (known >= SIGNALS_SINCE))
    size = 24 if known >= SIGNALS_SINCE else 16 if known >= _TCP_SINCE else 8
    rules = system_call("landlock_create_ruleset", _CREATE, asked, ctypes.c_size_t(size), ctypes.c_uint32(0))
    for path in readable:
        _allow(rules, path, _READ | _LIST | _EXECUTE)
    for device in filter(os.path.exists, DEVICES):
        _allow(rules, device, (_READ | _WRITE) & handled)
    _allow(rules, folder, handled)
    control(NO_NEW_PRIVILEGES)
    system_call("landlock_restrict_self", _RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0))
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _Beneath(rights if Path(path).is_dir() else rights & _OF_A_FILE, opened)
        beneath = ctypes.c_int(_BENEATH)
        system_call("landlock_add_rule", _ADD, ctypes.c_int(rules), beneath, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(opened)
