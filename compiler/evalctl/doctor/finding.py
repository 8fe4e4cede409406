"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked and the outcome; `help` is what to type or to change if it is not good."""

    topic: str
    good: bool
    text: str
    help: str = ""


def good(topic: str, text: str) -> Finding:
    """A check that passed."""
    return Finding(topic, True, text)


def bad(topic: str, text: str, help: str = "") -> Finding:
    """A check that failed: a person must act."""
    return Finding(topic, False, text, help)
