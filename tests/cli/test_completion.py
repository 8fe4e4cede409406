"""Completion, as bash asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalctl import cli

# What bash does when TAB is pressed: the function that `complete` has registered, with the line so far.
ASK = """\
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=9 COMP_WORDS=($2) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
[[ $2 == *' ' ]] && COMP_WORDS+=("") COMP_CWORD=$((COMP_CWORD + 1))
_python_argcomplete evalctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def completed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """The words that bash offers after a line, in a repository with two requests."""
    root = tmp_path / "lab"
    for name in ("requests/alpha.yaml", "requests/team/beta.yaml", "services/here.yaml", "models/org/M.yaml"):
        (root / "manifests" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "manifests" / name).write_text("")
    (root / "manifests/tasks").mkdir()
    (root / "manifests/tasks/tasks_runtime.csv").write_text("key,script\nen_one,a\nja_two,b\n")
    assert cli.main(["completion", "bash"]) == 0
    code = tmp_path / "code"
    code.write_text(capsys.readouterr().out)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "evalctl").write_text(f'#!/bin/sh\nexec {sys.executable} -m evalctl "$@"\n')
    (programs / "evalctl").chmod(0o755)

    def words(line: str, cwd: Path = root) -> set[str]:
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        argv = ["bash", "--norc", "-c", ASK, "bash", str(code), line]
        done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return {word.strip() for word in done.stdout.splitlines() if word.strip()}

    return words


def test_commands_and_options(completed) -> None:  # type: ignore[no-untyped-def]
    """Those that begin with what was typed."""
    assert completed("evalctl stat") == {"status"}
    assert completed("evalctl plan --form") == {"--format"}
    assert completed("evalctl plan --format ") == {"text", "markdown", "comment", "json"}


def test_names_of_the_repository(completed) -> None:  # type: ignore[no-untyped-def]
    """Requests, services, models and tasks."""
    assert completed("evalctl plan ") == {"alpha", "team/beta"}
    assert completed("evalctl new --service ") == {"here"}
    assert completed("evalctl new --model o") == {"org/M"}
    assert completed("evalctl explain alpha j") == {"ja_two"}


def test_outside_of_a_repository_nothing_is_offered_and_nothing_is_printed(completed, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A completion must not fail on the person's terminal."""
    assert completed("evalctl plan x", tmp_path) == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_code(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the command."""
    assert cli.main(["completion", shell]) == 0
    assert "evalctl" in capsys.readouterr().out
