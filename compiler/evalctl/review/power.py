"""What difference a number of questions will be able to show, and how many questions a difference needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, sqrt

import numpy as np
from scipy import special

from evalctl.review.difference import Difference
from evalctl.review.spread import CONFIDENCE, TOO_FEW, spread
from evalctl.review.values import Numbers, Values

POWER = 0.8  # how often a true difference of that size is shown
_BLOCK = 64
_MANY = 60  # of so many changed answers the normal distribution says the same as the exact test


@dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of a question's difference between two models: `of_questions` and of `one` answer of each."""

    of_questions: float
    of_one_answer: float
    right_or_wrong: bool = False  # each answer is worth 0 or 1

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
    return Noise(sqrt(2 * (whole - sampling) * (1 - correlation)), sqrt(2 * sampling), right_or_wrong=True)


def of_values(values: Values, correlation: float = 0.5) -> Noise:
    """Of two models like the one that was measured, two questions at least.

    Where nothing shows how much of the variance is of drawing answers, half of it is taken to be. Values that are all
    equal may be so by chance: no less than one question more that is a unit away.
    """
    values = values.with_value()
    count = len(values.means)
    least = values.unit**2 * (count + 1) / (count + 2) ** 2
    whole, single = max(least, spread(values.means, values.clusters).variance * count), values.of_one_answer()
    own = whole / 2 if single is None else min(single / values.answers, whole)
    return Noise(sqrt(2 * (whole - own) * (1 - correlation)), sqrt(2 * own * values.answers), values.right_or_wrong)


def detectable(noise: Noise, questions: int, answers: int) -> float:
    """The smallest true difference that is shown in 8 of 10 such comparisons at 95 %; infinite where none can be."""
    if questions < TOO_FEW:
        return inf
    deviation = noise.deviation(answers)
    if noise.right_or_wrong and answers == 1:
        return _of_changes(deviation**2, questions)
    return _factor(questions - 1) * deviation / sqrt(questions)


def showable(difference: Difference) -> float:
    """The smallest true difference that a comparison of as many questions, which vary as these do, shows in 8 of 10 cases."""
    if difference.spread.groups < TOO_FEW:
        return inf
    if difference.one_answer:
        return _of_changes(
            (difference.better + difference.worse + 2) / (difference.questions + 2), difference.questions
        )
    return _factor(difference.spread.degrees) * difference.spread.error


def questions_needed(noise: Noise, wanted: float, answers: int) -> int:
    """How many questions show a true difference of `wanted`, above 0, in 8 of 10 comparisons."""
    if not wanted > 0:
        raise ValueError(f"a difference of {wanted} cannot be shown")
    least = max(TOO_FEW, ceil((_factor(inf) * noise.deviation(answers) / wanted) ** 2))
    while not _shows(noise, least, answers, wanted):  # few questions: Student's t, not the normal distribution
        least += max(1, least // 50)
    return least


def _shows(noise: Noise, questions: int, answers: int, wanted: float) -> bool:
    changes = noise.deviation(answers) ** 2
    if noise.right_or_wrong and answers == 1 and changes * questions <= _MANY:
        return shown_of_changes(changes, wanted, questions) >= POWER
    return detectable(noise, questions, answers) <= wanted


def shown_of_changes(changes: float, true: float, questions: int) -> float:
    """How often McNemar's exact test shows a true difference: `changes` is the share of questions that change where there
    is none, half of them each way, and `true` is what changes beyond that in one direction.
    """
    one_way, other = min(1.0, changes / 2 + true), min(changes / 2, max(0.0, 1 - changes / 2 - true))
    whole = one_way + other
    middle, reach = questions * whole, 8 * sqrt(questions * whole) + 8  # further away than any number that is seen
    numbers = np.arange(max(TOO_FEW, int(middle - reach)), min(questions, int(middle + reach)) + 1)
    most = _significant(int(numbers[0]), int(numbers[-1]) + 1) if len(numbers) else numbers
    return float(
        np.sum(_chances(numbers.astype(np.float64), questions, whole) * special.bdtr(most, numbers, other / whole))
    )


def _significant(first: int, end: int) -> Numbers:
    """Of so many changed answers each: how many of them may be of the other way, and the test still shows a difference."""
    start, blocks = first // _BLOCK, range(first // _BLOCK, -(-end // _BLOCK))
    return np.concatenate([_block(block) for block in blocks])[first - start * _BLOCK : end - start * _BLOCK]


@lru_cache(maxsize=4096)
def _block(number: int) -> Numbers:
    """Kept: a bisection asks for the same numbers again and again, and each takes long to compute."""
    numbers = np.arange(number * _BLOCK, (number + 1) * _BLOCK)
    return np.asarray(np.floor(special.bdtrik((1 - CONFIDENCE) / 2, np.maximum(numbers, TOO_FEW), 0.5)))


def _chances(numbers: Numbers, of: int, chance: float) -> Numbers:
    """Of the binomial distribution."""
    ways = special.gammaln(of + 1) - special.gammaln(numbers + 1) - special.gammaln(of - numbers + 1)
    return np.asarray(np.exp(ways + special.xlogy(numbers, chance) + special.xlog1py(of - numbers, -chance)))


def _factor(degrees: float) -> float:
    """How many standard errors a true difference has to be from 0."""
    return float(special.stdtrit(degrees, (1 + CONFIDENCE) / 2) + special.stdtrit(degrees, POWER))


def _of_changes(changes: float, questions: int) -> float:
    """The true difference that is shown in 8 of 10 cases; infinite where not even the largest one is."""
    low, high = 0.0, 1 - min(1.0, changes) / 2
    if questions * changes > _MANY:
        for _ in range(20):
            low = _factor(questions - 1) * sqrt((changes + low - low**2) / questions) + 1 / questions
        return low
    if shown_of_changes(changes, high, questions) < POWER:
        return inf
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if shown_of_changes(changes, middle, questions) >= POWER else (middle, high)
    return high
