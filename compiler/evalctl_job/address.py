"""The address of the model's server, which may change while requests wait."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

UNIX = "http+unix"  # http+unix://%2Fpath%2Fof%2Fa%2Fsocket/v1


def is_web(address: str) -> bool:
    """Whether the address can be used for requests."""
    return urlsplit(address).scheme in ("http", "https", UNIX)


def socket_of(address: str) -> str | None:
    """The path of the Unix socket in an address; None for one of the network."""
    parts = urlsplit(address)
    return unquote(parts.netloc) if parts.scheme == UNIX else None


class Address:
    """The base address of the model's API: fixed, or named by a file that is away while there is no server."""

    def __init__(self, fixed: str | None, file: Path | None, health: str | None, health_path: str = "/health") -> None:
        """`health` belongs to a fixed address; a server that the job starts itself is asked at `health_path`."""
        self._file, self._health, self._health_path = file, health, health_path
        self._there = asyncio.Event()
        self.absences = 0
        self.base: str | None = None
        self._set(fixed if file is None else self._read())

    @property
    def may_move(self) -> bool:
        """Whether the supervisor watches the server and names a new address when it has died."""
        return self._file is not None

    @property
    def health(self) -> str | None:
        """The address at which the server reports whether it can work."""
        return self._beside(self._health_path) if self.may_move else self._health

    @property
    def is_local(self) -> bool:
        """Whether the server is the job's own or on this machine, not a provider's."""
        parts = urlsplit(self.base or "")
        return self.may_move or parts.scheme == UNIX or parts.hostname in ("127.0.0.1", "localhost", "::1")

    @property
    def metrics(self) -> str | None:
        """The address at which a local server reports its load."""
        return self._beside("/metrics") if self.is_local else None

    async def known(self) -> str:
        """The base address, as soon as there is one."""
        while self.base is None:
            await self._there.wait()
        return self.base

    def look(self) -> None:
        """Read the file again: it may have been written, removed or changed."""
        if self._file is not None:
            self._set(self._read())

    def _read(self) -> str | None:
        assert self._file
        try:
            text = self._file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except OSError:  # a file system that does not answer proves nothing about the server
            return self.base
        return text if is_web(text) else None

    def _set(self, base: str | None) -> None:
        base = base.rstrip("/") if base else None
        self.absences += self.base is not None and base != self.base  # gone, or already replaced by another one
        self.base = base
        if self.base:
            self._there.set()
        else:
            self._there.clear()

    def _beside(self, path: str) -> str | None:
        parts = urlsplit(self.base or "")
        return f"{parts.scheme}://{parts.netloc}{path}" if self.base else None


def watched_socket(place: tuple[Any, ...]) -> socket.socket:
    """A socket with TCP keep-alive: a firewall that has dropped a connection never reports it.

    An answer may take hours, so no time limit would do; three minutes without a sign of the other end close the connection.
    """
    made = socket.socket(*place[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 6)):
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
