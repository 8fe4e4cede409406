"""Limits the number of choices that the model's server computes at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

Waiting = tuple[int, "asyncio.Future[None]"]


class Limiter:
    """At most `limit` choices are in flight; others wait. The task with most choices left is next, so that all tasks end together.

    A task that does not say how much is left never waits behind those that do: it has several turns, or is long to score.
    """

    def __init__(self, limit: int) -> None:
        """No choice is in flight."""
        self._limit = limit
        self._queues: dict[str, deque[Waiting]] = {}  # of equal tasks in the order of their turns
        self._left: dict[str, int] = {}
        self.in_flight = self.peak = 0
        self.replies = self.refusals = 0

    @property
    def queued(self) -> int:
        """How many choices wait."""
        return sum(choices for queue in self._queues.values() for choices, _ in queue)

    @property
    def limit(self) -> int:
        """How many choices may be in flight."""
        return self._limit

    @limit.setter
    def limit(self, choices: int) -> None:
        self._limit = choices
        self._admit()

    def expect(self, task: str, choices: int) -> None:
        """So many choices of the task are without an answer, whether they wait here or not; 0: it has no more."""
        if choices > 0:
            self._left[task] = choices
        else:
            self._left.pop(task, None)

    @asynccontextmanager
    async def admitted(self, task: str, choices: int) -> AsyncIterator[None]:
        """A context in which a request for so many choices is in flight."""
        await self._enter(task, choices)
        try:
            yield
        finally:
            self._leave(choices)

    def note(self, *, refused: bool) -> None:
        """Count a reply of the server, or its refusal because of load (429, 503)."""
        self.replies += not refused
        self.refusals += refused

    async def _enter(self, task: str, choices: int) -> None:
        if not self._queues and self._fits(choices):
            self._take(choices)
            return
        waiting = (choices, asyncio.get_running_loop().create_future())
        self._queues.setdefault(task, deque()).append(waiting)
        try:
            await waiting[1]
        except asyncio.CancelledError:
            self._withdraw(task, waiting)
            raise

    def _withdraw(self, task: str, waiting: Waiting) -> None:
        """Remove a cancelled request, which may have been admitted at the same moment."""
        if not waiting[1].cancelled():
            self._leave(waiting[0])
        elif waiting in self._queues.get(task, ()):
            self._queues[task].remove(waiting)
            if not self._queues[task]:
                del self._queues[task]
            self._admit()

    def _leave(self, choices: int) -> None:
        self.in_flight -= choices
        self._admit()

    def _admit(self) -> None:
        """Admit requests that fit. A large request at the head blocks smaller ones, which would otherwise starve it."""
        while self._queues:
            task = max(self._queues, key=lambda one: self._left.get(one, inf))
            choices, ready = self._queues[task][0]
            if not ready.cancelled():
                if not self._fits(choices):
                    return
                self._take(choices)
                ready.set_result(None)
            self._next_turn(task)

    def _next_turn(self, task: str) -> None:
        queue = self._queues.pop(task)
        queue.popleft()
        if queue:
            self._queues[task] = queue

    def _fits(self, choices: int) -> bool:
        """Whether it fits; a request larger than the limit is admitted alone."""
        return not self.in_flight or self.in_flight + choices <= self._limit

    def _take(self, choices: int) -> None:
        self.in_flight += choices
        self.peak = max(self.peak, self.in_flight)
