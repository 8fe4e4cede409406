"""Pull requests, opened and run as GitHub does it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .remote import CARD, MODEL, MODEL_SETTINGS, REQUEST, SETTINGS, Files, Remote
from .workflow import REPOSITORY, Run, jobs, load, run_job


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    """A remote whose main has the shipped catalogue, a model and one request, all compiled."""
    remote = Remote(tmp_path)
    remote.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "remote.git"), cwd=tmp_path)
    remote.git("init", "-q", "-b", "main", str(remote.work), cwd=tmp_path)
    remote.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    for folder in ("tasks", "services"):
        shutil.copytree(REPOSITORY / "manifests" / folder, remote.work / "manifests" / folder)
    (remote.work / ".gitignore").write_text("/.evalctl/\n", encoding="utf-8")
    remote.evalctl("schema")
    files = {
        f"manifests/models/{MODEL}.lock.yaml": CARD, MODEL_SETTINGS: SETTINGS, "manifests/requests/old.yaml": REQUEST,
    }  # fmt: skip
    remote.commit(files, compiled=True)
    return remote


@pytest.fixture
def pull_request(remote: Remote, tmp_path: Path) -> Callable[..., Run]:
    """Opens a pull request with these files and runs the workflow on it; `meanwhile` reaches main after it was begun."""

    def opened(files: Files, *, compiled: bool = True, meanwhile: Files | None = None) -> Run:
        remote.git("checkout", "-q", "-b", "change")
        remote.commit(files, compiled=compiled)
        if meanwhile:
            remote.git("checkout", "-q", "main")
            remote.commit(meanwhile, compiled=True)
        clone = remote.merged_clone()
        (job,) = jobs(load("pull-request.yml"))
        return run_job(job, clone, tmp_path, leave_out="install")

    return opened
