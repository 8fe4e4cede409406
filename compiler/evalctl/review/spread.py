"""How far the mean over questions may be from the mean over all questions of the kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from evalctl.review.values import Labels, Numbers

CONFIDENCE = 0.95
NORMAL = float(special.ndtri((1 + CONFIDENCE) / 2))
TOO_FEW = 6  # of fewer independent differences no choice of signs is rarer than 1 in 20


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean, its variance, and the degrees of freedom of that variance's estimate; `groups` are independent of each other."""

    mean: float
    variance: float
    degrees: float
    groups: int

    def over(self, full_mark: float) -> Spread:
        """On the scale on which `full_mark` is 1."""
        return replace(self, mean=self.mean / full_mark, variance=self.variance / full_mark**2)

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return float(np.sqrt(self.variance))

    def quantile(self, tail: float = (1 - CONFIDENCE) / 2) -> float:
        """Student's t that is exceeded with probability `tail`."""
        return float(special.stdtrit(self.degrees, 1 - tail))

    def p_value(self) -> float:
        """Two-sided, for a true mean of 0; 1 where nothing varies about 0."""
        if self.variance == 0:
            return 1.0 if self.mean == 0 else 0.0
        return float(2 * special.stdtr(self.degrees, -abs(self.mean) / self.error))


def spread(values: Numbers, clusters: Labels | None = None, *, symmetric: bool = False) -> Spread:
    """Of the mean of `values`, two at least; those of one cluster may depend on each other.

    The variance is the jackknife's over clusters (CR3: MacKinnon, Nielsen and Webb 2023), for single questions s²/n: of a
    few large clusters others know too little. Its degrees of freedom are Satterthwaite's: of the clusters' sizes, and of
    the kurtosis of what each adds, so that a variance which a few of many questions decide is not taken for well known.
    `symmetric` values, such as differences of equal models, may also have less kurtosis than normal ones: see `_of_signs`.
    """
    count = len(values)
    labels = np.arange(count) if clusters is None else clusters
    mean = float(values.mean())
    there = np.bincount(labels) > 0
    sizes = np.bincount(labels)[there].astype(np.float64)
    parts = np.bincount(labels, weights=values - mean)[there] / (1 - sizes / count)
    variance = float(np.sum(parts**2)) / count**2 * (1 - 1 / len(sizes))
    degrees = max(1.0, min(_of_sizes(sizes), _of_kurtosis(parts)))
    return Spread(mean, variance, min(degrees, _of_signs(parts)) if symmetric else degrees, len(sizes))


def with_two_more(values: Numbers, clusters: Labels | None, unit: float, middle: float = 0.0) -> tuple[Numbers, Labels]:
    """The values and two independent ones, a unit below and above the middle: where the values alone hardly vary."""
    labels = np.arange(len(values)) if clusters is None else clusters
    last = int(labels.max())
    return np.append(values, (middle + unit, middle - unit)), np.append(labels, (last + 1, last + 2))


def _of_sizes(sizes: Numbers) -> float:
    """Degrees of freedom for normal values without dependence; n - 1 where all sizes are equal."""
    count = sizes.sum()
    weights = 1 / (1 - sizes / count) ** 2
    trace = np.sum(weights * (sizes - sizes**2 / count))
    squares = np.sum((weights * sizes) ** 2 * (1 - 2 * sizes / count)) + (np.sum(weights * sizes**2) / count) ** 2
    return float(trace**2 / squares)


def _of_kurtosis(parts: Numbers) -> float:
    """Degrees of freedom of a variance whose parts have this kurtosis (normal: 3, which gives their number)."""
    excess = _kurtosis(parts) - 1
    return 2 * len(parts) / excess if excess > 0 else np.inf


def _of_signs(parts: Numbers) -> float:
    """Degrees of freedom whose t is that of all choices of signs of the parts, by the F distribution of Box and Andersen (1955).

    Fewer than Student's where the kurtosis is below the normal one: there Student's t is exceeded in more than 5 % of cases.
    """
    count = len(parts)
    kurtosis = (
        _kurtosis(parts) * (count + 1) / (count - 1)
    )  # a sample of normal values has 3 (n - 1)/(n + 1) on average
    factor = 1 + (kurtosis - 3) / count
    if count < TOO_FEW or not factor < 1:  # rounding decides nothing: at 1 both are the same
        return np.inf
    limit = float(np.sqrt(special.fdtri(factor, factor * (count - 1), CONFIDENCE)))
    return float(special.stdtridf((1 + CONFIDENCE) / 2, limit))


def _kurtosis(parts: Numbers) -> float:
    """About 0; where all are 0, that of two values."""
    largest = float(np.abs(parts).max())
    if largest == 0:
        return 1.0
    squares = (parts / largest) ** 2
    return float(np.mean(squares**2) / np.mean(squares) ** 2)
