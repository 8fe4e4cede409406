"""HTTP to the model's server: one try of one request, without retries."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_exceptions import UnixClientConnectorError

from evalctl_job.address import socket_of
from evalctl_job.outcomes import NO_ANSWER, Refused, read
from evalctl_job.redact import redacted
from evalctl_job.repeats import NO_CACHE

MOST_REPLY_BYTES = 64 * 2**20  # 10,000 choices of 2,000 tokens; half a minute of the relay's CPU time
# From the first byte of a reply to its last: servers send the header when the answer is there, or blanks until then.
MOST_REPLY_SECONDS = 3600.0
LOOK = aiohttp.ClientTimeout(total=5)
FULL_SECONDS = 0.02
CONNECT_SECONDS = 30


class TooLong(Exception):
    """The reply is too long for the memory, or does not end."""


class SocketConnector(aiohttp.UnixConnector):
    """Connections of a Unix socket that wait while its backlog is full: 128 before Linux 5.4.

    `connect` then fails with EAGAIN, which asyncio 3.11 treats as a connection in progress: each request would fail as not connected.
    """

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Any:
        try:
            async with asyncio.timeout(timeout.sock_connect):
                link = await self._connected()
            made = await self._loop.create_unix_connection(cast(Any, self._factory), sock=link)
            return made[1]
        except (FileNotFoundError, ConnectionError) as problem:
            raise UnixClientConnectorError(self.path, req.connection_key, problem) from problem

    async def _connected(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.setblocking(False)
        try:
            while True:
                try:
                    link.connect(self.path)
                    return link
                except BlockingIOError:
                    await asyncio.sleep(FULL_SECONDS)
        except BaseException:
            link.close()
            raise


class Sessions:
    """A session for the network, and one for each Unix socket that a server of the job's own has had."""

    def __init__(self, network: aiohttp.ClientSession) -> None:
        """The caller closes `network`."""
        self._network, self._timeout = network, network.timeout
        self._of_sockets: dict[str, aiohttp.ClientSession] = {}

    def at(self, address: str) -> tuple[aiohttp.ClientSession, str]:
        """The session for an address, and the URL to use with that session."""
        path = socket_of(address)
        if path is None:
            return self._network, address
        if path not in self._of_sockets:
            self._of_sockets[path] = aiohttp.ClientSession(
                timeout=self._timeout, connector=SocketConnector(path, limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._of_sockets[path], f"http://localhost{urlsplit(address).path}"

    async def close(self) -> None:
        """Close the sessions of sockets."""
        for session in self._of_sockets.values():
            await session.close()


class Http:
    """The transport of `forward.Upstream`."""

    def __init__(self, sessions: Sessions, secret: str | None) -> None:
        """Requests carry `secret` as bearer."""
        self._sessions, self._secret = sessions, secret

    async def page(self, address: str) -> str | None:
        """The text of a page of the server; None unless the status is 200."""
        session, address = self._sessions.at(address)
        try:
            async with session.get(address, timeout=LOOK) as reply:
                return await reply.text(errors="replace") if reply.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def send(
        self, method: str, base: str, path: str, body: Mapping[str, Any] | None, seconds: float | None = None
    ) -> dict[str, Any] | Refused:
        """The reply to one request within so many seconds, or the reason why there is none."""
        headers = {**NO_CACHE, **({"Authorization": f"Bearer {self._secret}"} if self._secret else {})}
        headers |= {} if body is None else {"Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        session, address = self._sessions.at(base + path)
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS) if seconds else session.timeout
        try:
            # A redirect is not followed: questions and the key are for the address that the eval names.
            async with session.request(
                method, address, data=content, headers=headers, allow_redirects=False, timeout=timeout
            ) as reply:
                return read(reply.status, reply.headers, await _content(reply), self._secret)
        except TimeoutError:
            return Refused(504, "the model did not answer in time", transient=True)
        except aiohttp.ClientSSLError as problem:
            return Refused(None, self._clean(f"the certificate is not accepted: {problem}"), transient=False)
        except aiohttp.InvalidURL as problem:
            return Refused(None, self._clean(f"not an address: {problem}"), transient=False)
        except TooLong as problem:
            return Refused(NO_ANSWER, str(problem), transient=True, few=True)
        except aiohttp.ClientError as problem:
            why = f"no connection to {urlsplit(address).hostname}: {type(problem).__name__}: {problem}"
            return Refused(None, self._clean(why), transient=True)

    def _clean(self, text: str) -> str:
        return redacted(text, self._secret)


async def _content(reply: aiohttp.ClientResponse) -> bytes:
    """The whole body, decompressed; raises TooLong for one that does not end in time."""
    clock = asyncio.get_running_loop().time
    end = clock() + MOST_REPLY_SECONDS
    try:
        async with asyncio.timeout(MOST_REPLY_SECONDS):
            return await _body(reply)
    except TimeoutError:
        if clock() < end:  # the limit of the whole try came first
            raise
        raise TooLong(f"the reply did not end within {MOST_REPLY_SECONDS:g} s") from None


async def _body(reply: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in reply.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MOST_REPLY_BYTES:
            raise TooLong(f"the reply is longer than {MOST_REPLY_BYTES} bytes")
    return b"".join(parts)
