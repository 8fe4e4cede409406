"""Commits of others reach the work tree as git itself would bring them, whatever kind of file they change."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.git.workfiles import FreePaths
from evalctl.model.evaluation import Job

from .test_push import jobs, measure
from .world import Clone, git

__all__ = ["jobs"]
New = Callable[..., Clone]
Change = Callable[[Path], object]


def file(name: str = "f", text: str = "old\n") -> Change:
    """A regular file, with its folder."""

    def made(root: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(root / name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return made


def link(target: str, name: str = "f") -> Change:
    """A symbolic link."""
    return lambda root: (root / name).symlink_to(target)


def without(*changes: Change) -> Change:
    """`f` away, and then the changes."""

    def made(root: Path) -> None:
        path = root / "f"
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for change in changes:
            change(root)

    return made


ODD = [os.fsdecode(b"\xff\xfe\n x"), '"quoted']
CHANGES: dict[str, tuple[Change, Change]] = {
    "link moved": (link("README.md"), without(link("other"))),
    "link removed": (link("README.md"), without()),
    "link to file": (link("README.md"), without(file())),
    "file to link": (file(), without(link("README.md"))),
    "folder to file": (file("f/a"), without(file())),
    "file to folder": (file(), without(file("f/a"))),
    "folder to link": (file("f/a"), without(link("README.md"))),
    "link to folder": (link("README.md"), without(file("f/a"))),
    "link of folder to folder": (link("manifests"), without(file("f/a"))),
    "mode": (file(), lambda root: (root / "f").chmod(0o755)),
    "line end in name": (file(ODD[0]), file(ODD[0], "new\n")),
    "quote in name": (file(ODD[1]), file(ODD[1], "new\n")),
}


def commit(clone: Clone) -> None:
    """All changes, pushed."""
    git(clone.root, "add", "-A")
    git(clone.root, "commit", "-q", "--allow-empty", "-m", "a colleague's")
    git(clone.root, "push", "-q")


def tree(root: Path) -> dict[str, str]:
    """Path to content or target of all files that could be in git."""
    ours = (".git", ".evalctl", "logs", "details")
    paths = (path for path in root.rglob("*") if not set(ours).intersection(path.relative_to(root).parts))
    kept = (path for path in paths if path.is_symlink() or path.is_file())
    return {
        str(path.relative_to(root)): f"link {os.fsdecode(path.readlink())}" if path.is_symlink() else path.read_text()
        for path in kept
    }


@pytest.mark.parametrize("kind", CHANGES)
def test_a_colleagues_change_is_brought_as_git_brings_it(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job], kind: str
) -> None:
    """Links, files in a folder's place and odd names among them: nothing shows as a change of the user, none is undone."""
    before, after = CHANGES[kind]
    before(clone.root)
    commit(clone)
    bob = new_clone("bob", "bob")
    after(clone.root)
    commit(clone)
    measure(clone, jobs[0])
    assert measure(bob, jobs[1]).exit_code == 0
    assert (bob.status(), tree(bob.root)) == ("", tree(new_clone("fresh", "carol").root))


@pytest.mark.parametrize(
    ("mine", "before", "after"),
    [
        pytest.param(file("notes"), file("x"), file("notes/a"), id="a file where a folder comes"),
        pytest.param(link("README.md", "notes"), file("x"), file("notes/a"), id="a link where a folder comes"),
        pytest.param(file("f/mine"), file("f/a"), without(file()), id="one more file in the folder"),
        pytest.param(file("f/mine/x"), file("f/a"), without(link("x")), id="a folder in the folder"),
    ],
)
def test_a_file_of_the_user_is_not_lost_to_a_colleagues(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job], mine: Change, before: Change, after: Change
) -> None:
    """It is named, it stays, and the results stay committed here."""
    before(clone.root)
    commit(clone)
    bob = new_clone("bob", "bob")
    mine(bob.root)
    kept = tree(bob.root)
    after(clone.root)
    commit(clone)
    measure(clone, jobs[0])
    report = measure(bob, jobs[1])
    assert report.exit_code == 1
    assert "conflicts with commits from the remote" in " ".join(report.warnings)
    assert kept.items() <= tree(bob.root).items()


def test_ground_is_free_where_nothing_is_or_all_of_it_goes(tmp_path: Path) -> None:
    """No link is followed on the way, and a folder is free only when each file in it goes."""
    (tmp_path / "folder/deep").mkdir(parents=True)
    (tmp_path / "folder/deep/a").touch()
    (tmp_path / "folder/b").symlink_to("deep")
    (tmp_path / "elsewhere").symlink_to("folder")
    assert [FreePaths(tmp_path).is_free(path) for path in ("new", "folder/new", "x/y/z")] == [True] * 3
    assert [FreePaths(tmp_path).is_free(path) for path in ("folder", "elsewhere/new", "folder/deep/a/x")] == [False] * 3
    assert not FreePaths(tmp_path, {"folder/deep/a"}).is_free("folder")
    assert FreePaths(tmp_path, {"folder/deep/a", "folder/b"}).is_free("folder")
    assert FreePaths(tmp_path, {"elsewhere"}).is_free("elsewhere/new")
    assert FreePaths(tmp_path, {"folder/deep/a"}).is_free("folder/deep/a/x")
