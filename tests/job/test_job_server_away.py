"""The server comes late, dies, and comes back elsewhere: the framework only waits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, answers, serving
from relay_process import StartRelay, wait_for

pytestmark = pytest.mark.environments


@dataclass
class Model:
    """A model's server that can be killed."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def asked(self) -> list[str]:
        """The prompts that it has got."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


StartModel = Callable[[], Model]


@pytest.fixture
def start_model(tmp_path: Path) -> Iterator[StartModel]:
    """Start servers that take a fifth of a second for an answer; all of them end with the test."""
    started: list[Model] = []

    def start() -> Model:
        port_file, log = tmp_path / f"model{len(started)}.port", tmp_path / f"model{len(started)}.log"
        program = Path(__file__).with_name("model_process.py")
        process = subprocess.Popen([sys.executable, program, port_file, log, "0.2"])
        started.append(Model(process, "", log))
        wait_for(port_file.exists)
        started[-1].url = f"http://127.0.0.1:{port_file.read_text()}/v1"
        return started[-1]

    yield start
    for model in started:
        model.kill()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The file that names the server; there is none yet."""
    return tmp_path / "upstream"


def name(place: Path, url: str) -> None:
    """As the job does: by rename, with a line's end."""
    draft = place.with_suffix(".draft")
    draft.write_text(f"{url}\n")
    draft.replace(place)


def question(number: int) -> dict[str, Any]:
    """One of many prompts."""
    return {"model": "m", "messages": [{"role": "user", "content": f"質問 {number}"}], "temperature": 0}


def test_requests_wait_for_the_first_server(start_relay: StartRelay, place: Path) -> None:
    """A framework may be ready long before the model is; no patience is used up."""
    relay = start_relay("--upstream-file", place, "--patience", "0.5", "--tries", "1")
    with serving(answers) as server, ThreadPoolExecutor(4) as pool:
        assert relay.get("/health") == (200, {"relay": True, "upstream": False})
        going = [pool.submit(relay.post, question(number)) for number in range(4)]
        wait_for(lambda: relay.counts()["asked"] == 4)
        wait_for(lambda: relay.server().get("away_seconds", 0) > 1)
        assert not any(one.done() for one in going)
        name(place, server.url)
        assert [one.result()[0] for one in going] == [200] * 4
        assert relay.get("/health") == (200, {"relay": True, "upstream": True})
    counts = relay.counts()
    assert (counts["answered"], counts["failed"], counts["retried"]) == (4, 0, 0)


@pytest.mark.parametrize("ending", ["file", "SIGTERM"])
def test_only_the_end_of_the_job_ends_the_waiting(start_relay: StartRelay, place: Path, ending: str) -> None:
    """A job that is given up tells its framework at once."""
    relay = start_relay("--upstream-file", place)
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(relay.post, question(1))
        wait_for(lambda: relay.counts()["asked"])
        if ending == "file":
            (relay.state / "aborted").touch()
        else:
            assert relay.stop() == 0
        status, reply = going.result()
    assert (status, reply["error"]["message"]) == (503, "the job was aborted")


def test_silence_of_the_disk_is_not_the_end_of_the_job(start_relay: StartRelay) -> None:
    """Where nobody can say whether the job was given up, it goes on."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        (relay.state / "aborted").symlink_to("x" * 300)  # looking there is an error that says nothing of a file
        assert relay.post(question(1))[0] == 200
        counts = relay.state / "t.counts.json"  # written after each look at `aborted`
        wait_for(
            lambda: relay.process.poll() is not None or (counts.exists() and json.loads(counts.read_text())["answered"])
        )
        assert relay.post(question(2))[0] == 200


def test_a_killed_server_is_not_noticed_by_the_framework(
    start_relay: StartRelay, start_model: StartModel, place: Path
) -> None:
    """kill -9 among 40 requests; a new server on another port: all are answered, none of the answered asked again."""
    first = start_model()
    name(place, first.url)
    relay = start_relay("--upstream-file", place, "--admit", "8", "--tries", "1")
    with ThreadPoolExecutor(40) as pool:
        going = [pool.submit(relay.post, question(number)) for number in range(40)]
        wait_for(lambda: relay.counts()["fresh"] >= 10)
        first.kill()
        place.unlink()
        wait_for(lambda: relay.get("/health")[1]["upstream"] is False)
        before = {kept["body"]["messages"][0]["content"] for kept in relay.answers()}
        second = start_model()
        name(place, second.url)
        assert [one.result()[0] for one in going] == [200] * 40
    assert 10 <= len(before) < 40 and not before & set(second.asked())
    assert len(second.asked()) == 40 - len(before)
    counts = relay.counts()
    assert (counts["answered"], counts["failed"], counts["first_error"]) == (40, 0, None)
    assert 0 < counts["retried"] <= 8
    relay.stop()
    assert relay.server()["absences"] == 1


def test_a_death_that_the_job_has_not_seen_yet_is_waited_for(
    start_relay: StartRelay, start_model: StartModel, place: Path
) -> None:
    """The file still names the dead server: its health decides, not the patience for a busy one."""
    first = start_model()
    name(place, first.url)
    relay = start_relay("--upstream-file", place, "--tries", "1", "--patience", "0.1")
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(relay.post, question(1))
        wait_for(first.asked)
        first.kill()
        wait_for(lambda: relay.get("/health")[1]["upstream"] is False)
        assert not going.done()
        name(place, start_model().url)
        assert going.result()[0] == 200


def test_an_error_of_a_living_server_uses_up_patience(start_relay: StartRelay, place: Path) -> None:
    """A server that fails and says that it is healthy is not waited for without end."""

    def fails(asked: Asked) -> Reply:
        return Reply({"error": {"message": "internal"}}, 500)

    with serving(fails) as server:
        name(place, server.url)
        relay = start_relay("--upstream-file", place, "--tries", "2")
        assert relay.post(question(1))[0] == 500
        assert len(server.posts) == 2
