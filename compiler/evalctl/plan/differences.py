"""In what the inputs that a result records differ from those of an eval, in words: `name: old → new`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from evalctl.model.providers import PROVIDERS
from evalctl.resolve.identity import plain_value
from evalctl.suggest import listed

MOST = 8  # of them are named
_LONGEST = 40
_NAMED = {
    "another address answers": ("subject", "address"),
    "provider": ("subject", "provider"),
    "model": ("subject", "model"),
    "model revision": ("subject", "revision"),
    "framework": ("task", "framework"),
    "framework version": ("task", "framework_version"),
    "task of the framework": ("task", "script"),
    "task digest": ("task", "digest"),
}
_GROUPS = {"generation": "settings that are sent", "server": "settings of the server"}


class _Missing:
    """What a record does not say; JSON has no such value."""


_MISSING = _Missing()


def differences(recorded: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Of two documents of the form of results.record.inputs; what the record lacks is called unknown."""
    found = [*_named(recorded, inputs), *_counts(recorded, inputs), *_settings(recorded, inputs)]
    if not found:
        return "its record names the same inputs, and its digest is another: an older evalctl measured it, or it was edited"
    return listed(found, MOST, separator="; ")


def _named(recorded: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    for label, (group, name) in _NAMED.items():
        old, new = _at(recorded, group, name), inputs[group].get(name, "")
        if name == "address" and old is _MISSING:
            old = _implied(recorded) if new else ""
        yield from _difference(label, old, new)


def _implied(recorded: Mapping[str, Any]) -> Any:
    """A built-in provider's name implies its address; older records have no other word for it."""
    known = PROVIDERS.get(str(_at(recorded, "subject", "provider")))
    return known.base_url if known is not None else _MISSING


def _counts(recorded: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    yield from _difference("max_samples", recorded.get("max_samples", _MISSING), inputs["max_samples"])
    yield from _difference("unanswered", recorded.get("unanswered", 0), inputs.get("unanswered", 0))


def _settings(recorded: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    for group, label in _GROUPS.items():
        old, new = recorded.get(group), inputs[group]
        if not isinstance(old, Mapping):
            yield f"{label}: unknown, its record does not have them"
            continue
        for name in sorted({*old, *new}):
            yield from _difference(_cut(name), old.get(name), new.get(name))


def _at(document: Mapping[str, Any], group: str, name: str) -> Any:
    part = document.get(group)
    return part.get(name, _MISSING) if isinstance(part, Mapping) else _MISSING


def _difference(label: str, old: Any, new: Any) -> Iterator[str]:
    """Equality is that of the digest: 0 and 0.0 are one temperature."""
    if old is _MISSING or _canonical(old) != _canonical(new):
        yield f"{label}: {'not recorded' if old is _MISSING else _shown(old)} → {_shown(new)}"


def _canonical(value: Any) -> str:
    return json.dumps(plain_value(value), sort_keys=True)


def _shown(value: Any) -> str:
    if value is None:
        return "unset"
    text = value if isinstance(value, str) else json.dumps(plain_value(value), ensure_ascii=False)
    return _cut(text) or '""'


def _cut(text: str) -> str:
    """One line; a long text by its beginning, length and digest, or two that begin alike would look the same."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(text) <= _LONGEST:
        return line
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{line[:24]}… ({len(text)} characters, sha256 {digest})"
