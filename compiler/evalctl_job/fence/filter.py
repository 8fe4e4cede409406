"""The filter of system calls: no sockets, no signals to others, nothing by which a process gets at another one or at the kernel's keys.

A call that it refuses fails with EPERM, as for a user without the right.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator

from evalctl_job.fence.kernel import NO_NEW_PRIVILEGES, SECCOMP, control

# Numbers on x86_64 and aarch64, from the kernel's own tables.
_REFUSED = {
    "socket": (41, 198), "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_by_handle_at": (304, 265), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "setpriority": (141, 140), "ioprio_set": (251, 30), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "pidfd_send_signal": (424, 424), "io_uring_setup": (425, 425), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fspick": (433, 433), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "mount_setattr": (442, 442),
}  # fmt: skip
# Refused unless its first argument is 0 or this process.
_OWN = {
    "tgkill": (234, 131), "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274),
}  # fmt: skip
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_KILL, _ALLOW, _REFUSE = 0x8000_0000, 0x7FFF_0000, 0x0005_0000 | errno.EPERM
_NUMBER, _MACHINE, _FIRST = 0, 4, 16  # places in the data of a call
_X32 = 0x4000_0000  # the other numbering of x86_64
_MODE = 2


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def enter() -> None:
    """Filters the calls of this process and its children; OSError where the kernel or this machine has no filter."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {machine}")
    steps = list(_steps(*_MACHINES[machine], os.getpid()))
    program = _Program(len(steps), (_Step * len(steps))(*(_Step(*one) for one in steps)))
    control(NO_NEW_PRIVILEGES)
    control(SECCOMP, _MODE, ctypes.byref(program))


def _steps(column: int, machine: int, own: int) -> Iterator[tuple[int, int, int, int]]:
    yield _LOAD, 0, 0, _MACHINE
    yield _EQUAL, 1, 0, machine
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _REFUSE
    for numbers in _REFUSED.values():
        yield _EQUAL, 0, 1, numbers[column]
        yield _RETURN, 0, 0, _REFUSE
    for numbers in _OWN.values():
        yield _EQUAL, 0, 5, numbers[column]
        yield _LOAD, 0, 0, _FIRST
        yield _EQUAL, 1, 0, 0
        yield _EQUAL, 0, 1, own
        yield _RETURN, 0, 0, _ALLOW
        yield _RETURN, 0, 0, _REFUSE
    yield _RETURN, 0, 0, _ALLOW
