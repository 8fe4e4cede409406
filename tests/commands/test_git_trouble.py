"""What git will not do is said in git's own words, by every command, with git's own command to type."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli

REQUEST = "manifests/requests/a.yaml"
TEXT = "model: lab/small-8B\nservice: local\ntasks: [en]\n"
COMMANDS = [
    ("sync", "--dry-run"), ("sync",), ("status",), ("doctor",), ("results", "show"), ("plan", "--base", "HEAD"), ("cancel", "a"),
]  # fmt: skip


def git(root: Path, *words: str) -> str:
    """Runs git."""
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A clone with a request and its scripts."""
    made = repository(tmp_path / "repository", {REQUEST: TEXT})
    git(made, "init", "-q", "-b", "main")
    assert cli.main(["--repo", str(made), "compile"]) == 0
    git(made, "add", "manifests", "generated")
    git(made, "commit", "-q", "-m", "first")
    return made


def said_by(root: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and all output of a command."""
    capsys.readouterr()
    code = cli.main(["--repo", str(root), *words])
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder is given to another account")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_clone_of_another_account_is_named_with_gits_own_command(
    root: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not `is not a git repository`, not `git init`, not an empty list of results; the command makes it work."""
    for path in (root, root / ".git", *(root / ".git").rglob("*")):
        os.chown(path, 65534, 65534)
    code, said = said_by(root, words, capsys)
    assert code == 1
    assert "dubious ownership" in said and f"git config --global --add safe.directory {root}" in said
    assert "not a git repository" not in said and "git init" not in said and "nothing has been measured" not in said
    git(Path("/"), "config", "--global", "--add", "safe.directory", str(root))
    assert "dubious ownership" not in said_by(root, words, capsys)[1]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("config", "[core\n", "bad config"),
        ("config", "[core]\nrepositoryformatversion = 99\n", "repo version"),
    ],
)
def test_a_broken_clone_is_not_called_none(
    root: Path, words: tuple[str, ...], name: str, text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """git's own words say what is broken; nobody is told to make a new repository over it."""
    (root / ".git" / name).write_text(text)
    code, said = said_by(root, words, capsys)
    assert code == 1 and shown in said.lower()
    assert "git init" not in said and "nothing has been measured" not in said


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] != "doctor"], ids=" ".join)
def test_a_folder_that_is_no_clone_is_called_so(
    root: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do."""
    shutil.rmtree(root / ".git")
    code, said = said_by(root, words, capsys)
    assert code == 1 and "is not a git repository" in said and "git init" in said


@pytest.mark.parametrize(
    "option", ["--output={}", "--no-index", "--ext-diff", "-O{}", "--help", "HEAD --output={}", "..{}", ":/x"]
)
def test_a_revision_is_never_an_option(
    root: Path, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`plan --base=--output=FILE` writes no file; what is no commit is said to be none."""
    file = tmp_path / "written"
    word = option.format(file)
    code, said = said_by(root, ("plan", f"--base={word}"), capsys)
    assert (code, file.exists()) == (1, False) and "git knows no commit" in said
    code, said = said_by(root, ("results", "show", f"x@{word}"), capsys)
    assert (code, file.exists()) == (1, False) and "git knows no commit" in said
