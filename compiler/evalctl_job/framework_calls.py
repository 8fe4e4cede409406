"""Gives lighteval's client for litellm, of both dialects, another way to the model: all questions at once to the job's relay.

The client's own code decides what is asked and what becomes of a reply. It runs once to see which request a question leads to, and again
with the answer; a question that leads to a further request (an empty answer is asked again) is in the next round. `attach` is called
when the client has been imported in a job (`environments/packages/lighteval-client`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from evalctl_job import conversations
from evalctl_job.framework_client import ADDRESS, RelayClient, RelayLost, StreamedAnswer
from evalctl_job.litellm_form import Call, Forms, reply
from evalctl_job.relay_key import VARIABLE
from evalctl_job.shards import ANSWERED, ENDS, NOT_KEPT

CLIENT = "LiteLLMClient"
ONE, ALL = f"_{CLIENT}__call_api", f"_{CLIENT}__call_api_parallel"
CONVERSATIONS = "greedy_until_multi_turn"  # of the fork
Source = Callable[[Call], StreamedAnswer]
Question = tuple[Any, ...]  # what the client's method for one question takes


class CallWanted(BaseException):
    """The client's code needs the answer to this call. No `except Exception` of a framework catches it."""

    def __init__(self, call: Call) -> None:
        super().__init__("a question without an answer")
        self.call = call


class NotAnswered(Exception):
    """The relay has given the question up and counted it, or it has ended; acceptance reports both."""


class Completions:
    """The `litellm` that the client's module sees: `completion` is answered by the relay, all else is litellm's."""

    def __init__(self, litellm: Any) -> None:
        """`litellm` is the real module."""
        own = {
            "_litellm": litellm,
            "_forms": Forms(litellm.completion),
            "_of_thread": threading.local(),
            "_lacks": False,
        }
        self.__dict__.update(own)

    def __setattr__(self, name: str, value: Any) -> None:
        """The client sets litellm's own switches (`drop_params`)."""
        setattr(self._litellm, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._litellm, name)

    def completion(self, **call: Any) -> Any:
        """The next answer of the question that is run again, or else the relay's answer to this call alone."""
        if not in_job():
            return self._litellm.completion(**call)
        source: Source | None = getattr(self._of_thread, "source", None)
        answer = self.ask([call])[0] if source is None else source(call)
        self.__dict__["_lacks"] |= answer.status == NOT_KEPT
        if answer.status != 200:
            error = answer.reply.get("error")
            raise NotAnswered(f"{answer.status}: {error.get('message') if isinstance(error, dict) else error}")
        return reply(self._litellm, answer.reply)

    def ask(
        self, calls: Sequence[Call], on_answer: Callable[[], object] = lambda: None, *, first: bool = True
    ) -> list[StreamedAnswer]:
        """The answers to these calls; where the relay has ended, an answer with status 503. `first`: see RelayClient."""
        answers: dict[int, StreamedAnswer] = {}
        lost = StreamedAnswer(503, {})
        relay = RelayClient(os.environ[ADDRESS], os.environ.get(VARIABLE, ""))
        try:
            for position, answer in relay.answers([self._forms.request(call) for call in calls], first=first):
                answers[position] = answer
                on_answer()
        except RelayLost as problem:
            lost = StreamedAnswer(503, {"error": {"message": str(problem)}})
        return [answers.get(position, lost) for position in range(len(calls))]

    @property
    def is_never_scored(self) -> bool:
        """Whether the run has only a shard's answers, or lacks one that all shards should have kept."""
        return in_job() and (ENDS in os.environ or self._lacks)

    def run_with(self, source: Source, code: Callable[[], Any]) -> Any:
        """What `code` returns when its calls have their answers from this source."""
        self._of_thread.source = source
        try:
            return code()
        finally:
            self._of_thread.source = None


def in_job() -> bool:
    """Whether a job has named its relay; elsewhere the client stays what it is."""
    return ADDRESS in os.environ


def attach(module: ModuleType) -> None:
    """Replaces the way to the model in the client's module; AttributeError for a client that asks in another way."""
    client = getattr(module, CLIENT)
    one, original, cleanup = getattr(client, ONE), getattr(client, ALL), client.cleanup
    completions = Completions(module.__dict__["litellm"])

    def ask_one(self: Any, *question: Any, **named: Any) -> Any:
        if in_job():
            self.API_MAX_RETRY, self.API_RETRY_SLEEP = 1, 0  # the relay has tried again
        return one(self, *question, **named)

    def ask_all(self: Any, prompts: Sequence[Any], *settings: Any, **named: Any) -> Any:
        if not in_job():
            return original(self, prompts, *settings, **named)
        codes = [partial(ask_one, self, *question) for question in _questions(prompts, *settings, **named)]
        return _in_rounds(completions, codes, module.__dict__["tqdm"])

    def clean_up(self: Any) -> Any:
        """The framework calls it after its last answer and before it scores the first."""
        if completions.is_never_scored:
            raise SystemExit(ANSWERED)
        return cleanup(self)

    module.__dict__["litellm"] = completions
    client.cleanup = clean_up
    setattr(client, ONE, ask_one)
    setattr(client, ALL, ask_all)
    _attach_conversations(client, completions)


def _attach_conversations(client: Any, completions: Completions) -> None:
    loop = getattr(client, CONVERSATIONS, None)
    if loop is None:
        return

    def ask(self: Any, questions: Any, *rest: Any, **named: Any) -> Any:
        if not in_job():
            return loop(self, questions, *rest, **named)
        run = partial(_run_loop, loop, self, rest, named)
        return conversations.in_rounds(self, questions, run, completions.ask, completions.run_with)

    setattr(client, CONVERSATIONS, ask)


def _run_loop(loop: Any, client: Any, rest: tuple[Any, ...], named: Mapping[str, Any], questions: Any) -> Any:
    return loop(client, questions, *rest, **named)


def _given(answers: Sequence[StreamedAnswer]) -> Source:
    """These answers one after the other; a call beyond them raises CallWanted."""
    left = list(answers)

    def source(call: Call) -> StreamedAnswer:
        if not left:
            raise CallWanted(call)
        return left.pop(0)

    return source


def _uncounted() -> None:
    """A question that is asked again is no further question of the progress bar."""


def _questions(
    prompts: Sequence[Any], return_logits: Any, max_new_tokens: Any, num_samples: Any, stop_sequence: Any = None
) -> list[Question]:
    """The arguments of each question. The client gives a list of values, or one value for all; stop sequences are one value."""
    listed = [
        value if isinstance(value, list) else [value] * len(prompts)
        for value in (return_logits, max_new_tokens, num_samples)
    ]
    return list(zip(prompts, *listed, [stop_sequence] * len(prompts), strict=True))


def _in_rounds(
    completions: Completions, codes: Sequence[Callable[[], Any]], progress_bar: Callable[..., Any]
) -> list[Any]:
    """What each code returns. A round runs those without a value, and asks what they need."""
    values: list[Any] = [None] * len(codes)
    answers: list[list[StreamedAnswer]] = [[] for _ in codes]

    def run(positions: Iterable[int]) -> Iterator[tuple[int, Call]]:
        for position in positions:
            try:
                values[position] = completions.run_with(_given(answers[position]), codes[position])
            except CallWanted as problem:
                yield position, problem.call

    wanted = dict(run(range(len(codes))))
    with progress_bar(total=len(codes)) as bar:
        while wanted:
            count = bar.update if bar.n < bar.total else _uncounted
            asked = completions.ask(list(wanted.values()), count, first=False)
            for position, answer in zip(wanted, asked, strict=True):
                answers[position].append(answer)
            wanted = dict(run(wanted))
    return values
