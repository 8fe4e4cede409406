"""Refusals that repeat themselves: when every question is refused in the same words, the next ones will be, too."""

from __future__ import annotations

import re

from evalctl_job.reasons import classify

SEVERAL = 4
# What concerns the account or the server as a whole, whatever a task asks.
FOR_ALL_TASKS = frozenset({"authentication", "quota-exhausted", "model-not-found", "chat-template-missing"})
# Numbers of tokens and names of requests differ from one refusal to the next.
_VARYING = re.compile(r"\S*\d\S*")


def normalised(words: str) -> str:
    """The words without what differs from request to request; the status in front stays."""
    status = re.match(r"HTTP \d+", words)
    return (status.group() if status else "") + _VARYING.sub("#", words.lower())


class Refusals:
    """The questions that were refused alike, one after the other."""

    def __init__(self) -> None:
        """Nothing was refused."""
        self._questions: set[str] = set()
        self._like: str | None = None
        self._answered = self._differ = False
        self.words: str | None = None  # of the last one

    def answered(self) -> None:
        """The model has answered a question: not every one is refused."""
        self._questions.clear()
        self._answered = True

    def refused(self, question: str, words: str) -> None:
        """A refusal that will not pass by itself."""
        like = normalised(words)
        if like != self._like:
            self._differ = self._differ or self._like is not None
            self._questions.clear()
        self._like, self.words = like, words
        self._questions.add(question)

    @property
    def alike(self) -> str | None:
        """The words by which every question so far was refused."""
        return self.words if self._questions and not self._answered and not self._differ else None

    @property
    def settled(self) -> str | None:
        """The same once it is certain that a task asks in vain."""
        return self.alike if len(self._questions) >= SEVERAL else None

    @property
    def for_all_tasks(self) -> tuple[str, str] | None:
        """Reason and words once no task will get an answer. What an account lacks may come to light after answers."""
        if self.words is None or len(self._questions) < SEVERAL:
            return None
        reason = classify(self.words)
        lasting = reason == "quota-exhausted" or (reason in FOR_ALL_TASKS and not self._answered)
        return (reason, self.words) if reason and lasting else None
