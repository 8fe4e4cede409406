"""A copy of the work tree, and the tests of one module run in it: each time in a process that is forked from one which
has imported what the module cannot change. That takes a fifth of the time of a new Python."""

from __future__ import annotations

import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

# What evalctl and its tests import from outside; the fork inherits it.
import git  # noqa: F401
import hypothesis
import jsonschema  # noqa: F401
import pydantic  # noqa: F401
import pytest
import ruamel.yaml  # noqa: F401
import xdist.scheduler  # noqa: F401
import yaml  # noqa: F401
from tests.mutation.inside import become, loaded, same_outside
from tests.mutation.modules import Module

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = "compiler"
_OURS = ("evalctl", "evalctl_job")
_QUICK = "not (environments or gridengine or pbs or slurm)"  # those start real programs
_OPTIONS = ("-x", "-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
# The same few examples for every mutant, and none is made smaller: that it fails is enough.
hypothesis.settings.register_profile(
    "mutants",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=25,
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


@dataclass(eq=False)  # pytest's plugins are hashed
class Trial:
    """The tests of one module, in the copy of the work tree."""

    tree: Path
    module: Module
    seconds: float = 600
    cpu_seconds: int = 600
    found: Counter[str] = field(default_factory=Counter)  # how many mutants each test noticed
    _texts: list[str] = field(default_factory=list)
    _end: float = 0

    def __post_init__(self) -> None:
        """Everything of evalctl is imported from the copy from now on, in processes that tests start, too."""
        os.chdir(self.tree)
        sources = str(self.tree / _SOURCES)
        os.environ["PYTHONPATH"] = sources
        os.environ["EVALCTL_TEST_LOCKS"] = str(self._log("locks"))  # absent: no real scheduler is used here
        others = (path for path in sys.path if path and Path(path).resolve() not in (ROOT, ROOT / _SOURCES))
        sys.path[:] = [sources, *others]
        _forget(*_OURS, "tests")

    def measure(self) -> tuple[float, float]:
        """How long the tests take on the unchanged module, on the clock and of a CPU; they have to pass.

        Then limits follow from it, and this process imports all of evalctl that the tests did but what imports the module.
        """
        sys.dont_write_bytecode = False
        self._seconds_of_passing()
        self._import_others()
        sys.dont_write_bytecode = True  # two mutants may have one size and one second
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        used = self._seconds_of_passing()
        self.seconds, self.cpu_seconds = 12 + 6 * used[0], 2 + int(4 * used[1])
        return used

    def noticed_inside(self, source: str, texts: Sequence[str], end: float) -> tuple[set[str], set[str]]:
        """Those of these texts of the module that the tests notice, where only bodies of functions differ from `source`; and
        those of this kind that the time was too short for.

        Nothing that the tests or other modules have computed from the module when they were imported is computed again.
        """
        self._texts, self._end = [source, *(text for text in texts if same_outside(source, text))], end
        tried = self._texts
        for name in ("noticed", "tried"):
            self._log(name).write_text("")
        self._ended_well(len(tried) * self.seconds, 0)  # of itself it only gathers the tests
        noticed = {tried[int(number)] for number in self._log("noticed").read_text().split()}
        self.found.update(self._log("found").read_text().splitlines() if self._log("found").is_file() else ())
        self._texts, last = [], int(self._log("tried").read_text() or 0)
        # Where the source itself seems to be noticed, this does not work with the module.
        return (set(), set()) if source in noticed else (noticed, set(tried[last + 1 :]) if last else set())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """With the tests gathered, a fork for each mutant, in which the tests are then run as usual."""
        texts, self._texts, parent = self._texts, [], os.getppid()
        module = loaded(self.module.name)
        if not texts or module is None:
            return None if not texts else True
        for number, text in enumerate(texts):
            self._log("failed").unlink(missing_ok=True)
            child = os.fork()
            if child == 0:
                self._limit(self.cpu_seconds)
                _become_or_pass(module, text)
                self._sort(session.items)
                return None
            if not self._waited(child, self.seconds):
                self._note(number)
            self._log("tried").write_text(str(number))
            if time.monotonic() > self._end or os.getppid() != parent:
                break
        return True

    def _note(self, number: int) -> None:
        with self._log("noticed").open("a") as noticed:
            noticed.write(f"{number}\n")
        if self._log("failed").is_file():
            self.found[self._log("failed").read_text()] += 1
            self._log("found").write_text("\n".join(self.found.elements()))

    def check(self) -> None:
        """The tests still pass on the unchanged module; or the machine, not the mutants, made them fail."""
        self._seconds_of_passing()

    def passes(self) -> bool:
        """Whether the tests pass in time on what the module is now."""
        self._log("failed").unlink(missing_ok=True)
        passed = self._ended_well(self.seconds, self.cpu_seconds)
        if not passed and self._log("failed").is_file():
            self.found[self._log("failed").read_text()] += 1
        return passed

    def _seconds_of_passing(self) -> tuple[float, float]:
        begin, before = time.monotonic(), os.times()
        if not self._ended_well(self.seconds, self.cpu_seconds):
            said = self._log("log").read_text(errors="replace")[-3000:]
            raise SystemExit(f"the tests of {self.module.path} fail without any mutant:\n{said}")
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return time.monotonic() - begin, cpu

    def _log(self, name: str) -> Path:
        return self.tree.parent / name

    def _import_others(self) -> None:
        path = self.tree / self.module.path
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()
        _forget(*_OURS)
        sys.modules[self.module.name] = None  # type: ignore[assignment] # what imports it cannot be imported
        for name in self._log("imported").read_text().split():
            try:
                importlib.import_module(name)
            except ImportError:
                continue
        del sys.modules[self.module.name]
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            if name.rpartition(".")[0] not in ("", *sys.modules):  # of a package that imports it
                del sys.modules[name]

    def _ended_well(self, seconds: float, cpu_seconds: int) -> bool:
        child = os.fork()
        if child == 0:
            os._exit(self._run(cpu_seconds))
        return self._waited(child, seconds)

    def _waited(self, child: int, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                _end_group(child)
                return status == 0
            time.sleep(0.01)
        _end_group(child)
        os.waitpid(child, 0)
        return False

    def _limit(self, cpu_seconds: int) -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if cpu_seconds:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))

    def _run(self, cpu_seconds: int) -> int:
        """In the forked process: pytest's exit code, 1 if it does not even get that far."""
        try:
            self._limit(cpu_seconds)
            with self._log("log").open("wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            options = [*_OPTIONS, "-m", _QUICK, f"--basetemp={self._log('tests')}"]
            code = pytest.main([*options, *self.module.tests], plugins=[self])
            self._log("imported").write_text("\n".join(name for name in sys.modules if name.partition(".")[0] in _OURS))
            return int(code)
        except BaseException:
            return 1

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """First the tests that noticed most of the mutants before."""
        self._sort(items)

    def _sort(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: -self.found[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the test that fails."""
        if report.failed:
            self._log("failed").write_text(report.nodeid)


def _become_or_pass(module: ModuleType, text: str) -> None:
    """A change that cannot be made so is one that was not noticed so."""
    try:
        become(module, text)
    except Exception:
        os._exit(0)


def _end_group(child: int) -> None:
    """What a test left behind ends, too: the child leads a process group of its own."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def _forget(*packages: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
