"""Checks a task's requests and answers: settings that were not sent, and reasoning left in answers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Marks with which models separate their reasoning from the answer, as their parsers in vLLM 0.32 (vllm/reasoning) and their
# tokenizers and model cards (2026) have them. An answer that is scored should hold none.
REASONING_MARKS = (
    "<think>", "</think>",  # DeepSeek-R1, Qwen3, QwQ, Nemotron, GLM-4.5, Hunyuan-A13B, MiniMax-M2, Step3, OLMo 3
    "[THINK]", "[/THINK]",  # Mistral's Magistral
    "<|channel|>", "<|channel>", "<channel|>",  # gpt-oss (harmony); Gemma 4
    "◁think▷", "◁/think▷",  # Kimi-VL-Thinking
    "<seed:think>", "</seed:think>",  # Seed-OSS
    "<mm:think>", "</mm:think>",  # MiniMax-M3
    "<|START_THINKING|>", "<|END_THINKING|>",  # Cohere Command A Reasoning
    "<|open|>think<|sep|>", "<|close|>think<|sep|>",  # Kimi-K3
    "<ifm|think", "</ifm|think",  # K2 Horizon
    "<|begin_of_thought|>", "<|end_of_thought|>",  # Sky-T1, OpenThinker
    "<|inner_prefix|>", "<|inner_suffix|>",  # Apertus
    "Here is my thought process:", "Here's my thought process:",  # Granite 3.2
    "<reasoning>", "</reasoning>", "<thinking>", "</thinking>", "<thought>", "</thought>",  # many fine-tuned models
)  # fmt: skip
LONG = 400  # characters of an answer that is more than a letter, a refusal or a form
_MARK = re.compile("|".join(map(re.escape, REASONING_MARKS)))
# lighteval 0.13 removes complete pairs of <think> before it scores.
_TAKEN_OUT = re.compile(r"<think>.*?</think>", re.DOTALL)


def marked(texts: Iterable[str | None], *, pairs_are_taken_out: bool) -> tuple[int, str]:
    """How many answers contain the beginning or the end of reasoning when they are scored, and the first that was seen."""
    count, first = 0, ""
    for text in texts:
        scored = _TAKEN_OUT.sub("", text or "") if pairs_are_taken_out else text or ""
        if found := _MARK.search(scored):
            count, first = count + 1, first or found[0]
    return count, first


def repeated_answers(entries: Iterable[Iterable[Iterable[str | None]]]) -> int:
    """How many long answers are, word for word, an answer to another question; a loop of a few words is none that a cache gave.

    Entries have a row for each question. A model may give two questions the same answer, so that nothing is refused.
    """
    rows = [{text for text in row if text and _is_varied(text)} for entry in entries for row in entry]
    seen = Counter(text for row in rows for text in row)
    return sum(number - 1 for number in seen.values())


def _is_varied(text: str) -> bool:
    """Whether it is long and varied, so that chance does not repeat it."""
    return len(text) >= LONG and len({text[at : at + 4] for at in range(LONG)}) >= LONG // 4


def not_as_planned(planned: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each planned parameter that was sent with another value or not at all."""
    for name, wanted in sorted(planned.items()):
        values = [value for value in sent.get(name) or [] if value is not None]
        if not values:
            yield f"{name}: the plan has {_shown(wanted)}, and no request carried it"
        elif any(_plain(value) != _plain(wanted) for value in values):
            yield f"{name}: the plan has {_shown(wanted)}, and {', '.join(map(_shown, values))} was sent"


def _plain(value: Any) -> Any:
    """The value; a single stop text becomes a list."""
    return [value] if isinstance(value, str) else value


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]
