"""Looks for secrets in what is about to be committed: known values, and text of a secret's shape. Never shows one."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHORTEST = 8
_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
# One look first: nearly every text has none of these beginnings.
_HINT = re.compile(r"hf_|sk-|gh[pousr]_|github_pat_|AKIA|AIza|PRIVATE KEY")
_SHAPES = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    "an AWS key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def secret_in(text: str, environment: Mapping[str, str]) -> str | None:
    """What kind of secret `text` holds (a variable's name, or a shape), or None."""
    for name, value in sorted(environment.items()):
        if _NAMES.search(name) and len(value) >= _SHORTEST and value in text:
            return f"the value of {name}"
    if not _HINT.search(text):
        return None
    return next((what for what, shape in _SHAPES.items() if shape.search(text)), None)
