"""Intervals of a share: of `count` answers of which a part is right. `count` may be a fraction."""

from __future__ import annotations

from math import sqrt

from scipy import special

from evalctl.review.spread import CONFIDENCE, NORMAL

FEW = 10  # so few right or wrong answers: Wilson's interval covers 84 % there at worst, and 93.5 % where there are more
_TAIL = (1 - CONFIDENCE) / 2


def is_near_the_end(mean: float, count: float) -> bool:
    """Whether few of the answers are right, or few are wrong."""
    return round(min(mean, 1 - mean) * count) <= FEW


def wilson(mean: float, count: float) -> tuple[float, float]:
    """The score interval (Wilson 1927)."""
    square = NORMAL**2
    middle = (mean + square / (2 * count)) / (1 + square / count)
    half = NORMAL * sqrt(mean * (1 - mean) / count + square / (4 * count**2)) / (1 + square / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def exact(mean: float, count: float) -> tuple[float, float]:
    """The interval of the binomial distribution's tails (Clopper and Pearson 1934)."""
    right, wrong = mean * count, (1 - mean) * count
    low = float(special.betaincinv(right, wrong + 1, _TAIL)) if right > 0 else 0.0
    high = float(special.betaincinv(right + 1, wrong, 1 - _TAIL)) if wrong > 0 else 1.0
    return low, high
