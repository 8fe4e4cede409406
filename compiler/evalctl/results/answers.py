"""Reads the answers of one eval from the relay's `answers.jsonl`, and summarises them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalctl_job.looping import loop


@dataclass(frozen=True, slots=True)
class Graded:
    """A question as the framework scored it; `number` counts through the task, from 1. A score that is not a number is None."""

    entry: str
    number: int
    gold: tuple[str, ...]
    scores: Mapping[str, float | None]

    def right(self, metrics: Sequence[str] = ()) -> bool | None:
        """Whether every score, or each of these, is at least 1; None without scores."""
        counted = [
            value for name, value in self.scores.items() if value is not None and (not metrics or name in metrics)
        ]
        return all(value >= 1 for value in counted) if counted else None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the model: request, text, finish reason, and the scores of its question."""

    question: str
    prediction: str
    reasoning: str
    finish_reason: str
    tokens: int | None
    seconds: float | None
    graded: Graded | None = None
    asked: str = ""  # the model's name in the request, and in the reply
    answered_by: str = ""

    @property
    def text(self) -> str:
        """Everything that the model wrote."""
        return self.reasoning + self.prediction

    @property
    def length(self) -> int:
        """In characters."""
        return len(self.text)

    @property
    def truncated(self) -> bool:
        """Cut off at the length limit."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of the answers of an eval. Lengths are in characters."""

    answers: int
    empty: int
    truncated: int
    repeating: int
    median: int
    p95: int
    longest: int
    examples: tuple[str, ...]


def read(lines: Iterable[bytes]) -> tuple[list[Answer], int]:
    """All answers, and the number of unreadable lines: damaged, incomplete, or of a newer evalctl."""
    found: list[Answer] = []
    unreadable = 0
    for line in lines:
        try:
            found.extend(_answers(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            unreadable += 1
    return found, unreadable


def summed(answers: Sequence[Answer]) -> Summary:
    """Counts, lengths, and up to three passages in which answers loop."""
    lengths = sorted(one.length for one in answers)
    loops = [passage for one in answers if (passage := loop(one.text))]
    return Summary(
        answers=len(answers),
        empty=sum(not one.prediction for one in answers),
        truncated=sum(one.truncated for one in answers),
        repeating=len(loops),
        median=int(statistics.median(lengths)) if lengths else 0,
        p95=lengths[min(len(lengths) - 1, len(lengths) * 95 // 100)] if lengths else 0,
        longest=lengths[-1] if lengths else 0,
        examples=tuple(dict.fromkeys(loops))[:3],
    )


def _answers(line: Mapping[str, Any]) -> Iterator[Answer]:
    body, choices = line["body"], line["choices"]
    usage = line.get("usage") or {}
    tokens = usage.get("completion_tokens") if len(choices) == 1 else None  # of several, only the sum is known
    for choice in choices:
        message = choice.get("message") or {"content": choice.get("text")}
        yield Answer(
            question=_whole(_question(body)),
            prediction=_whole(message.get("content") or ""),
            # `reasoning` since vLLM 0.32, `reasoning_content` before and elsewhere
            reasoning=_whole(message.get("reasoning") or message.get("reasoning_content") or ""),
            finish_reason=choice.get("finish_reason") or "",
            tokens=tokens,
            seconds=line.get("seconds"),
            asked=_name(body),
            answered_by=_name(line.get("reply") or {}),
        )


def _name(part: Mapping[str, Any]) -> str:
    name = part.get("model")
    return _whole(name) if isinstance(name, str) else ""


def _question(body: Mapping[str, Any]) -> str:
    messages = body.get("messages")
    if not messages:
        return str(body.get("prompt", ""))
    return "\n".join(f"[{one['role']}] {_content(one['content'])}" for one in messages)


def _content(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _whole(text: str) -> str:
    """Half of a surrogate pair, which a model can write in JSON, cannot be written to a file: it becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")
