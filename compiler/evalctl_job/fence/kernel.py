"""The kernel's calls that Python does not offer, by ctypes. A call that the kernel refuses raises OSError with its name."""

from __future__ import annotations

import ctypes
import os
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SUBREAPER, DEATH_SIGNAL, SECCOMP = 38, 36, 1, 22
_DROP_BOUNDING, _AMBIENT, _CLEAR_ALL = 24, 47, 4
_CAPABILITY_VERSION = 0x20080522


def call(name: str, *arguments: Any) -> int:
    """A function of the C library."""
    return _checked(getattr(_LIBC, name)(*arguments), name)


def system_call(name: str, number: int, *arguments: Any) -> int:
    """A system call for which the C library has no function."""
    return _checked(_LIBC.syscall(ctypes.c_long(number), *arguments), name)


def _checked(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def control(option: int, value: Any = 1, *more: Any) -> int:
    """`prctl`."""
    rest = (*more, 0, 0, 0)[:3]
    words = [one if not isinstance(one, int) else ctypes.c_ulong(one) for one in (value, *rest)]
    return call("prctl", option, *words)


def drop_capabilities() -> None:
    """This process, its children and their programs have no privilege any more, whoever its user is."""
    control(NO_NEW_PRIVILEGES)
    for capability in range(64):
        try:
            control(_DROP_BOUNDING, capability)
        except OSError:  # the kernel knows no more of them, or this process may not drop from the set and has none
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())
