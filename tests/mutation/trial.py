"""A copy of the work tree, and the tests of one module run in it: each time in a process that is forked from one which
has pytest and the packages from outside, but nothing of evalctl. That takes half the time of a new Python."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# What evalctl and its tests import from outside; the fork inherits it.
import git  # noqa: F401
import hypothesis
import jsonschema  # noqa: F401
import pydantic  # noqa: F401
import pytest
import ruamel.yaml  # noqa: F401
import xdist.scheduler  # noqa: F401
import yaml  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("compiler", "compiler/environments/packages/evalctl-job")
# The same examples for every mutant, and none is made smaller: that it fails is enough.
hypothesis.settings.register_profile(
    "mutants",
    database=None,
    deadline=None,
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
_MEMORY = 8 << 30  # a mutant may ask for any amount


def copied(into: Path) -> Path:
    """The work tree as git sees it, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, into / name, follow_symlinks=False)
    return into


def passes(tree: Path, tests: Sequence[str], seconds: float, cpu_seconds: int, log: Path) -> bool:
    """Whether the tests pass in time in this tree; what pytest says goes into `log`."""
    child = os.fork()
    if child == 0:
        os._exit(_run(tree, tests, cpu_seconds, log))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_group(child)
            return status == 0
        time.sleep(0.02)
    _end_group(child)
    os.waitpid(child, 0)
    return False


def _end_group(child: int) -> None:
    """What a test left behind ends, too: the child leads a process group of its own."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def _run(tree: Path, tests: Sequence[str], cpu_seconds: int, log: Path) -> int:
    """In the forked process: pytest's exit code, 1 if it does not even get that far."""
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        _only_in(tree)
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        return int(pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-profile=mutants", *tests]))
    except BaseException:
        return 1


def _only_in(tree: Path) -> None:
    """Everything of evalctl is imported from the copy, in processes that tests start, too."""
    os.chdir(tree)
    sources = [str(tree / source) for source in _SOURCES]
    os.environ["PYTHONPATH"] = os.pathsep.join(sources)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path[:] = [
        *sources,
        *(path for path in sys.path if path and not Path(path).resolve().is_relative_to(ROOT / "tests")),
    ]
    for name in [name for name in sys.modules if name.partition(".")[0] in ("evalctl", "evalctl_job", "tests")]:
        del sys.modules[name]
