"""Objects in JSON over a socket, each with its length before it."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")


def send(link: socket.socket, value: Any) -> None:
    """Sends one."""
    text = json.dumps(value).encode()
    link.sendall(_LENGTH.pack(len(text)) + text)


def receive(link: socket.socket) -> Any:
    """The next one; EOFError where the other side has ended."""
    return json.loads(_exactly(link, *_LENGTH.unpack(_exactly(link, _LENGTH.size))))


def _exactly(link: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        more = link.recv(min(size - len(found), 2**20))
        if not more:
            raise EOFError("the other side has ended")
        found += more
    return bytes(found)
