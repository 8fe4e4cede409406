"""What difference a number of questions will be able to show, and how many questions a difference needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt

from scipy import special

from evalctl.review.spread import CONFIDENCE

POWER = 0.8  # how often a true difference of that size is shown


@dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of a question's difference between two models: `of_questions` and of `one` answer of each."""

    of_questions: float
    of_one_answer: float

    def deviation(self, answers: int) -> float:
        """With so many answers of each model to each question."""
        return sqrt(self.of_questions**2 + self.of_one_answer**2 / answers)


def right_or_wrong(score: float, own: float | None = None, correlation: float = 0.5) -> Noise:
    """Of answers that are right or wrong, two models about as good as `score`.

    `own` is the mean over questions of p(1 - p), known where a model answered each question several times; else half of
    s(1 - s). `correlation` is that of the two models' chances over the questions.
    """
    whole = score * (1 - score)
    sampling = whole / 2 if own is None else min(own, whole)
    return Noise(sqrt(2 * (whole - sampling) * (1 - correlation)), sqrt(2 * sampling))


def detectable(noise: Noise, questions: int, answers: int) -> float:
    """The smallest true difference that is shown in 8 of 10 such comparisons at 95 %; infinite for one question."""
    if questions < 2:
        return inf
    degrees = questions - 1
    factor = special.stdtrit(degrees, (1 + CONFIDENCE) / 2) + special.stdtrit(degrees, POWER)
    return float(factor) * noise.deviation(answers) / sqrt(questions)


def questions_needed(noise: Noise, wanted: float, answers: int) -> int:
    """How many questions show a true difference of `wanted` in 8 of 10 comparisons."""
    factor = float(special.ndtri((1 + CONFIDENCE) / 2) + special.ndtri(POWER))
    least = max(2, ceil((factor * noise.deviation(answers) / wanted) ** 2))
    while detectable(noise, least, answers) > wanted:  # few questions: Student's t, not the normal distribution
        least += max(1, least // 50)
    return least
