"""Commits given files on the current branch, and nothing else: runs no hook, includes no change of the user."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from evalctl.git.advance import BranchMoved, advance
from evalctl.git.branch import current_branch
from evalctl.git.drafts import Draft
from evalctl.git.repository import Repository, TreeEntry, blob_id
from evalctl.git.workfiles import FreePaths
from evalctl.shell import EnvironmentProblem

_TRIES = 5
_CONVERSIONS = ("filter", "working-tree-encoding")  # attributes by which a stored file is another than the work file
_CONVERSION_WORD = re.compile(rb"(?:filter|working-tree-encoding)=")
_PLAIN = "-filter -diff -working-tree-encoding"
_NOT_SET = (b"unspecified", b"unset")


def commit_files(repo: Repository, drafts: Sequence[Draft]) -> str | None:
    """Commits the drafts one after another on the current branch and returns the last commit, None if nothing differs.

    When somebody commits at the same moment, the drafts go on top of theirs.
    """
    return commit_made(repo, lambda _: drafts)


def commit_made(repo: Repository, make: Callable[[str | None], Sequence[Draft]]) -> str | None:
    """As `commit_files`, with drafts that `make` derives from their parent commit; calls `make` again if the branch moves."""
    ref = current_branch(repo)
    for _ in range(_TRIES):
        parent = repo.resolve(ref)
        entries = repo.entries(parent)
        drafts = changed_only(make(parent), entries, parent or "0" * 40)
        if not drafts:
            return None
        written = [path for draft in drafts for path, text in draft.files.items() if text is not None]
        refuse_occupied(written, entries)
        refuse_filtered(repo, written)
        commit = repo.create_commits(parent, drafts)
        try:
            advance(repo, ref, parent, commit, drafts[-1].message.partition("\n")[0])
        except BranchMoved:
            continue
        return commit
    raise BranchMoved(ref)


def refuse_occupied(paths: Iterable[str], entries: Collection[str]) -> None:
    """Refuses to replace a file, a link or a submodule of the commit by a folder: evalctl did not create it."""
    folders = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    if taken := sorted(folders.intersection(entries)):
        raise EnvironmentProblem(
            f"`{taken[0]}` is committed as a file, link or submodule: results need a folder there",
            f"git mv {taken[0]} {taken[0]}.old && git commit -m 'a folder for results'",
        )


def refuse_unreachable(repo: Repository, paths: Iterable[str]) -> None:
    """Refuses to commit files that could not be written to the work tree: git would show them as deleted by the user."""
    free_paths = FreePaths(repo.root)
    for path in paths:
        if not free_paths.is_within(path):
            barrier = next(
                one for one in reversed(PurePosixPath(path).parents) if not free_paths.is_within(f"{one}/x")
            )  # fmt: skip
            raise EnvironmentProblem(
                f"{repo.root / barrier} is a link or a file: results need a real folder there (git does not write through links)",
                f"mv {barrier} {barrier}.old",
            )


def refuse_filtered(repo: Repository, paths: Iterable[str]) -> None:
    """Refuses to commit files that git would not store as they are (LFS, encryption, another encoding).

    Results are read from commits, where a pointer to LFS is no result, and every such file would show as changed.
    """
    data = b"".join(os.fsencode(path) + b"\0" for path in paths)
    words = repo.run_or_raise("check-attr", "-z", "--stdin", *_CONVERSIONS, data=data).stdout.split(b"\0")
    found = [
        (path, name, value) for path, name, value in zip(*[iter(words)] * 3, strict=False) if value not in _NOT_SET
    ]
    if found:
        path, name, value = (os.fsdecode(word) for word in found[0])
        raise EnvironmentProblem(
            f"a git attribute sets {name}={value} for {path}: results must be stored in git unchanged",
            _unfiltered(repo, path),
        )


def _unfiltered(repo: Repository, path: str) -> str:
    """What to type: adds a line to the attributes file with precedence (the clone's own; then the one nearest to the path)."""
    own = repo.run_or_raise("rev-parse", "--path-format=absolute", "--git-path", "info/attributes").text
    if Path(own).is_file() and _CONVERSION_WORD.search(Path(own).read_bytes()):
        return f"echo 'results/** {_PLAIN}' >> {shlex.quote(own)}"
    nearest = next(
        folder for folder in PurePosixPath(path).parents
        if folder == PurePosixPath() or (repo.root / folder / ".gitattributes").is_file()
    )  # fmt: skip
    pattern = "results/**" if nearest == PurePosixPath() else "**"
    file = str(nearest / ".gitattributes")
    return f"echo '{pattern} {_PLAIN}' >> {file} && git add {file} && git commit -m 'results are plain files'"


def changed_only(drafts: Sequence[Draft], entries: dict[str, TreeEntry], like: str) -> list[Draft]:
    """The drafts without the files that the tree has already; drafts without any file left are dropped."""
    blobs: dict[str, str | None] = {path: entry.blob for path, entry in entries.items()}
    kept = []
    for draft in drafts:
        files = {path: text for path, text in draft.files.items() if _id(text, like) != blobs.get(path)}
        blobs.update({path: _id(text, like) for path, text in files.items()})
        if files:
            kept.append(Draft(files, draft.message))
    return kept


def _id(text: str | None, like: str) -> str | None:
    return None if text is None else blob_id(text.encode(), like)
