"""Code that a model wrote: what hostile answers reach behind each fence, as root and as another user of the machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_code import ATTACKS, DAEMON

HERE, SOURCES = Path(__file__).parent, Path(__file__).resolve().parents[2] / "compiler"
KEY = "sk-of-the-evaluator"
SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
USER = os.environ.get("EVALCTL_TEST_USER", "")
WITHOUT = {
    "namespaces": "",
    "landlock": "unshare",
    "limits": "unshare,landlock",
}  # what the kernel lacks where this kind is the best


@pytest.fixture(params=["whoever runs the tests", "another user"])
def person(request: pytest.FixtureRequest) -> str:
    """Who runs the code: "" for this user."""
    if request.param == "whoever runs the tests":
        return ""
    if os.geteuid() or not USER or SYSTEM_PYTHON is None:
        pytest.skip("another user needs root, EVALCTL_TEST_USER and a python3 in /usr/bin")
    return USER


@pytest.fixture
def prey(world: Path, person: str) -> Iterator[dict[str, Any]]:
    """What the user has beside the run: a home with keys, a clone, results, a listener, a process with a key."""
    for name in ("home/.ssh/id_ed25519", "clone/.env", "runs/other/tasks/en_gpqa/output/results.json"):
        (world / name).parent.mkdir(parents=True, exist_ok=True)
        (world / name).write_text(KEY)
    at, one = str(world / "agent.sock"), socket.socket(socket.AF_UNIX)
    one.bind(at)
    one.listen()
    owned(world, person)
    with one, socket.create_server(("127.0.0.1", 0)) as server:
        sleeper = subprocess.Popen(["sleep", "600"], env={"OPENAI_API_KEY": KEY}, user=person or None)
        files = [str(path) for path in sorted(world.rglob("*")) if path.is_file()]
        folders = [str(path) for path in (world, world / "home", world / "runs/other", Path.home())]
        yield {
            "files": files, "folders": folders, "port": server.getsockname()[1], "socket": at, "process": sleeper.pid, "key": KEY,
        }  # fmt: skip
        assert sleeper.poll() is None, "the process of the user is still alive"
        sleeper.kill()
        sleeper.wait()


@pytest.fixture
def programs() -> Iterator[Path]:
    """An empty folder that every user can read; another session of pytest closes its own folders to others at any time."""
    with tempfile.TemporaryDirectory(prefix="evalctl-programs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def world() -> Iterator[Path]:
    """The folder of what is to be reached."""
    with tempfile.TemporaryDirectory(prefix="evalctl-prey-") as folder:
        yield Path(folder)


def owned(folder: Path, person: str) -> None:
    """The folder belongs to that person."""
    for path in (folder, *folder.rglob("*")) if person else ():
        shutil.chown(path, person)


def attacked(kind: str, prey: dict[str, Any], person: str, programs: Path) -> dict[str, str]:
    """What each attack came to behind the fence of that kind; the programs are copied to a folder that the person can read."""
    shutil.copytree(SOURCES / "evalctl_job", programs / "evalctl_job")
    for name in ("hostile_code.py", "fence_desk.py"):
        shutil.copy(HERE / name, programs)
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(programs), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": "/tmp"}
    argv = [(SYSTEM_PYTHON or "") if person else sys.executable, str(programs / "fence_desk.py"), kind]
    ran = subprocess.run(
        argv, input=json.dumps(prey), capture_output=True, text=True, cwd="/", env=variables, user=person or None, timeout=300,
        group=person or None, extra_groups=[] if person else None,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def processes_named(name: str) -> list[str]:
    """The running processes with this name; one that has ended and that nobody has waited for is none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text(errors="replace")
        except OSError:
            continue
        found += [words] if f"({name})" in words and words.rpartition(")")[2].split()[0] != "Z" else []
    return found


@pytest.mark.parametrize("kind", ["namespaces", "landlock"])
def test_hostile_code_reaches_nothing(
    kind: str, prey: dict[str, Any], person: str, world: Path, programs: Path
) -> None:
    """Keys, files, network, other processes, the kernel; and it leaves nothing that runs."""
    if kind not in granted(person):
        pytest.skip(f"this kernel grants no {kind}")
    results = attacked(kind, prey, person, programs)
    if not person and not os.geteuid():
        results.pop("forks without end")  # the kernel bounds no number of root's processes; they end with the run
    assert {name: said for name, said in results.items() if said != "denied"} == {}
    assert len(results) >= len(ATTACKS) - 1 and processes_named(DAEMON) == []
    assert not list(world.rglob("left-by-a-model"))
    assert all(Path(path).exists() for path in prey["files"])


def test_the_same_code_reaches_all_of_it_without_a_fence(prey: dict[str, Any]) -> None:
    """The attacks are real: what is denied above is there to be reached."""
    harmless = [name for name in ATTACKS if name.startswith(("reads", "finds", "opens"))]
    program = f"import json, sys; from hostile_code import ATTACKS, outcome; facts = json.load(sys.stdin)\nprint(json.dumps([outcome(ATTACKS[name], facts) for name in {harmless}]))"
    ran = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(prey), capture_output=True, text=True, cwd=HERE, check=True
    )
    assert all(said.startswith(("reached", "/")) for said in json.loads(ran.stdout)) and len(harmless) == 3


def granted(person: str = "") -> dict[str, Any]:
    """The kinds that this kernel grants, by what the fence says of itself where it lacks all better ones."""
    found = {kind: offer(WITHOUT[kind], person) for kind in WITHOUT}
    return {kind: said for kind, said in found.items() if said["kind"] == kind}


def offer(lacking: str, person: str = "") -> dict[str, Any]:
    """What the fence's own program says on a kernel that lacks these calls."""
    python = (SYSTEM_PYTHON or "") if person else sys.executable
    words = [python, str(HERE / "kernel_without.py"), lacking, python, "-m", "evalctl_job.fence.offer"]
    ran = subprocess.run(
        words, capture_output=True, text=True, env={"PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1"}, check=True, cwd="/",
        user=person or None, group=person or None, extra_groups=[] if person else None,
    )  # fmt: skip
    return dict(json.loads(ran.stdout))


def test_a_fence_that_the_kernel_refuses_says_so(person: str) -> None:
    """Each kind is taken where there is no better one, with the kernel's words for why; the last one leaves files open."""
    last = offer("unshare,landlock", person)
    assert (
        last["kind"] == "limits" and "files" not in last["denies"] and {"network", "processes"} <= set(last["denies"])
    )
    assert (
        "namespaces: unshare: Operation not permitted" in last["why"]
        and "landlock: landlock_create_ruleset" in last["why"]
    )
    for kind, said in granted(person).items():
        assert kind == "limits" or set(said["denies"]) == {"keys", "files", "network", "processes"}
