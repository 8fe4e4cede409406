"""Another user of the node, while a job runs: can neither ask nor answer, and sees no key."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from other_user import OTHER, POSSIBLE, PYTHON, WHY_NOT, as_other, key_of, let_in
from standin_place import Place, Ran, job_task, make_job


@pytest.fixture
def open_place() -> Iterator[Place]:
    """A place into which every user can look, but for what the job closes; the run folder is as sync makes it."""
    if not POSSIBLE:
        pytest.skip(WHY_NOT)
    before = os.umask(0o022)
    try:
        top = Path(tempfile.mkdtemp(prefix="evalctl-users-"))
        top.chmod(0o755)
        place = Place(top)
        place.run_dir.chmod(0o700)
        yield place
        place.wait_until_empty()
        shutil.rmtree(top)
    finally:
        os.umask(before)


def test_another_user_can_neither_ask_nor_answer(open_place: Place) -> None:
    """Not the server, not the relay; no folder and no variable is readable, and no command line and no file has the key."""
    place = open_place
    process = place.start(make_job(job_task("one", says="slow")))
    place.wait_for("marks", "server_ready.json")
    place.wait_for("tasks", "one", "call.json")
    place.wait_for("relay", "port")
    private = Path(Ran(0, place.run_dir).lines("vllm")[0]["argv"][-1]).parent
    of_job = place.pids()
    key = key_of(of_job)
    said = as_other(place.run_dir, of_job, private)
    files = "".join(path.read_text(errors="replace") for path in place.top.rglob("*") if path.is_file())
    place.end(process, signal.SIGTERM)
    assert len(of_job) > 3
    assert said["user"] != os.geteuid()
    assert said["statuses"] == [401]
    assert (let_in(said), said["ports"]) == ({}, [said["port"]])
    assert key not in said["command lines"] and key not in files


def test_a_dead_relays_port_stays_the_jobs(open_place: Place) -> None:
    """Nobody listens where a relay was, as long as frameworks may ask there."""
    place = open_place
    process = place.start(make_job(job_task("one", says="slow")))
    place.wait_for("tasks", "one", "call.json")
    place.wait_for("relay", "port")
    process.send_signal(signal.SIGSTOP)  # it cannot end the job meanwhile
    (relay,) = [pid for pid in place.pids() if b"evalctl_job.relay" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(relay, signal.SIGKILL)
    port = int((place.run_dir / "relay/port").read_text())
    code = f"import socket; socket.create_server(('127.0.0.1', {port}), reuse_port=True)"
    taken = subprocess.run([PYTHON, "-I", "-c", code], capture_output=True, text=True, user=OTHER, cwd="/")
    process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=240) == 70
    assert "Address already in use" in taken.stderr
    assert Ran(70, place.run_dir).mark("finished")["reason"] == "relay-died"
