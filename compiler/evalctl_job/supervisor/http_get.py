"""A small request to a program of this job. `http.client` loads TLS, which would make each job start later."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

_SECONDS = 5.0
_MOST_BYTES = 1024 * 1024


def get(door: int | Path, path: str, key: str = "", method: str = "GET", seconds: float = _SECONDS) -> bytes | None:
    """The body of a reply with status 200, within so many seconds, from a port of loopback or a Unix socket; None for anything else."""
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    with suppress(OSError), _connected(door, seconds) as link:
        link.sendall(f"{method} {path} HTTP/1.0\r\nHost: localhost\r\n{bearer}\r\n".encode())
        head, _, body = _whole(link, seconds).partition(b"\r\n\r\n")
        return body if head.split(b" ")[1:2] == [b"200"] else None
    return None


def _connected(door: int | Path, seconds: float) -> socket.socket:
    if isinstance(door, int):
        return socket.create_connection(("127.0.0.1", door), timeout=seconds)
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(seconds)
    try:
        link.connect(str(door))
    except OSError:
        link.close()
        raise
    return link


def _whole(link: socket.socket, seconds: float) -> bytes:
    """The whole reply; OSError if that takes too long."""
    until, parts, size = time.monotonic() + seconds, list[bytes](), 0
    while size < _MOST_BYTES and (part := link.recv(65536)):
        parts.append(part)
        size += len(part)
        link.settimeout(max(until - time.monotonic(), 0.01))
    return b"".join(parts)
