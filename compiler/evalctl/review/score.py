"""One score with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from evalctl.review.spread import NORMAL, Spread, spread
from evalctl.review.values import Values

WILSON, EFFECTIVE, STUDENT = "Wilson interval", "Wilson interval of the effective number of questions", "t interval"
CLUSTERED = ", by clusters"


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
    groups = None if values.clusters is None else len(np.unique(values.clusters))
    mean = float(values.means.mean())
    if (groups or count) < 2:
        return Estimate(mean, None, None, None, count, values.answers, groups, None, "")
    found = spread(values.means, values.clusters)
    low, high, method = _interval(values, found)
    sampling = _of_sampling(values, found.variance)
    return Estimate(
        mean, found.error, low, high, count, values.answers, groups, sampling, method + (CLUSTERED if groups else "")
    )


def _interval(values: Values, found: Spread) -> tuple[float, float, str]:
    if values.right_or_wrong and values.answers == 1 and values.clusters is None:
        return *_wilson(found.mean, found.groups, NORMAL), WILSON
    if values.means.min() >= 0 and values.means.max() <= 1:
        return *_wilson(found.mean, _effective(found), found.quantile()), EFFECTIVE
    half = found.quantile() * found.error
    return found.mean - half, found.mean + half, STUDENT


def _effective(found: Spread) -> float:
    """How many 0/1 answers have this variance (Korn and Graubard 1998); where nothing varies, one for each cluster."""
    most = found.mean * (1 - found.mean)
    return most / found.variance if most > 0 and found.variance > 0 else float(found.groups)


def _wilson(mean: float, count: float, quantile: float) -> tuple[float, float]:
    """The score interval of `count` 0/1 answers (Wilson 1927)."""
    square = quantile**2
    middle = (mean + square / (2 * count)) / (1 + square / count)
    half = quantile * sqrt(mean * (1 - mean) / count + square / (4 * count**2)) / (1 + square / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _of_sampling(values: Values, variance: float) -> float | None:
    """Known for several answers that are right or wrong: their own variance is p(1 - p) of each question."""
    if not values.right_or_wrong or values.answers < 2 or variance == 0:
        return None
    own = float(np.mean(values.means * (1 - values.means))) / (values.answers - 1)
    return min(1.0, own / len(values.means) / variance)
