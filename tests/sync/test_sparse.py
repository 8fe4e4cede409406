"""Clones that keep a part of the repository out of the work tree: it stays out, and nothing shows as deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evalctl.git.advance import finish_move
from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Job
from evalctl.sync.sync import SyncReport, sync

from .world import Clone, git, make_eval, make_job, plan

New = Callable[..., Clone]
CONE = ("set", "--cone", "manifests", "generated")
WITH_RESULTS = ("set", "--cone", "manifests", "generated", "results")
INDEXED = ("set", "--cone", "--sparse-index", "manifests", "generated", "results")
PATTERNS = ("set", "--no-cone", "/*", "!/docs/", "/docs/keep/", "!*.bin")


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


@pytest.fixture
def jobs(clone: Clone) -> tuple[Job, Job]:
    """Two requests, and files elsewhere, known to everybody."""
    made = (
        make_job(make_eval("arithmetic")),
        make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two"),
    )
    for job in made:
        clone.add_script(job)
    for path in ("docs/x.md", "docs/gone.md", "docs/keep/y.md", "top.bin"):
        write(clone, path, "old\n")
    git(clone.root, "add", "-A")
    git(clone.root, "commit", "-q", "-m", "docs")
    git(clone.root, "push", "-q")
    return made


def write(clone: Clone, path: str, text: str) -> None:
    """A work file."""
    (clone.root / path).parent.mkdir(parents=True, exist_ok=True)
    (clone.root / path).write_text(text)


def colleague(clone: Clone) -> None:
    """Changes, adds and removes files in all parts."""
    for path in ("docs/x.md", "docs/keep/y.md", "docs/new.md", "docs/deep/new.md", "other/new.md", "top.bin", "top.md"):
        write(clone, path, "colleague's\n")
    (clone.root / "docs/gone.md").unlink()
    git(clone.root, "add", "-A")
    git(clone.root, "commit", "-q", "-m", "colleague's")
    git(clone.root, "push", "-q")


def tree(clone: Clone) -> set[str]:
    """The tracked files in the work tree."""
    found = (path.relative_to(clone.root).as_posix() for path in clone.root.rglob("*") if path.is_file())
    ignored = ("/logs/", "/details/")  # git removes ignored files of folders that are left out
    return {
        path for path in found if not path.startswith((".git/", ".evalctl/")) and not any(x in path for x in ignored)
    }


@pytest.mark.parametrize("words", [CONE, WITH_RESULTS, INDEXED, PATTERNS], ids=["cone", "results", "index", "patterns"])
def test_a_colleagues_change_outside_of_the_checkout_stays_outside(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job], words: tuple[str, ...]
) -> None:
    """The commits are all there, the work tree is what git itself would have made, and status is empty."""
    bob = new_clone("bob", "bob")
    git(bob.root, "sparse-checkout", *words)
    go(bob, jobs[1])
    bob.world.run_all()
    colleague(clone)
    report = go(bob, jobs[1])
    assert (report.exit_code, report.warnings) == (0, ())
    assert bob.status() == ""
    before = tree(bob)
    git(bob.root, "sparse-checkout", "reapply")
    assert (tree(bob), bob.status()) == (before, "")
    git(bob.root, "commit", "-q", "--allow-empty", "-am", "mine")
    assert git(bob.root, "show", "HEAD:docs/x.md") == "colleague's"
    assert git(bob.root, "show", "HEAD:docs/deep/new.md") == "colleague's"
    git(bob.root, "sparse-checkout", "disable")
    assert (bob.root / "docs/new.md").read_text() == "colleague's\n" and bob.status() == ""


def test_a_file_that_is_there_all_the_same_is_like_any_other(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job]
) -> None:
    """Outside of the cone, but edited by the user: their edit stays, and is named where it conflicts."""
    bob = new_clone("bob", "bob")
    git(bob.root, "sparse-checkout", *CONE)
    write(bob, "docs/x.md", "bob's\n")
    go(bob, jobs[1])
    bob.world.run_all()
    colleague(clone)
    report = go(bob, jobs[1])
    assert report.exit_code == 1 and "docs/x.md" in report.warnings[0]
    assert (bob.root / "docs/x.md").read_text() == "bob's\n"


def test_a_file_that_the_user_set_aside_stays_theirs(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """`update-index --skip-worktree` without a sparse checkout: their copy is kept, and so is the mark."""
    bob = new_clone("bob", "bob")
    git(bob.root, "update-index", "--skip-worktree", "docs/x.md")
    write(bob, "docs/x.md", "bob's\n")
    go(bob, jobs[1])
    bob.world.run_all()
    colleague(clone)
    assert go(bob, jobs[1]).exit_code == 0
    assert (bob.status(), (bob.root / "docs/x.md").read_text()) == ("", "bob's\n")
    assert git(bob.root, "ls-files", "-t", "docs/x.md") == "S docs/x.md"


def test_a_move_that_was_cut_off_is_finished_outside_of_the_checkout_too(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the journal: the next pass leaves neither a deletion nor a file that git would not have written."""
    from evalctl.git import advance

    bob = new_clone("bob", "bob")
    git(bob.root, "sparse-checkout", *CONE)
    go(bob, jobs[1])
    bob.world.run_all()
    colleague(clone)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_set_index", "_finish_index", "_finish_work_tree"):
        with monkeypatch.context() as patch:
            patch.setattr(advance, step, killed)
            with pytest.raises(KeyboardInterrupt):
                go(bob, jobs[1])
        finish_move(open_repository(bob.root))
        assert bob.status() == ""
    assert go(bob, jobs[1]).exit_code == 0
    assert bob.status() == ""
