"""The branch that results are committed to, and why there may be none at the moment."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from evalctl.git.repository import Repository
from evalctl.shell import EnvironmentProblem

# File in the git directory, the operation, how to end it. A rebase that stops at a conflict has CHERRY_PICK_HEAD, too,
# and `git am` shares its folder with the older rebase, so the order counts (seen: git 2.39).
_OPERATIONS = (
    ("rebase-apply/applying", "am", "git am --abort"),
    ("rebase-merge", "rebase", "git rebase --abort"),
    ("rebase-apply", "rebase", "git rebase --abort"),
    ("MERGE_HEAD", "merge", "git merge --abort"),
    ("CHERRY_PICK_HEAD", "cherry-pick", "git cherry-pick --abort"),
    ("REVERT_HEAD", "revert", "git revert --abort"),
)
_SEQUENCES = {"pick": "cherry-pick", "revert": "revert"}  # first word of sequencer/todo, between two commits


def current_branch(repo: Repository) -> str:
    """The branch that results are committed to; refuses a detached HEAD and an unfinished merge, rebase, …"""
    if busy := under_way(repo):
        name, abort = busy
        raise EnvironmentProblem(f"a {name} is unfinished in this clone", f"finish the {name}, or: {abort}")
    ref = repo.head_ref()
    if ref is None:
        raise EnvironmentProblem("HEAD is detached, so there is no branch for the results", leave_detached(repo))
    return ref


def under_way(repo: Repository) -> tuple[str, str] | None:
    """The operation of the user that is not finished (merge, rebase, …) and the command that ends it, or None."""
    for file, name, abort in _OPERATIONS:
        if (repo.git_dir / file).exists():
            return name, abort
    if sequence := _sequence(repo):
        return sequence, f"git {sequence} --abort"
    if (repo.git_dir / "BISECT_LOG").exists() and repo.head_ref() is None:
        return "bisect", "git bisect reset"
    return None


def require_free(repo: Repository, ref: str) -> None:
    """Raises where a work tree has `ref` checked out: its files are not updated, so a commit there would revert others' commits."""
    short = ref.removeprefix("refs/heads/")
    if repo.head_ref() == ref:
        raise EnvironmentProblem(f"this clone is on {short}, which only evalctl writes", leave_detached(repo))
    for head, tree in _work_trees(repo.git_dir):
        if head.read_text(encoding="utf-8", errors="replace").strip() == f"ref: {ref}" and tree.is_dir():
            raise EnvironmentProblem(
                f"the work tree {tree} is on {short}, which only evalctl writes: a commit there would revert what evalctl "
                "writes meanwhile",
                f"git -C {shlex.quote(str(tree))} switch --detach",
            )


def _work_trees(git_dir: Path) -> Iterator[tuple[Path, Path]]:
    """(file HEAD, folder) of each work tree of the clone."""
    common = git_dir.parents[1] if (git_dir / "commondir").is_file() else git_dir
    yield common / "HEAD", common.parent
    for note in common.glob("worktrees/*/gitdir"):
        named = note.read_text(encoding="utf-8", errors="surrogateescape").strip()  # relative, from git 2.48 on
        yield note.with_name("HEAD"), (note.parent / named).parent


def leave_detached(repo: Repository) -> str:
    """The command that leaves a detached HEAD: it switches to the branch that new clones of this repository are on."""
    branches = repo.run_or_raise("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").text.split()
    remote = repo.run("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
    wanted = [
        remote.text.removeprefix("refs/remotes/origin/") if remote.status == 0 else "",
        repo.configured("init.defaultBranch") or "", "main", "master",
    ]  # fmt: skip
    there = [name for name in branches if name != "evalctl-state"]
    known = next((name for name in wanted if name in there), there[0] if len(there) == 1 else wanted[0])
    return f"git switch {known}" if known else "git switch BRANCH (git branch lists them), or: git switch -c NEW"


def _sequence(repo: Repository) -> str | None:
    try:
        text = (repo.git_dir / "sequencer" / "todo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return _SEQUENCES.get(text.partition(" ")[0])
