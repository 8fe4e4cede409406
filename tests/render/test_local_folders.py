"""Folders on the node's disks: the next job of the user removes what a killed job left, and nothing that is in use."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_place import SOURCES, Place, job_task, make_job

from evalctl.model.evaluation import Job, Site
from evalctl_job.supervisor import local_folders


@pytest.fixture
def disk() -> Iterator[Path]:
    """A local disk of the node: sockets fit on it, but not into a job's scratch folder there, so that the job has two folders."""
    folder = Path(tempfile.mkdtemp(prefix="evalctl-local-disk-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def on_disk(disk: Path, name: str) -> Job:
    """A job whose folders are on that disk; it does not end by itself."""
    site = Site("local", "", (), (("TMPDIR", str(disk)),), (str(disk),))
    return make_job(job_task("one", says="slow"), site=site, name=f"ev-{name}-0123abcd")


def beside(place: Place, name: str) -> Place:
    """Another job's place, on the same node."""
    (place.top / name).mkdir()
    return Place(place.top / name)


def begun(place: Place, disk: Path) -> tuple[subprocess.Popen[bytes], set[Path]]:
    """A job that runs, and its folders."""
    before = set(disk.iterdir())
    process = place.start(on_disk(disk, place.top.name))
    place.wait_for("tasks", "one", "call.json")
    return process, set(disk.iterdir()) - before


def kill_all(place: Place, process: subprocess.Popen[bytes]) -> None:
    """As Grid Engine does at `h_rt`: none of the job's processes can remove anything."""
    while pids := place.pids():
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, sign)
                except ProcessLookupError:
                    continue
        process.poll()


def test_the_next_job_on_the_node_removes_what_a_killed_one_left(place: Place, disk: Path) -> None:
    """Private folder and scratch, both locked while their job runs; those of a job that runs stay."""
    killed, living, late = (beside(place, name) for name in ("killed", "living", "late"))
    process, left = begun(killed, disk)
    lives, kept = begun(living, disk)
    assert len(left) == len(kept) == 2
    kill_all(killed, process)
    assert left | kept == set(disk.iterdir())
    ends, own = begun(late, disk)
    assert set(disk.iterdir()) == kept | own and len(own) == 2
    late.end(ends, signal.SIGTERM)
    assert set(disk.iterdir()) == kept
    living.end(lives, signal.SIGTERM)
    assert list(disk.iterdir()) == []


HOLD = """\
import sys
from pathlib import Path
from evalctl_job.supervisor import local_folders
print(local_folders.made(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def abandoned(folder: Path) -> Path:
    """A folder whose process is gone, with a file in it."""
    made = subprocess.run(
        [sys.executable, "-c", HOLD, str(folder)], env={"PYTHONPATH": str(SOURCES)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    (Path(made) / "file").touch()
    return Path(made)


def test_what_is_in_use_is_not_removed(disk: Path) -> None:
    """Until the last process that has the folder's lock has ended, by whatever way."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(disk / "ev-used")], env={"PYTHONPATH": str(SOURCES)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout and process.stdin
        made = Path(process.stdout.readline().strip())
        assert (made.parent, made.stat().st_mode & 0o777) == (disk, 0o700)
        local_folders.remove_abandoned([str(disk)])
        assert made.is_dir()
        process.kill()
    local_folders.remove_abandoned([str(disk)])
    assert list(disk.iterdir()) == []


def test_only_folders_that_a_job_of_this_user_left_on_this_node_are_removed(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of another boot or node, of another name or user, no file, and nothing behind a link."""
    left = abandoned(disk / "ev-left")
    ending = left.suffix
    others = {
        disk / name
        for name in ("ev-none", "ev-elsewhere.0badc0", f"mine{ending}", f"ev-linked{ending}", f"ev-file{ending}")
    }
    for path in others:
        path.mkdir()
    (disk / f"ev-linked{ending}").rmdir()
    (disk / f"ev-linked{ending}").symlink_to(disk / "ev-none")
    (disk / f"ev-file{ending}").rmdir()
    (disk / f"ev-file{ending}").touch()
    if os.geteuid() == 0:
        others.add(disk / f"ev-foreign{ending}")
        (disk / f"ev-foreign{ending}").mkdir()
        os.chown(disk / f"ev-foreign{ending}", 65534, 65534)
    local_folders.remove_abandoned([str(disk), str(disk / "absent")])
    assert set(disk.iterdir()) == others


def test_nothing_is_removed_where_others_may_rename(disk: Path) -> None:
    """They could put another folder of this user in the place of an abandoned one; a link to a disk is the disk."""
    left = abandoned(disk / "ev-left")
    disk.chmod(0o777)
    local_folders.remove_abandoned([str(disk)])
    assert left.is_dir()
    disk.chmod(0o1777)
    (disk / "link").symlink_to(disk)
    local_folders.remove_abandoned([str(disk / "link")])
    assert not left.exists()


def refuse(*_: int) -> None:
    """As a file system without locks."""
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_without_locks_or_a_number_of_the_boot_a_folder_is_never_removed(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made all the same, with a name that is not looked for."""
    monkeypatch.setattr(local_folders, "_BOOT", disk / "absent")
    assert local_folders.made(disk / "ev-one") == disk / "ev-one"
    local_folders.remove_abandoned([str(disk)])
    monkeypatch.undo()
    monkeypatch.setattr(local_folders.fcntl, "flock", refuse)
    assert local_folders.made(disk / "ev-two") == disk / "ev-two"
    monkeypatch.undo()
    local_folders.remove_abandoned([str(disk)])
    assert {path.name for path in disk.iterdir()} == {"ev-one", "ev-two"}


@pytest.mark.parametrize("opened_first", [False, True])
def test_a_folder_that_is_removed_before_it_is_locked_is_made_again(
    disk: Path, monkeypatch: pytest.MonkeyPatch, opened_first: bool
) -> None:
    """Another job may see it in between. An existing folder is never taken."""
    opened = local_folders._opened

    def seen_by_another_job(folder: Path) -> int:
        monkeypatch.undo()
        descriptor = opened(folder) if opened_first else -1
        local_folders.remove_abandoned([str(disk)])
        assert not folder.exists()
        return descriptor if opened_first else opened(folder)

    monkeypatch.setattr(local_folders, "_opened", seen_by_another_job)
    made = local_folders.made(disk / "ev-one")
    local_folders.remove_abandoned([str(disk)])
    assert made.is_dir() and list(disk.iterdir()) == [made]
    with pytest.raises(FileExistsError):
        local_folders.made(disk / "ev-one")
