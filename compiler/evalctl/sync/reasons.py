"""Why an attempt failed: which reasons are worth another try by themselves, and what a person does about the others."""

from __future__ import annotations

from collections.abc import Iterable

from evalctl.sync.pages import pages

_GENERAL = "evalctl logs shows what happened; evalctl retry runs it again"


def is_transient(reason: str) -> bool:
    """Whether the same job may well succeed when it just runs again."""
    page = pages().get(reason)
    return page is not None and page.may_pass


def is_awaited(reason: str) -> bool:
    """Whether a job that cannot be submitted for this reason just waits."""
    page = pages().get(reason)
    return page is not None and page.is_awaited


def is_later(reason: str) -> bool:
    """Whether nobody is at fault here, and the same command may succeed later."""
    page = pages().get(reason)
    return page is not None and page.is_later


def advice(reason: str) -> str:
    """What to do about it, as a line of plain text."""
    page = pages().get(reason)
    return page.do.replace("`", "") if page else _GENERAL


def gravest(reasons: Iterable[str]) -> str:
    """The reason that is used for several: one that may pass by itself is tried again before a person is asked."""
    ordered = sorted(set(reasons), key=lambda reason: (not is_transient(reason), reason))
    return ordered[0] if ordered else ""
