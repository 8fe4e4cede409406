"""`python -m tests.bench start`: how long a job takes from its script's first line to its relay and its first framework.

The job is one of ours: the newest lighteval environment, a server and a framework that only sleep. The environment must
hold this checkout's programs (`evalctl env setup lighteval`). Nothing fails by the clock.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.bench.relay import python
from tests.render.standin_place import Place, job_task, make_job

RUNS = 10
WHAT = (
    "connections are taken", "the relay answers", "the first framework starts", "CPU seconds of the whole job",
)  # fmt: skip


def main() -> int:
    """Measures and prints."""
    rows = [_one() for _ in range(RUNS)]
    width = max(map(len, WHAT))
    sys.stdout.write(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {RUNS} starts: median, least\n\n")
    for what, found in zip(WHAT, zip(*rows, strict=True), strict=True):
        sys.stdout.write(f"{what:<{width}}  {median(found):7.3f} s  {min(found):7.3f} s\n")
    return 0


def _one() -> tuple[float, ...]:
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
        place = Place(Path(folder))
        shutil.rmtree(place.environments)
        place.environments.mkdir()
        for name in ("lighteval-env", "vllm-env"):
            (place.environments / name).symlink_to(python().parents[1])
        return _started(place)


def _started(place: Place) -> tuple[float, ...]:
    """Files say when: the relay's log is made when its socket has been, the port's file once it answers."""
    sleeps = ("sh", "-c", "exec sleep 600")
    job = make_job(job_task("one", argv=sleeps))
    before, begin = _cpu(), time.time()
    process = place.start(replace(job, server=replace(job.server, argv=sleeps)))
    for parts in (("relay", "port"), ("tasks", "one", "config.yaml")):
        place.wait_for(*parts)
    files = [place.run_dir.joinpath(name).stat().st_mtime - begin for name in ("relay.log", "tasks/one/config.yaml")]
    port = int((place.run_dir / "relay/port").read_text(encoding="utf-8"))
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert link.recv(1), "the relay says something"
    answers = (place.run_dir / "relay/port").stat().st_mtime - begin
    place.end(process, signal.SIGTERM)
    return files[0], answers, files[1], _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
