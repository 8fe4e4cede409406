"""What the relay and the stall watch write into `relay/` while a job runs: both programs read and write these types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from evalctl_job.typed import NO_DATE, Form

MOST_CHOICES = 10**9
Count = Annotated[int, Form(lambda value: 0 <= value <= MOST_CHOICES, "no count")]
Pace = Annotated[tuple[tuple[int, ...], ...], Form(lambda points: all(map(_is_point, points)), "no list of points")]


def _is_point(point: tuple[int, ...]) -> bool:
    return len(point) == 2 and 0 <= point[0] < NO_DATE and 0 <= point[1] <= MOST_CHOICES


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """`<key>.counts.json`: what happened to the requests of a task. `counts.Counts` describes the fields that it counts.

    `keys` are the keys that requests had, `sent` the values of each, `questions` and `unanswered` how many those were.
    """

    requests: Count = 0
    asked: Count = 0
    answered: Count = 0
    empty: Count = 0
    truncated: Count = 0
    failed: Count = 0
    replayed: Count = 0
    fresh: Count = 0
    unreadable: Count = 0
    abandoned: Count = 0
    retried: Count = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    fresh_tokens: int = 0
    elsewhere: Count = 0
    first_error: str | None = None
    last_refusal: str | None = None
    unanswered_allowed: Count = 0
    counted_short: Count = 0
    refused_alike: str | None = None
    unanswered: Count = 0
    questions: Count = 0
    models: Mapping[str, int] = field(default_factory=dict)
    other_models: Mapping[str, int] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()
    lacking: tuple[int, ...] = ()
    pace: Pace = ()
    keys: tuple[str, ...] = ()
    sent: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The file's object, and the reply of the relay's address `/task/<key>/counts`."""
        lists = {name: list(getattr(self, name)) for name in ("keys", "withheld", "lacking")}
        pace = [list(point) for point in self.pace]
        return {**asdict(self), **lists, "pace": pace, "sent": {key: list(values) for key, values in self.sent.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLoad:
    """`server.json`: the load of the server in this attempt."""

    admission: str = ""
    limit: int = 0
    limit_least: int = 0
    limit_most: int = 0
    metrics: bool = False
    peak_in_flight: int = 0
    peak_running: int = 0
    peak_waiting: int = 0
    preemptions: int = 0
    highest_cache_use: float = 0.0
    refusals: int = 0
    absences: int = 0
    queued_seconds: float = 0.0
    away_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The file's object."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQuestions:
    """`<key>.questions.json`: the number of questions in the framework's progress bar, as the stall watch read it."""

    questions: Count | None = None

    def as_json(self) -> dict[str, Any]:
        """The file's object."""
        return asdict(self)
