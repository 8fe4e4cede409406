"""What git has as history is read from the commits themselves: no file beside them can change it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from sync.world import Clone, git

from evalctl.git.calls import left_at
from evalctl.git.repository import open_repository
from evalctl.shell import run

_NO_PARENT = 0x70000000


def graft(root: Path) -> None:
    """HEAD has no parent, says the file that came before replacements."""
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/grafts").write_text(git(root, "rev-parse", "HEAD") + "\n")


def replacement(root: Path) -> None:
    """HEAD has no parent, says a replacement."""
    git(root, "replace", "--graft", "HEAD")


def commit_graph(root: Path) -> None:
    """HEAD has no parent, says the cache of the history."""
    git(root, "commit-graph", "write", "--reachable")
    file = root / ".git/objects/info/commit-graph"
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    chunks = {
        bytes(data[at : at + 4]): int.from_bytes(data[at + 4 : at + 12], "big") for at in range(8, 8 + 12 * data[6], 12)
    }
    ids = data[chunks[b"OIDL"] : chunks[b"CDAT"]]
    place = next(at // 20 for at in range(0, len(ids), 20) if ids[at : at + 20].hex() == git(root, "rev-parse", "HEAD"))
    struct.pack_into(">I", data, chunks[b"CDAT"] + 36 * place + 20, _NO_PARENT)
    data[-20:] = hashlib.sha1(data[:-20], usedforsecurity=False).digest()
    file.write_bytes(data)


@pytest.mark.parametrize("planted", [graft, replacement, commit_graph])
def test_the_history_is_that_of_the_commits(clone: Clone, planted: Callable[[Path], None]) -> None:
    """Neither grafts, nor replacements, nor a commit graph that says otherwise, and no advice about them is an answer."""
    first = git(clone.root, "rev-parse", "HEAD")
    for name in ("b", "c"):
        git(clone.root, "commit", "-q", "--allow-empty", "-m", name)
    true = git(clone.root, "rev-list", "--reverse", "HEAD").split()
    planted(clone.root)
    assert git(clone.root, "rev-list", "HEAD").split() == [true[-1]]  # what the person's own git says now
    repo = open_repository(clone.root)
    assert repo.commits("HEAD") == true
    assert repo.run("merge-base", "--is-ancestor", first, "HEAD").status == 0
    assert left_at(clone.root, first, run) == first
    assert repo.run("log", "--oneline").stderr == ""


def test_objects_of_another_clone_are_only_a_place_to_read_from(clone: Clone, tmp_path: Path) -> None:
    """A clone that borrows objects reads the same history; what is made is its own, so the lender may go on as it likes."""
    borrower = tmp_path / "borrower"
    git(tmp_path, "clone", "-q", "--shared", str(clone.root), "borrower")
    repo = open_repository(borrower)
    assert repo.commits("HEAD") == git(clone.root, "rev-list", "--reverse", "HEAD").split()
