"""Differences between the inputs that a result records and those of an eval: `name: old → new`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from evalctl.model.providers import PROVIDERS
from evalctl.model.recorded import Facts, Inputs, Part
from evalctl.resolve.identity import plain_value
from evalctl.suggest import listed

MOST = 8  # of them are named
_LONGEST = 40
_OF_SUBJECT = {
    "another address answers": "address", "provider": "provider", "model": "model", "model revision": "revision",
}  # fmt: skip
_OF_TASK = {
    "framework": "framework", "framework version": "framework_version", "task of the framework": "script",
    "task digest": "digest",
}  # fmt: skip


class _Missing:
    """A key that the record lacks; JSON has no such value."""


_MISSING = _Missing()


def differences(recorded: Inputs, now: Inputs) -> str:
    """The value as text; a key that the record lacks is `unknown`."""
    found = [
        *_named(recorded.subject, now.subject, _OF_SUBJECT),
        *_named(recorded.task, now.task, _OF_TASK),
        *_counts(recorded, now),
        *_settings("settings that are sent", recorded.recorded("generation"), now.generation),
        *_settings("settings of the server", recorded.recorded("server"), now.server),
    ]
    if not found:
        return "its record names the same inputs, and its digest is another: an older evalctl measured it, or it was edited"
    return listed(found, MOST, separator="; ")


def _named(recorded: Part, now: Part, names: Mapping[str, str]) -> Iterator[str]:
    for label, name in names.items():
        old, new = recorded.recorded(name, _MISSING), now.recorded(name, "")
        if name == "address" and old is _MISSING:
            old = _implied(recorded) if new else ""
        yield from _difference(label, old, new)


def _implied(subject: Part) -> object:
    """A built-in provider's name implies its address; older records have only the name."""
    known = PROVIDERS.get(str(subject.recorded("provider")))
    return known.base_url if known is not None else _MISSING


def _counts(recorded: Inputs, now: Inputs) -> Iterator[str]:
    yield from _difference("max_samples", recorded.recorded("max_samples", _MISSING), now.max_samples)
    yield from _difference("unanswered", recorded.recorded("unanswered", 0), now.unanswered)


def _settings(label: str, old: object, new: Facts) -> Iterator[str]:
    if not isinstance(old, Mapping):
        yield f"{label}: unknown, its record does not have them"
        return
    for name in sorted({*old, *new}):
        yield from _difference(_cut(name), old.get(name), new.get(name))


def _difference(label: str, old: object, new: object) -> Iterator[str]:
    """Equality is that of the digest: 0 and 0.0 are one temperature."""
    if old is _MISSING or _canonical(old) != _canonical(new):
        yield f"{label}: {'not recorded' if old is _MISSING else _shown(old)} → {_shown(new)}"


def _canonical(value: object) -> str:
    return json.dumps(plain_value(value), sort_keys=True)


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    text = value if isinstance(value, str) else json.dumps(plain_value(value), ensure_ascii=False)
    return _cut(text) or '""'


def _cut(text: str) -> str:
    """One line; a long text as its beginning, length and digest, so that texts with equal beginnings look different."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(text) <= _LONGEST:
        return line
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{line[:24]}… ({len(text)} characters, sha256 {digest})"
