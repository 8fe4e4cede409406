"""A model of a provider, and the parameters to test: those that its request sends, else those that requests may send."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.evaluation import Eval
from evalctl.model.metrics import Metrics
from evalctl.model.providers import Provider

USUAL_N = 10  # answers to one question that the lab's code tasks request
# The name of a parameter in a call, if it differs from the setting; both frameworks send max_completion_tokens.
WIRE = {"stop_tokens": "stop"}
# Asked about where the request says nothing. Four texts: OpenAI takes no more (2026).
USUAL: Mapping[str, Any] = {
    "temperature": 0.0, "top_p": 0.95, "top_k": 20, "min_p": 0.1, "repetition_penalty": 1.05, "frequency_penalty": 0.1,
    "presence_penalty": 0.1, "seed": 1, "stop": ["<stop-1>", "<stop-2>", "<stop-3>", "<stop-4>"],
    "reasoning_effort": "low", "logprobs": True,
}  # fmt: skip
# Tested by the question about the answer's length and by the question with a system message.
_ASKED_ANYWAY = {"max_new_tokens", "system_message"}
# humaneval_pass@1:10 (the fork), pass@k:k=1&n=10 (lighteval 0.13): ten answers to each question.
_ANSWERS = re.compile(r"@\d+:(\d+)$|\bn=(\d+)")


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one provider; `checked` and `evals` only if a request was named."""

    provider: Provider
    model: str
    parameters: Mapping[str, Any]
    up_to: int
    checked: CheckedRequest | None = None
    evals: tuple[Eval, ...] = ()


def of_model(model: str, provider: Provider, catalogue: Catalogue, up_to: int | None) -> Target:
    """A target with everything that a request for this model could send."""
    return Target(provider, model, USUAL, up_to or answers_per_question(catalogue.metrics))


def of_request(
    checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue, up_to: int | None
) -> Iterator[Target]:
    """A target for each model of a request."""
    provider = catalogue.providers[checked.request.provider]
    for model in dict.fromkeys(one.subject.model for one in evals):
        own = tuple(one for one in evals if one.subject.model == model)
        most = up_to or answers_per_question(catalogue.metrics, {one.task.script for one in own})
        yield Target(provider, model, {**USUAL, **_sent(own)}, most, checked, own)


def answers_per_question(metrics: Metrics, scripts: Iterable[str] | None = None) -> int:
    """The most answers to one question that a metric of these tasks (default: of any) counts; at least the usual."""
    wanted = None if scripts is None else set(scripts)
    entries = [one for one in metrics.entries if wanted is None or wanted & set(one.tasks)]
    found = [_ANSWERS.search(metric) for entry in entries for metric in entry.metrics]
    return max([USUAL_N, *(int(match[1] or match[2]) for match in found if match)])


def _sent(evals: Iterable[Eval]) -> dict[str, Any]:
    """The first value of each parameter in the evals."""
    values: dict[str, Any] = {}
    for name, value in (pair for one in evals for pair in one.generation if pair[0] not in _ASKED_ANYWAY):
        values.setdefault(WIRE.get(name, name), list(value) if isinstance(value, tuple) else value)
    return values
