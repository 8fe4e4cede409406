"""A provider with limits: the behaviour of a server that refuses, drops or ignores what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chat_upstream import Asked, Reply, completion

KEY = "sk-a-key-that-nobody-may-see-1234"


@dataclass(frozen=True)
class Limits:
    """What the server does not bear; without any it takes everything and uses what it knows."""

    most_n: int = 1000
    drops_n: bool = False  # beyond most_n: fewer answers, rather than a refusal
    refused: tuple[str, ...] = ()
    not_together: tuple[str, ...] = ()
    stop_texts: int = 1000
    refuses_unknown: bool = False
    gives_logprobs: bool = False
    ignores_length: tuple[str, ...] = ()
    listed: str = ""  # under which name the list of models tells the context
    context: int = 8192
    headers: tuple[tuple[str, str], ...] = ()


def limited(limits: Limits, model: str = "org/m", key: str = KEY) -> Callable[[Asked], Reply]:
    """The server's behaviour; like some real ones it repeats the key that it was given in its refusals."""

    def behave(asked: Asked) -> Reply:
        given = asked.headers.get("Authorization", "")
        if given != f"Bearer {key}":
            return refusal(f"Incorrect API key provided: {given}", 401)
        if asked.path.endswith("/models"):
            length = {limits.listed: limits.context} if limits.listed else {}
            return Reply({"object": "list", "data": [{"id": model, "object": "model", **length}]})
        if asked.body["model"] != model:
            return refusal("The model `x` does not exist", 404)
        message = objection(limits, asked.body)
        reply = refusal(f"{message} (your key is {KEY})") if message else answered(limits, asked.body)
        return replace(reply, headers=dict(limits.headers))

    return behave


def refusal(message: str, status: int = 400) -> Reply:
    """An error as OpenAI words it."""
    return Reply({"error": {"message": message, "type": "invalid_request_error"}}, status)


KNOWN = {
    "model", "messages", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop",
    "repetition_penalty", "frequency_penalty", "presence_penalty", "reasoning_effort", "logprobs",
}  # fmt: skip


def objection(limits: Limits, body: dict[str, Any]) -> str:
    """Why the request is refused; "" when it is not."""
    wrong = [name for name in body if name in limits.refused or (limits.refuses_unknown and name not in KNOWN)]
    longest = max(body.get("max_tokens", 0), body.get("max_completion_tokens", 0))
    checks = (
        (bool(wrong), f"Unrecognized request argument supplied: {', '.join(wrong)}"),
        ((body.get("n") or 1) > limits.most_n and not limits.drops_n, f"n must be at most {limits.most_n}"),
        (len(body.get("stop") or ()) > limits.stop_texts, "too many stop sequences"),
        (len(limits.not_together) > 1 and all(n in body for n in limits.not_together), "only one of the two, please"),
        (longest > limits.context, f"This model's maximum context length is {limits.context} tokens."),
    )
    return next((message for refused, message in checks if refused), "")


def answered(limits: Limits, body: dict[str, Any]) -> Reply:
    """As many answers as the server gives, cut off where it obeys."""
    caps = [body[name] for name in ("max_tokens", "max_completion_tokens") if name in body]
    ignored = any(name in body for name in limits.ignores_length)
    reply = completion(
        ["1"] * min(body.get("n") or 1, limits.most_n), finish="length" if caps and not ignored else "stop"
    )
    if ignored:
        reply.body["usage"]["completion_tokens"] = 50
    if limits.gives_logprobs and body.get("logprobs"):
        for choice in reply.body["choices"]:
            choice["logprobs"] = {"content": [{"token": "1", "logprob": -0.1, "bytes": [49], "top_logprobs": []}]}
    return reply
