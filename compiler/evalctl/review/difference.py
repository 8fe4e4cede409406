"""What two models differ by on the same questions, and whether that can be chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, inf

import numpy as np
from scipy import special

from evalctl.review.methods import ADJUSTED, CLUSTERED, FLIPS, MCNEMAR
from evalctl.review.methods import PAIRED as STUDENT
from evalctl.review.proportion import exact
from evalctl.review.spread import CONFIDENCE, TOO_FEW, Spread, spread, with_two_more
from evalctl.review.values import Numbers, Pairs, Sampling

__all__ = ["ADJUSTED", "CLUSTERED", "FLIPS", "MCNEMAR", "STUDENT", "Difference", "difference"]
_FEW = 12  # so many differences have 4,096 choices of their signs; of more, the t test holds
_ROUNDING = 1e-12  # of the largest of the differences that are added
_ALIKE = 1e-5  # sizes that differ by this share are one size


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of first minus second, with a 95 % interval that has 0 in it exactly where `p` is above 0.05.

    `better` and `worse` count the questions on which the first model's value is higher and lower.
    """

    mean: float
    low: float
    high: float
    p: float
    questions: int
    better: int
    worse: int
    method: str
    spread: Spread  # of the mean, with the variance that the interval has: what an average over entries is made of
    sampling: Sampling | None = None  # where it is known how much of the variance more answers would take away
    left_out: int = 0  # questions of the metric to which one of the two, or neither, has a value
    unit: float = 1.0  # the largest value, 1 at least
    one_answer: bool = False  # of each model, worth 0 or 1, to questions that are independent of each other
    of_parts: tuple[float, float] | None = None  # the bounds of an average, whose entries lack different shares

    def bounds(self) -> tuple[float, float]:
        """The interval if each question that is left out were lost, and if each were won (Manski 2003)."""
        if self.of_parts is not None:
            return self.of_parts
        share = self.left_out / (self.questions + self.left_out)
        return self.low * (1 - share) - share * self.unit, self.high * (1 - share) + share * self.unit

    def with_left_out(self, moved: float) -> Spread:
        """Of all questions, if each that is left out differed by `moved` units."""
        share = self.left_out / (self.questions + self.left_out)
        mean = self.spread.mean * (1 - share) + share * self.unit * moved
        return replace(self.spread, mean=mean, variance=self.spread.variance * (1 - share) ** 2)


def difference(pairs: Pairs) -> Difference | None:
    """None where there are not two independent questions: nothing follows from one."""
    if len(pairs.differences) < 2 or (pairs.clusters is not None and len(np.unique(pairs.clusters)) < 2):
        return None
    sums = _sums(pairs)
    of_mean, name = _spread(pairs, int(np.count_nonzero(sums)))
    (low, high), p = _interval(pairs, of_mean), of_mean.p_value()
    test, exact_p = _exact_p(sums)
    if exact_p > p:
        p, name = exact_p, f"{name}, {test}"
        low, high = (min(low, 0.0), max(high, 0.0)) if p > 1 - CONFIDENCE else (low, high)
    better, worse = int(np.sum(pairs.differences > 0)), int(np.sum(pairs.differences < 0))
    mean = float(pairs.differences.mean())
    if pairs.unit == 1:  # shares and 0/1 values: no mean of their differences is farther from 0
        low, high = min(max(low, -1.0), mean), max(min(high, 1.0), mean)
    return Difference(
        mean, low, high, p, len(pairs.differences), better, worse, name, replace(of_mean, mean=mean), pairs.sampling,
        pairs.left_out, pairs.unit, pairs.one_answer and pairs.clusters is None,
    )  # fmt: skip


def _interval(pairs: Pairs, of_mean: Spread) -> tuple[float, float]:
    """By Student's t; of single answers at least as wide as exact intervals of both kinds of changes make it."""
    half = of_mean.quantile() * of_mean.error
    low, high = of_mean.mean - half, of_mean.mean + half
    if not pairs.one_answer or pairs.clusters is not None:
        return low, high
    least, most = _of_changes(pairs.differences)
    return min(low, least), max(high, most)


def _of_changes(differences: Numbers) -> tuple[float, float]:
    """From the intervals of the shares that got better and worse (Zou and Donner 2008)."""
    count, better, worse = len(differences), float(np.mean(differences > 0)), float(np.mean(differences < 0))
    (fewest, most), (least_worse, most_worse) = exact(better, count), exact(worse, count)
    mean = better - worse
    low = mean - hypot(better - fewest, most_worse - worse)
    return low, mean + hypot(most - better, worse - least_worse)


def _spread(pairs: Pairs, changed: int) -> tuple[Spread, str]:
    """Where little is known of how much the answers vary (0/1 answers, hardly any difference), two questions are added:
    one that only the first model answers, and one that only the second does (Bonett and Price 2012).
    """
    clustered = "" if pairs.clusters is None else CLUSTERED
    if pairs.one_answer and pairs.clusters is None:
        return _bonett_price(pairs.differences), ADJUSTED
    found = spread(pairs.differences, pairs.clusters, symmetric=True)
    if pairs.one_answer or changed < TOO_FEW or found.error <= _ROUNDING * abs(found.mean):  # all differ by as much
        return spread(
            *with_two_more(pairs.differences, pairs.clusters, pairs.unit), symmetric=True
        ), ADJUSTED + clustered
    return found, STUDENT + clustered


def _bonett_price(differences: Numbers) -> Spread:
    count = len(differences) + 2
    won, lost = (np.sum(differences > 0) + 1) / count, (np.sum(differences < 0) + 1) / count
    mean = float(won - lost)
    return Spread(mean, float(won + lost - mean**2) / count, inf, count)


def _sums(pairs: Pairs) -> Numbers:
    """The differences that are independent of each other: of questions, or the sums of clusters."""
    sums = pairs.differences if pairs.clusters is None else np.bincount(pairs.clusters, weights=pairs.differences)
    return np.where(np.abs(sums) <= _ROUNDING * np.abs(pairs.differences).max(), 0.0, sums)


def _exact_p(sums: Numbers) -> tuple[str, float]:
    """Two-sided: how many of all choices of signs give a sum as far from 0; 0 where there are too many to try."""
    moved = sums[sums != 0]
    if not len(moved):
        return MCNEMAR, 1.0
    sizes = np.abs(moved)
    if (np.abs(sizes - sizes[0]) <= _ALIKE * sizes[0]).all():
        fewer = min(int(np.sum(moved > 0)), int(np.sum(moved < 0)))
        return MCNEMAR, min(1.0, 2 * float(special.bdtr(fewer, len(moved), 0.5)))
    if len(moved) > _FEW:
        return FLIPS, 0.0
    totals = np.zeros(1)
    for change in moved:
        totals = np.concatenate((totals + change, totals - change))
    return FLIPS, float(np.mean(np.abs(totals) >= abs(moved.sum()) - _ROUNDING * np.abs(moved).sum()))
