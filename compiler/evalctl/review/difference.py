"""What two models differ by on the same questions, and whether that can be chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np
from scipy import special

from evalctl.review.spread import CONFIDENCE, Spread, spread
from evalctl.review.values import Labels, Numbers, Pairs

STUDENT, ADJUSTED = "paired t interval", "adjusted paired interval"
MCNEMAR, FLIPS = "exact McNemar test", "exact sign-flip test"
CLUSTERED = ", by clusters"
_FEW = 12  # so many differences have 4,096 choices of their signs; of more, the t test holds
_TOO_FEW = 6  # with fewer differences no choice of signs is rarer than 1 in 20
_ALMOST_NOTHING = 1e-12  # below, a sum of differences is rounding


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


def difference(pairs: Pairs) -> Difference | None:
    """None where there are not two independent questions: nothing follows from one."""
    if len(pairs.differences) < 2 or (pairs.clusters is not None and len(np.unique(pairs.clusters)) < 2):
        return None
    sums = _sums(pairs)
    found, name = _spread(pairs, int(np.count_nonzero(sums)))
    half = found.quantile() * found.error
    low, high, p = found.mean - half, found.mean + half, found.p_value()
    test, exact = _exact_p(sums)
    if exact > p:
        p, name = exact, f"{name}, {test}"
        low, high = (min(low, 0.0), max(high, 0.0)) if p > 1 - CONFIDENCE else (low, high)
    better, worse = int(np.sum(pairs.differences > 0)), int(np.sum(pairs.differences < 0))
    mean = float(pairs.differences.mean())
    return Difference(mean, low, high, p, len(pairs.differences), better, worse, name, replace(found, mean=mean))


def _spread(pairs: Pairs, changed: int) -> tuple[Spread, str]:
    """Where little is known of how much the answers vary (0/1 answers, hardly any difference), two questions are added:
    one that only the first model answers, and one that only the second does (Bonett and Price 2012).
    """
    clustered = "" if pairs.clusters is None else CLUSTERED
    if pairs.one_answer and pairs.clusters is None:
        return _bonett_price(pairs.differences), ADJUSTED
    if pairs.one_answer or changed < _TOO_FEW:
        return spread(*_with_two_more(pairs)), ADJUSTED + clustered
    return spread(pairs.differences, pairs.clusters), STUDENT + clustered


def _bonett_price(differences: Numbers) -> Spread:
    count = len(differences) + 2
    won, lost = (np.sum(differences > 0) + 1) / count, (np.sum(differences < 0) + 1) / count
    mean = float(won - lost)
    return Spread(mean, float(won + lost - mean**2) / count, inf, count)


def _with_two_more(pairs: Pairs) -> tuple[Numbers, Labels]:
    labels = np.arange(len(pairs.differences)) if pairs.clusters is None else pairs.clusters
    last = int(labels.max())
    return np.append(pairs.differences, (1.0, -1.0)), np.append(labels, (last + 1, last + 2))


def _sums(pairs: Pairs) -> Numbers:
    """The differences that are independent of each other: of questions, or the sums of clusters."""
    sums = pairs.differences if pairs.clusters is None else np.bincount(pairs.clusters, weights=pairs.differences)
    return np.where(np.abs(sums) < _ALMOST_NOTHING, 0.0, sums)


def _exact_p(sums: Numbers) -> tuple[str, float]:
    """Two-sided: how many of all choices of signs give a sum as far from 0; 0 where there are too many to try."""
    moved = sums[sums != 0]
    if not len(moved):
        return MCNEMAR, 1.0
    if np.allclose(np.abs(moved), np.abs(moved[0])):
        fewer = min(int(np.sum(moved > 0)), int(np.sum(moved < 0)))
        return MCNEMAR, min(1.0, 2 * float(special.bdtr(fewer, len(moved), 0.5)))
    if len(moved) > _FEW:
        return FLIPS, 0.0
    totals = np.zeros(1)
    for one in moved:
        totals = np.concatenate((totals + one, totals - one))
    return FLIPS, float(np.mean(np.abs(totals) >= abs(moved.sum()) - _ALMOST_NOTHING))
