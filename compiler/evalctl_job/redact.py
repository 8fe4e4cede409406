"""Texts of providers without the secrets that they repeat."""

from __future__ import annotations

from typing import Any

from evalctl_job.key_shapes import HIDDEN, forms, without, without_shapes

LONGEST = 600


def redacted(text: str, secret: str | None) -> str:
    """The text on one line, shortened, without the known secret and without anything that looks like one."""
    whole = text.encode("utf-8", "replace").decode()  # an unpaired surrogate, which JSON allows, cannot be written
    return " ".join(without_shapes(without(whole, (secret,))).split())[:LONGEST]


def cleaned(value: Any, secret: str | None) -> Any:
    """A reply without the known secret in any of its texts: answers are stored, scored and shown to others.

    A text that only looks like a key stays: it is the model's answer.
    """
    if not secret:
        return value
    if isinstance(value, str):
        for form in forms(secret):
            value = value.replace(form, HIDDEN) if form in value else value
        return value
    if isinstance(value, dict):
        return {cleaned(name, secret): cleaned(one, secret) for name, one in value.items()}
    return [cleaned(one, secret) for one in value] if isinstance(value, list) else value
