"""`start_once.py STANDINS ENVIRONMENT`: one start of a job; prints what `start.py` lists.

STANDINS is the folder of standin_place.py in the checkout whose evalctl this Python has. Imports nothing else of the tests:
the checkout may be older than this file.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any


def main() -> int:
    """Starts, waits and ends."""
    standins, environment = sys.argv[1:]
    sys.path.insert(0, standins)
    import standin_place

    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
        place = standin_place.Place(Path(folder))
        shutil.rmtree(place.environments)
        place.environments.mkdir()
        for name in ("lighteval-env", "vllm-env"):
            (place.environments / name).symlink_to(environment)
        sleeps = ("sh", "-c", "exec sleep 600")
        job = standin_place.make_job(standin_place.job_task("one", argv=sleeps))
        sys.stdout.write(json.dumps(_started(place, replace(job, server=replace(job.server, argv=sleeps)))))
    return 0


def _started(place: Any, job: Any) -> tuple[float, ...]:
    """Files say when: the relay's log is made when its socket has been, the port's file once it answers."""
    before, begin = _cpu(), time.time()
    process = place.start(job)
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


if __name__ == "__main__":
    sys.exit(main())
