"""New repositories, made by the command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl import cli

IDENTITY = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.invalid", "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.invalid", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip
Evalctl = Callable[..., int]


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody with a name, in a folder of their own, without settings of evalctl."""
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.startswith("EVALCTL_") and name != "EVALCTL_TEST_USER"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A new repository with all that can be chosen but the example."""
    root = tmp_path / "lab"
    assert (
        cli.main(["init", str(root), "--catalogue", "swallow-2025-08", "--service", "tsubame", "--service", "local"])
        == 0
    )
    return root


def git(root: Path, *words: str) -> str:
    """What git prints there."""
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout
