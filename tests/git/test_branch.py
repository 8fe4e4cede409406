"""Operations under way and a detached HEAD: the advice is a command that works."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sync.world import Clone, git

from evalctl.git.branch import current_branch, require_free
from evalctl.git.repository import open_repository
from evalctl.shell import EnvironmentProblem


def commit(clone: Clone, text: str, file: str = "README.md") -> str:
    """A commit on the current branch."""
    (clone.root / file).write_text(text)
    git(clone.root, "add", file)
    git(clone.root, "commit", "-qm", text)
    return git(clone.root, "rev-parse", "HEAD")


def attempt(clone: Clone, *words: str) -> None:
    """A git command that may stop in the middle."""
    subprocess.run(["git", *words], cwd=clone.root, capture_output=True, check=False)


def diverged(clone: Clone, tmp_path: Path) -> list[str]:
    """Two commits on `side` that conflict with main, their patches in tmp_path."""
    git(clone.root, "switch", "-q", "-c", "side")
    made = [commit(clone, "side one\n"), commit(clone, "side two\n")]
    git(clone.root, "format-patch", "-q", "-2", "-o", str(tmp_path / "patches"))
    git(clone.root, "switch", "-q", "main")
    commit(clone, "main\n")
    return made


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("am", ("am", "PATCH")), ("rebase", ("rebase", "side")), ("rebase", ("rebase", "--apply", "side")),
        ("merge", ("merge", "side")), ("cherry-pick", ("cherry-pick", "side")), ("revert", ("revert", "--no-edit", "HEAD~1")),
        ("cherry-pick", ("cherry-pick", "main..side")),
    ],
)  # fmt: skip
def test_an_operation_is_named_and_the_advice_ends_it(
    clone: Clone, tmp_path: Path, operation: str, words: tuple[str, ...]
) -> None:
    """`git am` shares its folder with rebase, and a rebase at a conflict has a CHERRY_PICK_HEAD."""
    commit(clone, "zero\n")
    diverged(clone, tmp_path)
    attempt(clone, *(str(tmp_path / "patches/0001-side-one.patch") if word == "PATCH" else word for word in words))
    with pytest.raises(EnvironmentProblem, match=f"a {operation} is unfinished") as problem:
        current_branch(open_repository(clone.root))
    typed = problem.value.help.partition(", or: ")[2]
    git(clone.root, *typed.split()[1:])
    assert current_branch(open_repository(clone.root)) == "refs/heads/main"


def test_a_sequence_between_two_commits_is_still_under_way(clone: Clone, tmp_path: Path) -> None:
    """The first conflict is resolved and committed by hand, the second commit waits."""
    diverged(clone, tmp_path)
    attempt(clone, "cherry-pick", "main..side")
    (clone.root / "README.md").write_text("resolved\n")
    git(clone.root, "commit", "-qam", "resolved")
    with pytest.raises(EnvironmentProblem, match="a cherry-pick is unfinished") as problem:
        current_branch(open_repository(clone.root))
    assert problem.value.help == "finish the cherry-pick, or: git cherry-pick --abort"


def test_a_bisection_is_left_by_its_own_command(clone: Clone) -> None:
    """Not by `git switch`, after which it would go on."""
    for number in range(3):
        commit(clone, f"{number}\n")
    git(clone.root, "bisect", "start", "HEAD", "HEAD~3")
    with pytest.raises(EnvironmentProblem, match="a bisect is unfinished") as problem:
        current_branch(open_repository(clone.root))
    assert problem.value.help == "finish the bisect, or: git bisect reset"


def test_a_bisection_that_has_moved_nothing_is_no_reason_to_refuse(clone: Clone) -> None:
    """`git bisect start` alone leaves HEAD on its branch, where results are welcome."""
    git(clone.root, "bisect", "start")
    assert current_branch(open_repository(clone.root)) == "refs/heads/main"


@pytest.mark.parametrize("branch", ["master", "trunk"])
def test_a_detached_head_names_the_branch_that_there_is(clone: Clone, branch: str) -> None:
    """The remote's default branch, or the only one; not always main."""
    git(clone.root, "branch", "-m", "main", branch)
    git(clone.root, "branch", "evalctl-state")
    git(clone.root, "switch", "-q", "--detach")
    with pytest.raises(EnvironmentProblem, match="HEAD is detached") as problem:
        current_branch(open_repository(clone.root))
    assert problem.value.help == f"git switch {branch}"
    git(clone.root, *problem.value.help.split()[1:])


LEDGER = "refs/heads/evalctl-state"


def test_the_ledgers_branch_takes_no_results(clone: Clone) -> None:
    """A person who looks at the ledger and syncs is sent back; nothing is committed there."""
    git(clone.root, "switch", "-q", "-c", "evalctl-state")
    with pytest.raises(EnvironmentProblem, match="this clone is on evalctl-state") as problem:
        require_free(open_repository(clone.root), LEDGER)
    git(clone.root, *problem.value.help.split()[1:])
    require_free(open_repository(clone.root), LEDGER)


@pytest.mark.parametrize("noted", ["as it is", "relative"])  # git 2.48's worktree.useRelativePaths
@pytest.mark.parametrize("inside", ["the clone", "a linked work tree"])
def test_no_work_tree_is_on_the_ledgers_branch(clone: Clone, tmp_path: Path, inside: str, noted: str) -> None:
    """The branch moves without it, and a commit there would take back claims: it is named, with a command that works."""
    git(clone.root, "branch", "evalctl-state")
    git(clone.root, "worktree", "add", "-q", "--detach", str(tmp_path / "linked tree"))
    note = next((clone.root / ".git/worktrees").iterdir()) / "gitdir"
    if noted == "relative":
        note.write_text(os.path.relpath(tmp_path / "linked tree/.git", note.parent) + "\n")
    looked, other = (clone.root, tmp_path / "linked tree")[:: 1 if inside == "the clone" else -1]
    git(other, "switch", "-q", "evalctl-state")
    with pytest.raises(EnvironmentProblem, match=f"the work tree .*{other.name} is on evalctl-state") as problem:
        require_free(open_repository(looked), LEDGER)
    subprocess.run(["sh", "-c", problem.value.help], check=True, capture_output=True)
    require_free(open_repository(looked), LEDGER)


def test_a_work_tree_that_is_gone_is_no_hindrance(clone: Clone, tmp_path: Path) -> None:
    """git keeps its note until `git worktree prune`."""
    git(clone.root, "worktree", "add", "-q", "-b", "evalctl-state", str(tmp_path / "gone"))
    shutil.rmtree(tmp_path / "gone")
    require_free(open_repository(clone.root), LEDGER)
