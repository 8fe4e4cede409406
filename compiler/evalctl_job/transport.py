"""HTTP to the model's server: one try of one request, without patience."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from evalctl_job.outcomes import NO_ANSWER, Refused, read
from evalctl_job.redact import redacted

MOST_REPLY_BYTES = 64 * 2**20  # 10,000 choices of 2,000 tokens; half a minute of the relay's time, all told
# From the first byte of a reply to its last: servers send the header when the answer is there, or blanks until then.
MOST_REPLY_SECONDS = 3600.0
LOOK = aiohttp.ClientTimeout(total=5)


class TooLong(Exception):
    """A reply that would fill the memory, or that does not end."""


class Http:
    """What `forward.Upstream` asks through."""

    def __init__(self, session: aiohttp.ClientSession, secret: str | None) -> None:
        """Requests carry `secret` as bearer."""
        self._session, self._secret = session, secret

    async def page(self, address: str) -> str | None:
        """What the server says of itself; None where it does not say it with status 200."""
        try:
            async with self._session.get(address, timeout=LOOK) as reply:
                return await reply.text(errors="replace") if reply.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def send(self, method: str, base: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any] | Refused:
        """The reply to one request, or why there is none."""
        headers = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        try:
            # A redirect is not followed: questions and the key are for the address that the eval names.
            async with self._session.request(
                method, base + path, json=body, headers=headers, allow_redirects=False
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
            why = f"no connection to {urlsplit(base).hostname}: {type(problem).__name__}: {problem}"
            return Refused(None, self._clean(why), transient=True)

    def _clean(self, text: str) -> str:
        return redacted(text, self._secret)


async def _content(reply: aiohttp.ClientResponse) -> bytes:
    """The whole body, unpacked; one that never ends is refused, however slowly it comes."""
    clock = asyncio.get_running_loop().time
    end = clock() + MOST_REPLY_SECONDS
    try:
        return await asyncio.wait_for(_body(reply), MOST_REPLY_SECONDS)
    except asyncio.TimeoutError:
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
