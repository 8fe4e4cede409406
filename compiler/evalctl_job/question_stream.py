"""All questions of a framework's call in one request, and each answer as soon as it is there; independent of the HTTP server.

A line of the request is `NUMBER BODY`, one of the reply `NUMBER STATUS BODY`; NUMBER identifies a question of this request, BODY
is the JSON of a chat completion. The framework sends all it has: how many are in flight only the relay decides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from evalctl_job.answering import Answering

CHAT = "/chat/completions"
MOST_WAITING = 8_192  # questions of a call that are read ahead: more than any server computes at once
MOST_WAITING_BYTES = 256 * 2**20
MOST_LINE_BYTES = 256 * 2**20  # a question may carry images or a 128k-token prompt
_DIGITS = 9
_RUNNING: set[asyncio.Task[None]] = set()

Write = Callable[[bytes], Awaitable[None]]


class BadLine(ValueError):
    """A line that is no question; nothing after it is read."""


class QuestionStream:
    """The questions of one request of a task."""

    def __init__(self, answering: Answering, key: str, write: Write, has_gone: Callable[[], bool]) -> None:
        """`write` sends a line of the reply; `has_gone`: whether the framework has hung up."""
        self._answering, self._key, self._write, self._has_gone = answering, key, write, has_gone
        self._asked: set[asyncio.Task[None]] = set()
        self._waiting_bytes = 0
        self._writing = asyncio.Lock()

    async def answer(self, parts: AsyncIterator[bytes]) -> None:
        """Answers every question; they are asked in the order of their lines, and answered in any order."""
        async for number, body in questions(parts):
            await self._room()
            self._start(number, body)
        while self._asked:
            await self._one_ends()

    def _start(self, number: int, body: bytes) -> None:
        self._waiting_bytes += len(body)
        task = asyncio.create_task(self._one(number, body))
        self._asked.add(task)
        _RUNNING.add(task)  # what the server computes is finished and kept, also after the framework has hung up
        task.add_done_callback(_RUNNING.discard)

    async def _room(self) -> None:
        while len(self._asked) >= MOST_WAITING or self._waiting_bytes >= MOST_WAITING_BYTES:
            await self._one_ends()

    async def _one_ends(self) -> None:
        ended, self._asked = await asyncio.wait(self._asked, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()  # an exception here is a bug, and is logged

    async def _one(self, number: int, body: bytes) -> None:
        status, reply = await self._answering.completions(self._key, CHAT, body, self._has_gone)
        self._waiting_bytes -= len(body)
        if not self._has_gone():
            async with self._writing:
                await self._write(line(number, status, reply))


async def questions(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """The lines of a request that arrives in parts."""
    rest = bytearray()
    async for part in parts:
        first, *more = part.split(b"\n")
        rest += first
        if len(rest) > MOST_LINE_BYTES:
            raise BadLine(f"a question is longer than {MOST_LINE_BYTES} bytes")
        for following in more:
            yield read_question(bytes(rest))
            rest = bytearray(following)
    if rest:
        raise BadLine("the last question does not end")


def read_question(text: bytes) -> tuple[int, bytes]:
    """The number and the body of a line."""
    number, _, body = text.partition(b" ")
    if not number.isdigit() or len(number) > _DIGITS:
        raise BadLine("a line does not begin with the number of a question")
    return int(number), body


def line(number: int, status: int, reply: dict[str, Any]) -> bytes:
    """A line of the reply."""
    return b"%d %d %s\n" % (number, status, json.dumps(reply).encode())
