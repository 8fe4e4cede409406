"""Counts of a task's requests and answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalctl_job.choices import Choice
from evalctl_job.relay_files import TaskCounts
from evalctl_job.replies import UNNAMED, same_model, tokens

PROMPT_KEYS = frozenset({"messages", "prompt"})
MOST_VALUES = 4
MOST_MODELS = 8
OTHERS = "(others)"
PACE_SECONDS = 60  # between two points of `pace`
MOST_POINTS = 31


@dataclass(slots=True)
class Counts:
    """Counters of one task. `asked` … `fresh` and `abandoned` count choices, and `unreadable` lines of the answers file.

    Of the choices that the framework got (`answered`), those from an earlier attempt are `replayed`. `fresh` ones were
    answered by the model in this attempt, whether their request was then served or not. `abandoned` ones were answered or
    given up after the framework had hung up.

    `models` has the answers of each model that a reply named, `other_models` those of them that were not asked for.
    `counted_short` are the questions for which a provider counted fewer tokens than the prompt must have.
    `questions` is how many different questions the framework got an answer to.
    `unanswered` are the questions without an answer that the framework got an empty one for; the request allows
    `unanswered_allowed` of them. `withheld` has the digests of the prompts among them that a provider's filter refused.
    `refused_alike` is the text with which every question so far was refused. `pace` has
    points of (time, fresh choices until then): the first question, and later one a minute, the last half hour of them.
    `elsewhere` are requests that fall to another shard, `lacking` the shards that have not answered a question of a merge.
    """

    requests: int = 0
    asked: int = 0
    answered: int = 0
    empty: int = 0
    truncated: int = 0
    failed: int = 0
    replayed: int = 0
    fresh: int = 0
    unreadable: int = 0
    abandoned: int = 0
    retried: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    fresh_tokens: int = 0
    elsewhere: int = 0
    first_error: str | None = None
    last_refusal: str | None = None
    unanswered_allowed: int = 0
    refused_alike: str | None = None
    sent: dict[str, list[Any]] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    other_models: dict[str, int] = field(default_factory=dict)
    blank: set[str] = field(default_factory=set)
    lacking: set[int] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)
    answered_to: set[str] = field(default_factory=set)
    counted_short: set[str] = field(default_factory=set)
    pace: list[tuple[int, int]] = field(default_factory=list)

    @property
    def in_flight(self) -> int:
        """How many choices the framework waits for."""
        return self.asked - self.answered - self.failed

    def begun_again(self) -> Counts:
        """The counts where the framework is started again: what the model did in this attempt stays."""
        return Counts(
            fresh=self.fresh, fresh_tokens=self.fresh_tokens, retried=self.retried, abandoned=self.abandoned, pace=self.pace,
            unanswered_allowed=self.unanswered_allowed, counted_short=self.counted_short,
        )  # fmt: skip

    def ask(self, body: Mapping[str, Any], choices: int) -> None:
        """Count a request of the framework (as it is sent) for so many choices."""
        self.requests += 1
        self.asked += choices
        if not self.pace:
            self._note_pace()
        for key, value in body.items():
            self._note(key, value)

    def forget(self, choices: int) -> None:
        """Take back the count of a request for so many choices: its client has hung up."""
        self.requests -= 1
        self.asked -= choices
        self.abandoned += choices

    def _note(self, key: str, value: Any) -> None:
        values = self.sent.setdefault(key, [])
        if key not in PROMPT_KEYS and value not in values and len(values) < MOST_VALUES:
            values.append(value)

    def generate(self, choices: int, usage: Mapping[str, Any]) -> None:
        """Count choices that the model has just answered."""
        self.last_refusal = None
        self.fresh += choices
        self.fresh_tokens += tokens(usage, "completion_tokens")
        if not self.pace or abs(time.time() - self.pace[-1][0]) >= PACE_SECONDS:  # a clock may be set back
            self._note_pace()

    def _note_pace(self) -> None:
        self.pace = [*self.pace, (int(time.time()), self.fresh)][-MOST_POINTS:]

    def answer(self, choices: Sequence[Choice], usage: Mapping[str, Any], replayed: int) -> None:
        """Count choices that the framework gets, and how many of them come from the store."""
        self.answered += len(choices)
        self.replayed += replayed
        self.empty += sum(choice.empty for choice in choices)
        self.truncated += sum(choice.finish_reason == "length" for choice in choices)
        self.prompt_tokens += tokens(usage, "prompt_tokens")
        self.completion_tokens += tokens(usage, "completion_tokens")

    def answered_by(self, asked: str, answered: str, choices: int) -> None:
        """Count answers by the model that their reply names."""
        _add(self.models, answered, choices)
        if answered != UNNAMED and not same_model(asked, answered):
            _add(self.other_models, answered, choices)

    def leave_blank(self, question: str) -> bool:
        """Whether this question may stay without an answer; a repeated question counts once."""
        if question not in self.blank and len(self.blank) >= self.unanswered_allowed:
            return False
        self.blank.add(question)
        return True

    def withhold(self, prompt: str) -> None:
        """Note a question that was left without an answer since the provider's filter refused it."""
        self.withheld.add(prompt)

    def fail(self, choices: int, why: str) -> None:
        """Count choices that will never be answered; the first reason is kept."""
        self.failed += choices
        self.first_error = self.first_error or why

    def retry(self, why: str | None) -> None:
        """A request is tried once more, since the model refused it, or None: the server has died over it."""
        self.retried += 1
        self.last_refusal = why

    def now(self) -> TaskCounts:
        """The counters as acceptance and `evalctl status` read them."""
        apart = ("sent", "blank", "withheld", "answered_to", "counted_short", "pace", "lacking")
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in apart}
        return TaskCounts(
            **plain, unanswered=len(self.blank), questions=len(self.answered_to), counted_short=len(self.counted_short),
            withheld=tuple(sorted(self.withheld)), lacking=tuple(sorted(self.lacking)), pace=tuple(self.pace), keys=tuple(sorted(self.sent)),
            sent={key: tuple(self.sent[key]) for key in sorted(self.sent) if key not in PROMPT_KEYS},
        )  # fmt: skip


def _add(names: dict[str, int], name: str, choices: int) -> None:
    """The number of names is bounded: a server may report a new name with each reply."""
    known = name if name in names or len(names) < MOST_MODELS else OTHERS
    names[known] = names.get(known, 0) + choices
