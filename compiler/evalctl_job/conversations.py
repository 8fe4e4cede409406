"""Asks the turns of all conversations at once; the client's own loop asks one conversation after the other, and the server waits for each.

The loop runs several times, over copies of its questions: a call without an answer gets a placeholder, and a call with a placeholder in
it, a later turn, is asked in a later round. Once every call has its answer the loop runs over the questions themselves, and what
it returns is what it would have returned.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from evalctl_job.framework_client import StreamedAnswer
from evalctl_job.litellm_form import Call

PLACEHOLDER = f"no answer yet {os.urandom(12).hex()}"  # in no question
Ask = Callable[[Sequence[Call]], Sequence[StreamedAnswer]]
RunWith = Callable[[Callable[[Call], StreamedAnswer], Callable[[], Any]], Any]


class Planned:
    """The calls of one run of the loop, and those of their answers that are known."""

    def __init__(self, known: Mapping[str, Sequence[StreamedAnswer]]) -> None:
        """`known` has the answers of each call, as often as it is made."""
        self._known = known
        self._made: dict[str, int] = {}
        self.wanted: list[Call] = []

    def answer(self, call: Call) -> StreamedAnswer:
        """The answer of this call, or a placeholder."""
        known = self.known(call)
        if known is None and PLACEHOLDER not in named(call):
            self.wanted.append(call)
        return known or _placeholder(call)

    def known(self, call: Call) -> StreamedAnswer | None:
        """The k-th answer of the call at the k-th time."""
        name = named(call)
        position = self._made[name] = self._made.get(name, -1) + 1
        return dict(enumerate(self._known.get(name, ()))).get(position)


def named(call: Call) -> str:
    """Equal calls have one name."""
    return json.dumps(dict(call), sort_keys=True, default=repr)


def _placeholder(call: Call) -> StreamedAnswer:
    message = {"role": "assistant", "content": PLACEHOLDER}
    choices = [{"index": i, "message": message, "finish_reason": "stop"} for i in range(call.get("n") or 1)]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return StreamedAnswer(
        200, {"id": "none", "object": "chat.completion", "created": 0, "choices": choices, "usage": usage}
    )


def in_rounds(client: Any, questions: Any, loop: Callable[[Any], Any], ask: Ask, run_with: RunWith) -> Any:
    """What `loop` returns for the questions; `ask` gets the answers to some calls, `run_with` runs code with the source of its answers.

    The loop changes its questions (an answer becomes part of the next turn) and the client's generation parameters.
    """
    parameters, known = client.generation_parameters, dict[str, list[StreamedAnswer]]()

    def wanted() -> list[Call]:
        planned = Planned(known)
        client.generation_parameters = deepcopy(parameters)
        run_with(planned.answer, lambda: loop(deepcopy(questions)))
        return planned.wanted

    while calls := wanted():
        for call, answer in zip(calls, ask(calls), strict=True):
            known.setdefault(named(call), []).append(answer)
    client.generation_parameters = parameters
    return run_with(_only(Planned(known)), lambda: loop(questions))


def _only(planned: Planned) -> Callable[[Call], StreamedAnswer]:
    def answer(call: Call) -> StreamedAnswer:
        found = planned.known(call)
        if found is None:  # a placeholder would be scored
            raise SystemExit("the framework asked other questions when it had the answers")
        return found

    return answer
