"""The job's private folder: only its user can reach the server's sockets, and nothing of it is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from standin_place import Place, Ran, job_task, make_job, with_server

from evalctl_job.supervisor import private
from evalctl_job.supervisor.ending import GiveUp


def folder_of(place: Place) -> Path:
    """Where the server of a running job has its sockets."""
    place.wait_for("marks", "server_ready.json")
    (call,) = Ran(0, place.run_dir).lines("vllm")
    assert str(Path(call["argv"][-1]).parent) == call["sockets"]
    return Path(call["sockets"])


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_the_servers_sockets_are_in_a_folder_of_this_user_alone(place: Place, sign: signal.Signals) -> None:
    """Its own and those of its processes: on the node, 0700; the folder is gone with the job, however that ends."""
    process = place.start(make_job(job_task("one", says="slow")))
    folder = folder_of(place)
    assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, os.geteuid())
    assert [path.name for path in folder.iterdir()] == ["server-0.sock"]
    place.end(process, sign)
    place.wait_until_empty()
    assert not folder.exists()


def test_a_second_start_of_the_server_has_a_socket_of_its_own(place: Place) -> None:
    """A dead server's socket is still there."""
    ran = place.run(with_server(make_job(job_task("one")), "dies-when-first-asked"))
    assert ran.status == 0, place.job_log()
    assert [Path(call["argv"][-1]).name for call in ran.lines("vllm")] == ["server-0.sock", "server-1.sock"]


def test_nothing_of_the_job_listens_for_its_server_on_a_port(place: Place) -> None:
    """There is no port that another user could take first; the relay is named by a socket."""
    process = place.start(make_job(job_task("one", says="slow")))
    folder = folder_of(place)
    upstream = (place.run_dir / "relay/upstream").read_text()
    assert upstream == f"http+unix://{str(folder).replace('/', '%2F')}%2Fserver-0.sock/v1\n"
    place.end(process, signal.SIGTERM)


def test_the_first_folder_that_fits_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TMPDIR, unless its path leaves no room for a socket's name, others may rename what is in it, or it takes no folder."""
    long, shared, good = tmp_path / ("x" * 80), tmp_path / "shared", tmp_path / "good"
    for path in (long, shared, good):
        path.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(private, "_OF_EVERY_NODE", (str(good),))
    monkeypatch.setattr(private, "_LONGEST", len(str(good)) + 30)
    for unfit in (long, shared, Path("/proc"), tmp_path / "absent", ""):
        made = private.made_folder({"TMPDIR": str(unfit)})
        assert (made.parent, made.stat().st_mode & 0o777) == (good, 0o700)
    assert private.made_folder({"SLURM_TMPDIR": str(good)}).parent == good
    shared.chmod(0o1777)
    assert private.made_folder({"TMPDIR": str(shared)}).parent == shared
    assert list(long.iterdir()) == [], "nothing is left where it did not fit"


def test_a_link_counts_as_the_folder_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may replace the link may not choose the folder later."""
    good, link = tmp_path / "good", tmp_path / "link"
    good.mkdir()
    link.symlink_to(good)
    monkeypatch.setattr(private, "_LONGEST", len(str(good)) + 30)
    assert private.made_folder({"TMPDIR": str(link)}).parent == good


@pytest.mark.parametrize("name", [b"\xff", b"a\nb"])
def test_a_folder_whose_name_is_no_text_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    """The relay gets the server's socket in an address, which cannot name it."""
    odd, good = tmp_path / os.fsdecode(name), tmp_path / "good"
    odd.mkdir()
    good.mkdir()
    monkeypatch.setattr(private, "_OF_EVERY_NODE", (str(good),))
    monkeypatch.setattr(private, "_LONGEST", len(str(good)) + 30)
    assert private.made_folder({"TMPDIR": str(odd)}).parent == good


def test_a_node_without_such_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job ends before anything runs and says of each folder why not; never by a port instead."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    shared.chmod(0o777)
    monkeypatch.setattr(private, "_OF_EVERY_NODE", (str(shared), "/absent"))
    monkeypatch.setattr(private, "_LONGEST", len(str(shared)) + 30)
    with pytest.raises(GiveUp) as ending:
        private.made_folder({})
    assert (ending.value.status, ending.value.reason) == (72, "no-private-folder")
    assert f"{shared}: another user can replace it; /absent: No such file or directory" == ending.value.detail
