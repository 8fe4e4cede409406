"""The download of a model's files, by the real huggingface_hub from a Hub on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer, sha_of
from relay_process import wait_for

MODEL = "pub/tiny"
WEIGHTS = os.urandom(1024) * (24 * 1024)  # 24 MiB: huggingface_hub writes what came in pieces of 10 MB


@dataclass
class Downloads:
    """Runs the program against `hub`, into one cache."""

    hub: HubServer
    python: Path
    folder: Path
    variables: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        """The Hub's cache of the service."""
        return self.folder / "hub"

    @property
    def note(self) -> Any:
        """What the program wrote down."""
        return json.loads((self.folder / "note.json").read_text())

    def start(self, revision: str = sha_of(MODEL), **more: str) -> subprocess.Popen[str]:
        """A download that goes on by itself."""
        argv = ["-m", "evalctl_job.download", "--model", MODEL, "--revision", revision]
        self.started.append(
            subprocess.Popen(
                [self.python, *argv, "--note", self.folder / "note.json"],
                env={**self.variables, "HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": str(self.cache), **more},
                stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        return self.started[-1]

    def run(self, revision: str = sha_of(MODEL), **more: str) -> tuple[int, list[list[str]]]:
        """Exit code and the lines that it printed."""
        process = self.start(revision, **more)
        said = process.communicate(timeout=120)[0]
        return process.returncode, [line.split("\t") for line in said.splitlines()]

    def file(self, name: str) -> bytes:
        """A file of the model as a job will read it."""
        return (self.cache / "models--pub--tiny" / "snapshots" / sha_of(MODEL) / name).read_bytes()

    def half(self) -> int:
        """Bytes of files that are half there."""
        return sum(path.stat().st_size for path in self.cache.glob("models--pub--tiny/blobs/*.incomplete"))


@pytest.fixture
def downloads(environment: Path, variables: dict[str, str], tmp_path: Path) -> Iterator[Downloads]:
    """A Hub with one model, and an empty cache."""
    hub = HubServer()
    hub.models[MODEL] = {"config.json": b"{}", "model.safetensors": WEIGHTS}
    online = {name: value for name, value in variables.items() if not name.endswith("_OFFLINE")}
    here = Downloads(hub, environment / "bin" / "python", tmp_path, online)
    yield here
    for process in here.started:
        process.kill()
        process.communicate()
    hub.close()


def test_every_file_lies_in_the_cache_and_the_note_says_how_large_it_is(downloads: Downloads) -> None:
    """The files are those of the pinned revision; the last line is `done`."""
    status, lines = downloads.run()
    assert (status, lines[-1]) == (0, ["done"])
    assert (downloads.file("config.json"), downloads.file("model.safetensors")) == (b"{}", WEIGHTS)
    assert {"config.json": 2, "model.safetensors": len(WEIGHTS)} == downloads.note["files"]
    assert str(downloads.cache) == downloads.note["cache"]


def test_progress_is_told_in_files_and_bytes(downloads: Downloads) -> None:
    """The last word of progress is that all is there."""
    _, lines = downloads.run()
    assert ["progress", "2", "2", str(len(WEIGHTS) + 2), str(len(WEIGHTS) + 2)] == lines[-2]


def test_a_download_killed_in_the_middle_goes_on_at_that_byte(downloads: Downloads) -> None:
    """After SIGKILL the next try asks for the rest of the file only, and for no file that was whole."""
    downloads.hub.stop_after = len(WEIGHTS) // 2
    process = downloads.start()
    wait_for(lambda: downloads.half() > 0, 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    had = downloads.half()
    downloads.hub.stop_after = None
    downloads.hub.go_on.set()
    wait_for(lambda: downloads.hub.taken("model.safetensors") > 0)  # the first answer has seen that nobody listens
    downloads.hub.log.clear()
    assert downloads.run()[0] == 0
    assert downloads.file("model.safetensors") == WEIGHTS
    assert len(WEIGHTS) - had == downloads.hub.taken("model.safetensors")
    assert [path for _, path, _, _ in downloads.hub.log if path.endswith("config.json")] == []


def test_what_is_there_is_not_asked_for_again(downloads: Downloads) -> None:
    """A second download asks for the list of files and nothing else."""
    downloads.run()
    downloads.hub.log.clear()
    assert downloads.run()[0] == 0
    assert [f"/api/models/{MODEL}/revision/{sha_of(MODEL)}?blobs=True"] == [path for _, path, _, _ in downloads.hub.log]


def test_two_people_at_once_fetch_each_file_once(downloads: Downloads) -> None:
    """Whoever comes second waits for the file that the first one has begun, and finds it there."""
    downloads.hub.stop_after = len(WEIGHTS) // 2
    processes = [downloads.start(), downloads.start()]
    wait_for(lambda: sum("/revision/" in path for _, path, _, _ in downloads.hub.log) == 2 and downloads.half() > 0, 60)
    downloads.hub.go_on.set()
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert downloads.file("model.safetensors") == WEIGHTS
    assert len(WEIGHTS) == downloads.hub.taken("model.safetensors")


def test_weights_for_other_programs_stay_where_they_are(downloads: Downloads) -> None:
    """Where there are safetensors, older forms of the same weights are left out, and files of other programs always."""
    more = dict.fromkeys(("pytorch_model.bin", "original/consolidated.00.pth", "model.gguf", "tokenizer.json"), b"x")
    downloads.hub.models[MODEL].update(more)
    downloads.run()
    assert {"config.json", "model.safetensors", "tokenizer.json"} == set(downloads.note["files"])


def test_older_weights_are_fetched_where_there_are_no_others(downloads: Downloads) -> None:
    """A model that has only a .bin file gets it."""
    downloads.hub.models[MODEL] = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    downloads.run()
    assert {"config.json", "pytorch_model.bin"} == set(downloads.note["files"])


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(401, "RepoNotFound", "model-not-found"), (403, "GatedRepo", "gated-model"), (404, "RevisionNotFound", "model-not-found"),
     (403, "", "authentication"), (503, "", "hub-unreachable")],
)  # fmt: skip
def test_a_refusal_has_its_reason(downloads: Downloads, status: int, code: str, reason: str) -> None:
    """Model and host are named, in the last line and in the note."""
    downloads.hub.answer = lambda *_: (status, {"X-Error-Code": code} if code else {}, b"")  # type: ignore[method-assign]
    returned, lines = downloads.run()
    assert (1, "failed", reason) == (returned, *lines[-1][:2])
    assert {"failed": reason, "detail": lines[-1][2]} == downloads.note
    assert downloads.hub.endpoint in lines[-1][2]


def test_a_gated_model_is_fetched_with_the_token_only(downloads: Downloads) -> None:
    """Its list of files is public and its files are not; the token is in no line and in no note."""
    downloads.hub.gated.add(MODEL)
    _, lines = downloads.run(HF_TOKEN="stranger")
    assert lines[-1][:2] == ["failed", "gated-model"]
    assert "stranger" not in lines[-1][2]
    assert downloads.run(HF_TOKEN="member")[0] == 0


def test_a_machine_that_is_set_offline_needs_a_person(downloads: Downloads) -> None:
    """Trying again would change nothing."""
    _, lines = downloads.run(HF_HUB_OFFLINE="1")
    assert lines[-1] == ["failed", "hub-offline", "HF_HUB_OFFLINE is set: nothing can be downloaded"]


def test_a_cache_that_cannot_be_made_is_named(downloads: Downloads, tmp_path: Path) -> None:
    """It is no fault of the Hub."""
    (tmp_path / "file").touch()
    _, lines = downloads.run(HF_HUB_CACHE=str(tmp_path / "file" / "hub"))
    assert lines[-1][:2] == ["failed", "download-failed"]
    assert lines[-1][2] == f"{tmp_path / 'file' / 'hub'}: Not a directory"


def test_the_password_of_a_mirror_is_in_no_line_and_no_note(downloads: Downloads) -> None:
    """HF_ENDPOINT may hold one; what is told names the host."""
    _, lines = downloads.run(HF_ENDPOINT="http://me:a-password@127.0.0.1:9")
    told = [*lines[-1], downloads.note["detail"]]
    assert told[2] == "http://127.0.0.1:9 does not answer as it should: Connection refused"
    assert [text for text in told if "password" in text or "me:" in text] == []


def test_a_hub_that_is_not_there_is_unreachable(downloads: Downloads) -> None:
    """No network is nobody's mistake."""
    _, lines = downloads.run(HF_ENDPOINT="http://127.0.0.1:9")
    assert lines[-1] == [
        "failed",
        "hub-unreachable",
        "http://127.0.0.1:9 does not answer as it should: Connection refused",
    ]


def test_a_disk_that_is_too_small_is_told_before_the_download(downloads: Downloads) -> None:
    """Nothing is fetched that could not be kept."""
    listing: Callable[..., Any] = downloads.hub._listing

    def huge(name: str) -> Any:
        status, headers, body = listing(name)
        return status, headers, body.replace(f'"size": {len(WEIGHTS)}'.encode(), b'"size": 9000000000000000')

    downloads.hub._listing = huge  # type: ignore[method-assign]
    _, lines = downloads.run()
    assert lines[-1][:2] == ["failed", "disk-full"]
    assert downloads.hub.taken("model.safetensors") == 0
