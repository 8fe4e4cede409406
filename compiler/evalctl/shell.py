"""Starts processes (gitpython, in its one home, starts git itself), and is the one way to write a file whole.

It does not know what a command means: schedulers and environments say what to run and read what came back.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalctl.surroundings import UMASK, Program, environment


class EnvironmentProblem(Exception):
    """The machine lacks something or does not answer; the text says what, and what to type."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class TryLater(EnvironmentProblem):
    """A temporary problem: the same command may work later (exit code 4)."""


class Unreachable(TryLater):
    """The scheduler or the git remote did not answer. Nothing was decided from it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One program call: words, never a shell line.

    `program` says whose environment it gets (`surroundings.py`); None is this process's. `env` is added to that; a
    variable that is None there is taken away.
    """

    argv: tuple[str, ...]
    timeout_s: float = 60.0
    cwd: Path | None = None
    env: Mapping[str, str | None] | None = None
    program: Program | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Exit status and output of a command. `status` is -1 when it timed out."""

    status: int
    stdout: str
    stderr: str
    timed_out: bool = False


Run = Callable[[Command], Reply]


def run(command: Command) -> Reply:
    """Runs `command` to its end or its timeout, and returns its reply; a missing program is an EnvironmentProblem."""
    process = _start(command, stderr=subprocess.PIPE)
    try:
        stdout, stderr = process.communicate(timeout=command.timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        stdout, stderr = process.communicate()
        return Reply(-1, stdout, stderr, timed_out=True)
    except BaseException:  # Ctrl-C among them: never leave the child behind
        _end(process)
        raise
    return Reply(process.returncode, stdout, stderr)


def stream(command: Command, on_line: Callable[[str], None]) -> int:
    """Runs `command`, hands over each line of its merged output as it comes, and returns the exit status.

    No timeout: use it for work that shows progress. The child ends with this process's Ctrl-C.
    """
    process = _start(command, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            on_line(line.rstrip("\n"))
        return process.wait()
    except BaseException:
        _end(process)
        raise


Process = subprocess.Popen[bytes]


def start_detached(command: Command, log: Path) -> Process:
    """Starts `command` in a session of its own with output in `log`, and returns at once.

    The caller keeps the process until it has ended: Python reaps one to which no reference is left, and its exit status is lost.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command.argv, cwd=command.cwd, env=_environment(command), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip


def _start(command: Command, *, stderr: int) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            command.argv, cwd=command.cwd, env=_environment(command), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            encoding="utf-8", errors="replace", umask=_umask(command),
        )  # fmt: skip
    except FileNotFoundError as error:
        raise EnvironmentProblem(f"`{command.argv[0]}` is not on this machine ({error.filename})") from error


def _environment(command: Command) -> dict[str, str] | None:
    if command.env is None and command.program is None:
        return None
    base = os.environ if command.program is None else environment(command.program, os.environ)
    return {name: value for name, value in {**base, **(command.env or {})}.items() if value is not None}


def _umask(command: Command) -> int:
    return -1 if command.program is None else UMASK.get(command.program, -1)


def _end(process: subprocess.Popen[str]) -> None:
    """The command has a session of its own, so that its children go with it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue


def below(root: Path, path: str) -> Path:
    """The file at `path` of a repository; neither it nor a folder on the way is a link, which could lead out of there."""
    file = root
    for part in path.split("/"):
        file /= part
        if file.is_symlink():
            raise EnvironmentProblem(
                f"{file} is a link: evalctl does not read or write through links", "replace the link by the file"
            )
    return file


def current_folder() -> Path:
    """The current folder."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise EnvironmentProblem("the current folder was removed", "cd into your clone") from error


def write_together(root: Path, texts: Mapping[str, str | bytes]) -> None:
    """Writes several files (path below `root` to text); where one cannot be written, all are as they were before."""
    files = {path: below(root, path) for path in texts}
    before = {file: file.read_bytes() if file.exists() else None for file in files.values()}
    done: list[Path] = []
    try:
        for path, text in texts.items():
            write_atomically(files[path], text)
            done.append(files[path])
    except BaseException:
        for written in done:
            old = before[written]
            written.unlink() if old is None else write_atomically(written, old)
        raise


def make_folder(path: Path, mode: int = 0o755) -> None:
    """`path` exists, and the folders above it with git's usual mode, whatever the umask.

    Where a group may write in the folder above, as in a clone that several people use, it may write in the new one.
    """
    try:
        path.mkdir(0o700)
    except FileNotFoundError:
        make_folder(path.parent)
        make_folder(path, mode)
        return
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    above = path.parent.stat().st_mode
    path.chmod(mode | (0o070 if above & 0o020 else 0) | above & 0o2000)


def make_durable(folder: Path, top: Path) -> None:
    """What `folder` holds survives a power failure from now on: its files, and the folders from it up to `top`.

    Without it a rename may be on the disk before the text: the file is there, and empty.
    """
    files = [Path(entry) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    above = [one for one in folder.parents if one == top or one.is_relative_to(top)]
    for path in (*files, folder, *above):
        _sync(path)


# A file system without an fsync of folders (CIFS and some of FUSE), and a folder that may only be passed through.
_NO_FSYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES)


def _sync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC or not path.is_dir():
            error.filename = error.filename or str(path)
            raise


def json_text(value: Any, *, indent: int | None = 1, ascii: bool = False) -> str:
    """The text of a JSON file; NaN and infinities are a ValueError. `ascii`: it may have half characters, as in paths."""
    return json.dumps(value, ensure_ascii=ascii, indent=indent, allow_nan=False) + "\n"


def write_atomically(
    path: Path, text: str | bytes, *, mode: int = 0o644, folder_mode: int = 0o755, durable: bool = False
) -> None:
    """`path` holds either what it held before or all of `text`, whatever happens in between.

    `folder_mode` is that of its folder, where that has to be made. `durable`: a power failure counts among what happens,
    and the file is there afterwards. It takes milliseconds, so only what nothing else could tell again is written so.
    """
    data = text.encode() if isinstance(text, str) else text
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except FileNotFoundError:
        make_folder(path.parent, folder_mode)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, mode)
            if durable:
                file.flush()
                os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 - thousands of these at a time
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        # A full disk does not say where it is; `os.replace` names the temporary file, which is gone.
        if isinstance(error, OSError) and error.filename in (None, temporary):
            error.filename = str(path)
        raise
    if durable:
        _sync(path.parent)


# What a machine may do to any program: these are nobody's bug.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EEXIST)
_BROKEN = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT)


def problem_of(error: OSError) -> EnvironmentProblem | None:
    """What the machine refused, in words and with what to do; None where it may well be a bug of evalctl."""
    where = error.filename if isinstance(error.filename, str) else "this machine"
    helps = (
        (_FULL, "free space (df -h, quota, ulimit -a), then run the same command again"),
        (_FORBIDDEN, f"see who may write there: ls -ld {Path(where).parent}"),
        (_IN_THE_WAY, "a file or folder of another kind has this path: move it away"),
        (_BROKEN, "the disk reports an error: run the same command again, or ask the administrator of this machine"),
    )
    help = next((help for numbers, help in helps if error.errno in numbers), None)
    return EnvironmentProblem(f"{where}: {error.strerror}", help) if help else None
