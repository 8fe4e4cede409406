"""Checks of the login node: scheduler, folders, git, programs. Each check yields findings, good or bad."""

from __future__ import annotations

import fcntl
import json
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evalctl.doctor.finding import Finding, bad, good
from evalctl.environments import catalogue, check
from evalctl.git.branch import current_branch
from evalctl.git.remote import remote_of, silence
from evalctl.git.repository import Repository, open_repository
from evalctl.model.run import State
from evalctl.schedulers.common import variable
from evalctl.shell import Command, EnvironmentProblem
from evalctl.sync.context import Context
from evalctl.sync.modules import setup_problem
from evalctl.sync.observe import ask_scheduler
from evalctl_job.fence.words import BEST_EFFORT, FENCED, Fence, shown
from evalctl_job.typed import read

# Job scripts and the programs that read .env and load modules need this version.
BASH = (4, 4)
_SMALL_GB = 5


def service(context: Context, how: str) -> Iterator[Finding]:
    """Which service this machine is, and whether the variables in its `submit_args` are set."""
    about = context.service.description or "no description"
    yield good("service", f"{context.service_name} ({context.service.scheduler}; {about}), {how}")
    try:
        context.site_args()
    except KeyError as missing:
        name = missing.args[0]
        yield bad("service", f"`submit_args` needs {name}, which is not set", f"put {name}=… into {context.env_file}")


def modules(context: Context) -> Iterator[Finding]:
    """The set-up file of environment modules, where the service names one: every job sources it."""
    path = context.service.modules_init
    if path is None:
        return
    if not Path(path).is_file():
        yield bad("modules_init", f"{path}: not on this machine", "correct `modules_init` in the service's file")
    elif problem := setup_problem(path):
        what, _, typed = problem.rpartition(": ")
        yield bad("modules_init", what, typed)
    else:
        yield good("modules_init", f"{path}, which only root and you can change")


def programs(context: Context) -> Iterator[Finding]:
    """Whether the scheduler's programs are on PATH, and their version."""
    scheduler = context.scheduler
    missing = [name for name in scheduler.PROGRAMS if shutil.which(name) is None]
    if missing:
        help = "on the login node of another service? --service NAME; else load the site's module or extend PATH"
        yield bad("scheduler", f"{', '.join(missing)}: not on PATH", help)
        return
    places = ", ".join(str(shutil.which(name)) for name in scheduler.PROGRAMS) or "evalctl's own queue"
    yield good("scheduler", f"{_first_line(_output(context, scheduler.VERSION))}: {places}")


def query(context: Context) -> Iterator[Finding]:
    """Whether the scheduler answers, how fast, and with how many jobs."""
    begin = time.monotonic()
    seen, silence = ask_scheduler(context)
    seconds = time.monotonic() - begin
    if seen is None:
        yield bad(
            "query",
            f"the scheduler gave no readable reply: {silence}",
            "try again later; if it happens again, ask the site",
        )
        return
    live = sum(one.state is not State.ENDED for one in seen)
    yield good("query", f"answered in {seconds:.1f} s: {live} live job(s)")


def home(context: Context) -> Iterator[Finding]:
    """EVALCTL_HOME: a path that can be passed to jobs, a disk that can be written and locked, and free space."""
    folder = _existing(context.home)
    kind = file_system(folder)
    try:
        variable(str(context.home_folder.runs))
    except EnvironmentProblem as problem:
        yield bad("home", problem.message, problem.help)
    if trouble := _unwritable(folder):
        yield bad("home", f"{folder}: {trouble}", "name a folder that you can write: EVALCTL_HOME=… in .env")
        return
    if kind == "tmpfs" and context.service.scheduler != "local":
        yield bad("home", f"{context.home} is in memory, which nodes do not see", "EVALCTL_HOME=… in .env")
    free = shutil.disk_usage(folder).free / 1e9
    text = f"{context.home} on {kind}, {free:.0f} GB free"
    if free < _SMALL_GB:
        yield bad("home", f"{text}: one job environment needs 2 GB", "free disk space, or set EVALCTL_HOME=… in .env")
    else:
        yield good("home", text)


def environments(context: Context, names: Iterable[str]) -> Iterator[Finding]:
    """The job environments that this service needs."""
    known = catalogue()
    for name in names:
        problems = check([name], context.environments)
        yield from (bad("environments", problem) for problem in problems)
        if not problems:
            yield good("environments", f"{name}: {context.environments / known[name].directory_name}")


def git(context: Context) -> Iterator[Finding]:
    """A clone on a branch, an identity for commits, and a remote that answers, checked as in a pass."""
    try:
        repo = open_repository(context.root)
        branch = current_branch(repo)
    except EnvironmentProblem as problem:
        yield bad("git", problem.message, problem.help)
        return
    try:
        repo.identity()
        yield good("git", f"branch {branch.removeprefix('refs/heads/')} of {context.root}")
    except EnvironmentProblem as problem:
        yield bad("git", problem.message, problem.help)
    yield _remote(repo, branch)


def _remote(repo: Repository, branch: str) -> Finding:
    try:
        target = remote_of(repo, branch)
    except EnvironmentProblem as problem:
        return bad("remote", problem.message, problem.help)
    if target is None:
        return good("remote", "none: claims and results stay in this clone")
    why = silence(repo, target[0])
    if why is None:
        return good("remote", f"{target[0]} answers; claims and results go there")
    return bad("remote", f"{target[0]}: {why}", f"git ls-remote {target[0]}; nothing is submitted until it answers")


def fence(context: Context) -> Iterator[Finding]:
    """What stands around code that models write, on this machine; of other nodes the site test says it."""
    reply = _output(context, Command((sys.executable, "-P", "-m", "evalctl_job.fence.offer")))
    yield from fence_of(context, reply, is_node=context.service.scheduler == "local")


def fence_of(context: Context, reply: str, *, is_node: bool) -> Iterator[Finding]:
    """A finding about the fence in the reply; a bad one where it is that of a node and the service demands a whole one."""
    try:
        found = read(Fence, json.loads(reply))
    except ValueError:
        found = Fence(why=f"it cannot be found out: {_first_line(reply)}")
    policy = context.service.code_execution
    if found.left_open and is_node and policy == FENCED:
        help = (
            "tasks that run code fail there (`fence-refused`): ask the site for user namespaces or Landlock, "
            f"or write code_execution: {BEST_EFFORT} into manifests/services/{context.service_name}.yaml"
        )
        yield bad("code", shown(found), help)
    else:
        yield good("code", f"{shown(found)}; code_execution: {policy}" + ("" if is_node else " (nodes: --probe)"))


def this_python() -> Finding:
    """The Python that evalctl runs on (always good: evalctl does not start on an older one)."""
    return good("python", f"{platform.python_version()}: {sys.executable}")


def this_bash(context: Context) -> Finding:
    """The bash of this machine; the site test checks that of a node."""
    return bash("bash", _output(context, Command(("bash", "--version"))))


def bash(topic: str, reply: str) -> Finding:
    """Whether a bash of this version can run the job script."""
    found = re.search(r"(\d+)\.(\d+)", reply)
    needed = ".".join(map(str, BASH))
    if found and (int(found[1]), int(found[2])) >= BASH:
        return good(topic, f"{found[0]} (jobs need {needed})")
    return bad(
        topic, f"{_first_line(reply) or 'none'}: jobs need bash {needed}", "a newer bash must be /bin/bash there"
    )


def file_system(path: Path) -> str:
    """The kind of the file system that holds `path`, as the kernel calls it."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "an unknown file system"
    mounts: list[Sequence[str]] = [line.split(" ") for line in lines]
    holding = [mount for mount in mounts if path.is_relative_to(mount[1].replace("\\040", " "))]
    # Later mounts hide earlier ones at the same path.
    return max(enumerate(holding), key=lambda one: (len(one[1][1]), one[0]))[1][2] if holding else "?"


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists()).resolve()


def _unwritable(folder: Path) -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".evalctl-doctor-") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _output(context: Context, command: Command) -> str:
    try:
        reply = context.run(command)
    except EnvironmentProblem as problem:
        return problem.message
    return reply.stdout or reply.stderr


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
