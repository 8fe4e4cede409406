"""Paths that this clone keeps out of its work tree: by a sparse checkout, or by `--skip-worktree`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from evalctl.git.repository import Repository, TreeEntry
from evalctl.shell import EnvironmentProblem

_AT_ONCE = 200  # words of one command


def skipped(repo: Repository, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that the index keeps, or would keep, with its skip-worktree bit.

    A path that the sparse checkout excludes but that is in the work tree is treated like any other (seen: git 2.39).
    """
    wanted = list(paths)
    if not wanted:
        return set()
    marked = _marked(repo)
    if repo.configured("core.sparseCheckout") == "true":
        known = set(_listed(repo.run_or_raise("ls-files", "-z", "--full-name").stdout))
        new = [path for path in wanted if path not in known and not os.path.lexists(repo.root / path)]
        marked |= _left_out(repo, new)
    return marked & set(wanted)


def _marked(repo: Repository, environment: dict[str, str] | None = None) -> set[str]:
    """The paths whose index entry has the skip-worktree bit; git lists them with `S`."""
    reply = repo.run("ls-files", "-t", "-z", "--full-name", environment=environment)
    if reply.status != 0:
        raise EnvironmentProblem(f"git's index cannot be read: {reply.stderr.strip()}")
    return {line[2:] for line in _listed(reply.stdout) if line.startswith("S ")}


def _left_out(repo: Repository, paths: list[str]) -> set[str]:
    """Those of `paths` that the sparse checkout excludes. git itself decides: it checks out a tree of empty files."""
    if not paths:
        return set()
    empty = repo.run_or_raise("hash-object", "-w", "--stdin").text
    lines = b"".join(f"100644 {empty}\t".encode() + os.fsencode(path) + b"\0" for path in paths)
    with tempfile.TemporaryDirectory(prefix="evalctl-sparse-") as folder:
        (Path(folder) / "tree").mkdir()
        first = {"GIT_INDEX_FILE": f"{folder}/first"}
        second = {"GIT_INDEX_FILE": f"{folder}/second", "GIT_WORK_TREE": f"{folder}/tree", "GIT_DIR": str(repo.git_dir)}
        _run(repo, ("update-index", "-z", "--index-info"), first, lines)
        tree = _run(repo, ("write-tree",), first)
        plain = ("-c", "core.attributesFile=/dev/null", "-c", "core.autocrlf=false")
        _run(repo, (*plain, "read-tree", "-m", "-u", tree), second)
        return _marked(repo, second)


def _run(repo: Repository, words: tuple[str, ...], environment: dict[str, str], data: bytes = b"") -> str:
    reply = repo.run(*words, environment=environment, data=data)
    if reply.status != 0:
        raise EnvironmentProblem(f"git cannot determine what the sparse checkout excludes: {reply.stderr.strip()}")
    return reply.text


def index_words(changes: Iterable[tuple[str, TreeEntry]]) -> Iterator[list[str]]:
    """Arguments of `git update-index` that set entries and their skip-worktree bits at once: no file shows as deleted between."""
    left = iter(changes)
    while part := list(islice(left, _AT_ONCE)):
        entries = [word for path, entry in part for word in ("--cacheinfo", f"{entry.mode},{entry.blob},{path}")]
        yield ["update-index", "--add", *entries, "--skip-worktree", "--", *(path for path, _ in part)]


def _listed(stream: bytes) -> list[str]:
    return [os.fsdecode(line) for line in stream.split(b"\0") if line]
