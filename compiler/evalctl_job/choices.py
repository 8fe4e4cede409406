"""The arithmetic of a request's choices: asked in parts, merged into one answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalctl_job.filters import filter_that_took, is_filtered
from evalctl_job.options import REASONING, Options
from evalctl_job.replies import MOST_WORDS, NoAnswer, in_order, read_choice, tokens, usage_of

# The position of a choice within its reply, and a reply that has this choice and those after it.
Run = tuple[int, dict[str, Any]]
# Tokens of 2026's tokenizers hold about 4 characters of English and 2 of Japanese; long blanks and lines are one token each.
MOST_CHARACTERS, SURE = 16, 1024  # of a token on average; of a prompt for which this average holds
_RUN = re.compile(r"(.)\1+", re.DOTALL)
_ENVELOPE = frozenset({"id", "object", "created", "model", "choices", "usage", "error"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of the model, as counted and kept."""

    text: str
    reasoning: str | None
    finish_reason: str | None

    @property
    def empty(self) -> bool:
        """Whether the answer has no text. White space is an answer: the model generated it."""
        return self.text == ""


def parts(missing: Sequence[int], max_n: int | None) -> list[tuple[int, int]]:
    """How the choices with these ascending numbers are asked: (first, size) of neighbours, `max_n` at most in each."""
    found: list[tuple[int, int]] = []
    for number in missing:
        first, size = found[-1] if found else (number, 0)
        if number == first + size and (max_n is None or size < max_n):
            found[-1:] = [(first, size + 1)]
        else:
            found.append((number, 1))
    return found


def part(body: Mapping[str, Any], first: int, n: int) -> dict[str, Any]:
    """The request for choices `first` … `first + n - 1` of `body`."""
    cut = dict(body)
    if "n" in body or n > 1:
        cut["n"] = n
    # vLLM samples choice i of a seeded request with seed + i (seen: 0.32 ParentRequest). Parts with one seed would
    # repeat the first part's texts, and pass@k would be counted over copies.
    if isinstance(body.get("seed"), int) and first:
        cut["seed"] = body["seed"] + first
    return cut


def delivered(options: Options, choice: dict[str, Any]) -> dict[str, Any]:
    """The model's choice as the framework gets it."""
    return answer_reasoning(choice) if options.null_content == REASONING else choice


def answer_reasoning(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice without content gets its reasoning as content."""
    message = choice.get("message")
    if not isinstance(message, dict) or message.get("content") or not reasoning_of(message):
        return choice
    return {**choice, "message": {**message, "content": reasoning_of(message)}}


def reasoning_of(message: Mapping[str, Any]) -> str | None:
    """The reasoning beside an answer: `reasoning` since vLLM 0.32, `reasoning_content` before and elsewhere."""
    return message.get("reasoning") or message.get("reasoning_content") or None


def read_reply(raw: Mapping[str, Any], asked: int) -> list[Run] | NoAnswer:
    """The answers in a reply, neighbours together; or, where there is none, the reason that is most likely transient."""
    if by := filter_that_took(raw):
        return NoAnswer(f"no answer: the provider filtered it ({by})", unanswerable=True)
    read = [read_choice(one) for one in in_order(raw.get("choices"), asked)]
    good = [position for position, one in enumerate(read) if isinstance(one, dict)]
    if not good:
        bad = [one for one in read if isinstance(one, NoAnswer)]
        return min(bad, key=lambda one: (not one.passing, one.unanswerable)) if bad else _without_choices(raw)
    usage = usage_of(raw.get("usage"))
    costs = {position: share(usage, number, len(good)) for number, position in enumerate(good)}
    runs = [range(first, first + size) for first, size in parts(good, None)]
    return [(run[0], _part_of(raw, [read[i] for i in run], [costs[i] for i in run])) for run in runs]


def _without_choices(raw: Mapping[str, Any]) -> NoAnswer:
    """The reason that a reply without choices gives (seen: MiniMax says `insufficient balance` with status 200)."""
    rest = {key: value for key, value in raw.items() if key not in _ENVELOPE and value}
    words = f": {json.dumps(rest, ensure_ascii=False)[:MOST_WORDS]}" if rest else ""
    return NoAnswer(f"the model's reply has no choices{words}", unanswerable=is_filtered(words))


def _part_of(raw: Mapping[str, Any], choices: Sequence[Any], costs: Sequence[Any]) -> dict[str, Any]:
    """A reply with some of the choices and their share of the usage."""
    envelope = {key: value for key, value in raw.items() if key not in ("choices", "usage", "error")}
    usage = costs[0] if len(costs) == 1 else total([cost for cost in costs if cost])
    return {**envelope, "choices": list(choices), **({"usage": usage} if usage else {})}


def blank(path: str) -> dict[str, Any]:
    """An empty choice, which a framework scores as a wrong answer."""
    content = {"text": ""} if path == "/completions" else {"message": {"role": "assistant", "content": ""}}
    return {"index": 0, **content, "finish_reason": "stop"}


def plain(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A choice with only the fields that frameworks read. Their client loses an answer over the type of any other field, and over a
    message without a role (seen: litellm 1.101 with `tool_calls`, `annotations`, `images`, `audio`).
    """
    message = choice.get("message")
    if not isinstance(message, dict):
        return {"index": 0, "text": choice["text"], "finish_reason": choice["finish_reason"]}
    thoughts = {name: message[name] for name in ("reasoning", "reasoning_content") if message.get(name)}
    kept = {"role": "assistant", "content": message.get("content"), **thoughts}
    return {"index": 0, "message": kept, "finish_reason": choice["finish_reason"]}


def without_null(choice: dict[str, Any]) -> dict[str, Any]:
    """The choice with "" in place of missing content."""
    message = choice.get("message")
    return {**choice, "message": {**message, "content": ""}} if isinstance(message, dict) else choice


def described(choice: Mapping[str, Any]) -> Choice:
    """A choice of /chat/completions (message) or of /completions (text)."""
    message = choice.get("message") or {"content": choice.get("text")}
    return Choice(message.get("content") or "", reasoning_of(message), choice.get("finish_reason"))


def counted_short(body: Mapping[str, Any], usage: Any) -> str | None:
    """The complaint if a server counted far fewer tokens than the prompt must have: it has cut the prompt.

    Tokens from a cache of prompts count, too: some gateways name them apart (Anthropic's own API). Runs of one character may be one token.
    """
    counted, text = tokens(usage, "prompt_tokens"), "".join(prompt_texts(body))
    if not counted or len(text) < SURE:
        return None
    counted += _cached(usage)
    if len(text) <= MOST_CHARACTERS * counted or len(_RUN.sub(r"\1", text)) <= MOST_CHARACTERS * counted:
        return None
    return f"the prompt was cut: {len(text)} characters were sent, and the server counted {counted} tokens"


def _cached(usage: Any) -> int:
    """All counters of a usage that a name makes tokens of a cache."""
    found = [(name, value) for name, value in usage.items()]
    inner = sum(_cached(value) for _, value in found if isinstance(value, dict))
    return inner + sum(tokens(usage, name) for name, _ in found if "cache" in name)


def prompt_texts(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a request, without images."""
    messages = body.get("messages")
    found = [one.get("content") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    for content in [body.get("prompt"), *found]:
        for part in content if isinstance(content, list) else [content]:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                yield text


def prompt_digest(body: Mapping[str, Any]) -> str:
    """Of all texts of a request; with the messages of a details file in place of the request's it is the same."""
    text = "\n".join(prompt_texts(body))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def texts(choices: Sequence[Any]) -> list[tuple[str, str | None]]:
    """The texts of the answers among these choices."""
    read = [one for raw in choices if isinstance(one := read_choice(raw), dict)]
    return [(answer.text, answer.reasoning) for answer in map(described, read)]


def merged(replies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One reply with every choice, renumbered, and the sum of the usage of all parts."""
    whole = dict(replies[0])
    choices = [choice for reply in replies for choice in reply["choices"]]
    whole["choices"] = [{**choice, "index": index} for index, choice in enumerate(choices)]
    usages = [reply["usage"] for reply in replies if isinstance(reply.get("usage"), dict)]
    if usages:
        whole["usage"] = total(usages) if len(usages) > 1 else usages[0]
    return whole


def total(usages: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The sum of each counter that the parts report."""
    counters = [(key, value) for usage in usages for key, value in usage.items() if isinstance(value, int)]
    return {name: sum(value for key, value in counters if key == name) for name in dict(counters)}


def share(usage: Any, position: int, count: int) -> Any:
    """The usage of the choice at `position` of `count`; the shares of all choices add up to the whole usage."""
    if count == 1 or not isinstance(usage, dict):
        return usage
    counters = {name: value for name, value in usage.items() if isinstance(value, int)}
    return {name: value * (position + 1) // count - value * position // count for name, value in counters.items()}
