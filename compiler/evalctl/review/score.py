"""One score with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalctl.review.methods import CLUSTERED, EFFECTIVE, EXACT, EXACT_EFFECTIVE, STUDENT, WIDENED, WILSON
from evalctl.review.proportion import exact, is_near_the_end, wilson
from evalctl.review.spread import NORMAL, TOO_FEW, Spread, spread, with_two_more
from evalctl.review.values import Values

__all__ = ["EFFECTIVE", "EXACT", "EXACT_EFFECTIVE", "STUDENT", "WIDENED", "WILSON", "Estimate", "estimate", "share"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean over `questions` questions with `answers` answers each; `low` to `high` is a 95 % interval by `method`.

    `of_sampling` is the share of the mean's variance that more answers to the same questions would take away; None where it is unknown.
    """

    mean: float
    error: float | None
    low: float | None
    high: float | None
    questions: int
    answers: int
    clusters: int | None
    of_sampling: float | None
    method: str


def estimate(values: Values) -> Estimate:
    """What the values say of all questions of their kind, one at least; one alone says nothing of others."""
    values = values.with_value()
    count = len(values.means)
    if not count:
        raise ValueError("no question has a value")
    groups = None if values.clusters is None else len(np.unique(values.clusters))
    mean = float(values.means.mean())
    if (groups or count) < 2:
        return Estimate(mean, None, None, None, count, values.answers, groups, None, "")
    of_mean = spread(values.means, values.clusters)
    low, high, method = _interval(values, of_mean)
    sampling = _of_sampling(values, of_mean.variance)
    return Estimate(
        mean, of_mean.error, low, high, count, values.answers, groups, sampling, method + (CLUSTERED if groups else "")
    )


def share(number: int, answers: int, questions: int) -> Estimate:
    """How many of all answers are such: cut off, refused, repeated. `answers` is of all questions together.

    Several answers to one question are taken as one, since they may all be such for the same reason.
    """
    if not 0 <= number <= answers or not 0 < questions <= answers:
        raise ValueError(f"{number} of {answers} answers to {questions} questions")
    mean = number / answers
    if questions < 2:
        return Estimate(mean, None, None, None, questions, answers, None, None, "")
    low, high, method = _of_share(mean, questions)
    error = float(np.sqrt(mean * (1 - mean) / (questions - 1)))
    return Estimate(mean, error, low, high, questions, max(1, answers // questions), None, None, method)


def _interval(values: Values, of_mean: Spread) -> tuple[float, float, str]:
    if values.right_or_wrong and values.answers == 1 and values.clusters is None:
        return _of_share(of_mean.mean, of_mean.groups)
    few = _varying(values) < TOO_FEW
    if values.means.min() >= 0 and values.means.max() <= 1:
        count = _effective(of_mean, few=few) * (NORMAL / of_mean.quantile()) ** 2
        return (*exact(of_mean.mean, count), EXACT_EFFECTIVE) if few else (*wilson(of_mean.mean, count), EFFECTIVE)
    used = spread(*with_two_more(values.means, values.clusters, values.unit, of_mean.mean)) if few else of_mean
    half = used.quantile() * used.error
    return of_mean.mean - half, of_mean.mean + half, WIDENED if few else STUDENT


def _of_share(mean: float, count: float) -> tuple[float, float, str]:
    return (*exact(mean, count), EXACT) if is_near_the_end(mean, count) else (*wilson(mean, count), WILSON)


def _varying(values: Values) -> int:
    """The questions, or the clusters, that have another value than the most frequent one."""
    means, numbers = np.unique(values.means, return_counts=True)
    others = values.means != means[numbers.argmax()]
    return int(np.sum(others)) if values.clusters is None else len(np.unique(values.clusters[others]))


def _effective(of_mean: Spread, *, few: bool) -> float:
    """How many 0/1 answers have this variance (Korn and Graubard 1998).

    Where hardly a question has another value than most, the variance is not known: no more than one for each of them.
    """
    most = of_mean.mean * (1 - of_mean.mean)
    count = most / of_mean.variance if most > 0 and of_mean.variance > 0 else float(of_mean.groups)
    return min(count, of_mean.groups) if few else count


def _of_sampling(values: Values, variance: float) -> float | None:
    """Known for several answers that are right or wrong: their own variance is p(1 - p) of each question."""
    single = values.of_one_answer()
    if single is None or variance == 0:
        return None
    return min(1.0, single / values.answers / len(values.means) / variance)
