"""One request to the model, with patience: what is transient is asked again, what is refused is given up at once."""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from evalctl_job.address import Address
from evalctl_job.gate import Gate
from evalctl_job.redact import redacted

TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
TOO_MUCH = frozenset({429, 503, 529})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
NO_ANSWER = 502
PROBE_SECONDS = 0.5


class GivenUp(Exception):
    """The model will not answer this request; `status` is what the framework is told, the text says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is tried again. The seconds are also how long the server may be away for all of them."""

    seconds: float = 600.0
    tries: int = 20
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def wait(self, tries: int) -> float:
        """Seconds before the next try: doubling, with jitter so that many requests do not come back as one."""
        doubled: float = self.first_wait * 2 ** (tries - 1)
        return min(self.longest_wait, doubled) * random.uniform(0.8, 1.2)


@dataclass(frozen=True, slots=True)
class Refused:
    """One try without an answer. `status` is None when the server could not be talked to."""

    status: int | None
    why: str
    transient: bool
    retry_after: float | None = None


class Upstream:
    """The model's server, or a provider's."""

    def __init__(
        self, session: aiohttp.ClientSession, address: Address, secret: str | None, patience: Patience, gate: Gate
    ) -> None:
        """Requests carry `secret` as bearer; `gate` lets as many through as the server bears."""
        self._session, self._address, self._secret = session, address, secret
        self._patience, self._gate = patience, gate
        self._away_since: float | None = None
        self._probing = asyncio.Lock()

    async def ask(self, task: str, path: str, body: Mapping[str, Any], on_retry: Callable[[str | None], None]) -> dict[str, Any]:
        """The server's reply to one request of a task, or GivenUp."""
        start, tries = time.monotonic(), 0
        while True:
            outcome = await self._admitted(task, path, body)
            if outcome is None:
                start, tries = time.monotonic(), 0  # the server's death is not this request's fault
            elif isinstance(outcome, Refused):
                tries += 1
                await self._wait(outcome, tries, start)
            else:
                self._away_since = None
                return outcome
            on_retry(outcome.why if outcome else None)

    async def get(self, path: str) -> dict[str, Any]:
        """A question that costs nothing (/models), asked once."""
        outcome = await self._try(await self._address.known(), "GET", path, None)
        if isinstance(outcome, Refused):
            raise GivenUp(outcome.status or NO_ANSWER, outcome.why)
        return outcome

    async def healthy(self) -> bool | None:
        """Whether the server says that it can work; None when there is nobody to ask."""
        health = self._address.health
        if health is None:
            return False if self._address.may_move else None
        try:
            async with self._session.get(health, timeout=aiohttp.ClientTimeout(total=5)) as reply:
                return reply.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def load(self) -> str | None:
        """The server's metrics as text; None from one that has none."""
        metrics = self._address.metrics
        if metrics is None:
            return None
        try:
            async with self._session.get(metrics, timeout=aiohttp.ClientTimeout(total=5)) as reply:
                return await reply.text(errors="replace") if reply.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _admitted(self, task: str, path: str, body: Mapping[str, Any]) -> dict[str, Any] | Refused | None:
        """One try; None when the server died over it and is there again.

        Those who wait for that stay within the gate, or every other request would knock at the dead server's door too.
        """
        async with self._gate.admitted(task, body.get("n") or 1):
            base = await self._address.known()
            outcome = await self._try(base, "POST", path, body)
            if isinstance(outcome, Refused) and await self._died(base, outcome):
                return None
        self._gate.note(refused=isinstance(outcome, Refused) and outcome.status in TOO_MUCH)
        return outcome

    async def _died(self, base: str, outcome: Refused) -> bool:
        """Whether the server went away under this request. Then somebody sees to it, and this waits until it is back."""
        if not self._address.may_move or not outcome.transient or 0 < (outcome.status or 0) < 500:
            return False
        async with self._probing:  # one at a time asks for the server's health
            waited = False
            self._address.look()
            while self._address.base == base and not await self.healthy():
                waited = True
                await asyncio.sleep(PROBE_SECONDS)
                self._address.look()
        return waited or self._address.base != base

    async def _wait(self, outcome: Refused, tries: int, start: float) -> None:
        """Until the next try, when one is worth it."""
        pause = max(outcome.retry_after or 0.0, self._patience.wait(tries))
        if not await self._worth_waiting(outcome, tries, start, pause):
            raise GivenUp(outcome.status or NO_ANSWER, f"{outcome.why} (tried {_times(tries)})")
        await asyncio.sleep(pause)

    async def _worth_waiting(self, outcome: Refused, tries: int, start: float, pause: float) -> bool:
        if not outcome.transient or tries >= self._patience.tries:
            return False
        # A server that is away is away for every request: those that come late share the patience already used up,
        # or a dead server would cost it once per round of concurrent requests.
        begin = min(start, await self._note_absence(outcome) or start)
        return time.monotonic() + pause - begin <= self._patience.seconds

    async def _note_absence(self, outcome: Refused) -> float | None:
        away = outcome.status is None or (outcome.status >= 500 and await self.healthy() is False)
        self._away_since = (self._away_since or time.monotonic()) if away else None
        return self._away_since

    async def _try(self, base: str, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any] | Refused:
        headers = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        try:
            # A redirect is not followed: questions and the key are for the address that the eval names.
            async with self._session.request(
                method, base + path, json=body, headers=headers, allow_redirects=False
            ) as reply:
                return self._read(reply.status, reply.headers, await reply.read())
        except TimeoutError:
            return Refused(504, "the model did not answer in time", transient=True)
        except aiohttp.ClientSSLError as problem:
            return Refused(None, self._clean(f"the certificate is not accepted: {problem}"), transient=False)
        except aiohttp.InvalidURL as problem:
            return Refused(None, self._clean(f"not an address: {problem}"), transient=False)
        except aiohttp.ClientError as problem:
            why = f"no connection to {urlsplit(base).hostname}: {type(problem).__name__}: {problem}"
            return Refused(None, self._clean(why), transient=True)

    def _read(self, status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any] | Refused:
        if status in REDIRECTS:
            where = urlsplit(headers.get("Location", "")).hostname or "another path"
            return Refused(status, self._clean(f"HTTP {status}: redirected to {where}, not followed"), transient=False)
        if status != 200:
            why = self._clean(f"HTTP {status}: {_message(content)}")
            return Refused(status, why, status in TRANSIENT, _retry_after(headers.get("Retry-After")))
        try:
            reply = json.loads(content)
        except ValueError:
            return Refused(NO_ANSWER, self._clean(f"HTTP 200 without JSON: {_message(content)}"), transient=True)
        if not isinstance(reply, dict) or ("error" in reply and "choices" not in reply):
            return Refused(NO_ANSWER, self._clean(f"HTTP 200 with an error: {_message(content)}"), transient=True)
        return reply

    def _clean(self, text: str) -> str:
        return redacted(text, self._secret)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _message(content: bytes) -> str:
    """The message inside an OpenAI-style error, or the text itself: a proxy's page, in whatever encoding."""
    try:
        error = json.loads(content)["error"]
        return str(error["message"]) if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")


def _retry_after(value: str | None) -> float | None:
    """Seconds that the server asks for: a number or an HTTP date."""
    if value is None:
        return None
    if value.strip().replace(".", "", 1).isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
