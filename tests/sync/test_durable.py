"""What must survive a power failure of the login node is on its disk before anything is done that relies on it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from evalctl.git import calls
from evalctl.model.evaluation import Job
from evalctl.shell import Command, Reply, write_atomically
from evalctl.sync.sync import sync

from .test_push import go, jobs
from .world import Clone, World, git, plan

__all__ = ["jobs"]


class Disk:
    """Which state of which file has reached the disk: `os.fsync` writes it down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on."""
        self.safe: set[tuple[int, int]] = set()
        real = os.fsync

        def fsync(descriptor: int) -> None:
            real(descriptor)
            facts = os.fstat(descriptor)
            self.safe.add((facts.st_ino, facts.st_mtime_ns))

        monkeypatch.setattr(os, "fsync", fsync)

    def has(self, path: Path) -> bool:
        """Whether the file, or the list of names in the folder, is there after a power failure as it is now."""
        facts = path.stat()
        return (facts.st_ino, facts.st_mtime_ns) in self.safe


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The machine's."""
    return Disk(monkeypatch)


def test_a_job_is_submitted_when_its_folder_is_on_the_disk(
    clone: Clone, world: World, jobs: tuple[Job, Job], disk: Disk
) -> None:
    """Each file that the job or its collection reads, and each folder up to EVALCTL_HOME: an empty file would lose the job."""
    seen: list[str] = []

    def run(command: Command) -> Reply:
        if command.argv[0] == "fake-submit":
            folder = Path(command.argv[2])
            home = clone.root / ".evalctl"
            every = [*folder.iterdir(), *(one for one in (folder, *folder.parents) if one.is_relative_to(home))]
            assert [one for one in every if not disk.has(one)] == []
            seen.extend(one.name for one in folder.iterdir())
        return world.run(command)

    sync(clone.context(run=run), plan(jobs[0]))
    assert {"script.sh", "attempt.json", "submission.json", "environments", "scheduler.json"} <= set(seen)


def test_a_pass_with_nothing_to_do_waits_for_no_disk(
    clone: Clone, world: World, jobs: tuple[Job, Job], disk: Disk
) -> None:
    """Only what nothing else could say again is made durable."""
    go(clone, jobs[0])
    world.run_all()
    go(clone, jobs[0])
    disk.safe.clear()
    go(clone, jobs[0])
    assert disk.safe == set()


def test_a_durable_file_is_whole_before_it_has_its_name(tmp_path: Path, disk: Disk) -> None:
    """And its name is on the disk when the call returns; any other file is only written."""
    write_atomically(tmp_path / "a", "text", durable=True)
    assert disk.has(tmp_path / "a") and disk.has(tmp_path)
    write_atomically(tmp_path / "b", "text")
    assert not disk.has(tmp_path / "b")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_sync_folders_stops_nothing(
    clone: Clone, world: World, jobs: tuple[Job, Job], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Network file systems: what they can do is done."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    go(clone, jobs[0])
    assert world.submissions == 1


def test_a_disk_that_fails_stops_the_submission(
    clone: Clone, world: World, jobs: tuple[Job, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job would find an empty folder: nothing is submitted, the claim is given back, and the file is named."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "script.sh":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    (step,) = go(clone, jobs[0]).steps
    assert (step.reason, world.submissions) == ("run-folder", 0)
    assert "script.sh: Input/output error" in step.detail


def test_git_makes_claims_and_results_durable(clone: Clone) -> None:
    """Objects, refs and the index, whatever the person's configuration says of it."""
    git(clone.root, "config", "core.fsync", "none")
    said = git(clone.root, *calls.argv("config", "core.fsync")[1:])
    assert said == "objects,reference,index"
