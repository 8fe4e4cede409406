"""Signs that a provider withheld an answer: its finish reason, a text, or the report of a filter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Ends by which a provider says it: OpenAI; Anthropic's own; Gemini's own; Zhipu; Bedrock; Cohere's own.
FILTERED = frozenset({
    "content_filter", "content_filtered", "refusal", "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    "LANGUAGE", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "sensitive", "guardrail_intervened", "ERROR_TOXIC",
})  # fmt: skip
# The same in words, of a question: OpenAI, Azure and Moonshot (its type is `content_filter`); OpenRouter; xAI; Alibaba; Volcengine's
# error codes; MiniMax, also by its codes 1026 and 1027; Zhipu; DeepSeek; a guardrail of Portkey, with 446 (documents and clients, 2026-11).
_FILTERED_WORDS = re.compile(
    r"\[content_filter\]|content management policy|\[invalid_prompt\]|flagged as potentially violating|"
    r"requires moderation|input was flagged|violates usage guidelines|SAFETY_CHECK_TYPE|"
    r"data_?inspection_?failed|SensitiveContentDetected|(?:Input|Output)TextRiskDetection|"
    r"new_sensitive|\"status_code\": ?102[67]\b|不安全或敏感内容|Content Exists Risk|\[hooks_failed\]",
    re.IGNORECASE,
)


def is_filtered(words: str) -> bool:
    """Whether a provider's text says that a filter refused the question."""
    return _FILTERED_WORDS.search(words) is not None


def is_withheld(why: str) -> bool:
    """Whether a reason for no answer, as evalctl words it, is that a filter took it; a called tool is none."""
    return "the provider filtered it" in why or is_filtered(why)


def is_filter_end(end: str) -> bool:
    """Whether a finish reason says it. Gemini's endpoint adds its own word: `content_filter: RECITATION` (clients, 2026)."""
    return end.partition(":")[0] in FILTERED


def _azure(found: Any) -> bool:
    """Azure: an object for each category, in lists for prompts; `filtered` says that this one took something away."""
    return any(part.get("filtered") is True for part in _objects(found))


def _gemini(found: Any) -> bool:
    """Gemini's own ratings, as gateways pass them on: `blocked` is there where one was the reason."""
    return any(part.get("blocked") is True for part in _objects(found))


# Fields of a reply or of a choice, and what of them says that the text is not the model's whole answer though its end is good.
_FINDINGS: Mapping[str, Callable[[Any], bool]] = {
    "content_filter_results": _azure,
    "content_filter_result": _azure,
    "prompt_filter_results": _azure,
    "prompt_annotations": _azure,  # its older name
    "safetyRatings": _gemini,
    "safety_ratings": _gemini,
    "amazon-bedrock-guardrailAction": lambda found: found == "INTERVENED",  # Bedrock: the text is the guardrail's own
    # Baidu Qianfan: from 3 on the text is not to be shown; 1 and 2 judge the conversation, and the text is whole.
    "flag": lambda found: type(found) is int and found >= 3,
}


def filter_that_took(raw: Any) -> str | None:
    """The field of a reply or of a choice that reports a filter's change of the answer."""
    return next((name for name, took in _FINDINGS.items() if name in raw and took(raw[name])), None)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The object and every object in it; the depth of replies is bounded."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _objects(inner)
