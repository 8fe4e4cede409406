"""Decides what counts as an answer of the model, for new and for stored replies.

`read_choice` returns a choice in one form, or the reason why it is not an answer. Other invalid content is removed here:
impossible counters, names of any type. `strict_json` refuses text that is not JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl_job.filters import filter_that_took, is_filter_end
from evalctl_job.strict_json import loads

STOP, LENGTH = "stop", "length"
# Finish reasons of a complete answer, as servers write them, those of a model's own API included.
GOOD_ENDS: Mapping[str, str] = {
    "stop": STOP,  # OpenAI's API reference; vLLM 0.32, DeepInfra, Gemini's and Anthropic's endpoints, OpenRouter
    "length": LENGTH,  # the same
    "eos": STOP,  # Together AI
    "eos_token": STOP,  # Hugging Face's text-generation-inference
    "stop_sequence": STOP,  # text-generation-inference; Anthropic's own API
    "end_turn": STOP,  # Anthropic's own API, as gateways pass it on
    "max_tokens": LENGTH,  # the same
    "model_length": LENGTH,  # Mistral: the model's context is full
    "STOP": STOP,  # Gemini's own API, as gateways pass it on
    "MAX_TOKENS": LENGTH,  # the same
    "COMPLETE": STOP,  # Cohere
}
# No tool is offered: a part of the answer is where no framework reads it.
CALLED = frozenset({"tool_calls", "function_call", "tool_use"})
# The server broke off: OpenRouter's `error`, vLLM's `abort`, DeepSeek's and Zhipu's words, Cohere's and Gemini's own, which gateways
# make a `stop` of (seen: litellm 1.101; null: so did the reply).
BROKEN_OFF = frozenset({
    "error", "abort", "insufficient_system_resource", "network_error", "ERROR", "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL",
})  # fmt: skip
UNCLEAR = frozenset(
    {"OTHER", "FINISH_REASON_UNSPECIFIED"}
)  # Gemini's own, which say that something went wrong, not what
THINKING = frozenset({"thinking", "reasoning"})
TEXT = frozenset({"text", "output_text"})
MOST_WORDS = 4096  # bytes of a page that are looked at
MOST_TOKENS = 10**9  # of one reply; the longest contexts of 2026 have 10**7
LONGEST_NAME = 200
UNNAMED = "(not named)"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a choice is not an answer. `unanswerable`: the model or its provider refuses this question; `passing`: it may be transient."""

    why: str
    unanswerable: bool = False
    passing: bool = False


class Malformed(Exception):
    """The choice has an invalid form."""


def read_choice(raw: Any) -> dict[str, Any] | NoAnswer:
    """The choice with the finish reason `stop` or `length` and checked texts, or why it is not an answer; idempotent."""
    try:
        return _read_choice(raw)
    except Malformed as problem:
        return NoAnswer(f"no answer: {problem}")


def _read_choice(raw: Any) -> dict[str, Any] | NoAnswer:
    if not isinstance(raw, dict):
        raise Malformed("a choice is no object")
    if bad := _bad_end(raw):
        return bad
    read = {**raw, "finish_reason": _end(raw)}
    if read["finish_reason"] != raw["finish_reason"]:
        read.setdefault("native_finish_reason", raw["finish_reason"])
    if isinstance(raw.get("message"), dict):
        return {**read, "message": _read_message(raw["message"])}
    if raw.get("message") is None and isinstance(raw.get("text"), str):
        return {**read, "text": _characters(raw["text"])}
    raise Malformed("a choice has neither a message nor a text")


def _end(raw: Mapping[str, Any]) -> str:
    """The finish reason; `length` where the model's own server says so, even if a gateway says `stop`."""
    native = raw.get("native_finish_reason")
    return LENGTH if isinstance(native, str) and GOOD_ENDS.get(native) == LENGTH else GOOD_ENDS[raw["finish_reason"]]


def _bad_end(raw: Mapping[str, Any]) -> NoAnswer | None:
    message = raw.get("message")
    end, error = (
        raw.get("finish_reason"),
        raw.get("error") or (message.get("error") if isinstance(message, dict) else None),
    )
    if error:  # an empty one says that there was none
        return NoAnswer(f"no answer: it ended with {_named(end)}: {message_of(error)}", passing=True)
    if not isinstance(end, str | None):
        raise Malformed("its end is not a word")
    if (
        end in GOOD_ENDS
        and isinstance(own := raw.get("native_finish_reason"), str)
        and (is_filter_end(own) or own in CALLED | BROKEN_OFF | UNCLEAR)
    ):
        end = own  # OpenRouter gives the word of the server behind it beside its own
    if end is None or end in BROKEN_OFF:
        return NoAnswer(f"no answer: it ended with {_named(end)}", passing=True)
    if is_filter_end(end):
        return NoAnswer(f"no answer: the provider filtered it ({end})", unanswerable=True)
    if by := filter_that_took(raw):
        return NoAnswer(f"no answer: the provider filtered it ({by})", unanswerable=True)
    if end in CALLED or _has_called(raw.get("message")):  # some gateways end such an answer with `stop`
        return NoAnswer(f"no answer: the model called a tool ({end})", unanswerable=True)
    return None if end in GOOD_ENDS else NoAnswer(f"no answer: its end {_named(end)} is not known")


def _has_called(message: Any) -> bool:
    return isinstance(message, dict) and any(message.get(name) for name in ("tool_calls", "function_call"))


def _named(end: Any) -> str:
    return f"`{str(end)[:LONGEST_NAME]}`" if end is not None else "null"


def _read_message(message: Mapping[str, Any]) -> dict[str, Any]:
    content, thoughts = _texts(message.get("content"))
    read = {**message, "content": content}
    for name in ("reasoning", "reasoning_content"):
        if name in message:
            read[name] = _joined(message[name], f"its `{name}`")
    if thoughts and not (read.get("reasoning") or read.get("reasoning_content")):
        read["reasoning"] = thoughts
    return read


def _joined(value: Any, what: str) -> str | None:
    """The text, or the joined texts of a list of parts."""
    if value is None or isinstance(value, str):
        return _characters(value) if value else value
    if not isinstance(value, list):
        raise Malformed(f"{what} is neither a text nor a list of parts")
    return "".join(_text_of(part) for part in value)


def _texts(content: Any) -> tuple[str | None, str]:
    """(answer, reasoning) of a content that is a text or a list of parts."""
    if content is None or isinstance(content, str):
        return _characters(content) if content else content, ""
    if not isinstance(content, list):
        raise Malformed("its content is neither a text nor a list of parts")
    answer, thought = "", ""
    for part in content:
        kind = str(part.get("type", "text")) if isinstance(part, dict) else "text"
        if kind in THINKING:
            thought += _text_of(part)
        elif kind in TEXT:
            answer += _text_of(part)
        else:
            raise Malformed(f"its content has a part of kind {_named(kind)}")
    return answer, thought


def _characters(text: str) -> str:
    """The text without unpaired surrogates, which JSON allows and files do not: a framework would fail when it writes one."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text_of(part: Any) -> str:
    """The text of a part. Mistral writes reasoning as a list of parts in `thinking`, Anthropic's own API as a text."""
    if isinstance(part, str):
        return _characters(part)
    known = part if isinstance(part, dict) else {}
    found = next((known[key] for key in ("text", "thinking", "reasoning") if key in known), None)
    if not isinstance(found, str | list):
        raise Malformed("a part of its content has no text")
    return _joined(found, "a part of its content") or ""


def in_order(raw: Any, asked: int) -> list[Any]:
    """The choices of a reply in the order of the request: by their indexes where these are valid, at most as many as asked.

    Indexes that are not numbers, or repeated (seen: gateways that send 0 for all), are ignored.
    """
    if not isinstance(raw, list):
        return []
    places = [one.get("index") if isinstance(one, dict) else None for one in raw]
    indexed = all(type(place) is int and 0 <= place < len(raw) for place in places) and len(set(places)) == len(raw)
    ordered = [raw[places.index(place)] for place in range(len(raw))] if indexed else raw
    return ordered[:asked]


def usage_of(raw: Any) -> dict[str, Any] | None:
    """The valid counters of a reply's usage, nested ones (their details) included."""
    if not isinstance(raw, dict):
        return None
    found = {name: value if _is_count(value) else usage_of(value) for name, value in raw.items()}
    return {name: value for name, value in found.items() if value is not None}


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_TOKENS


def tokens(usage: Any, name: str) -> int:
    """One counter, 0 where it is none."""
    value: Any = usage.get(name) if isinstance(usage, dict) else None
    return int(value) if _is_count(value) else 0


def message_of(error: Any) -> str:
    """The text of an error object, with its code or type if they are words: `insufficient_quota` says more than 429."""
    if not isinstance(error, dict):
        return str(error)
    message = str(error.get("message") or error)
    words = [
        word for key in ("code", "type") if isinstance(word := error.get(key), str) and word and word not in message
    ]
    metadata = error.get("metadata")
    # OpenRouter: the message of the provider behind it
    inner = metadata.get("raw") if isinstance(metadata, dict) else None
    return " ".join([message, *(f"[{word}]" for word in words[:1]), *([str(inner)] if inner else [])])


def words_of(content: bytes) -> str:
    """The message inside an OpenAI-style error, or the text itself: a proxy's page, in whatever encoding."""
    try:
        return message_of(loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content[:MOST_WORDS].decode(errors="replace")


def status_of(error: Any) -> int | None:
    """The status inside an error that came with 200 (seen: OpenRouter, once the model has begun), as a number or as digits."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and re.fullmatch("[45][0-9]{2}", code):
        return int(code)
    return code if type(code) is int and 400 <= code < 600 else None


def is_certain(content: bytes) -> bool:
    """Whether an invalid reply is complete (a stream, or JSON in another form), so that the server would send it again."""
    text = content.strip()
    return text.startswith((b"data:", b"event:", b": ")) or (text[:1] in b"{[" and text[-1:] in b"}]" and len(text) > 1)


def model_of(reply: Mapping[str, Any]) -> str:
    """The model that a reply names."""
    name = reply.get("model")
    if not isinstance(name, str) or not name:
        return UNNAMED
    return name[:LONGEST_NAME].encode("utf-8", "replace").decode()


# What OpenRouter puts behind a model's name to choose among those who serve it.
_ROUTE = re.compile(r":(?:free|nitro|floor|exacto)$")
# gpt-4o-2024-08-06, claude-3-5-haiku-20241022, mistral-large-2411, gemini-2.5-flash-preview-05-20, gemini-1.5-pro-002
_DATE = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{2}-\d{2}|\d{3})$")


def same_model(asked: str, answered: str) -> bool:
    """Whether the model `answered` is the model `asked`: an added date or publisher is ignored.

    A name without a requested date (gpt-4o for gpt-4o-2024-08-06) is another model: it may be any version. `#DEPLOYMENT` (Fireworks)
    says which servers answer, and may be left out.
    """
    if ("#" in asked) != ("#" in answered):
        asked, answered = (name.partition("#")[0] for name in (asked, answered))
    wanted, named = (_ROUTE.sub("", name.lower().removeprefix("models/")) for name in (asked, answered))
    undated = _DATE.sub("", named)
    return any(
        _same_path(wanted, name) or _same_path(wanted.removesuffix("-latest"), name) for name in (named, undated)
    )


def _same_path(one: str, other: str) -> bool:
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")
