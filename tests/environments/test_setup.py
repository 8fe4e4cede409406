"""Set-up with the real uv: whole or not at all, once, and with words that help."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.environments import check, setup
from evalctl.environments.build import SUCCESS
from evalctl.environments.readiness import STAMP, problem_of
from evalctl.environments.uv import variables
from evalctl.shell import EnvironmentProblem

from .conftest import World


def value_in(world: World) -> str:
    """What the environment's own Python finds."""
    words = [str(world.built / "bin" / "python"), "-I", "-c", "import leaf, own; print(leaf.VALUE, own.NAME)"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_it_builds_what_the_lock_and_the_packages_say(world: World) -> None:
    """The wheel and the local package can be imported, the stamp holds the digest, the last line is the manual's."""
    assert world.setup()[-1] == SUCCESS == "✅ Environment was successfully created!"
    assert value_in(world) == "1 own"
    assert (world.built / STAMP).read_text().strip() == world.environment().digest
    assert problem_of(world.environment(), world.root) is None


def test_a_second_set_up_does_nothing(world: World) -> None:
    """It says so, still ends well, touches no file and starts no uv."""
    world.setup()
    before = {path: path.stat().st_mtime_ns for path in world.root.rglob("*")}
    world.environ["PATH"] = ""
    assert world.setup() == [f"small: already there ({world.built})", SUCCESS]
    assert {path: path.stat().st_mtime_ns for path in world.root.rglob("*")} == before


def test_an_incomplete_build_is_built_again(world: World) -> None:
    """Without its stamp a folder is not used, whatever it holds."""
    world.setup()
    (world.built / STAMP).unlink()
    (world.built / "leftover").touch()
    assert "incomplete" in str(problem_of(world.environment(), world.root))
    assert "small: removing an incomplete build" in world.setup()
    assert not (world.built / "leftover").exists()
    assert value_in(world) == "1 own"


def test_a_build_that_was_killed_is_built_again(world_with: Callable[[str], World], tmp_path: Path) -> None:
    """kill -9 in the middle leaves nothing that passes for an environment, and what still ran is ended first."""
    mark = tmp_path / "pid"
    world = world_with(
        f"import os, pathlib, time\nVALUE = 1\nmark = pathlib.Path({str(mark)!r})\n"
        "if not mark.exists():\n    mark.write_text(str(os.getpid()))\n    time.sleep(120)\n"
    )
    child = start_set_up(world)
    wait_until(lambda: mark.exists() and mark.read_text() != "")
    child.kill()
    child.wait()
    assert not (world.built / STAMP).exists()
    assert is_running(int(mark.read_text()))
    assert world.setup()[-1] == SUCCESS
    assert not is_running(int(mark.read_text()))
    assert value_in(world) == "1 own"


def test_ctrl_c_ends_what_was_started(world_with: Callable[[str], World], tmp_path: Path) -> None:
    """The program of the running step does not go on behind the user's back."""
    mark = tmp_path / "pid"
    code = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(120)\n"
    child = start_set_up(world_with(code))
    wait_until(lambda: mark.exists() and mark.read_text() != "")
    child.send_signal(signal.SIGINT)
    child.wait(timeout=20)
    assert not is_running(int(mark.read_text()))


def test_two_at_once_build_once(world_with: Callable[[str], World], tmp_path: Path) -> None:
    """The second waits for the first, and takes what it built."""
    gate = tmp_path / "gate"
    world = world_with(f"import os, time\nVALUE = 1\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)\n")
    first = start_set_up(world)
    wait_until(lambda: "local packages" in reported(first))
    second = start_set_up(world)
    wait_until(lambda: "another process builds it" in reported(second))
    gate.touch()
    assert (first.wait(timeout=30), second.wait(timeout=30)) == (0, 0)
    assert "ready in" in reported(first)
    assert "ready in" not in reported(second)
    assert SUCCESS in reported(second)


def test_a_changed_package_gets_a_folder_of_its_own(world: World) -> None:
    """A job that uses the old one is not disturbed; until it is built the environment counts as stale."""
    world.setup()
    old = world.built
    (world.folder / "packages" / "own" / "own" / "__init__.py").write_text("NAME = 'changed'\n")
    assert "stale" in str(problem_of(world.environment(), world.root))
    world.setup()
    assert value_in(world) == "1 changed"
    assert world.built != old
    assert "NAME = 'own'" in (old / "lib/python3.11/site-packages/own/__init__.py").read_text()


def test_a_file_with_another_hash_is_refused(world: World) -> None:
    """Whatever an index delivers, only the locked bytes get in; no success is reported."""
    lock = world.folder / "small.lock"
    lock.write_text(lock.read_text()[:-2] + ("0\n" if lock.read_text()[-2] != "0" else "1\n"))
    with pytest.raises(EnvironmentProblem, match=r"(?s)small could not be built.*leaf") as problem:
        world.setup()
    assert "renew the lock" in problem.value.help
    assert str(world.root) in problem.value.help
    assert not (world.built / STAMP).exists()
    assert SUCCESS not in world.lines


def test_an_import_that_fails_is_no_success(world_with: Callable[[str], World]) -> None:
    """Installed is not enough; the error itself is shown."""
    world = world_with("raise RuntimeError('libfoo is missing')\n")
    with pytest.raises(EnvironmentProblem, match="libfoo is missing"):
        world.setup()
    assert not (world.built / STAMP).exists()


def test_a_missing_file_says_where_to_look(world: World) -> None:
    """An index without the locked file."""
    world.environ["UV_FIND_LINKS"] = str(world.folder)
    with pytest.raises(EnvironmentProblem) as problem:
        world.setup()
    assert "PIP_INDEX_URL" in problem.value.help


def test_an_unknown_name_lists_the_known_ones(world: World) -> None:
    """Also in `check`, which reports and does not raise."""
    with pytest.raises(EnvironmentProblem) as problem:
        setup(["vlm"], world.root, print)
    assert "vllm" in problem.value.help
    assert check(["vlm"], world.root) == ["no environment is called `vlm`"]


def test_check_tells_missing_from_ready(world: World) -> None:
    """And what to type."""
    (found,) = check(["lighteval"], world.root)
    assert found == "lighteval: missing; run `evalctl env setup lighteval`"


def test_a_lost_python_is_noticed(world: World) -> None:
    """The interpreter behind the links was removed or lies on another machine."""
    world.setup()
    (world.built / "bin" / "python").unlink()
    assert "its Python was removed" in str(problem_of(world.environment(), world.root))
    assert world.setup()[-1] == SUCCESS


def test_pip_s_settings_are_handed_to_uv() -> None:
    """A machine on which pip works needs no second configuration; uv's own variables are left alone."""
    pip = {
        "PIP_INDEX_URL": "https://a/simple",
        "PIP_FIND_LINKS": "/one /two",
        "PIP_CERT": "/ca.pem",
        "UV_CACHE": "/big",
    }
    found = variables(pip)
    assert found["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert found["UV_FIND_LINKS"] == "/one,/two"
    assert found["SSL_CERT_FILE"] == "/ca.pem"
    assert found["UV_CACHE_DIR"] == "/big"
    assert "UV_DEFAULT_INDEX" not in variables({**pip, "UV_DEFAULT_INDEX": "https://b/simple"})


def start_set_up(world: World) -> subprocess.Popen[bytes]:
    """`world.setup()` in a process of its own; what it reports is read with `reported`."""
    lines = world.root.parent / f"reported-{time.monotonic_ns()}"
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom evalctl.environments import setup\n"
        "from evalctl.environments.recipes import Recipe, environment\n"
        f"known = {{'small': environment('small', Recipe(('own',), ('leaf',)), Path({str(world.folder)!r}))}}\n"
        f"setup(['small'], Path({str(world.root)!r}), lambda line: print(line, flush=True), known=known)\n"
    )
    with lines.open("wb") as output:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=output, stderr=output, env=world.environ)
    _REPORTS[child.pid] = lines
    return child


def is_running(pid: int) -> bool:
    """Whether the process exists and is not just waiting to be reaped."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


_REPORTS: dict[int, Path] = {}


def reported(child: subprocess.Popen[bytes]) -> str:
    """All that a started set-up has reported so far."""
    return _REPORTS[child.pid].read_text(encoding="utf-8")


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Fails when `condition` does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
