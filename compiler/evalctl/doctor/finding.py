"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and what was found; `help` is what to type or to change where it is not good."""

    topic: str
    good: bool
    text: str
    help: str = ""


def good(topic: str, text: str) -> Finding:
    """All is well there."""
    return Finding(topic, True, text)


def bad(topic: str, text: str, help: str = "") -> Finding:
    """A person has to do something."""
    return Finding(topic, False, text, help)
