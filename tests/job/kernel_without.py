"""Starts a program as on a kernel that lacks some system calls: they fail with EPERM, as where a site has forbidden them.

python kernel_without.py unshare,landlock PROGRAM WORDS…
"""

from __future__ import annotations

import ctypes
import os
import sys

NUMBERS = {
    "x86_64": {"unshare": 272, "landlock": 444, "arch": 0xC000003E},
    "aarch64": {"unshare": 97, "landlock": 444, "arch": 0xC00000B7},
}


class Step(ctypes.Structure):
    """One of the filter's program."""

    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class Program(ctypes.Structure):
    """The filter."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(Step)))


def lack(names: list[str]) -> None:
    """From now on this process and its programs have these calls no more."""
    numbers = NUMBERS[os.uname().machine]
    steps = [(0x20, 0, 0, 0)]
    for name in names:
        steps += [(0x15, 0, 1, numbers[name]), (0x06, 0, 0, 0x00050001)]
    steps.append((0x06, 0, 0, 0x7FFF0000))
    program = Program(len(steps), (Step * len(steps))(*(Step(*one) for one in steps)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, ctypes.get_errno()


if __name__ == "__main__":
    lack([name for name in sys.argv[1].split(",") if name])
    os.execvp(sys.argv[2], sys.argv[2:])
