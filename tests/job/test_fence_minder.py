"""What the minder of fenced code reads of it."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from evalctl_job.fence import minder


def test_a_report_that_comes_between_two_looks_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code writes its report and ends after the minder saw nothing and before it looks whether the code has ended: that was
    `no report`, and a right answer counted as wrong."""
    reading, writing = os.pipe()
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        os.write(writing, minder.ENTERED + b"[true]\n")
        os._exit(0)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    real = select.select
    looks: Iterator[Any] = iter([([], [], [])])
    monkeypatch.setattr(select, "select", lambda *words: next(looks, None) or real(*words))
    assert minder._report(reading, process, theirs) == minder.ENTERED + b"[true]\n"
    os.waitpid(process, 0)
    os.close(writing)
    ours.close()
