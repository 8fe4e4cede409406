"""A real little server of the chat API on loopback, whose behaviour a test writes as a function."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server answers: JSON (or text, or bytes), after a pause; `hang_up` closes the connection without an answer."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    hang_up: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it; `number` counts from 1."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class _Listener(ThreadingHTTPServer):
    """Where more than its queue holds connect at once, the kernel lets some wait for up to a minute."""

    request_queue_size = 1024


Behaviour = Callable[[Asked], Reply]


@dataclass
class Server:
    """Where the server listens, and everything that it was asked."""

    url: str
    asked: list[Asked]

    @property
    def posts(self) -> list[Asked]:
        """The requests for completions."""
        return [asked for asked in self.asked if "completions" in asked.path]


def completion(texts: list[str | None], finish: str = "stop", **message: Any) -> Reply:
    """A chat completion with these texts, as vLLM 0.32 words it."""
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
        for i, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": 3 * len(texts), "total_tokens": 10 + 3 * len(texts)}
    return Reply(
        {"id": "c", "object": "chat.completion", "model": "m", "created": 1, "choices": choices, "usage": usage}
    )


def answers(asked: Asked) -> Reply:
    """Behaves well: as many choices as asked for, each with a letter and a number, by the model that was asked for."""
    whole = completion([f"A {asked.number + i}" for i in range(asked.body.get("n") or 1)])
    return Reply({**whole.body, "model": asked.body.get("model", "m")})


@contextmanager
def serving(behaviour: Behaviour, metrics: Callable[[], str | bytes] | None = None) -> Iterator[Server]:
    """The server for the time of the block. Like vLLM's it tells its health, and `metrics` where they are given."""
    lock = threading.Lock()
    asked: list[Asked] = []
    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(Reply(metrics()) if metrics else Reply({}, 404))
            elif self.path == "/health":
                self._send(Reply(""))
            else:
                self._serve({})

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _serve(self, body: dict[str, Any]) -> None:
            with lock:
                one = Asked(len(asked) + 1, self.path, dict(self.headers), body)
                asked.append(one)
            reply = behaviour(one)
            threading.Event().wait(reply.pause)
            if reply.hang_up:
                self.close_connection = True
                return
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the relay was killed meanwhile
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            text = reply.body if isinstance(reply.body, str | bytes) else json.dumps(reply.body)
            content = text if isinstance(text, bytes) else text.encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read `asked`, not a log."""

    server = _Listener(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}/v1", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for connection in connections:  # or the threads of those that were kept open would go on answering
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
