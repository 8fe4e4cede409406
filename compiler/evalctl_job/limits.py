"""Reads a provider's limits from its replies, and finds them with few questions; without network and litellm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ACCEPTED, UNREPORTED, OBEYED, DROPPED, REFUSED = "accepted", "not reported", "obeyed", "dropped", "refused"

# How lists of models call it: vLLM 0.32; OpenRouter and Together; Groq; LM Studio; litellm's proxy.
LENGTH_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens")
CONTEXT_IN_WORDS = re.compile(
    r"(?:maximum context length|context length|context window|max_model_len)\D{0,40}?(\d[\d,]{2,})", re.IGNORECASE
)
ANSWER_IN_WORDS = re.compile(
    r"(?:at most|less than or equal to|maximum(?: value)?(?: is| of)?|<=|>) (\d[\d,]{1,}) ?(?:completion|output)?",
    re.IGNORECASE,
)
RATE_HEADER = re.compile(r"(?:[a-z]+-)?(?:x-)?ratelimit-|retry-after$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """The reply to one question: choices, or a refusal with the provider's text."""

    status: int
    message: str = ""
    choices: tuple[Mapping[str, Any], ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether there was an answer at all."""
        return self.status == 200


def largest(bound: int, granted: Callable[[int], int]) -> int:
    """The largest number from 1 (known to be granted) to `bound` that is granted, by asking for `bound` and then halving.

    `granted` is how many came of those asked for: none is a refusal, and fewer are the limit.
    """
    low, high, asked = 1, bound, bound
    while True:
        got = granted(asked)
        if 0 < got < asked:
            return max(low, got)
        low, high = (asked, high) if got else (low, asked)
        if high - low <= 1:
            return low
        asked = (low + high) // 2


def length_obeyed(reply: ProviderReply, limit: int) -> bool:
    """Whether the answer was cut off at the requested length, rather than ended by the model."""
    tokens = reply.usage.get("completion_tokens")
    cut = any(choice.get("finish_reason") == "length" for choice in reply.choices)
    return cut or (isinstance(tokens, int) and 0 < tokens <= limit)


def listed_length(models: Iterable[Mapping[str, Any]], name: str) -> int | None:
    """The context length that the provider's list of models gives for `name`."""
    for model in models:
        if model.get("id") in (name, f"models/{name}"):
            metadata = model.get("metadata")
            facts = {**(metadata if isinstance(metadata, dict) else {}), **model}
            return next((facts[key] for key in LENGTH_KEYS if isinstance(facts.get(key), int)), None)
    return None


def context_in(message: str) -> int | None:
    """The context length that a refusal names."""
    return _number(CONTEXT_IN_WORDS.search(message))


def longest_answer_in(message: str) -> int | None:
    """The longest answer that a refusal names: `… supports at most 16384 completion tokens`."""
    return None if CONTEXT_IN_WORDS.search(message) else _number(ANSWER_IN_WORDS.search(message))


def _number(found: re.Match[str] | None) -> int | None:
    return int(found[1].replace(",", "")) if found else None


def rate_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with rate limits, unchanged."""
    return {name.lower(): value for name, value in headers.items() if RATE_HEADER.match(name)}
