"""Detects that every question is refused with the same text, so that the next ones need not be sent."""

from __future__ import annotations

import re

from evalctl_job.reasons import FOR_ALL_TASKS, classify

SEVERAL = 4
# Numbers of tokens and names of requests differ from one refusal to the next.
_VARYING = re.compile(r"\S*\d\S*")


def normalised(words: str) -> str:
    """The text without parts that differ from request to request; the status in front stays."""
    status = re.match(r"HTTP \d+", words)
    return (status.group() if status else "") + _VARYING.sub("#", words.lower())


class Refusals:
    """Counts consecutive questions that were refused with the same text."""

    def __init__(self) -> None:
        """No refusal yet."""
        self._questions: set[str] = set()
        self._like: str | None = None
        self._answered = self._differ = False
        self.words: str | None = None  # of the last one

    def answered(self) -> None:
        """Note an answer: not every question is refused."""
        self._questions.clear()
        self._answered = True

    def refused(self, question: str, words: str) -> None:
        """Count a refusal that is not transient."""
        like = normalised(words)
        if like != self._like:
            self._differ = self._differ or self._like is not None
            self._questions.clear()
        self._like, self.words = like, words
        self._questions.add(question)

    @property
    def alike(self) -> str | None:
        """The text with which every question so far was refused."""
        return self.words if self._questions and not self._answered and not self._differ else None

    @property
    def lasting_text(self) -> str | None:
        """The same text, once all further questions of the task are certain to be refused."""
        return self.alike if len(self._questions) >= SEVERAL else None

    @property
    def for_all_tasks(self) -> tuple[str, str] | None:
        """Reason and text once no task will get an answer; missing credit may show only after answers."""
        if self.words is None or len(self._questions) < SEVERAL:
            return None
        reason = classify(self.words)
        lasting = reason == "quota-exhausted" or (reason in FOR_ALL_TASKS and not self._answered)
        return (reason, self.words) if reason and lasting else None
