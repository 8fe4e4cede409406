"""Another user of the node: what `nobody` gets of a running job, and what root sees of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PYTHON = shutil.which("python3", path="/usr/bin:/bin") or ""  # one that every user may start
POSSIBLE = not os.geteuid() and bool(PYTHON)
WHY_NOT = "a second user needs root, and a python3 in /usr/bin"
OTHER = "nobody"
# What the other user tries: for each try what came of it, the name of an error or a value.
TRIES = r"""
import http.client, json, os, socket, sys
facts = json.load(sys.stdin)
said = {}

def tried(name, what):
    try:
        said[name] = repr(what())
    except (OSError, http.client.HTTPException) as problem:
        said[name] = type(problem).__name__

def connected(path):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect("\0" + path[1:] if path.startswith("@") else path)

def bound(port):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", port))
        one.listen()

def asked(port, method, path, key=None, seconds=60):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    link.request(method, path, b"{}" if method == "POST" else None, {"Authorization": key} if key else {})
    return link.getresponse().status

for path in facts["sockets"]:
    tried(f"connect to {path}", lambda: connected(path))
tried("list the private folder", lambda: os.listdir(facts["private"]))
tried("rename the private folder", lambda: os.rename(facts["private"], facts["private"] + "-taken"))
tried("answer at a socket", lambda: os.open(facts["private"] + "/x", os.O_CREAT))
for path in facts["folders"]:
    tried(f"list {path}", lambda: os.listdir(path))
for path in facts["files"]:
    tried(f"read {path}", lambda: open(path, "rb").read(1))
for pid in facts["pids"]:
    for name in ("environ", "mem", "fd/0"):
        tried(f"{name} of process {pid}", lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
for port in facts["ports"]:
    tried(f"ask at {port}", lambda: asked(port, "GET", "/v1/models", seconds=5))
tried("take the relay's port", lambda: bound(facts["port"]))
said["statuses"] = sorted({asked(facts["port"], *what) for what in (
    ("GET", "/health"), ("GET", "/task/one/counts"), ("GET", "/task/one/v1/models"), ("GET", "/"),
    ("POST", "/task/one/v1/chat/completions"), ("POST", "/task/one/v1/chat/completions", "Bearer relay"),
)})
said["user"] = os.getuid()
said["command lines"] = ""
for pid in facts["pids"]:
    try:
        said["command lines"] += open(f"/proc/{pid}/cmdline").read() + "\n"
    except OSError:
        pass
print(json.dumps(said))
"""


def as_other(
    run_dir: Path,
    pids: Iterable[int],
    private: Path,
    *,
    more_files: Iterable[Path] = (),
    more_folders: Iterable[Path] = (),
) -> dict[str, Any]:
    """What another user of the node gets of the job of that run folder, processes and private folder."""
    known = list(pids)
    inodes = sockets_of(known)
    files = [path for path in (*run_dir.rglob("*"), *more_files) if path.is_file()]
    facts = {
        "private": str(private), "folders": [str(run_dir), *map(str, more_folders)], "files": list(map(str, files)),
        "pids": known, "port": int((run_dir / "relay/port").read_text()), "ports": listening_ports(inodes),
        "sockets": [*map(str, private.glob("*.sock")), *listening_sockets(inodes)],
    }  # fmt: skip
    ran = subprocess.run(
        [PYTHON, "-I", "-c", TRIES], input=json.dumps(facts), capture_output=True, text=True, cwd="/", user=OTHER,
        group="nogroup", extra_groups=[], env={"PATH": "/usr/bin:/bin"}, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return {**json.loads(ran.stdout), "ports": facts["ports"], "port": facts["port"], "sockets": facts["sockets"]}


def environment(pid: int) -> dict[str, str]:
    """The variables of a process, as root reads them; none of one that has just ended."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def key_of(pids: Iterable[int]) -> str:
    """The key of the job's relay: some of its processes have it, all the same one."""
    (key,) = {environment(pid).get("EVALCTL_RELAY_KEY", "") for pid in pids} - {""}
    return key


def sockets_of(pids: Iterable[int]) -> set[str]:
    """The inodes of the sockets that these processes have."""
    found = set()
    for pid in pids:
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        found |= {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    return found


def listening_ports(inodes: set[str]) -> list[int]:
    """The TCP ports at which these sockets listen."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes})


def listening_sockets(inodes: set[str]) -> list[str]:
    """The Unix sockets at which these sockets listen; those without a place in a folder begin with `@`."""
    rows = [line.split(None, 7) for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return sorted({row[7] for row in rows if len(row) > 7 and row[3] == "00010000" and row[6] in inodes})


def let_in(said: dict[str, Any]) -> dict[str, str]:
    """What was not refused of all that the other user tried."""
    facts = ("user", "statuses", "command lines", "ports", "port", "sockets")
    return {name: came for name, came in said.items() if name not in facts and not _is_refused(name, came)}


def _is_refused(name: str, came: str) -> bool:
    if name.startswith("ask at "):  # a port of something else speaks no HTTP, or has no such page
        return came != "200"
    if name == "take the relay's port":
        return came == "OSError"
    return came == "PermissionError" or (" of process " in name and came in ("FileNotFoundError", "ProcessLookupError"))


def job_processes(run_dir: Path) -> list[int]:
    """The processes of a job: those that name its run folder, and the processes below them, whose title may hide that."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if words[0] != "Z":
            parents[int(folder.name)] = int(words[1])
    found = {pid for pid in parents if environment(pid).get("EVALCTL_RUN_DIR") == str(run_dir)}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)
