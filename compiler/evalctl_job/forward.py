"""Sends one request to the model: a transient failure is tried again, a refusal is final."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from evalctl_job.address import Address
from evalctl_job.limiter import Limiter
from evalctl_job.outcomes import FEW, NO_ANSWER, TOO_MUCH, GivenUp, Patience, Refused

PROBE_SECONDS = 0.5
HANDFUL = 16
T = TypeVar("T")


class Transport(Protocol):
    """One try of one request, without retries (`transport.Http`)."""

    async def send(
        self, method: str, base: str, path: str, body: Mapping[str, Any] | None, seconds: float | None = None
    ) -> dict[str, Any] | Refused:
        """The reply to one request within so many seconds, or the reason why there is none."""

    async def page(self, address: str) -> str | None:
        """The text of a page of the server; None unless the status is 200."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One HTTP request for a task, as it is sent. It may take `seconds`; `check` raises GivenUp where it is not to be sent any more."""

    task: str
    path: str
    body: Mapping[str, Any]
    seconds: float | None = None
    check: Callable[[], None] = lambda: None


class Upstream:
    """The model's server, or a provider's."""

    def __init__(self, transport: Transport, address: Address, patience: Patience, limiter: Limiter) -> None:
        """Sends through `transport`; `limiter` limits the choices in flight."""
        self._transport, self._address = transport, address
        self._patience, self._limiter = patience, limiter
        self._away_since: float | None = None
        self._probing = asyncio.Lock()

    @property
    def ours(self) -> bool:
        """Whether the server is the job's own, which serves one model under one name."""
        return self._address.may_move

    def expect(self, task: str, choices: int) -> None:
        """So many choices of the task are without an answer."""
        self._limiter.expect(task, choices)

    @property
    def read_ahead(self) -> int:
        """How many questions of a task are to wait here: enough for each place that becomes free."""
        return self._limiter.limit * 3 // 2 + HANDFUL

    async def ask(
        self, call: ModelCall, read: Callable[[dict[str, Any]], T | Refused], on_retry: Callable[[str | None], None]
    ) -> T:
        """What `read` returns for the server's reply to one request of a task; raises GivenUp."""
        start, tries = _now(), 0
        while True:
            queued = _now()
            async with self._limiter.admitted(call.task, call.body.get("n") or 1):
                start += _now() - queued  # waiting for its turn is no try
                outcome = await self._tried(call, read)
            if outcome is None:
                start, tries = _now(), 0  # the server's death is not this request's fault
            elif isinstance(outcome, Refused):
                tries += 1
                await self._wait(outcome, tries, start)
            else:
                self._away_since = None
                return outcome
            on_retry(outcome.why if outcome else None)

    async def get(self, path: str) -> dict[str, Any]:
        """A question that costs nothing (/models), asked once."""
        outcome = await self._transport.send("GET", await self._address.known(), path, None)
        if isinstance(outcome, Refused):
            raise GivenUp(outcome.status or NO_ANSWER, outcome.why)
        return outcome

    async def healthy(self) -> bool | None:
        """Whether the server reports that it can work; None without a health address."""
        health = self._address.health
        if health is None:
            return False if self._address.may_move else None
        return await self._transport.page(health) is not None

    async def load(self) -> str | None:
        """The server's metrics as text; None from one that has none."""
        metrics = self._address.metrics
        return await self._transport.page(metrics) if metrics else None

    async def _tried(self, call: ModelCall, read: Callable[[dict[str, Any]], T | Refused]) -> T | Refused | None:
        """One try; None when the server died during it and is back.

        Waiting requests keep their place in the limiter, else all other requests would be sent to the dead server, too.
        """
        base = await self._address.known()
        call.check()
        reply = await self._transport.send("POST", base, call.path, call.body, call.seconds)
        outcome = reply if isinstance(reply, Refused) else read(reply)
        if isinstance(outcome, Refused) and await self._died(base, outcome):
            return None
        self._limiter.note(refused=isinstance(outcome, Refused) and outcome.status in TOO_MUCH)
        return outcome

    async def _died(self, base: str, outcome: Refused) -> bool:
        """Whether the server died during this request. Then the supervisor starts it again, and this waits until it is back."""
        if not self._address.may_move or not outcome.transient or (outcome.status or NO_ANSWER) < 500:
            return False
        async with self._probing:  # only one request at a time asks for the server's health
            waited = False
            self._address.look()
            while self._address.base == base and not await self.healthy():
                waited = True
                await asyncio.sleep(PROBE_SECONDS)
                self._address.look()
        return waited or self._address.base != base

    async def _wait(self, outcome: Refused, tries: int, start: float) -> None:
        """Wait until the next try, if another try is useful."""
        pause = max(outcome.retry_after or 0.0, self._patience.wait(tries))
        if not await self._worth_waiting(outcome, tries, start, pause):
            raise outcome.given_up(tries)
        await asyncio.sleep(pause)

    async def _worth_waiting(self, outcome: Refused, tries: int, start: float, pause: float) -> bool:
        if not outcome.transient or tries >= min(self._patience.tries, FEW if outcome.few else self._patience.tries):
            return False
        # A missing server is missing for every request: all share one waiting time, else a dead server would cost it once
        # per round of concurrent requests.
        begin = min(start, await self._note_absence(outcome) or start)
        return _now() + pause - begin <= self._patience.seconds

    async def _note_absence(self, outcome: Refused) -> float | None:
        away = outcome.status is None or (outcome.status >= 500 and await self.healthy() is False)
        self._away_since = (self._away_since or _now()) if away else None
        return self._away_since


def _now() -> float:
    """Seconds of the clock that also measures the waits."""
    return asyncio.get_running_loop().time()
