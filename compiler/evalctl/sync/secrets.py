"""Looks for secrets in what is about to be committed: known values, and text of a secret's shape. Never shows one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from evalctl.secret_shapes import redacted, secret_shapes
from evalctl_job.key_shapes import forms, without

_SHORTEST = 8
_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)


def named_like_a_secret(name: str) -> bool:
    """Whether a variable of this name holds a key."""
    return _NAMES.search(name) is not None


def hidden(text: str, environment: Mapping[str, str]) -> str:
    """`text` without known secret values in any form, and without text of a secret's shape."""
    known = [value for name, value in sorted(environment.items()) if _NAMES.search(name) and len(value) >= _SHORTEST]
    return redacted(without(text, known))


def secret_in(text: str, environment: Mapping[str, str]) -> str | None:
    """What kind of secret `text` holds (a variable's name, or a shape), or None."""
    for name, value in sorted(environment.items()):
        if _NAMES.search(name) and len(value) >= _SHORTEST and _holds(text, value):
            return f"the value of {name}"
    return next((kind for *_, kind in secret_shapes(text)), None)


def _holds(text: str, value: str) -> bool:
    """Whether the value occurs in any form, JSON within JSON included."""
    escaped = json.dumps(value)[1:-1] != value
    return any(form in text for form in forms(value)) or (escaped and _folded(value) in _folded(text))


def _folded(text: str) -> str:
    """The same for a text and for each of its JSON forms, however often they are nested."""
    return json.dumps(text).replace("\\", "")[1:-1]
