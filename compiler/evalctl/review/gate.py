"""Whether a difference stays within a margin: non-inferiority by the interval of the paired difference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil

from scipy import special

from evalctl.review.difference import Difference
from evalctl.review.power import POWER
from evalctl.review.spread import CONFIDENCE

_TOO_MANY = 1000  # times as many questions, or so many answers: nobody measures that


class Outcome(Enum):
    """Of one entry, and of a gate. The exit code of each is in evalctl/exits.py."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True)
class Decision:
    """Of one entry. Where these were too few: how many `questions` would decide, or how many `answers` of each model to
    each of these questions; None where no number can be given, or none would. `left_out` is the number of questions without
    a value of both that would decide.
    """

    outcome: Outcome
    margin: float
    questions: int | None = None
    answers: int | None = None
    left_out: int = 0


def decide(difference: Difference | None, margin: float, *, lower_is_better: bool = False) -> Decision:
    """PASS where the whole interval of candidate minus baseline is above `-margin`, FAIL where it is below.

    None is an entry with one question or one passage, which decides nothing. A margin is 0 or more. A question to which one of the two,
    or neither, has a value counts for neither: it may have been lost, or won.
    """
    if not 0 <= margin < float("inf"):
        raise ValueError(f"a margin of {margin}")
    if difference is None:
        return Decision(Outcome.INCONCLUSIVE, margin)
    sign = -1 if lower_is_better else 1
    outcome = _of_interval(difference.bounds(), sign, margin)
    if outcome is not Outcome.INCONCLUSIVE:
        return Decision(outcome, margin)
    if _of_interval((difference.low, difference.high), sign, margin) is not Outcome.INCONCLUSIVE:
        return Decision(outcome, margin, left_out=difference.left_out)
    return Decision(outcome, margin, *_needed(difference, sign * difference.mean + margin))


def _of_interval(interval: tuple[float, float], sign: int, margin: float) -> Outcome:
    low, high = sorted(sign * end for end in interval)
    if low > -margin:
        return Outcome.PASS
    return Outcome.FAIL if high < -margin else Outcome.INCONCLUSIVE


def _needed(difference: Difference, distance: float) -> tuple[int | None, int | None]:
    """Questions, and answers, with which the interval ends before the margin in 8 of 10 cases, if the true difference is
    the one measured.
    """
    if not distance:
        return None, None
    factor = float(special.ndtri((1 + CONFIDENCE) / 2) + special.ndtri(POWER))
    wanted, here = (distance / factor) ** 2, difference.spread.variance  # of the mean
    questions = difference.questions * here / wanted
    few = questions > difference.questions * _TOO_MANY
    return None if few else max(difference.questions + 1, ceil(questions)), _answers(difference, wanted)


def _answers(difference: Difference, wanted: float) -> int | None:
    """None, too, where the questions themselves differ too much for any number of answers."""
    if difference.sampling is None:
        return None
    of_questions = max(0.0, difference.spread.variance - difference.sampling.measured / difference.questions)
    answers = (
        difference.sampling.of_one / difference.questions / (wanted - of_questions)
        if wanted > of_questions
        else float("inf")
    )
    return None if answers > _TOO_MANY else max(2, ceil(answers))


def together(required: list[Outcome]) -> Outcome:
    """A gate passes where each entry that it requires does; one failure makes it FAIL, and one that requires nothing is
    INVALID.
    """
    if Outcome.FAIL in required:
        return Outcome.FAIL
    if not required or Outcome.INVALID in required:
        return Outcome.INVALID
    return Outcome.INCONCLUSIVE if Outcome.INCONCLUSIVE in required else Outcome.PASS
