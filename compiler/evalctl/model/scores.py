"""The scores of a result: what the framework wrote of a task and of its subsets, by its own keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

STANDARD_ERROR = "_stderr"  # ends the name of a metric's standard error, as lighteval writes it


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value, and its standard error where the framework wrote one."""

    value: float | None
    standard_error: float | None = None


@dataclass(frozen=True, slots=True)
class TaskScores:
    """What the framework wrote of a task, or of one of its subsets: every number by name, and how many questions it had.

    `values` has standard errors under names of their own, as the framework writes them.
    """

    values: Mapping[str, float | None]
    questions: float | None = None

    def __getitem__(self, metric: str) -> Score:
        """The metric with its standard error; KeyError where the framework did not write it."""
        return Score(self.values[metric], self.values.get(f"{metric}{STANDARD_ERROR}"))

    @property
    def metrics(self) -> Iterator[str]:
        """The names of what was measured, standard errors left out."""
        return (name for name in self.values if not name.endswith(STANDARD_ERROR))


@dataclass(frozen=True, slots=True, eq=False)
class Scores(Mapping[str, TaskScores]):
    """By the framework's own key of a task or subset (`swallow|jmmlu:x|0`). Values are made when they are asked for."""

    _values: Mapping[str, Mapping[str, float | None]]
    _questions: Mapping[str, float | None]

    def __getitem__(self, key: str) -> TaskScores:
        """KeyError where the framework has no such task."""
        return TaskScores(self._values[key], self._questions.get(key))

    def __iter__(self) -> Iterator[str]:
        """The keys, in the framework's order."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many tasks and subsets."""
        return len(self._values)

    @property
    def metrics(self) -> set[str]:
        """The names of what was measured of any of them, standard errors left out."""
        return {name for values in self._values.values() for name in values if not name.endswith(STANDARD_ERROR)}
