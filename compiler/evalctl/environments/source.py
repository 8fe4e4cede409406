"""A framework that no index carries: fetched from its git repository at one commit, or taken from a local clone."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from evalctl.environments.recipes import Source, read_source
from evalctl.shell import Command, EnvironmentProblem, Reply, run

__all__ = ["LOCAL", "Source", "read_source", "unpack"]
LOCAL = "EVALCTL_SWALLOW_SOURCE"


def unpack(source: Source, target: Path, environ: Mapping[str, str]) -> Path:
    """The project's folder below `target`: as committed, whatever a clone has checked out, and the empty files."""
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="evalctl-source-") as temporary:
        clone = Path(environ[LOCAL]) if environ.get(LOCAL) else _fetched(source, Path(temporary, "clone"))
        archive = Path(temporary, "source.tar")
        reply = _git(clone, "archive", "--format=tar", f"--output={archive}", source.commit, *source.paths)
        if reply.status != 0:
            raise EnvironmentProblem(
                f"{clone} cannot give commit {source.commit}: {reply.stderr.strip()[-400:]}",
                help=f"fetch it there, or set {LOCAL} in .env to a clone that has it",
            )
        with tarfile.open(archive) as tar:
            tar.extractall(target)  # git made it, from a pinned commit
    for path in source.empty:
        (target / path).touch()
    return target / source.folder


def _fetched(source: Source, clone: Path) -> Path:
    """One commit, nothing of its history."""
    run(Command(("git", "init", "--quiet", str(clone))))
    reply = _git(clone, "fetch", "--quiet", "--depth=1", source.repository, source.commit)
    if reply.status != 0:
        raise EnvironmentProblem(
            f"{source.repository} could not be fetched: {reply.stderr.strip()[-400:] or 'no answer'}",
            help=f"clone it where the network allows, copy the clone here, and set {LOCAL}=/its/path in .env",
        )
    return clone


def _git(clone: Path, *words: str) -> Reply:
    return run(Command(("git", "-C", str(clone), *words), timeout_s=600, env={"GIT_TERMINAL_PROMPT": "0"}))
