"""How the relay changes the requests of one task (`<state>/<key>.options.json`): planned by the compiler, read by the relay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from evalctl_job.shards import shard_of
from evalctl_job.typed import Form, read

# The key of the length limit: OpenAI's first name, the newer one (the only one that its reasoning models
# take), or both, of which some endpoints refuse one beside the other.
LENGTH_KEYS = ("max_tokens", "max_completion_tokens")
REASONING = "reasoning"


class BadOptions(Exception):
    """The options file of a task cannot be used; nothing of the task is sent."""


def _one_of(*words: str) -> Form:
    return Form(words.__contains__, f"none of {', '.join(words)}")


_POSITIVE = Form(lambda value: value >= 1, "no positive number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The changes that the relay makes to the requests of one task.

    `add` and `planned` are parameters of requests with their values; acceptance compares what was sent with `planned`.
    `request_timeout`: seconds that the server may take for one answer; the time in which a question waits for its turn does not count.
    `shard` of `shards`: only questions that fall to it are asked. `shards` alone: nothing is asked, since all shards have answered.
    """

    max_n: Annotated[int, _POSITIVE] | None = None
    add: Mapping[str, object] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    null_content: Annotated[str, _one_of(REASONING)] | None = None
    length_key: Annotated[str, _one_of("both", *LENGTH_KEYS)] | None = None
    unanswered: Annotated[int, Form(lambda value: value >= 0, "less than 0")] = 0
    planned: Mapping[str, object] = field(default_factory=dict)
    request_timeout: Annotated[int, _POSITIVE] | None = None
    shard: Annotated[int, _POSITIVE] | None = None
    shards: Annotated[int, _POSITIVE] | None = None

    @property
    def is_merge(self) -> bool:
        """Whether the answers of all shards are there, and nothing may be asked."""
        return self.shards is not None and self.shard is None

    def is_elsewhere(self, body: Mapping[str, Any]) -> bool:
        """Whether a request falls to another shard."""
        return self.shard is not None and self.shards is not None and shard_of(body, self.shards) != self.shard

    def as_json(self) -> Mapping[str, object]:
        """The file's object, without what says nothing."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in found.items() if value or name == "add"}


def read_options(path: Path) -> Options:
    """The task's options; defaults when the file is absent."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Options()
    except ValueError as problem:
        raise BadOptions(f"{path.name} is not JSON: {problem}") from problem
    return checked(raw, path.name)


def checked(raw: Any, name: str) -> Options:
    """Options from decoded JSON; an unknown key or a wrong type is refused, never skipped."""
    try:
        return read(Options, raw)
    except ValueError as problem:
        raise BadOptions(f"{name}: {problem}") from problem


def apply(options: Options, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it will be sent: without removed keys, with decoding keys where the framework set none."""
    kept = {key: value for key, value in _with_length(options, body).items() if key not in options.remove}
    return {**{key: value for key, value in options.add.items() if body.get(key) is None}, **_set(kept, options.add)}


def _with_length(options: Options, body: Mapping[str, Any]) -> dict[str, Any]:
    """The limit of the answer under the key(s) that the endpoint takes. vLLM obeys max_completion_tokens where the two
    differ (seen: 0.32), and lighteval 0.13 puts the task's own limit into max_tokens: so the former holds."""
    limits = [body[key] for key in reversed(LENGTH_KEYS) if body.get(key) is not None]
    if options.length_key is None or not limits:
        return dict(body)
    others = {key: value for key, value in body.items() if key not in LENGTH_KEYS}
    wanted = LENGTH_KEYS if options.length_key == "both" else (options.length_key,)
    return {**others, **dict.fromkeys(wanted, limits[0])}


def _set(body: dict[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Without the explicit nulls that an added key replaces."""
    return {key: value for key, value in body.items() if not (value is None and key in added)}
