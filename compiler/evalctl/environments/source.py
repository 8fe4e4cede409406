"""A framework that is on no package index: fetched from its git repository at one commit, or given by `.env`."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from evalctl.environments.listed import take_folder, take_wheel
from evalctl.environments.recipes import Source, read_source
from evalctl.git import calls
from evalctl.shell import EnvironmentProblem, Reply, run

__all__ = ["LOCAL", "Source", "add_empty", "read_source", "unpack"]
LOCAL = "EVALCTL_SWALLOW_SOURCE"


def unpack(source: Source, target: Path, environ: Mapping[str, str]) -> Path:
    """The commit's project (a folder) or its wheel, below `target`; else EnvironmentProblem."""
    given = Path(environ[LOCAL]).expanduser() if environ.get(LOCAL) else None
    if given is None:
        with tempfile.TemporaryDirectory(prefix="evalctl-source-") as temporary:
            return _from_git(source, _fetched(source, Path(temporary)), target)
    if _is_clone(given):
        return _from_git(source, given, target)
    if given.is_dir():
        return take_folder(source, given, target)
    if given.suffix == ".whl" and given.is_file():
        return take_wheel(source, given, target)
    raise EnvironmentProblem(
        f"{given} is not a clone, a folder or a wheel (*.whl)", help=f"set {LOCAL} in .env to one, or remove it there"
    )


def add_empty(source: Source, modules: Path) -> None:
    """The files that the commit lacks, where its modules were installed."""
    for path in source.empty:
        (modules / PurePosixPath(path).relative_to(source.folder, "src")).touch()


def _is_clone(given: Path) -> bool:
    """A working tree, or bare: a folder inside another repository is not."""
    return (given / ".git").exists() or ((given / "HEAD").exists() and (given / "objects").is_dir())


def _from_git(source: Source, clone: Path, target: Path) -> Path:
    """As committed, whatever the clone has checked out."""
    target.mkdir(parents=True)
    archive = target / "source.tar"
    reply = _git(clone, "archive", "--format=tar", f"--output={archive.absolute()}", source.commit, *source.paths)
    if reply.status != 0:
        raise EnvironmentProblem(
            f"{clone} cannot give commit {source.commit}: {reply.stderr.strip()[-400:]}",
            help=f"fetch it there, or set {LOCAL} in .env to a clone that has it",
        )
    with tarfile.open(archive) as tar:
        tar.extractall(target)  # git made it, from a pinned commit
    archive.unlink()
    return target / source.folder


def _fetched(source: Source, clone: Path) -> Path:
    """Fetches one commit without its history."""
    run(calls.command("init", "--quiet", str(clone)))
    reply = _git(clone, "fetch", "--quiet", "--depth=1", source.repository, source.commit)
    if reply.status != 0:
        raise EnvironmentProblem(
            f"{source.repository} could not be fetched: {reply.stderr.strip()[-400:] or 'no answer'}",
            help=f"bring a clone, or the commit's unpacked archive or wheel, here, and set {LOCAL}=/its/path in .env",
        )
    return clone


def _git(clone: Path, *words: str) -> Reply:
    return run(calls.command("-C", str(clone), *words, timeout_s=600))
