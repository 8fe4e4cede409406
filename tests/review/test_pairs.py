"""Differences, pairs and averages agree with other implementations, with published examples and with enumeration."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from tests.review.made import CLOSE, compared, values

from evalctl.review.average import average
from evalctl.review.difference import difference
from evalctl.review.methods import (
    ADJUSTED,
    FLIPS,
    MCNEMAR,
    PAIRED,
)
from evalctl.review.score import estimate
from evalctl.review.spread import spread
from evalctl.review.values import Numbers, OtherQuestions, Pairs, Values, paired

RANDOM = np.random.default_rng(7)


# ---- differences ------------------------------------------------------------------------------------------------


def test_a_difference_is_tested_as_pairs() -> None:
    """SciPy's paired t test, with the degrees of freedom of the F distribution of Box and Andersen, as SciPy has it."""
    first, second = RANDOM.uniform(0, 1, 60), RANDOM.uniform(0, 1, 60)
    found, wanted = compared(first - second), stats.ttest_rel(first, second)
    factor = 1 + (stats.kurtosis(first - second, fisher=False) * 61 / 59 - 3) / 60
    limit = sqrt(stats.f.isf(0.05, factor, factor * 59))
    half = limit * float(stats.sem(first - second))
    assert factor < 1 and limit == pytest.approx(stats.t.isf(0.025, found.spread.degrees), abs=CLOSE)
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half), abs=CLOSE)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(wanted.statistic), found.spread.degrees), abs=CLOSE)


def test_degrees_of_freedom_are_student_s_where_the_kurtosis_is_the_normal_one() -> None:
    """Never more; the interval is then SciPy's."""
    middle = stats.norm.ppf((np.arange(40) + 0.5) / 40)
    values = np.sign(middle) * np.abs(middle) ** brentq(lambda power: _kurtosis(middle, power) - 3 * 39 / 41, 0.5, 2)
    found, wanted = compared(values + 0.2), stats.ttest_1samp(values + 0.2, 0)
    interval = wanted.confidence_interval(0.95)
    assert found.spread.degrees == pytest.approx(39, rel=1e-6)
    assert (found.p, found.low, found.high) == pytest.approx((wanted.pvalue, interval.low, interval.high), abs=1e-8)


def _kurtosis(values: Numbers, power: float) -> float:
    return float(stats.kurtosis(np.sign(values) * np.abs(values) ** power, fisher=False))


def test_a_short_tailed_difference_is_claimed_as_seldom_as_all_choices_of_its_signs_say() -> None:
    """Of all choices of the signs of eleven values from 1 to 11, Student's t claims 5.4 %, ours 5.1 %."""
    signs = (
        np.array(np.meshgrid(*[[-1.0, 1.0]] * 11)).reshape(11, -1).T[:1024]
    )  # the others are the same with all signs turned
    drawn = signs * np.arange(1.0, 12.0)
    t = np.abs(drawn.mean(axis=1)) / stats.sem(drawn, axis=1)
    degrees = [spread(one, symmetric=True).degrees for one in drawn]
    assert np.mean(t > stats.t.isf(0.025, degrees)) < 0.051 < 0.053 < np.mean(t > stats.t.isf(0.025, 10))


def test_an_adjusted_interval_of_a_published_example() -> None:
    """The example of `ci.prop.ps` in the R package statpsych: of 48 pairs 26 and 4 differ, and the interval is 0.2548067 to 0.6251933."""
    found = compared([1.0] * 26 + [-1.0] * 4 + [0.0] * 18, one_answer=True)
    assert (found.low, found.high) == pytest.approx((0.2548067, 0.6251933), abs=5e-8)
    assert (found.mean, found.spread.error) == (pytest.approx(22 / 48), pytest.approx(0.09448809, abs=5e-9))
    assert found.method == f"{ADJUSTED}, {MCNEMAR}"


@pytest.mark.parametrize(("better", "worse", "n"), [(0, 5, 30), (0, 6, 30), (3, 12, 100), (30, 55, 1000), (0, 0, 30)])
def test_few_changed_answers_are_tested_exactly(better: int, worse: int, n: int) -> None:
    """McNemar's exact test as SciPy's binomial test has it, where the interval alone would claim more."""
    found = compared([1.0] * better + [-1.0] * worse + [0.0] * (n - better - worse), one_answer=True)
    exact = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert found.p >= exact - CLOSE
    assert (found.low <= 0 <= found.high) == (found.p > 0.05)
    assert (found.better, found.worse, found.questions) == (better, worse, n)


def test_few_changed_means_are_tested_exactly() -> None:
    """A sign-flip test over the questions that changed, as SciPy's permutation test has it."""
    changed = [0.1, 0.2, 0.3, 0.1, 0.25, 0.4, 0.15]
    found = compared(changed + [0.0] * 23)

    def total(one: Numbers, axis: int = -1) -> Numbers:
        return np.sum(one, axis=axis)

    wanted = stats.permutation_test((changed,), total, permutation_type="samples", n_resamples=np.inf)
    assert found.p >= wanted.pvalue - CLOSE
    few = compared([0.9, 0.8, 1.0, 0.8, 0.9, 1.0, 0.7] + [0.0] * 3)
    assert (few.p, few.method) == (pytest.approx(2 / 2**7), f"{PAIRED}, {FLIPS}")


def test_all_choices_of_signs_are_counted_on_any_scale() -> None:
    """Sums that differ by rounding are equal: 0.1 + 0.2 - 0.3 too, in points, percents and millionths."""
    changed = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3, -0.1, 0.6])
    for scale in (1.0, 1e-6, 1e6, 1 / 3):
        found = difference(Pairs(changed * scale, None, False, scale))
        assert found is not None
        tries = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1).T @ np.round(changed * 10)
        assert found.p >= float(np.mean(np.abs(tries) >= 17)) - CLOSE


@pytest.mark.parametrize(("questions", "most"), [(30, 40), (200, 40)])
def test_a_bound_of_a_difference_is_wrong_as_seldom_as_it_says(questions: int, most: int) -> None:
    """Of single answers, by enumeration of all outcomes, also where they only get worse: above the true difference in less
    than 3 %. The bound of Bonett and Price alone is there in 6.6 %.
    """
    better, worse = np.meshgrid(np.arange(min(questions, most) + 1), np.arange(min(questions, most) + 1), indexing="ij")
    there = better + worse <= questions
    pairs = np.stack((better[there], worse[there], questions - better[there] - worse[there]), axis=1)
    found = [difference(Pairs(np.repeat([1.0, -1.0, 0.0], counts), None, True)) for counts in pairs]
    lows = np.array([one.low for one in found if one is not None])
    won, lost, whole = pairs[:, 0] + 1, pairs[:, 1] + 1, questions + 2
    mean = (won - lost) / whole
    alone = mean - float(stats.norm.ppf(0.975)) * np.sqrt(((won + lost) / whole - mean**2) / whole)
    wrong, of_one = [], []
    for up in (0, 0.5, 1, 2, 4):
        for fall in np.linspace(0.2, 10, 50):
            chances = [up / questions, (up + fall) / questions, 1 - (2 * up + fall) / questions]
            seen = stats.multinomial.pmf(pairs, questions, chances)
            wrong.append(seen[lows > -fall / questions].sum())
            of_one.append(seen[alone > -fall / questions].sum())
    assert max(wrong) < 0.03 and 0.06 < max(of_one) < 0.067


def test_no_difference_at_all_is_not_known_to_be_none() -> None:
    """30 equal answers: up to an eighth of all questions may differ."""
    for one_answer in (True, False):
        found = compared([0.0] * 30, one_answer=one_answer)
        assert found.p == 1 and -0.2 < found.low < -0.05 and 0.05 < found.high < 0.2


@pytest.mark.parametrize("step", [0.3, -0.1, 1e-9])
def test_equal_differences_are_no_proof_of_an_exact_one(step: float) -> None:
    """30 questions, each better by as much: of all questions some may differ by more."""
    found = compared([step] * 30)
    assert found.low < found.mean < found.high and found.method.startswith(ADJUSTED)
    assert found.high - found.low > 0.05
    assert (found.low <= 0 <= found.high) == (found.p > 0.05)


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_an_interval_excludes_0_exactly_where_the_test_does(scale: float) -> None:
    """For small and for many changes, means and single answers, with and without passages."""
    for _ in range(300):
        n = int(RANDOM.integers(2, 60))
        single = bool(RANDOM.integers(2))
        drawn = (
            RANDOM.integers(-1, 2, n).astype(float)
            if single
            else RANDOM.normal(0.1, scale, n) * RANDOM.integers(0, 2, n)
        )
        found = difference(Pairs(drawn, RANDOM.integers(0, 9, n) if RANDOM.integers(2) else None, single))
        if found is not None:
            assert (found.low <= 0 <= found.high) == (found.p > 0.05)


def test_an_interval_has_no_impossible_difference() -> None:
    """Shares and 0/1 values differ by 1 at most, and so do averages of them."""
    for one_answer, changes in ((True, [1.0] * 10 + [0.0]), (False, [1.0] * 8 + [0.25] * 2)):
        found = difference(Pairs(np.array(changes), None, one_answer))
        assert found is not None and 0 < found.low < found.mean < found.high == 1
        whole = average([found.spread, found.spread]).of_shares()
        assert 0 < whole.low < whole.mean < whole.high <= 1


def test_one_question_shows_no_difference() -> None:
    """Nor does one passage."""
    assert difference(Pairs(np.array([1.0]), None, True)) is None
    assert difference(Pairs(np.array([1.0, 1.0]), np.array([4, 4]), True)) is None


# ---- pairs ------------------------------------------------------------------------------------------------------


def test_questions_are_paired_by_what_they_are() -> None:
    """Wherever they are in the lists; of equal ones the first with the first."""
    first = Values(("a", "b", "b"), np.array([1.0, 0.5, 0.0]), 2)
    second = Values(("b", "a", "b"), np.array([0.25, 0.0, 1.0]), 2)
    assert list(paired(first, second).differences) == [1.0, 0.25, -1.0]


@pytest.mark.parametrize("other", [("a",), ("a", "b", "c"), ("a", "c"), ("a", "a")])
def test_other_questions_are_not_compared(other: tuple[str, ...]) -> None:
    """Neither fewer, nor more, nor others."""
    with pytest.raises(OtherQuestions, match="questions"):
        paired(Values(("a", "b"), np.zeros(2), 1), Values(other, np.zeros(len(other)), 1))


def test_questions_without_a_value_of_both_are_left_out_and_counted() -> None:
    """Where none has one, nothing is compared."""
    first, second = values([1.0, float("nan"), 0.0, 1.0]), values([0.0, 1.0, float("nan"), 1.0])
    made = paired(first, second)
    assert (list(made.differences), made.left_out) == ([1.0, 0.0], 2)
    with pytest.raises(OtherQuestions, match="none has a value of both"):
        paired(values([float("nan"), 1.0]), values([1.0, float("nan")]))


def test_questions_that_neither_has_a_value_of_are_not_left_out() -> None:
    """Of MT-Bench's 80 questions 10 are of a category: equal values of these are no reason for doubt about 70 others."""
    points = np.where(np.arange(80) < 10, 0.7, float("nan"))
    made = paired(values(points), values(points))
    assert (len(made.differences), made.left_out) == (10, 0)


def test_a_question_that_neither_judge_scored_is_left_out_and_counted() -> None:
    """Of the 10 questions of a category a judge gave no score to one of either model; also where the second has another order."""
    points = np.array([float("nan"), *[0.7] * 9, *[float("nan")] * 70])
    first = replace(values(points), asked=np.arange(80) < 10)
    order = np.arange(80)[::-1]
    second = replace(
        first, questions=tuple(first.questions[place] for place in order), means=points[order], asked=order < 10
    )
    for other in (first, second, replace(first, asked=None)):
        made = paired(first, other)
        assert (len(made.differences), made.left_out) == (9, 1)
    assert np.array_equal(first.with_value().asked, [True] * 9)  # type: ignore[arg-type]


def test_answers_in_another_order_are_no_flips() -> None:
    """300 questions of a model, and the same answers in the opposite order: nothing differs."""
    right = RANDOM.integers(0, 2, 300).astype(float)
    first = Values(tuple(f"q{n}" for n in range(300)), right, 1, None, right_or_wrong=True)
    second = Values(tuple(f"q{n}" for n in reversed(range(300))), right[::-1], 1, None, right_or_wrong=True)
    found = difference(paired(first, second))
    assert found is not None and (found.better, found.worse, found.mean, found.p) == (0, 0, 0, 1)


# ---- averages ---------------------------------------------------------------------------------------------------


def test_an_average_of_two_is_welch_s() -> None:
    """Half the sum of two independent means: twice its interval is that of SciPy's Welch test with one sign turned."""
    first, second = RANDOM.uniform(0, 1, 12), RANDOM.uniform(0, 3, 30)
    found, wanted = average([spread(first), spread(second)]), stats.ttest_ind(first, -second, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx(
        (interval.low / 2, interval.high / 2, wanted.pvalue), abs=CLOSE
    )


def test_an_average_is_of_entries_on_one_scale() -> None:
    """A judge's scores up to 10 are divided by their full mark, with their error."""
    shares = RANDOM.uniform(0, 1, 50)
    ours, other = spread(shares * 10).over(10), spread(shares)
    assert (ours.mean, ours.variance, ours.degrees) == pytest.approx((other.mean, other.variance, other.degrees))
    with pytest.raises(ValueError, match="nothing"):
        average([])


def test_fourteen_thousand_questions_and_extreme_values_have_numbers() -> None:
    """No overflow, no NaN."""
    for means in (
        RANDOM.integers(0, 2, 14_000).astype(float),
        RANDOM.normal(0, 1e49, 14_000),
        np.full(14_000, 1e-300),
    ):
        found = estimate(values(means))
        pairs = difference(
            Pairs(means - means[::-1], np.arange(14_000) // 7, False, max(1.0, float(np.abs(means).max())))
        )
        assert found.low is not None and found.high is not None and pairs is not None
        whole = average([pairs.spread, pairs.spread.over(10)])
        assert np.isfinite([found.low, found.high, pairs.low, pairs.high, pairs.p]).all()
        assert np.isfinite([whole.low, whole.high, whole.p]).all()
    with pytest.raises(ValueError, match="beyond"):
        values([1e99, 0.0])
