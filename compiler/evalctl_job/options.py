"""What a job has decided about the requests of one task (`<state>/<key>.options.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalctl_job.choices import answer_reasoning

# How the longest answer is named: OpenAI's first name for it, the newer one (the only one that its reasoning models
# take), or both, of which some endpoints refuse one beside the other.
LENGTH_KEYS = ("max_tokens", "max_completion_tokens")


class BadOptions(Exception):
    """The options file of a task cannot be used; nothing of the task is sent."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the requests of one task are changed on their way."""

    max_n: int | None = None
    add: Mapping[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    null_content: str | None = None
    length_key: str | None = None
    unanswered: int = 0
    planned: Mapping[str, Any] = field(default_factory=dict)  # what the plan says is sent; acceptance compares

    def delivered(self, choice: dict[str, Any]) -> dict[str, Any]:
        """The model's choice as the framework gets it."""
        return answer_reasoning(choice) if self.null_content == "reasoning" else choice


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
    if not isinstance(raw, dict):
        raise BadOptions(f"{name} must be an object")
    if unknown := sorted(set(raw) - {"max_n", "add", "remove", "null_content", "length_key", "unanswered", "planned"}):
        raise BadOptions(f"{name} has unknown keys: {', '.join(unknown)}")
    max_n, add, remove = raw.get("max_n"), raw.get("add") or {}, raw.get("remove") or []
    if max_n is not None and (not isinstance(max_n, int) or max_n < 1):
        raise BadOptions(f"{name}: max_n must be a positive number or null")
    if not isinstance(add, dict) or not isinstance(remove, list):
        raise BadOptions(f"{name}: add must be an object and remove a list")
    if raw.get("null_content") not in (None, "reasoning"):
        raise BadOptions(f"{name}: null_content must be null or `reasoning`")
    if raw.get("length_key") not in (None, "both", *LENGTH_KEYS):
        raise BadOptions(f"{name}: length_key must be null, `both` or one of {', '.join(LENGTH_KEYS)}")
    unanswered = raw.get("unanswered", 0)
    if type(unanswered) is not int or unanswered < 0:
        raise BadOptions(f"{name}: unanswered must be a number, 0 at least")
    planned = raw.get("planned") or {}
    if not isinstance(planned, dict):
        raise BadOptions(f"{name}: planned must be an object")
    return Options(max_n, add, tuple(remove), raw.get("null_content"), raw.get("length_key"), unanswered, planned)


def apply(options: Options, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it will be sent: keys taken out, decoding keys added where the framework set none."""
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
