"""A relay seen from outside, for the tests of a job's programs."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "a" * 64  # of every relay in the tests
BEARER = {"Authorization": f"Bearer {KEY}"}


@dataclass
class Relay:
    """A running relay, seen from outside."""

    process: subprocess.Popen[str]
    port: int
    state: Path

    def url(self, key: str = "t") -> str:
        """What the framework is given as base address."""
        return f"http://127.0.0.1:{self.port}/task/{key}/v1"

    def post(self, body: Mapping[str, Any], key: str = "t", **headers: str) -> tuple[int, dict[str, Any]]:
        """One chat request, as the framework sends it: status and decoded reply."""
        request = urllib.request.Request(
            f"{self.url(key)}/chat/completions",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **BEARER, **headers},
        )
        return fetched(request)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """A question to the relay itself."""
        return fetched(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=BEARER))

    def counts(self, key: str = "t") -> dict[str, Any]:
        """The counts of a task, now."""
        return self.get(f"/task/{key}/counts")[1]

    def again(self, key: str = "t") -> int:
        """The status of the relay's reply to: the task's framework is started again."""
        address = f"http://127.0.0.1:{self.port}/task/{key}/again"
        return fetched(urllib.request.Request(address, b"", BEARER))[0]

    def server(self) -> dict[str, Any]:
        """What was seen of the server, as of the last look."""
        path = self.state / "server.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def answers(self, key: str = "t") -> list[dict[str, Any]]:
        """The answers file of a task."""
        return [json.loads(line) for line in (self.state / f"{key}.answers.jsonl").read_text().splitlines()]

    def texts(self, key: str = "t") -> list[str]:
        """Every answer on file, in the order of the file."""
        return [choice["message"]["content"] for kept in self.answers(key) for choice in kept["choices"]]

    def stop(self) -> int:
        """End it as a job does."""
        self.process.terminate()
        return self.process.wait(timeout=10)


def fetched(request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a reply, an error's as well."""
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as problem:
        return problem.code, json.load(problem)


def wait_for(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true value of `what`; an AssertionError when it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := what():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


StartRelay = Callable[..., Relay]
