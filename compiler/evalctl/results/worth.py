"""A metric's values of all questions as arrays: of ten thousand questions the sums are needed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evalctl_job.scores import Metric, Value

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """A question's sum and its weight; weight 0 is a question without a value."""

    totals: Numbers
    weights: Numbers

    def at(self, places: Sequence[int]) -> Columns:
        """Those of these questions; of a range nothing is copied."""
        here = slice(places.start, places.stop) if isinstance(places, range) else places
        return Columns(self.totals[here], self.weights[here])

    def mean(self, scale: float) -> float | None:
        """The score that these make; None of nothing."""
        weight = float(self.weights.sum())
        return scale * float(self.totals.sum()) / weight if weight else None

    def means(self, parts: Sequence[Sequence[int]], scale: float) -> list[float | None]:
        """The scores that the questions at these places make, part by part."""
        starts = _starts(parts, len(self.totals))
        if not starts:
            return [self.at(places).mean(scale) for places in parts]
        sums = (np.add.reduceat(one, starts).tolist() for one in (self.totals, self.weights))
        return [scale * total / weight if weight else None for total, weight in zip(*sums, strict=True)]

    @property
    def is_plain(self) -> bool:
        """Whether a question's share does not depend on the others: each is worth one answer at most."""
        return bool(self.weights.max(initial=0) <= 1)

    def shares(self, scale: float) -> Numbers:
        """Each question's share in the mean of all, which it is the plain mean of; NaN of a question without a value.

        Where questions weigh differently the mean is a ratio of sums: a question's share is the mean plus what it adds to
        it (its linearisation), so that the variance of the plain mean is that of the ratio.
        """
        weight = self.weights.sum()
        if not weight:
            return np.full(len(self.totals), np.nan)
        mean = self.totals.sum() / weight
        shares = (
            self.totals
            if self.is_plain
            else mean + (self.totals - mean * self.weights) * np.count_nonzero(self.weights) / weight
        )
        return np.where(self.weights > 0, scale * shares, np.nan)


def _starts(parts: Sequence[Sequence[int]], number: int) -> list[int]:
    """Where each part begins; empty where they do not follow one another from the first question to the last."""
    runs = [one for one in parts if isinstance(one, range) and len(one)]
    ends = [0, *(one.stop for one in runs)]
    follow = len(runs) == len(parts) and [one.start for one in runs] == ends[:-1] and ends[-1] == number
    return ends[:-1] if follow else []


def columns(metric: Metric) -> Columns:
    """Of a metric as it was read."""
    if metric.form != "digits" or not isinstance(metric.values, str):
        values = metric.decoded()
        return Columns(np.array([one.total for one in values], float), np.array([one.weight for one in values], float))
    codes = np.frombuffer(metric.values.encode("ascii"), dtype=np.uint8)
    totals, weights = np.zeros(128), np.zeros(128)
    for digit in set(metric.values):
        one = _of_digit(digit, metric.out_of)
        totals[ord(digit)], weights[ord(digit)] = one.total, one.weight
    return Columns(totals[codes], weights[codes])


@lru_cache
def _of_digit(digit: str, out_of: int) -> Value:
    (one,) = Metric("digits", digit, out_of).decoded()
    return one
