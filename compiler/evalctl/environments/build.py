"""Builds environments, one process at a time; an interrupted build never counts as complete."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from evalctl.environments.logged import call, end_leftover, failure, help_for, output_so_far
from evalctl.environments.readiness import STAMP, is_complete, others
from evalctl.environments.recipes import PYTHON, Environment, catalogue, read_source
from evalctl.environments.source import add_empty, unpack
from evalctl.environments.uv import uv_path, variables
from evalctl.shell import EnvironmentProblem, make_folder, write_atomically

SUCCESS = "✅ Environment was successfully created!"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Build:
    """One environment being built in its final folder (a virtual environment cannot be moved)."""

    environment: Environment
    folder: Path
    variables: Mapping[str, str]
    report: Report
    doing: str = ""

    @property
    def python(self) -> str:
        """The environment's own interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def site_packages(self) -> Path:
        """The folder of its modules."""
        return self.folder / "lib" / f"python{PYTHON}" / "site-packages"

    @property
    def log(self) -> Path:
        """The log of uv, beside the folder."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def say(self, text: str) -> None:
        """One line of progress."""
        self.report(f"{self.environment.name}: {text}")


def setup(
    names: Iterable[str],
    root: Path,
    report: Report,
    *,
    environ: Mapping[str, str] = os.environ,
    known: Mapping[str, Environment] | None = None,
) -> None:
    """Makes every named environment ready under `root`, and then reports the success line; else EnvironmentProblem.

    `environ` is this process's environment with the values of `.env` beneath it (`UV_CACHE`, `EVALCTL_SWALLOW_SOURCE`).
    """  # fmt: skip
    known = known if known is not None else catalogue()
    environments = [_named(name, known) for name in dict.fromkeys(names)]
    root = root.absolute()
    make_folder(root)
    missing = [environment for environment in environments if not is_complete(environment, root)]
    for environment in environments:
        if environment not in missing:
            report(f"{environment.name}: already there ({root / environment.directory_name})")
    settings = {**environ, **variables(environ)} if missing else {}
    for environment in missing:
        with _own_programs(), _one_at_a_time(environment, root, report):
            _ensure(Build(environment, root / environment.directory_name, settings, report))
    report(SUCCESS)


@contextmanager
def _own_programs() -> Iterator[None]:
    """Removes write permission of group and others, whatever the umask: jobs run these programs."""
    before = os.umask(0o077)
    os.umask(before | 0o022)
    try:
        yield
    finally:
        os.umask(before)


def _named(name: str, known: Mapping[str, Environment]) -> Environment:
    if name not in known:
        raise EnvironmentProblem(f"no environment is called `{name}`", help=f"one of: {', '.join(known)}")
    return known[name]


@contextmanager
def _one_at_a_time(environment: Environment, root: Path, report: Report) -> Iterator[None]:
    """Holds the build's lock; the kernel gives it back if this process dies."""
    with (root / f".{environment.directory_name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"{environment.name}: another process builds it; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:  # some parallel file systems are mounted without flock
            report(f"{environment.name}: this file system has no locks ({error.strerror}); run one set-up at a time")
        yield


def _ensure(build: Build) -> None:
    """Builds, unless the process that held the lock before has just done it."""
    if is_complete(build.environment, build.folder.parent):
        return
    if build.folder.exists():
        build.say("removing an incomplete build")
        end_leftover(build.log, build.folder)
        shutil.rmtree(build.folder)
    build.log.unlink(missing_ok=True)
    started = time.monotonic()
    for text, step in _STEPS:
        if step is not _add_source or build.environment.source:
            _timed(replace(build, doing=text), step)
    write_atomically(build.folder / STAMP, build.environment.digest + "\n")
    build.say(f"ready in {time.monotonic() - started:.0f} s ({build.folder})")


def _timed(build: Build, step: Callable[[Build], None]) -> None:
    begun = time.monotonic()
    try:
        step(build)
    except OSError as error:
        raise EnvironmentProblem(
            f"{build.environment.name}: {build.doing}: {error}", help=help_for(str(error))
        ) from error
    build.say(f"{build.doing}: {time.monotonic() - begun:.1f} s")


def _create(build: Build) -> None:
    # The interpreter that runs evalctl exists; if its version differs, uv finds or fetches the right one.
    own = Path(sys.base_prefix, "bin", f"python{PYTHON}")
    _call(build, uv_path(), "venv", "--python", str(own) if own.exists() else PYTHON, str(build.folder))


def _install(build: Build) -> None:
    """Installs exactly the lock: no dependency is resolved, and a file with another hash is refused."""
    words = ("pip", "install", "--python", build.python, "--no-deps", "--require-hashes", "-r")
    argv = (uv_path(), *words, str(build.environment.lock_path))
    if _try(build, *argv) == 0:
        return
    # "+cpu" builds of torch are on no default index; uv itself knows where they are (seen: 0.13.9).
    if "+cpu" not in build.environment.lock_path.read_text(encoding="utf-8") or "torch" not in output_so_far(build.log):
        raise failure(build.environment.name, build.log)
    build.say("the configured package indexes were not enough; trying with PyTorch's own")
    _call(build, *argv, "--torch-backend", "cpu")


def _add_packages(build: Build) -> None:
    """Local packages are folders laid out as they are installed: they are copied, no build tool is needed."""
    for relative, path in build.environment.installed:
        target = build.site_packages / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _add_source(build: Build) -> None:
    """A folder as the lab installs it, editable; a wheel as it is."""
    source = read_source(build.environment.source[0])
    project = unpack(source, build.folder / "source", build.variables)
    how, modules = ((), build.site_packages) if project.suffix == ".whl" else (("--editable",), project / "src")
    words = ("pip", "install", "--python", build.python, "--no-deps", "--no-build-isolation", *how)
    _call(build, uv_path(), *words, str(project))
    add_empty(source, modules)


def _prove(build: Build) -> None:
    """A real import in the new environment, which also compiles the modules that every job will load."""
    _inherit_bytecode(build)
    # -I: neither PYTHONPATH nor PYTHONDONTWRITEBYTECODE of the user
    modules = [*build.environment.imports, *_local_modules(build.environment)]
    _call(build, build.python, "-I", "-c", "\n".join(f"import {module}" for module in modules))


def _inherit_bytecode(build: Build) -> None:
    """Links what an earlier build has compiled; Python ignores it wherever the source's time or size differs."""
    for earlier in others(build.environment, build.folder.parent)[:1]:
        site_packages = earlier / build.site_packages.relative_to(build.folder)
        for compiled in site_packages.rglob("__pycache__/*.pyc"):
            target = build.site_packages / compiled.relative_to(site_packages)
            if target.parent.parent.is_dir():
                target.parent.mkdir(exist_ok=True)
                with suppress(FileExistsError):
                    target.hardlink_to(compiled)


def _local_modules(environment: Environment) -> list[str]:
    tops = {relative.split("/")[0] for relative, _ in environment.installed}
    return sorted(top for top in tops if top.isidentifier())


_STEPS: tuple[tuple[str, Callable[[Build], None]], ...] = (
    (f"Python {PYTHON}", _create),
    ("the packages of the lock", _install),
    ("local packages", _add_packages),
    ("the framework's source", _add_source),
    ("a first import", _prove),
)


def _call(build: Build, *argv: str) -> None:
    if _try(build, *argv) != 0:
        raise failure(build.environment.name, build.log)


def _try(build: Build, *argv: str) -> int:
    # litellm asks the network for prices when imported, unless told not to (seen: 1.101.0)
    environment = {**build.variables, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
    return call(argv, environment, build.log, lambda seconds: build.say(f"{build.doing} … {seconds:.0f} s"))
