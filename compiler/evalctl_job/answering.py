"""How the relay answers and counts each request of the framework; independent of the HTTP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from evalctl_job.asking import TaskRequest
from evalctl_job.forward import Upstream
from evalctl_job.options import Options, apply
from evalctl_job.outcomes import NO_ANSWER, GivenUp
from evalctl_job.shards import ELSEWHERE
from evalctl_job.store import Store, TaskState

MOST_CHOICES = 10_000
# By which a request allows that its prompt is cut: vLLM 0.32; OpenAI's responses; OpenRouter's `middle-out`.
CUTTING = ("truncate_prompt_tokens", "truncation", "transforms")
ABORTED = "the job was aborted"
REFUSED_BEFORE, HUNG_UP = 400, 499
OF_ANOTHER_SHARD = "this question is another shard's"
T = TypeVar("T")
Reply = tuple[int, dict[str, Any]]  # the status and the object


class Answering:
    """Answers requests from the model, and counts them."""

    def __init__(self, store: Store, upstream: Upstream) -> None:
        """Nothing is asked yet."""
        self.store, self.upstream = store, upstream
        self.aborted = False
        self._going: set[asyncio.Task[Any]] = set()  # that wait for the model

    def abort(self) -> None:
        """The job is given up: what is in flight fails at once, and so does what comes."""
        self.aborted = True
        while self._going:
            self._going.pop().cancel()

    async def completions(self, key: str, path: str, content: bytes, has_gone: Callable[[], bool]) -> Reply:
        """One request of a task: all of its choices, or an error that is counted. `has_gone`: whether the framework has hung up."""
        task = await self.store.task(key)
        try:
            body, n = _read(task.options, content)
        except (ValueError, AttributeError, TypeError, RecursionError) as problem:
            return refusal(400, f"not a request of this API: {problem}")
        task.changed = True
        if task.options.is_elsewhere(body):
            return _of_another_shard(task)
        task.counts.ask(body, n)
        try:
            if task.answers is None:
                raise GivenUp(400, str(task.refusal))
            self._refuse_in_vain(task)
            check = partial(self._is_due, task, has_gone)
            asking = TaskRequest(task, task.answers, path, body, n, self.store.refusals, check)
            whole = await self._unless_aborted(partial(self._answer, task, asking))
        except GivenUp as given_up:
            return _failed(has_gone(), task, n, given_up.status, str(given_up))
        except OSError as problem:
            return _failed(has_gone(), task, n, 507, f"the answer could not be kept: {problem.strerror or problem}")
        if has_gone():
            asking.undelivered()
        else:
            asking.delivered(whole)
        task.changed = True
        return 200, whole

    def _refuse_in_vain(self, task: TaskState) -> None:
        """Raises where every question was refused alike: the next one is not sent."""
        refused = self.store.refusals.for_all_tasks
        if words := refused[1] if refused else task.refusals.lasting_text:
            raise GivenUp(REFUSED_BEFORE, words)

    def _is_due(self, task: TaskState, has_gone: Callable[[], bool]) -> None:
        """Raises where a question that has waited for its turn is not to be sent any more."""
        if has_gone():
            raise GivenUp(HUNG_UP, "the framework has hung up")
        self._refuse_in_vain(task)

    async def _answer(self, task: TaskState, asking: TaskRequest) -> dict[str, Any]:
        try:
            return await asking.answer(self.upstream)
        except GivenUp as given_up:
            if given_up.lasting:
                task.refusals.refused(asking.question, str(given_up))
                self.store.refusals.refused(asking.question, str(given_up))
            raise

    async def _unless_aborted(self, answering: Callable[[], Awaitable[T]]) -> T:
        """Without a task of its own: creating two for each question was a tenth of the relay's CPU time."""
        here = asyncio.current_task()
        assert here is not None, "a coroutine runs in a task"
        if self.aborted:
            raise GivenUp(503, ABORTED)
        self._going.add(here)
        try:
            return await answering()
        except asyncio.CancelledError:
            if here in self._going:  # not by `abort`
                raise
            here.uncancel()
            raise GivenUp(503, ABORTED) from None
        finally:
            self._going.discard(here)

    async def models(self) -> Reply:
        """The server's list of models, as it is."""
        try:
            return 200, await self._unless_aborted(partial(self.upstream.get, "/models"))
        except GivenUp as given_up:
            return refusal(given_up.status, str(given_up))

    async def counts(self, key: str) -> Reply:
        """The task's counts now, on disk and in the reply."""
        task = await self.store.task(key)
        self.store.flush(now=True)
        return 200, task.counts.now().as_json()

    async def again(self, key: str) -> Reply:
        """The task's framework is started again and gets the answers on file; refused while the task waits for the model."""
        task = await self.store.task(key)
        if task.counts.in_flight:
            return refusal(409, f"{task.counts.in_flight} choices of the task are in flight")
        await asyncio.to_thread(task.begin_again)
        return 200, {}

    async def health(self) -> Reply:
        """That the relay runs, and the server's health (null: no health address was given)."""
        return 200, {"relay": True, "upstream": await self.upstream.healthy()}


def _read(options: Options, content: bytes) -> tuple[dict[str, Any], int]:
    """The request as it will be sent, and its number of choices. It is JSON without NaN, or no request."""
    asked = json.loads(content.decode(), parse_constant=_refuse)
    return apply(options, asked), _choices_asked(asked)


def _of_another_shard(task: TaskState) -> Reply:
    task.counts.elsewhere += 1
    return refusal(ELSEWHERE, OF_ANOTHER_SHARD)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _choices_asked(body: Mapping[str, Any]) -> int:
    n = 1 if body.get("n") is None else body["n"]
    if type(n) is not int or not 1 <= n <= MOST_CHOICES:
        raise ValueError(f"n must be a number from 1 to {MOST_CHOICES}")
    if body.get("stream"):
        raise ValueError("streaming is not supported")
    if cutting := [name for name in CUTTING if body.get(name) not in (None, [], "disabled")]:
        raise ValueError(f"`{cutting[0]}` would have prompts cut, and cut questions are other ones")
    return n


def _failed(has_gone: bool, task: TaskState, choices: int, status: int, why: str) -> Reply:
    """Counts the failure, unless the framework has hung up: then only its repeated request counts."""
    if has_gone:
        task.counts.forget(choices)
    else:
        task.counts.fail(choices, why)
        task.counts.refused_alike = task.refusals.alike
    task.changed = True
    return refusal(status, why)


def refusal(status: int, why: str) -> Reply:
    """An error in OpenAI's form."""
    body = {"error": {"message": why, "type": "evalctl_relay", "code": status}}
    return (status if 400 <= status < 600 else NO_ANSWER), body
