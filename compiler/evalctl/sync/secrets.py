"""Looks for secrets in what is about to be committed: known values, and text of a secret's shape. Never shows one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evalctl.secret_shapes import secret_shapes

_SHORTEST = 8
_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)


def named_like_a_secret(name: str) -> bool:
    """Whether a variable of this name holds a key."""
    return _NAMES.search(name) is not None


def secret_in(text: str, environment: Mapping[str, str]) -> str | None:
    """What kind of secret `text` holds (a variable's name, or a shape), or None."""
    for name, value in sorted(environment.items()):
        if _NAMES.search(name) and len(value) >= _SHORTEST and value in text:
            return f"the value of {name}"
    return next((kind for *_, kind in secret_shapes(text)), None)
