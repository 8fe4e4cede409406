"""The job's own server listens on a Unix socket: the relay asks it there, and a full backlog loses no question."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest
from chat_upstream import completion
from relay_process import StartRelay, wait_for

from evalctl_job.address import socket_of
from evalctl_job.supervisor.http_get import get

pytestmark = pytest.mark.environments
BACKLOG, MANY = 4, 40


class Model(BaseHTTPRequestHandler):
    """One answer for every question, and no metrics."""

    def do_GET(self) -> None:
        """Healthy."""
        self.say(200 if self.path == "/health" else 404, b"{}")

    def do_POST(self) -> None:
        """A question."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say(200, json.dumps(completion(["B"]).body).encode())

    def say(self, status: int, body: bytes) -> None:
        """A whole reply."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class Listener(socketserver.ThreadingUnixStreamServer):
    """A server with room for few connections that takes none for a while."""

    daemon_threads, request_queue_size = True, BACKLOG


@contextmanager
def model(path: Path, busy_seconds: float = 0.0) -> Iterator[str]:
    """The address of a model's server on a socket; it takes connections after so many seconds."""
    server = Listener(str(path), Model)

    def serve() -> None:
        time.sleep(busy_seconds)
        server.serve_forever(poll_interval=0.05)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http+unix://{quote(str(path), safe='')}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def question(number: int) -> dict[str, object]:
    """One of many."""
    return {"model": "m", "messages": [{"role": "user", "content": f"{number}"}]}


def test_the_relay_asks_a_server_on_a_socket(start_relay: StartRelay, tmp_path: Path) -> None:
    """The file that names the server names its socket; health and questions go there, and after a new start to the next one."""
    named = tmp_path / "upstream"
    relay = start_relay("--upstream-file", named)
    for number in range(2):
        with model(tmp_path / f"server %-{number}.sock") as address:
            named.write_text(address)
            wait_for(lambda: relay.get("/health")[1]["upstream"])
            status, reply = relay.post(question(number))
            assert (status, reply["choices"][0]["message"]["content"]) == (200, "B")
        named.unlink()
    assert relay.counts()["failed"] == 0


def test_a_full_backlog_of_the_socket_loses_no_question(start_relay: StartRelay, tmp_path: Path) -> None:
    """More questions at once than the socket has room for wait until the server takes them: none is asked twice."""
    named = tmp_path / "upstream"
    relay = start_relay("--upstream-file", named)
    with model(tmp_path / "server.sock", busy_seconds=1.0) as address, ThreadPoolExecutor(MANY) as pool:
        named.write_text(address)
        said = list(pool.map(lambda number: relay.post(question(number))[0], range(MANY)))
    counts = relay.counts()
    assert (said, counts["retried"], counts["failed"]) == ([200] * MANY, 0, 0)


def test_a_socket_without_a_server_is_no_answer(start_relay: StartRelay, tmp_path: Path) -> None:
    """A dead server leaves its socket behind: the relay says so, and asks the next one."""
    named, dead = tmp_path / "upstream", tmp_path / "dead.sock"
    with model(dead) as address:
        named.write_text(address)
        relay = start_relay("--upstream-file", named)
        wait_for(lambda: relay.get("/health")[1]["upstream"])
    assert dead.exists()
    assert relay.get("/health")[1]["upstream"] is False
    with ThreadPoolExecutor(1) as pool, model(tmp_path / "next.sock") as address:
        going = pool.submit(relay.post, question(1))
        named.write_text(address)
        assert going.result()[0] == 200
    assert relay.counts()["failed"] == 0


def test_the_supervisor_asks_at_a_socket(tmp_path: Path) -> None:
    """Health is what the server says there; a socket that is away or dead says nothing."""
    path = tmp_path / "server.sock"
    assert get(path, "/health") is None
    with model(path):
        assert (get(path, "/health"), get(path, "/metrics")) == (b"{}", None)
    assert get(path, "/health") is None


@pytest.mark.parametrize(
    ("address", "path"),
    [("http+unix://%2Ftmp%2Fa%20b/v1", "/tmp/a b"), ("http://127.0.0.1:1/v1", None), ("https://h/v1", None)],
)
def test_which_addresses_are_sockets(address: str, path: str | None) -> None:
    """The path is the percent-encoded host."""
    assert socket_of(address) == path
