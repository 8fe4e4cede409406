"""Error texts of providers without the secrets that they repeat."""

from __future__ import annotations

import re

# Providers answer 401 with (part of) the key that they were given, e.g. "Incorrect API key provided: sk-abc***xyz".
SECRET_SHAPES = re.compile(r"(?:\b(?:sk|hf|gsk|pk|rk|xai|key)[-_][A-Za-z0-9_\-*]{6,})|(?<=Bearer )\S+")
LONGEST = 600


def redacted(text: str, secret: str | None) -> str:
    """The text on one line, shortened, without the known secret and without anything that looks like one."""
    if secret:
        text = text.replace(secret, "[redacted]")
    whole = text.encode("utf-8", "replace").decode()  # half a character, as JSON allows it, fits into no file
    return " ".join(SECRET_SHAPES.sub("[redacted]", whole).split())[:LONGEST]
