"""Another user of the node, while a job runs: can neither ask nor answer, and sees no key."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin_place import Place, Ran, job_task, make_job

PYTHON = shutil.which("python3", path="/usr/bin:/bin") or ""  # one that every user may start
OTHER = "nobody"
# What the other user tries; a sentence for each thing that is refused, and what was said.
TRIES = r"""
import http.client, json, os, socket, sys
facts = json.load(sys.stdin)
said = {"user": os.getuid()}

def tried(name, what):
    try:
        said[name] = repr(what())
    except OSError as problem:
        said[name] = type(problem).__name__

def connected():
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(facts["socket"])

def bound(port):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", port))
        one.listen()

def asked(method, path, key=None):
    link = http.client.HTTPConnection("127.0.0.1", facts["port"], timeout=60)
    link.request(method, path, b"{}" if method == "POST" else None, {"Authorization": key} if key else {})
    return link.getresponse().status

tried("connect to the server", connected)
tried("list the private folder", lambda: os.listdir(facts["private"]))
tried("rename the private folder", lambda: os.rename(facts["private"], facts["private"] + "-taken"))
tried("answer at the socket", lambda: os.open(facts["socket"] + "x", os.O_CREAT))
tried("list the run folder", lambda: os.listdir(facts["run"]))
tried("read the port", lambda: open(facts["run"] + "/relay/port").read())
tried("take the relay's port", lambda: bound(facts["port"]))
for name in ("environ", "mem", "fd/0"):
    tried(name, lambda: [open(f"/proc/{pid}/{name}", "rb").read(1) for pid in facts["pids"]])
said["statuses"] = sorted({asked(*what) for what in (
    ("GET", "/health"), ("GET", "/task/one/counts"), ("GET", "/task/one/v1/models"), ("GET", "/"),
    ("POST", "/task/one/v1/chat/completions"), ("POST", "/task/one/v1/chat/completions", "Bearer relay"),
)})
said["command lines"] = "\n".join(open(f"/proc/{pid}/cmdline").read() for pid in facts["pids"])
print(json.dumps(said))
"""


@pytest.fixture
def open_place() -> Iterator[Place]:
    """A place into which every user can look, but for what the job closes; the run folder is as sync makes it."""
    if os.geteuid() or not PYTHON:
        pytest.skip("a second user needs root, and a python3 in /usr/bin")
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


def environment(pid: int) -> dict[str, str]:
    """The variables of one of the job's processes, as root reads them."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def as_other(facts: dict[str, Any]) -> dict[str, Any]:
    """What another user of the node gets."""
    ran = subprocess.run(
        [PYTHON, "-I", "-c", TRIES], input=json.dumps(facts), capture_output=True, text=True, cwd="/", user=OTHER,
        group="nogroup", extra_groups=[], env={"PATH": "/usr/bin:/bin"}, timeout=200,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def test_another_user_can_neither_ask_nor_answer(open_place: Place) -> None:
    """Not the server, not the relay; no folder and no variable is readable, and no command line and no file has the key."""
    place = open_place
    process = place.start(make_job(job_task("one", says="slow")))
    place.wait_for("marks", "server_ready.json")
    place.wait_for("tasks", "one", "call.json")
    place.wait_for("relay", "port")
    socket = Ran(0, place.run_dir).lines("vllm")[0]["argv"][-1]
    of_job = place.pids()
    keys = {environment(pid).get("EVALCTL_RELAY_KEY", "") for pid in of_job} - {""}
    said = as_other({
        "socket": socket, "private": str(Path(socket).parent), "run": str(place.run_dir), "pids": of_job,
        "port": int((place.run_dir / "relay/port").read_text()),
    })  # fmt: skip
    files = "".join(path.read_text(errors="replace") for path in place.top.rglob("*") if path.is_file())
    place.end(process, signal.SIGTERM)
    assert len(of_job) > 3
    lines, statuses = said.pop("command lines"), said.pop("statuses")
    assert said.pop("user") != os.geteuid()
    assert statuses == [401]
    assert said.pop("take the relay's port") == "OSError"
    assert said == dict.fromkeys(said, "PermissionError")
    (key,) = keys
    assert key not in lines and key not in files


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
