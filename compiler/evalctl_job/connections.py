"""Connections to the relay on which no request with its key has come yet: their number and their time are limited.

Other users of the node can connect to the relay's port. Without a limit, connections that send nothing would use up its
file descriptors.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from typing import cast

MOST = 1024  # the relay accepts 128 at a time, so that a request of the job is read long before its connection is the oldest
LOOKS = 150  # 30 s; a framework sends its request as soon as it has connected
_MOST_FILES = 65_536  # 1,024 connections each of frameworks, to the server and without a key, and many more


class Unauthenticated:
    """The connections without a request that had the key, the oldest first."""

    def __init__(self, most: int) -> None:
        """At most so many are open; where one more comes, the oldest is closed, so that those of the job get in."""
        self._most = most
        self._looks: dict[asyncio.BaseTransport, int] = {}

    def protocol(self, factory: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """A protocol of the HTTP server for one more connection."""
        return _Reported(factory(), self)

    def opened(self, connection: asyncio.BaseTransport) -> None:
        """There is one more."""
        self._looks[connection] = 0
        if len(self._looks) > self._most:
            self._abort(next(iter(self._looks)))

    def left(self, connection: asyncio.BaseTransport | None) -> None:
        """It is closed, or a request had the key: from then on it may stay open."""
        if connection is not None:
            self._looks.pop(connection, None)

    def look(self) -> None:
        """Close those that have been open for too many looks. Time in which the relay could not read does not count."""
        for connection, looks in list(self._looks.items()):
            self._looks[connection] = looks + 1
            if looks >= LOOKS:
                self._abort(connection)

    def _abort(self, connection: asyncio.BaseTransport) -> None:
        self.left(connection)
        cast(asyncio.Transport, connection).abort()


class _Reported(asyncio.Protocol):
    """Passes all calls on to the HTTP server, and reports when the connection opens and closes."""

    def __init__(self, inner: asyncio.Protocol, connections: Unauthenticated) -> None:
        self._inner, self._connections = inner, connections
        self._transport: asyncio.BaseTransport | None = None
        self.data_received, self.eof_received = inner.data_received, inner.eof_received  # type: ignore[method-assign]
        self.pause_writing, self.resume_writing = inner.pause_writing, inner.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner.connection_made(transport)
        self._connections.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.left(self._transport)
        self._inner.connection_lost(exc)


def most_unauthenticated() -> int:
    """How many there may be; raises this process's limit of open files as far as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return min(MOST, files // 4)
