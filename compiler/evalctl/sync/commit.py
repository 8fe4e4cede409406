"""Commits given files on the current branch, and nothing else: no hook and no change of the user takes part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from evalctl.shell import EnvironmentProblem
from evalctl.sync.advance import BranchMoved, advance
from evalctl.sync.branch import current_branch
from evalctl.sync.drafts import Draft
from evalctl.sync.git import Entry, Repository, blob_id

_TRIES = 5
_CONVERSIONS = ("filter", "working-tree-encoding")  # attributes by which a stored file is another than the work file
_NOT_SET = (b"unspecified", b"unset")


def commit_files(repo: Repository, drafts: Sequence[Draft]) -> str | None:
    """Commits the drafts one after another on the current branch and returns the last commit, None if nothing differs.

    When somebody commits at the same moment, the drafts go on top of theirs.
    """
    return commit_made(repo, lambda _: drafts)


def commit_made(repo: Repository, make: Callable[[str | None], Sequence[Draft]]) -> str | None:
    """As `commit_files` with drafts that `make` derives from the commit they will stand on; asked again if it moves."""
    ref = current_branch(repo)
    for _ in range(_TRIES):
        parent = repo.resolve(ref)
        drafts = changed_only(make(parent), repo.entries(parent), parent or "0" * 40)
        if not drafts:
            return None
        refuse_filtered(repo, [path for draft in drafts for path, text in draft.files.items() if text is not None])
        commit = repo.create_commits(parent, drafts)
        try:
            advance(repo, ref, parent, commit, drafts[-1].message.partition("\n")[0])
        except BranchMoved:
            continue
        return commit
    raise BranchMoved(ref)


def refuse_filtered(repo: Repository, paths: Iterable[str]) -> None:
    """Refuses to commit files that git would not store as they are (LFS, encryption, another encoding).

    Results are read from commits, where a pointer to LFS is no result, and every such file would show as changed.
    """
    data = b"".join(os.fsencode(path) + b"\0" for path in paths)
    words = repo.tell("check-attr", "-z", "--stdin", *_CONVERSIONS, data=data).stdout.split(b"\0")
    found = [
        (path, name, value) for path, name, value in zip(*[iter(words)] * 3, strict=False) if value not in _NOT_SET
    ]
    if found:
        path, name, value = (os.fsdecode(word) for word in found[0])
        raise EnvironmentProblem(
            f".gitattributes gives {path} {name}={value}: results are small, and are kept in git as they are",
            "echo 'results/** -filter -diff -working-tree-encoding' >> .gitattributes && git add .gitattributes "
            "&& git commit -m 'results are plain files'",
        )


def changed_only(drafts: Sequence[Draft], entries: dict[str, Entry], like: str) -> list[Draft]:
    """The drafts without files that the tree has already, and without drafts that are then empty."""
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
