"""One request of the framework, answered from the store where possible, and from the model for the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from evalctl_job import choices as choice
from evalctl_job.answers import Answers, ChoicePlace, Question, digest, questions, record
from evalctl_job.choices import Run
from evalctl_job.filters import is_withheld
from evalctl_job.forward import ModelCall, Upstream
from evalctl_job.outcomes import NO_ANSWER, GivenUp, Refused
from evalctl_job.refusals import Refusals
from evalctl_job.replies import LONGEST_NAME, UNNAMED, NoAnswer, model_of, tokens
from evalctl_job.shards import NOT_KEPT, shard_of
from evalctl_job.store import TaskState

COUNTERS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Blank(dict[str, Any]):
    """The empty reply to a question that the model did not answer."""


# The number of a choice within its request, and a reply that has this choice and perhaps those after it.
Piece = tuple[int, dict[str, Any]]


class TaskRequest:
    """One request of a task, with the state of each of its `n` choices."""

    def __init__(
        self, task: TaskState, answers: Answers, path: str, body: Mapping[str, Any], n: int, others: Refusals,
        check: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`others` are the refusals of all tasks. Stored answers are taken at once, before another request can take them.

        `check` is called before each part is sent, and raises GivenUp where nothing is to be sent any more.
        """
        self._task, self._answers, self._path, self._body = task, answers, path, body
        self._digest = digest(path, body)
        self._asked: list[Question] = questions(self._digest, body, n)
        self._kept: list[ChoicePlace | None] = answers.take(self._asked)
        self._others, self._check = others, check
        self._replayed = sum(kept is not None for kept in self._kept)
        self._models: list[tuple[str, int]] = []

    @property
    def question(self) -> str:
        """The request without the number of choices and the seed."""
        return self._digest

    async def answer(self, upstream: Upstream) -> dict[str, Any]:
        """The whole reply; if it fails, the answered choices stay in the store for the next equal request."""
        try:
            stored = [(number, self._answers.reply(kept)) for number, kept in enumerate(self._kept) if kept]
            fresh = await self._missing(upstream)
            return self._whole([reply for _, reply in sorted(stored + fresh, key=itemgetter(0))])
        except BaseException:
            self._give_back()
            raise

    def _whole(self, replies: list[dict[str, Any]]) -> dict[str, Any]:
        """The merged reply in evalctl's form; a server's own fields stay in the answers file."""
        given = [reply for reply in replies if not isinstance(reply, Blank)]
        self._models = [(model_of(reply), len(reply["choices"])) for reply in given]
        merged = choice.merged(replies)
        choices = [self._delivered(one) for one in merged["choices"]]
        return {
            **envelope((given or replies)[0], self._path, self._body),
            "choices": [{**choice.plain(one), "index": index} for index, one in enumerate(choices)],
            "usage": {name: tokens(merged.get("usage"), name) for name in COUNTERS},
        }

    def _delivered(self, one: dict[str, Any]) -> dict[str, Any]:
        """A choice as the framework gets it; raises for an empty one, unless the request allows unanswered questions."""
        given = choice.delivered(self._task.options, one)
        if not self._task.options.unanswered or not choice.described(given).empty:
            return given
        if not self._task.counts.leave_blank(self._digest):
            raise self._too_many("the answer is empty")
        return choice.without_null(given)

    def _too_many(self, why: str) -> GivenUp:
        allowed = self._task.options.unanswered
        return GivenUp(NO_ANSWER, f"more than {allowed} questions are without an answer: {why}")

    def delivered(self, whole: Mapping[str, Any]) -> None:
        """Count this reply, which the framework gets."""
        described = [choice.described(one) for one in whole["choices"]]
        self._task.counts.answered_to.add(self._digest)
        self._task.counts.answer(described, whole.get("usage") or {}, self._replayed)
        for name, choices in self._models:
            self._task.counts.answered_by(str(self._body.get("model")), name, choices)
        self._task.refusals.answered()

    def undelivered(self) -> None:
        """The framework has hung up: the next equal request gets the reply and counts as the first."""
        self._task.counts.forget(len(self._asked))
        self._give_back()

    def _give_back(self) -> None:
        self._answers.give_back(self._asked, self._kept)

    async def _missing(self, upstream: Upstream) -> list[Piece]:
        """Ask for all parts at once; answered parts are kept even if another is given up."""
        missing = [number for number, kept in enumerate(self._kept) if kept is None]
        if missing and self._task.options.is_merge:
            raise self._not_kept()
        parts = choice.parts(missing, self._task.options.max_n)
        if len(parts) == 1:
            return await self._part(upstream, *parts[0])
        asking = [self._part(upstream, first, size) for first, size in parts]
        done = await asyncio.gather(*asking, return_exceptions=True)
        for pieces in done:
            if isinstance(pieces, BaseException):
                raise pieces
        return [piece for pieces in done for piece in pieces]  # type: ignore[union-attr]

    def _not_kept(self) -> GivenUp:
        of = self._task.options.shards or 1
        shard = shard_of(self._body, of)
        self._task.counts.lacking.add(shard)
        return GivenUp(NOT_KEPT, f"no answer is kept: shard {shard} of {of} has not answered this question")

    async def _part(self, upstream: Upstream, first: int, size: int) -> list[Piece]:
        """The replies that together hold `size` choices: some providers ignore `n` and give one choice."""
        pieces: list[Piece] = []
        wanted = list(range(first, first + size))
        while wanted:
            pieces += await self._one(upstream, *choice.parts(wanted, None)[0])
            there = {number + i for number, reply in pieces for i in range(len(reply["choices"]))}
            wanted = [number for number in wanted if number not in there]
        return pieces

    async def _one(self, upstream: Upstream, first: int, n: int) -> list[Piece]:
        """One request to the model, kept as soon as it is answered."""
        sent, start = choice.part(self._body, first, n), time.monotonic()
        limit = self._task.options.request_timeout
        asked = ModelCall(self._task.key, self._path, sent, limit, self._check)
        try:
            runs = await upstream.ask(asked, partial(self._read, upstream.ours, n), self._retry)
        except GivenUp as given_up:
            return self._without(given_up, first, n)
        seconds = time.monotonic() - start
        return [(first + position, self._keep(first + position, reply, seconds)) for position, reply in runs]

    def _read(self, ours: bool, n: int, raw: Mapping[str, Any]) -> list[Run] | Refused:
        """The answers in a reply, or why none of them is kept."""
        asked, answered = self._body.get("model"), raw.get("model", self._body.get("model"))
        if ours and answered != asked:
            return Refused(NO_ANSWER, f"another model answered: {model_of(raw)} instead of {asked}", transient=False)
        short = choice.counted_short(self._body, raw.get("usage"))
        if ours and short:
            return Refused(NO_ANSWER, short, transient=False)
        runs = choice.read_reply(raw, n)
        if not isinstance(runs, NoAnswer):
            refused = self._repeated(raw, runs)
            if short and not refused:
                self._task.counts.counted_short.add(self._digest)
            return refused or runs
        return Refused(NO_ANSWER, runs.why, transient=True, few=not runs.passing, unanswerable=runs.unanswerable)

    def _repeated(self, raw: Mapping[str, Any], runs: list[Run]) -> Refused | None:
        """Why a reply that was given before is not a further sample (a cache repeated it). At temperature 0 samples may be equal."""
        texts = choice.texts([one for _, part in runs for one in part["choices"]])
        given, sampled = self._answers.given, self._body.get("temperature") != 0
        if name := given.repeated(self._digest, raw, texts, sampled=sampled):
            why = f"a repeated reply: `{name[:LONGEST_NAME]}` has answered before; a cache is before the model"
            return Refused(NO_ANSWER, why, transient=True, few=True)
        given.note(self._digest, raw, texts)
        return None

    def _keep(self, first: int, reply: dict[str, Any], seconds: float) -> dict[str, Any]:
        size = len(reply["choices"])
        sent = choice.part(self._body, first, size)
        short = self._digest in self._task.counts.counted_short
        self._kept[first : first + size] = self._answers.keep(record(self._digest, sent, reply, seconds, short))
        self._task.counts.generate(size, reply.get("usage") or {})
        self._task.changed = True
        self._others.answered()
        return reply

    def _without(self, given_up: GivenUp, first: int, n: int) -> list[Piece]:
        """Empty answers for unanswerable questions, as many as the request allows."""
        if not given_up.unanswerable or not self._task.options.unanswered:
            raise given_up
        if not self._task.counts.leave_blank(self._digest):
            raise self._too_many(str(given_up)) from given_up
        if is_withheld(str(given_up)):
            self._task.counts.withhold(choice.prompt_digest(self._body))
        return [(first, Blank(choices=[choice.blank(self._path) for _ in range(n)]))]

    def _retry(self, why: str | None) -> None:
        self._task.counts.retry(why)
        self._task.changed = True


def envelope(reply: Mapping[str, Any], path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a reply other than choices and usage, with checked types; a missing model is the one asked."""
    named, made = reply.get("id"), reply.get("created")
    return {
        "id": named if isinstance(named, str) else "evalctl",
        "object": "text_completion" if path == "/completions" else "chat.completion",
        "created": made if type(made) is int else 0,
        "model": name if (name := model_of(reply)) != UNNAMED else body.get("model"),
    }
