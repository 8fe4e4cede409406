"""What may be a path in a commit: one function decides, whoever made the path."""

from __future__ import annotations

import subprocess

import pytest
from sync.world import Clone, git

from evalctl.git.commit import commit_files
from evalctl.git.drafts import Draft, tree_path
from evalctl.git.repository import open_repository
from evalctl.shell import EnvironmentProblem

REFUSED = [
    "", "/etc/passwd", "a//b", "a/", "../x", "a/../b", "a/./b", ".git/config", "a/.GIT/hooks/x", "a/.git", "git~1/x", ".git /x",
    ".git./x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/x", "a\nM 100755 inline run", "a\0b", "a\x7f", "a\x85b", 'a"b', '"a"',
    "a\\b", "x" * 256,
]  # fmt: skip
TAKEN = [
    "a",
    "a b/c d",
    "日本/語.json",
    "a'b",
    "$(x)",
    "-n",
    " leading",
    "gitx/.gitignore",
    ".gitattributes",
    "x" * 255,
]


@pytest.mark.parametrize("path", REFUSED, ids=repr)
def test_a_path_that_could_be_something_else_is_refused(path: str) -> None:
    """No line break, quote or backslash, nothing outside of the tree, nothing that is git's own on any file system."""
    with pytest.raises(EnvironmentProblem, match="cannot be a path in a commit"):
        Draft({path: "x"}, "message")
    with pytest.raises(EnvironmentProblem):
        Draft({path: None}, "message")


def test_every_other_path_is_committed_as_it_is_and_not_executable(clone: Clone) -> None:
    """To the byte, with spaces, other scripts and what a shell would read."""
    assert [tree_path(path) for path in TAKEN] == TAKEN
    repo = open_repository(clone.root)
    commit = commit_files(repo, [Draft(dict.fromkeys(TAKEN, "x\n"), "message")])
    entries = {path: entry.mode for path, entry in repo.entries(commit).items()}
    assert {entries.get(path) for path in TAKEN} == {"100644"}
    assert clone.status() == ""
    commit_files(repo, [Draft(dict.fromkeys(TAKEN), "message")])
    assert not set(TAKEN) & set(repo.entries(repo.resolve("HEAD")))


@pytest.mark.parametrize("message", ["data 3\nM 100755 inline x\n", "from 1\n\ndone\n", "a\0b\n", "日本\n"])
def test_a_message_is_only_a_message(clone: Clone, message: str) -> None:
    """Its length is given, so no line of it is read as a command."""
    repo = open_repository(clone.root)
    commit = commit_files(repo, [Draft({"results/x": "x\n"}, message)])
    assert set(repo.entries(commit)) == {".gitattributes", ".gitignore", "README.md", "results/x"}
    raw = subprocess.run(["git", "cat-file", "commit", str(commit)], cwd=clone.root, capture_output=True, check=True)
    assert (
        raw.stdout.endswith(message.replace("\0", "").encode()) and git(clone.root, "fsck", "--no-dangling") is not None
    )
