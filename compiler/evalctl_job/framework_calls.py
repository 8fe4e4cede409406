"""Gives lighteval's client for litellm, of both dialects, another way to the model: all questions at once to the job's relay.

The client's own code decides what is asked and what becomes of a reply. It runs once to see which request a question leads to, and again
with the answer; a question that leads to a further request (an empty answer is asked again) is in the next round. `attach` is called
when the client has been imported in a job (`environments/packages/lighteval-client`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from evalctl_job.framework_client import ADDRESS, RelayClient, RelayLost, StreamedAnswer
from evalctl_job.litellm_form import Call, Forms, reply
from evalctl_job.relay_key import VARIABLE

CLIENT = "LiteLLMClient"
ONE, ALL = f"_{CLIENT}__call_api", f"_{CLIENT}__call_api_parallel"
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
        own = {"_litellm": litellm, "_forms": Forms(litellm.completion), "_of_thread": threading.local()}
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
        answers: list[StreamedAnswer] | None = getattr(self._of_thread, "answers", None)
        if answers is None:
            (answer,) = self.ask([call], _uncounted)
        elif answers:
            answer = answers.pop(0)
        else:
            raise CallWanted(call)
        if answer.status != 200:
            error = answer.reply.get("error")
            raise NotAnswered(f"{answer.status}: {error.get('message') if isinstance(error, dict) else error}")
        return reply(self._litellm, answer.reply)

    def ask(self, calls: Sequence[Call], on_answer: Callable[[], object]) -> list[StreamedAnswer]:
        """The answers to these calls; where the relay has ended, an answer with status 503."""
        answers: dict[int, StreamedAnswer] = {}
        lost = StreamedAnswer(503, {})
        relay = RelayClient(os.environ[ADDRESS], os.environ.get(VARIABLE, ""))
        try:
            for position, answer in relay.answers([self._forms.request(call) for call in calls]):
                answers[position] = answer
                on_answer()
        except RelayLost as problem:
            lost = StreamedAnswer(503, {"error": {"message": str(problem)}})
        return [answers.get(position, lost) for position in range(len(calls))]

    def run_with(self, answers: Sequence[StreamedAnswer], code: Callable[[], Any]) -> Any:
        """What `code` returns when its calls have these answers; raises CallWanted at the first call beyond them."""
        self._of_thread.answers = list(answers)
        try:
            return code()
        finally:
            self._of_thread.answers = None


def in_job() -> bool:
    """Whether a job has named its relay; elsewhere the client stays what it is."""
    return ADDRESS in os.environ


def attach(module: ModuleType) -> None:
    """Replaces the way to the model in the client's module; AttributeError for a client that asks in another way."""
    client = getattr(module, CLIENT)
    one, original = getattr(client, ONE), getattr(client, ALL)
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

    module.__dict__["litellm"] = completions
    setattr(client, ONE, ask_one)
    setattr(client, ALL, ask_all)


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
                values[position] = completions.run_with(answers[position], codes[position])
            except CallWanted as problem:
                yield position, problem.call

    wanted = dict(run(range(len(codes))))
    with progress_bar(total=len(codes)) as bar:
        while wanted:
            asked = completions.ask(list(wanted.values()), bar.update if bar.n < bar.total else _uncounted)
            for position, answer in zip(wanted, asked, strict=True):
                answers[position].append(answer)
            wanted = dict(run(wanted))
    return values
