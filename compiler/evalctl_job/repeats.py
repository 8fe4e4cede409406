"""Detects replies that were given before: a cache between relay and model would return one answer for several samples.

A server names each reply (`id`, OpenAI's API: unique). One that has the id and the texts of an earlier reply is that reply:
for the same question where its sampling is random, and for another question where the moment (`created`) is the same, too.
Some servers' ids are not unique (seen: KoboldCpp gives one for all replies, Ollama one of 999): an id that came with other texts
is ignored from then on. Equal texts with different ids are separate answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHORTEST_NAME = 20  # characters of an id with a random part: `chatcmpl-` and a dozen more

Earlier = tuple[str, Any, int]  # the question, `created`, the texts


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
