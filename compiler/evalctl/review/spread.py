"""How far the mean over questions may be from the mean over all questions of the kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalctl.review.values import Labels, Numbers

CONFIDENCE = 0.95
NORMAL = float(special.ndtri((1 + CONFIDENCE) / 2))
_FEWEST_DEGREES = 1.5  # below, a t interval is wider than any scale of scores


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean, its variance, and the degrees of freedom of that variance's estimate; `groups` are independent of each other."""

    mean: float
    variance: float
    degrees: float
    groups: int

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


def spread(values: Numbers, clusters: Labels | None = None) -> Spread:
    """Of the mean of `values`, two at least; those of one cluster may depend on each other.

    The variance is cluster-robust (CR2: Bell and McCaffrey 2002), for single questions s²/n. Its degrees of freedom are
    Satterthwaite's: of the clusters' sizes, and of the kurtosis of what each adds, so that a variance which a few of many
    questions decide is not taken for well known.
    """
    count = len(values)
    labels = np.arange(count) if clusters is None else clusters
    mean = float(values.mean())
    sizes = np.bincount(labels).astype(float)
    shares = sizes / count
    parts = np.bincount(labels, weights=values - mean) / np.sqrt(1 - shares)
    variance = float(np.sum(parts**2)) / count**2
    return Spread(mean, variance, max(_FEWEST_DEGREES, min(_of_sizes(sizes), _of_kurtosis(parts))), len(sizes))


def _of_sizes(sizes: Numbers) -> float:
    """Degrees of freedom for normal values without dependence; n - 1 where all sizes are equal."""
    count = sizes.sum()
    weights = 1 / (1 - sizes / count)
    trace = np.sum(weights * (sizes - sizes**2 / count))
    squares = np.sum((weights * sizes) ** 2 * (1 - 2 * sizes / count)) + (np.sum(weights * sizes**2) / count) ** 2
    return float(trace**2 / squares)


def _of_kurtosis(parts: Numbers) -> float:
    """Degrees of freedom of a variance whose parts have this kurtosis (normal: 3, which gives their number)."""
    squares = float(np.mean(parts**2))
    if squares == 0:
        return float(len(parts))
    excess = float(np.mean(parts**4)) / squares**2 - 1
    return 2 * len(parts) / excess if excess > 0 else np.inf
