"""One request to the model, with patience: what is transient is asked again, what is refused is given up at once."""

from __future__ import annotations

import asyncio
import email.utils
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from evalctl_job.address import Address
from evalctl_job.gate import Gate
from evalctl_job.redact import cleaned, redacted
from evalctl_job.reasons import is_lasting
from evalctl_job.replies import is_certain, is_filtered, loads, status_of, words_of

# Statuses below 500 that pass by themselves, and whose they are.
TRANSIENT: Mapping[int, str] = {
    408: "request timeout", 409: "conflict", 423: "locked", 424: "text-generation-inference: the generation failed",
    425: "too early", 429: "too many requests", 499: "a gateway's client hung up",
}  # fmt: skip
# From 500 on all pass, Cloudflare's 520 to 530 and those that nobody knows as well (RFC 9110: they are to be read as 500),
# but for these.
LASTING: Mapping[int, str] = {
    501: "not implemented", 505: "version of HTTP not supported", 506: "variant also negotiates", 508: "loop detected",
    510: "not extended", 511: "the network wants a login", 526: "Cloudflare: certificate of the server behind it",
    561: "Amazon's load balancer: the login failed",
}  # fmt: skip
TOO_MUCH = frozenset({429, 503, 529})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
NO_ANSWER = 502
PROBE_SECONDS = 0.5
FEW = 3  # tries of what hardly passes by itself: a filter, an end that nobody knows
MOST_REPLY_BYTES = 64 * 2**20  # 10,000 choices of 2,000 tokens; half a minute of the relay's time, all told
T = TypeVar("T")


class GivenUp(Exception):
    """The model will not answer this request; `status` is what the framework is told, the text says why.

    `lasting`: it was refused and would be again; `unanswerable`: so did the model or its provider decide.
    """

    def __init__(self, status: int, why: str, *, lasting: bool = False, unanswerable: bool = False) -> None:
        super().__init__(why)
        self.status, self.lasting, self.unanswerable = status, lasting, unanswerable


class TooLong(Exception):
    """A reply that would fill the memory."""


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
    """One try without an answer. `status` is None when the server could not be talked to; `few`: it hardly passes."""

    status: int | None
    why: str
    transient: bool
    retry_after: float | None = None
    few: bool = False
    unanswerable: bool = False

    def given_up(self, tries: int) -> GivenUp:
        """After so many tries."""
        lasting = (not self.transient or self.few) and not self.unanswerable
        why = f"{self.why} (tried {_times(tries)})"
        return GivenUp(self.status or NO_ANSWER, why, lasting=lasting, unanswerable=self.unanswerable)


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

    @property
    def ours(self) -> bool:
        """The server is the job's own, which serves one model by one name."""
        return self._address.may_move

    async def ask(
        self, task: str, path: str, body: Mapping[str, Any], read: Callable[[dict[str, Any]], T | Refused],
        on_retry: Callable[[str | None], None],
    ) -> T:  # fmt: skip
        """What `read` finds in the server's reply to one request of a task, or GivenUp."""
        start, tries = time.monotonic(), 0
        while True:
            outcome = await self._admitted(task, path, body, read)
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

    async def _admitted(
        self, task: str, path: str, body: Mapping[str, Any], read: Callable[[dict[str, Any]], T | Refused]
    ) -> T | Refused | None:
        """One try; None when the server died over it and is there again.

        Those who wait for that stay within the gate, or every other request would knock at the dead server's door too.
        """
        async with self._gate.admitted(task, body.get("n") or 1):
            base = await self._address.known()
            reply = await self._try(base, "POST", path, body)
            outcome = reply if isinstance(reply, Refused) else read(reply)
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
            raise outcome.given_up(tries)
        await asyncio.sleep(pause)

    async def _worth_waiting(self, outcome: Refused, tries: int, start: float, pause: float) -> bool:
        if not outcome.transient or tries >= min(self._patience.tries, FEW if outcome.few else self._patience.tries):
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
                return self._read(reply.status, reply.headers, await _content(reply))
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

    def _read(self, status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any] | Refused:
        if status in REDIRECTS:
            where = _host(headers.get("Location", "")) or "another path"
            return Refused(status, self._clean(f"HTTP {status}: redirected to {where}, not followed"), transient=False)
        if not 200 <= status < 300:
            return self._refused(status, f"HTTP {status}: {words_of(content)}", _retry_after(headers.get("Retry-After")))
        try:
            reply = loads(content)
        except ValueError:
            why = f"HTTP {status} without JSON: {words_of(content)}"
            return Refused(NO_ANSWER, self._clean(why), transient=True, few=is_certain(content))
        if not isinstance(reply, dict):
            why = f"HTTP {status} with no object: {words_of(content)}"
            return Refused(NO_ANSWER, self._clean(why), transient=True, few=True)
        if error := reply.get("error"):  # an empty one says that there was none
            return self._refused(status_of(error), f"HTTP {status} with an error: {words_of(content)}")
        return dict(cleaned(reply, self._secret))

    def _refused(self, status: int | None, text: str, retry_after: float | None = None) -> Refused:
        """Which refusals pass by themselves: two tables of statuses, and words that say more than a status."""
        why = self._clean(text)
        if is_filtered(text):
            return Refused(status or NO_ANSWER, f"the provider filtered it: {why}", transient=False, unanswerable=True)
        lasting = is_lasting(text, known=status is not None)
        return Refused(status or NO_ANSWER, why, passes(status or NO_ANSWER) and not lasting, retry_after)

    def _clean(self, text: str) -> str:
        return redacted(text, self._secret)


def passes(status: int) -> bool:
    """Whether the same request may well be answered a little later."""
    return status in TRANSIENT or (500 <= status < 600 and status not in LASTING)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _host(address: str) -> str | None:
    """The host of an address that may be none at all."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def _content(reply: aiohttp.ClientResponse) -> bytes:
    """The whole body, unpacked; one that never ends is refused."""
    parts, size = [], 0
    async for part in reply.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MOST_REPLY_BYTES:
            raise TooLong(f"the reply is longer than {MOST_REPLY_BYTES} bytes")
    return b"".join(parts)


def _retry_after(value: str | None) -> float | None:
    """Seconds that the server asks for: a number or an HTTP date."""
    if value is None:
        return None
    try:
        if re.fullmatch(r"\s*[0-9]+(?:\.[0-9]*)?\s*", value):
            return float(value)
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
