"""Detects replies that were given before: a cache between relay and model would return one answer for several samples.

A server names each reply (`id`, OpenAI's API: unique). One that has the id and the texts of an earlier reply is that reply:
for the same question where its sampling is random, and for another question where the moment (`created`) is the same, too.
Some servers' ids are not unique (seen: KoboldCpp gives one for all replies, Ollama one of 999): an id that came with other texts
is ignored from then on. Equal texts with different ids are separate answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

SHORTEST_NAME = 20  # characters of an id with a random part: `chatcmpl-` and a dozen more

# Headers by which a gateway says that a reply is from its cache (documents of 2026): with the value HIT (Portkey has `SEMANTIC HIT`,
# Akamai `TCP_HIT`) those of OpenRouter, Cloudflare's AI gateway, Portkey, Helicone; Kong, Higress and nginx; APISIX; Fastly, CloudFront,
# Akamai and squid; Cloudflare, Vercel; RFC 9211 has `hit` among parameters. litellm 1.101 names the key of the entry on a hit only.
_STATUS_OF_CACHE = frozenset({
    "x-openrouter-cache-status", "cf-aig-cache-status", "x-portkey-cache-status", "helicone-cache", "x-cache-status",
    "apisix-cache-status", "x-cache", "cf-cache-status", "x-vercel-cache", "cache-status",
})  # fmt: skip
_KEY_OF_HIT = "x-litellm-cache-key"
_HIT = re.compile(r"(?<![A-Za-z=-])HIT(?![A-Za-z=-])|\bHIT=\?1", re.IGNORECASE)
# By which a request asks gateways not to answer from their caches (Cloudflare's, Portkey's documents). Not `Cache-Control`: litellm 1.101
# makes a parameter of the model's request of it.
NO_CACHE: Mapping[str, str] = {"cf-aig-skip-cache": "true", "x-portkey-cache-force-refresh": "true"}

Earlier = tuple[str, Any, int]  # the question, `created`, the texts


def cache_that_answered(headers: Mapping[str, str], reply: Mapping[str, Any]) -> str | None:
    """The words by which a gateway says that it gave a stored reply, and did not ask the model."""
    for name, value in headers.items():
        if name.lower() in _STATUS_OF_CACHE and _HIT.search(value):
            return f"{name.lower()}: {value}"
        if name.lower() == _KEY_OF_HIT and value.strip():
            return name.lower()
    # GPTCache: such replies have no id, and the time of the request.
    return "gptcache: true" if reply.get("gptcache") is True else None


class GivenReplies:
    """The replies of one task so far, by their ids."""

    def __init__(self) -> None:
        """No reply yet."""
        self._by_id: dict[str, Earlier | None] = {}  # None: the id is not unique

    def note(self, question: str, reply: Mapping[str, Any], texts: Sequence[Any]) -> None:
        """Remember a reply."""
        if name := _id_of(reply):
            earlier = self._by_id.setdefault(name, (question, reply.get("created"), hash(tuple(texts))))
            if earlier and earlier[2] != hash(tuple(texts)):
                self._by_id[name] = None

    def repeated(self, question: str, reply: Mapping[str, Any], texts: Sequence[Any], *, sampled: bool) -> str | None:
        """The id of a reply that was given before; None for a new one. `sampled`: sampling of the question is random."""
        name = _id_of(reply)
        earlier = self._by_id.get(name) if name else None
        if earlier is None or earlier[2] != hash(tuple(texts)):
            return None
        same_moment = len(name or "") >= SHORTEST_NAME and earlier[1] is not None and earlier[1] == reply.get("created")
        return name if (sampled if question == earlier[0] else same_moment) else None


def _id_of(reply: Mapping[str, Any]) -> str | None:
    name = reply.get("id")
    return name if isinstance(name, str) else None
