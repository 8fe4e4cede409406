"""The mean of differences, or of scores, over several entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, inf, sqrt

from evalctl.review.spread import Spread


@dataclass(frozen=True, slots=True)
class Average:
    """An unweighted mean over entries; its interval is about other questions of the same tasks, not about other tasks."""

    mean: float
    error: float
    low: float
    high: float
    p: float
    entries: int

    def of_shares(self) -> Average:
        """Where each part is a share of a full mark: no mean of their differences is farther from 0 than 1."""
        return replace(self, low=min(max(self.low, -1.0), self.mean), high=max(min(self.high, 1.0), self.mean))


def average(spreads: Sequence[Spread]) -> Average:
    """Of one entry or more that were measured on different questions (Welch 1947 for the degrees of freedom).

    Entries on other scales come as `Spread.over(full_mark)`.
    """
    count = len(spreads)
    if not count:
        raise ValueError("an average of nothing")
    variances = [each.variance / count**2 for each in spreads]
    variance = sum(variances)
    parts = sum(part**2 / each.degrees for part, each in zip(variances, spreads, strict=True))
    whole = Spread(sum(each.mean for each in spreads) / count, variance, variance**2 / parts if parts else inf, count)
    half = whole.quantile() * whole.error
    return Average(whole.mean, sqrt(variance), whole.mean - half, whole.mean + half, whole.p_value(), count)


def recovered(mean: float, parts: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """The interval of a mean of independent scores from (score, low, high) of each.

    The variance on each side is that of the parts' intervals on that side (MOVER: Zou and Donner 2008), so that an average
    of asymmetric intervals is asymmetric, too.
    """
    down = hypot(*(score - low for score, low, _ in parts)) / len(parts)
    up = hypot(*(high - score for score, _, high in parts)) / len(parts)
    return mean - down, mean + up
