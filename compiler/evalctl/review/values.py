"""A metric's value of each question, and the pairs that two models make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Labels = NDArray[np.intp]
_LARGEST = 1e50


@dataclass(frozen=True, slots=True)
class Values:
    """The mean over `answers` answers to each question; `questions` and `clusters` have its digest and its passage.

    NaN is the mean of a question without a value, such as one to which a judge gave no score. `clusters` is None where each
    question is independent of all others. `right_or_wrong` says that each single answer is worth 0 or 1. `asked` are the questions
    that the metric is of, whether they have a value or not; None where only the values tell it.
    """

    questions: tuple[str, ...]
    means: Numbers
    answers: int
    clusters: Labels | None = None
    right_or_wrong: bool = False
    asked: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if (np.abs(self.means) > _LARGEST).any():
            raise ValueError(f"the value of a question is beyond {_LARGEST:g}, and its fourth power beyond all numbers")

    @property
    def unit(self) -> float:
        """The largest value, 1 at least: what one question's value may be off by on this scale, as far as is known."""
        return float(np.fmax.reduce(np.abs(self.means), initial=1.0))  # leaves out NaN

    def of_one_answer(self) -> float | None:
        """The variance of one answer to the same question, mean over questions; known where several were right or wrong."""
        if not self.right_or_wrong or self.answers < 2:
            return None
        return float(np.nanmean(self.means * (1 - self.means))) * self.answers / (self.answers - 1)

    def with_value(self) -> Values:
        """Without the questions that have none."""
        there = ~np.isnan(self.means)
        if there.all():
            return self
        questions = tuple(question for question, kept in zip(self.questions, there, strict=True) if kept)
        asked = None if self.asked is None else self.asked[there]
        return replace(
            self, questions=questions, means=self.means[there], clusters=_of(self.clusters, there), asked=asked
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """The variance of one question's difference that is of drawing answers: with one answer of each model, and as measured."""

    of_one: float
    measured: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """What two models' values of the same questions differ by, first minus second; of those to which both have a value."""

    differences: Numbers
    clusters: Labels | None
    one_answer: bool  # of each model to each question, worth 0 or 1
    unit: float = 1.0  # the scale of the values, as `Values` has it
    sampling: Sampling | None = None
    left_out: int = 0  # questions of the metric to which one of the two, or neither, has a value


class OtherQuestions(Exception):
    """The two were not asked the same; the text says how many questions each has and how many both have."""


def clusters_of(names: Sequence[str] | Labels) -> Labels | None:
    """The number of each question's cluster, by the clusters' names or any numbers; None where all differ."""
    unique, labels = np.unique(np.asarray(names), return_inverse=True)
    return None if len(unique) == len(names) else labels.astype(np.intp)


def paired(first: Values, second: Values) -> Pairs:
    """The differences of two models question by question, wherever a question is in the lists; raises OtherQuestions."""
    if first.questions != second.questions:
        second = _in_order_of(first.questions, second)
    one_answer = first.answers == second.answers == 1 and first.right_or_wrong and second.right_or_wrong
    differences = first.means - second.means
    there = ~np.isnan(differences)
    clusters = second.clusters if first.clusters is None else first.clusters  # an older question set names no passages
    if not there.any():
        raise OtherQuestions(f"of {len(there)} questions none has a value of both")
    return Pairs(
        differences[there], _of(clusters, there), one_answer, max(first.unit, second.unit),
        _sampling(first, second), _left_out(first, second),
    )  # fmt: skip


def _left_out(first: Values, second: Values) -> int:
    """What neither has a value of counts where the metric is known to be of it."""
    lacking, also = np.isnan(first.means), np.isnan(second.means)
    neither = lacking & also & (_asked(first) | _asked(second))
    return int(np.sum((lacking != also) | neither))


def _asked(values: Values) -> NDArray[np.bool_]:
    return ~np.isnan(values.means) if values.asked is None else values.asked


def _sampling(first: Values, second: Values) -> Sampling | None:
    of_first, of_second = first.of_one_answer(), second.of_one_answer()
    if of_first is None or of_second is None:
        return None
    return Sampling(of_first + of_second, of_first / first.answers + of_second / second.answers)


def _of(clusters: Labels | None, there: NDArray[np.bool_]) -> Labels | None:
    """Of the questions that are there, numbered without gaps."""
    if clusters is None:
        return None
    return np.unique(clusters[there], return_inverse=True)[1].astype(np.intp)


def _of_order(clusters: Labels | None, order: Sequence[int]) -> Labels | None:
    return None if clusters is None else clusters[order]


def _in_order_of(questions: Sequence[str], values: Values) -> Values:
    places = {key: place for place, key in enumerate(_numbered(values.questions))}
    wanted = list(_numbered(questions))
    common = sum(key in places for key in wanted)
    if not common == len(wanted) == len(places):
        raise OtherQuestions(f"{len(wanted)} questions and {len(places)}, of which {common} are the same")
    order = [places[key] for key in wanted]
    asked = None if values.asked is None else values.asked[order]
    clusters = _of_order(values.clusters, order)
    return replace(values, questions=tuple(questions), means=values.means[order], clusters=clusters, asked=asked)


def _numbered(questions: Sequence[str]) -> Iterator[tuple[str, int]]:
    """A question that is in the set several times is distinguished by its number."""
    seen: Counter[str] = Counter()
    for question in questions:
        seen[question] += 1
        yield question, seen[question]


def worst(of_models: Sequence[Values], number: int, sign: int = 1) -> list[tuple[str, float]]:
    """The questions with the worst mean over models, the worst first; a model without a value of each is left out.

    `sign` is -1 where a lower value is better.
    """
    alike = [
        values
        for values in of_models
        if values.questions == of_models[0].questions and not np.isnan(values.means).any()
    ]
    if not alike:
        return []
    means = np.mean([values.means for values in alike], axis=0)
    return [
        (alike[0].questions[place], float(means[place])) for place in np.argsort(sign * means, kind="stable")[:number]
    ]
