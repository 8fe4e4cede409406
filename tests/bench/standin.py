"""Stands in for a model's server at a fraction of the CPU time of aiohttp (0.05 ms a request), so that it is no limit of what is measured.

python standin.py PORT_FILE WAIT_MILLISECONDS [FAULTS]      it listens on a port and on a Unix socket beside PORT_FILE

Every question has the same answer, after the same time. FAULTS is the share of requests with a fault: one in four of these is answered
late, one in four gets status 503, one in four half of its answer, and the others a closed connection. `/load` says how many were under
way, and when.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

TEXT = "答え " * 100
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
LATE = 3.0  # seconds more


@dataclass
class Load:
    """When the first request came and the last was answered, and the sum of the times of all."""

    first: float = 0.0
    last: float = 0.0
    busy_seconds: float = 0.0
    requests: int = 0
    faults: int = 0


def reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    """A reply with JSON."""
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


ANSWER = reply(json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": {"prompt_tokens": 10, "completion_tokens": 200, "total_tokens": 210},
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
}).encode())  # fmt: skip
BUSY = reply(b'{"error": {"message": "overloaded"}}', b"503 Service Unavailable")


class Connection(asyncio.Protocol):
    """One connection; a client sends its next request after the reply."""

    def __init__(self, wait: float, faults: float, load: Load) -> None:
        """`load` is that of all connections."""
        self._wait, self._faults, self._load = wait, faults, load
        self._read, self._begin = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Kept, to reply on."""
        assert isinstance(transport, asyncio.Transport)
        self._to = transport

    def data_received(self, data: bytes) -> None:
        """Answers once the request is whole."""
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        length = LENGTH.search(head)
        whole = body.endswith(b"0\r\n\r\n") if CHUNKED.search(head) else len(body) >= int(length[1] if length else 0)
        if whole:
            self._read = b""
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if not head.startswith(b"POST"):
            self._to.write(reply(json.dumps(asdict(self._load)).encode() if b"/load" in head else b"{}"))
            return
        self._begin = time.monotonic()
        self._load.first = self._load.first or self._begin
        self._load.requests += 1
        fault = random.randrange(4) if random.random() < self._faults else None
        self._load.faults += fault is not None
        wait = self._wait + (LATE if fault == 0 else 0.0)
        asyncio.get_running_loop().call_later(wait, self._ends, fault)

    def _ends(self, fault: int | None) -> None:
        self._load.last = time.monotonic()
        self._load.busy_seconds += self._load.last - self._begin
        self._to.write({1: BUSY, 2: ANSWER[: len(ANSWER) // 2], 3: b""}.get(-1 if fault is None else fault, ANSWER))
        if fault in (2, 3):
            self._to.close()


async def serve(port_file: Path, wait: float, faults: float) -> None:
    """Until it is ended."""
    load, loop = Load(), asyncio.get_running_loop()
    door = await loop.create_server(lambda: Connection(wait, faults, load), "127.0.0.1", 0, backlog=1024)
    await loop.create_unix_server(lambda: Connection(wait, faults, load), port_file.with_suffix(".sock"), backlog=1024)
    port_file.with_suffix(".draft").write_text(str(door.sockets[0].getsockname()[1]))
    port_file.with_suffix(".draft").rename(port_file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    share = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]) / 1000, share))
