"""One request of the framework, answered from the store as far as that goes and from the model for the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from evalctl_job import choices as choice
from evalctl_job.answers import Answers, Kept, Question, digest, questions, record
from evalctl_job.forward import GivenUp, Upstream
from evalctl_job.store import TaskState

# The number of a choice within its request, and a reply that has this choice and perhaps those after it.
Piece = tuple[int, dict[str, Any]]


class Request:
    """One request of a task, with what is known of each of its `n` choices."""

    def __init__(self, task: TaskState, answers: Answers, path: str, body: Mapping[str, Any], n: int) -> None:
        """What earlier attempts have answered is taken at once, before any other request can have it."""
        self._task, self._answers, self._path, self._body = task, answers, path, body
        self._digest = digest(path, body)
        self._asked: list[Question] = questions(self._digest, body, n)
        self._kept: list[Kept | None] = answers.take(self._asked)
        self._replayed = 0

    async def answer(self, upstream: Upstream) -> dict[str, Any]:
        """The whole reply; without it, what is there of it stays in the store for the next equal request."""
        try:
            stored = [(number, self._answers.reply(kept)) for number, kept in enumerate(self._kept) if kept]
            fresh = await self._missing(upstream)
        except BaseException:
            self._give_back()
            raise
        self._replayed = len(stored)
        whole = choice.merged([reply for _, reply in sorted(stored + fresh, key=itemgetter(0))])
        whole["choices"] = [self._task.options.delivered(one) for one in whole["choices"]]
        return whole

    def delivered(self, whole: Mapping[str, Any]) -> None:
        """The framework gets this reply."""
        described = [choice.described(one) for one in whole["choices"]]
        self._task.counts.answer(described, whole.get("usage") or {}, self._replayed)

    def undelivered(self) -> None:
        """Nobody waits for the reply any more: whoever asks the same again gets it, and was the first to ask."""
        self._task.counts.forget(len(self._asked))
        self._give_back()

    def _give_back(self) -> None:
        self._answers.give_back(self._asked, self._kept)

    async def _missing(self, upstream: Upstream) -> list[Piece]:
        """Every part at once; the parts that are answered are kept even when another is given up."""
        missing = [number for number, kept in enumerate(self._kept) if kept is None]
        parts = choice.parts(missing, self._task.options.max_n)
        asking = [self._part(upstream, first, size) for first, size in parts]
        done = await asyncio.gather(*asking, return_exceptions=True)
        for pieces in done:
            if isinstance(pieces, BaseException):
                raise pieces
        return [piece for pieces in done for piece in pieces]  # type: ignore[union-attr]

    async def _part(self, upstream: Upstream, first: int, size: int) -> list[Piece]:
        """The replies that together hold `size` choices: some providers ignore `n` and answer with one."""
        pieces: list[Piece] = []
        end = first + size
        while first < end:
            reply = await self._one(upstream, first, end - first)
            if not reply["choices"]:
                raise GivenUp(502, "the model's reply has no choices")
            pieces.append((first, reply))
            first += len(reply["choices"])
        return pieces

    async def _one(self, upstream: Upstream, first: int, n: int) -> dict[str, Any]:
        """One request to the model, kept as soon as it is answered."""
        sent, start = choice.part(self._body, first, n), time.monotonic()
        reply = await upstream.ask(self._task.key, self._path, sent, self._retry)
        reply["choices"] = [one for one in reply.get("choices") or [] if choice.readable(one)][:n]
        kept = self._answers.keep(record(self._digest, sent, reply, time.monotonic() - start))
        self._kept[first : first + len(kept)] = kept
        self._task.counts.generate(len(kept), reply.get("usage") or {})
        self._task.changed = True
        return reply

    def _retry(self, why: str | None) -> None:
        self._task.counts.retry(why)
        self._task.changed = True
