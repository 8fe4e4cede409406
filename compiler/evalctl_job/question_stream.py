"""All questions of a framework's call in one request, and each answer as soon as it is there; independent of the HTTP server.

A line of the request is `NUMBER BODY`, one of the reply `NUMBER STATUS BODY`; NUMBER identifies a question of this request, BODY
is the JSON of a chat completion. The framework sends all it has: how many are in flight only the relay decides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from evalctl_job.answering import Answering

CHAT = "/chat/completions"
MOST_WAITING = 8_192  # questions of a call that are read ahead at most: more than any server computes at once
MOST_WAITING_BYTES = 256 * 2**20
MOST_LINE_BYTES = 256 * 2**20  # a question may carry images or a 128k-token prompt
_DIGITS = 9
_RUNNING: set[asyncio.Task[None]] = set()

Write = Callable[[bytes], Awaitable[None]]


class BadLine(ValueError):
    """A line that is no question; nothing after it is read."""


class QuestionStream:
    """The questions of one request of a task."""

    def __init__(
        self, answering: Answering, key: str, write: Write, has_gone: Callable[[], bool], choices: int = 0
    ) -> None:
        """`write` sends lines of the reply; `has_gone`: whether the framework has hung up; `choices` of all questions together."""
        self._answering, self._key, self._write, self._has_gone = answering, key, write, has_gone
        self._left = choices
        self._waiting, self._waiting_bytes = 0, 0
        self._bug: BaseException | None = None
        self._one_has_ended = asyncio.Event()
        self._writing = asyncio.Lock()
        self._lines: list[bytes] = []

    async def answer(self, parts: AsyncIterator[bytes]) -> None:
        """Answers every question; they are asked in the order of their lines, and answered in any order."""
        self._expect()
        try:
            async for number, body in questions(parts):
                while self._has_enough():
                    await self._one_ends()
                self._start(number, body)
            while self._waiting:
                await self._one_ends()
            self._raise_bug()
        finally:
            self._left = 0
            self._answering.upstream.expect(self._key, 0)

    def _has_enough(self) -> bool:
        """Whether the next question stays with the framework: what is read too early delays those that are in flight."""
        most = min(MOST_WAITING, self._answering.upstream.read_ahead)
        return self._waiting >= most or self._waiting_bytes >= MOST_WAITING_BYTES

    def _expect(self) -> None:
        self._answering.upstream.expect(self._key, self._left)

    def _start(self, number: int, body: bytes) -> None:
        self._waiting += 1
        self._waiting_bytes += len(body)
        task = asyncio.create_task(self._one(number, body))
        _RUNNING.add(task)  # what the server computes is finished and kept, also after the framework has hung up
        task.add_done_callback(_RUNNING.discard)
        task.add_done_callback(partial(self._ended, len(body)))

    def _ended(self, size: int, task: asyncio.Task[None]) -> None:
        self._waiting -= 1
        self._waiting_bytes -= size
        self._bug = self._bug or (None if task.cancelled() else task.exception())
        self._one_has_ended.set()

    async def _one_ends(self) -> None:
        """Waits until there are fewer questions; raises what is a bug of the relay."""
        self._one_has_ended.clear()
        await self._one_has_ended.wait()
        self._raise_bug()

    def _raise_bug(self) -> None:
        if self._bug is not None:
            raise self._bug

    async def _one(self, number: int, body: bytes) -> None:
        status, reply = await self._answering.completions(self._key, CHAT, body, self._has_gone)
        if self._has_gone():
            return
        if self._left:  # 0: the framework has not said it, or the request has ended
            self._left = max(1, self._left - (len(reply.get("choices", ())) or 1))
            self._expect()
        self._lines.append(line(number, status, reply))
        await asyncio.sleep(0)  # answers that come together are sent together
        async with self._writing:
            lines, self._lines = b"".join(self._lines), []
            if lines:
                await self._write(lines)


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
