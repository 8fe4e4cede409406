"""Whether a difference stays within a margin: non-inferiority by the interval of the paired difference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil

from scipy import special

from evalctl.review.difference import Difference
from evalctl.review.power import POWER
from evalctl.review.spread import CONFIDENCE


class Outcome(Enum):
    """Of one entry, and of a gate; the value is the exit code of a gate."""

    PASS = 0
    FAIL = 1
    INCONCLUSIVE = 5
    INVALID = 6


@dataclass(frozen=True, slots=True)
class Decision:
    """Of one entry. `questions` is how many would decide, where these were too few and a number can be given."""

    outcome: Outcome
    margin: float
    questions: int | None = None


def decide(found: Difference | None, margin: float, *, lower_is_better: bool = False) -> Decision:
    """PASS where the whole interval of candidate minus baseline is above `-margin`, FAIL where it is below.

    None is an entry with one question, which decides nothing.
    """
    if found is None:
        return Decision(Outcome.INCONCLUSIVE, margin)
    low, high, mean = (-found.high, -found.low, -found.mean) if lower_is_better else (found.low, found.high, found.mean)
    if low > -margin:
        return Decision(Outcome.PASS, margin)
    if high < -margin:
        return Decision(Outcome.FAIL, margin)
    return Decision(Outcome.INCONCLUSIVE, margin, _needed(found, mean + margin))


def _needed(found: Difference, distance: float) -> int | None:
    """Questions with which the interval ends before the margin in 8 of 10 cases, if the true difference is the one measured."""
    factor = float(special.ndtri((1 + CONFIDENCE) / 2) + special.ndtri(POWER))
    needed = found.spread.variance * found.questions * (factor / distance) ** 2 if distance else float("inf")
    return None if needed > found.questions * 1000 else max(found.questions + 1, ceil(needed))


def together(required: list[Outcome]) -> Outcome:
    """A gate passes where each entry that it requires does; one that requires nothing is INVALID."""
    if not required or Outcome.INVALID in required:
        return Outcome.INVALID
    if Outcome.FAIL in required:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if Outcome.INCONCLUSIVE in required else Outcome.PASS
