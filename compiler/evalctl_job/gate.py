"""Lets requests through to the model's server, as many at a time as it bears."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Waiting = tuple[int, "asyncio.Future[None]"]


class Gate:
    """At most `limit` choices are with the server; others wait in order, the tasks taking turns."""

    def __init__(self, limit: int) -> None:
        """Nothing is under way."""
        self._limit = limit
        self._queues: dict[str, deque[Waiting]] = {}  # in the order in which the tasks have their turns
        self.in_flight = self.peak = 0
        self.replies = self.refusals = 0

    @property
    def queued(self) -> int:
        """How many choices wait."""
        return sum(choices for queue in self._queues.values() for choices, _ in queue)

    @property
    def limit(self) -> int:
        """How many choices may be with the server."""
        return self._limit

    @limit.setter
    def limit(self, choices: int) -> None:
        self._limit = choices
        self._admit()

    @asynccontextmanager
    async def admitted(self, task: str, choices: int) -> AsyncIterator[None]:
        """The time in which a request for so many choices may be with the server."""
        await self._enter(task, choices)
        try:
            yield
        finally:
            self._leave(choices)

    def note(self, *, refused: bool) -> None:
        """The server replied, or said that it is asked too much."""
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
        """A request that is given up; perhaps it was let through at the same moment."""
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
        """Let through what fits. A large request at the head is waited for, or small ones would starve it."""
        while self._queues:
            task = next(iter(self._queues))
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
        """A request that is larger than the limit goes alone."""
        return not self.in_flight or self.in_flight + choices <= self._limit

    def _take(self, choices: int) -> None:
        self.in_flight += choices
        self.peak = max(self.peak, self.in_flight)
