"""A word for each difference, with the correction for looking at several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from typing import TypeVar

from evalctl.review.difference import Difference
from evalctl.review.spread import CONFIDENCE

Key = TypeVar("Key", bound=Hashable)


class Verdict(Enum):
    """The conclusion about the first of two models; `NOT_COMPARABLE` comes with its reason."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "no difference shown"
    NOT_COMPARABLE = "not comparable"


def corrected(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979): with these, a false claim among all of them is as rare as in one comparison."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def verdicts(differences: Mapping[Key, Difference | None]) -> dict[Key, Verdict]:
    """Of all that are looked at together: entries, or (model, entry) of several against one baseline.

    None is an entry with one question or one passage.
    """
    names = [name for name, difference in differences.items() if difference is not None]
    p_values = dict(
        zip(
            names,
            corrected([difference.p for difference in differences.values() if difference is not None]),
            strict=True,
        )
    )
    return {
        name: Verdict.NOT_SHOWN if difference is None else verdict(difference.mean, p_values[name])
        for name, difference in differences.items()
    }


def verdict(mean: float, p: float, sign: int = 1) -> Verdict:
    """Of a difference; `sign` is -1 where a lower score is better."""
    if p > 1 - CONFIDENCE:
        return Verdict.NOT_SHOWN
    return Verdict.BETTER if sign * mean > 0 else Verdict.WORSE
