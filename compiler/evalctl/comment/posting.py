"""One comment of ours, kept up to date: created once, changed where its text differs, never posted twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from evalctl.comment.body import MARKER
from evalctl.shell import EnvironmentProblem, TryLater

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Posted:
    """A comment that exists; `is_ours` says whether our account wrote it."""

    number: int
    body: str
    is_ours: bool


class Thread(Protocol):
    """The comments of one pull request."""

    @property
    def name(self) -> str:
        """How messages call it."""

    def comments(self) -> list[Posted]:
        """All of them."""

    def create(self, text: str) -> None:
        """Sends a new one, once."""

    def update(self, number: int, text: str) -> None:
        """Replaces the text of one."""

    def delete(self, number: int) -> None:
        """Deletes one."""


def keep_one(thread: Thread, text: str, say: Say) -> None:
    """Writes the text into our comment, the oldest one; others of ours are deleted (two runs at once may each have made one)."""
    ours = _ours(thread)
    if not ours:
        _created(thread, text, say)
        ours = _ours(thread)
        if not ours:
            raise TryLater(f"the comment on {thread.name} is not listed", help="run it again")
    first, *more = ours
    for one in more:
        _deleted(thread, one.number, say)
    if _same(first.body, text):
        say(f"the comment on {thread.name} is up to date")
        return
    thread.update(first.number, text)
    say(f"updated the comment on {thread.name}")


def _created(thread: Thread, text: str, say: Say) -> None:
    """Creates the comment. After an error the list shows whether it was created."""
    try:
        thread.create(text)
    except TryLater:
        if not _ours(thread):
            raise
    say(f"commented on {thread.name}")


def _deleted(thread: Thread, number: int, say: Say) -> None:
    try:
        thread.delete(number)
    except EnvironmentProblem:
        if any(one.number == number for one in _ours(thread)):  # else another run was faster
            raise
    say(f"deleted a second comment on {thread.name}")


def _ours(thread: Thread) -> list[Posted]:
    """Our comments, the oldest first: by marker and by author, since anybody can write the marker."""
    found = (one for one in thread.comments() if one.is_ours and one.body.startswith(MARKER))
    return sorted(found, key=lambda one: one.number)


def _same(posted: str, text: str) -> bool:
    """Platforms may keep line ends as CRLF, and none at the end."""
    return posted.replace("\r\n", "\n").strip() == text.strip()
