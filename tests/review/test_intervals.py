"""Intervals and tests agree with other implementations and with published examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalctl.review.average import average
from evalctl.review.difference import Difference, difference
from evalctl.review.methods import (
    ADJUSTED,
    EFFECTIVE,
    EXACT,
    EXACT_EFFECTIVE,
    FLIPS,
    MCNEMAR,
    PAIRED,
    STUDENT,
    WIDENED,
    WILSON,
)
from evalctl.review.score import estimate, share
from evalctl.review.spread import spread
from evalctl.review.values import Labels, Numbers, OtherQuestions, Pairs, Values, clusters_of, paired

RANDOM = np.random.default_rng(7)
CLOSE = 1e-9


def values(
    means: list[float] | Numbers, answers: int = 1, clusters: Labels | None = None, *, right: bool = False
) -> Values:
    """Of questions named by their places."""
    return Values(tuple(map(str, range(len(means)))), np.asarray(means, float), answers, clusters, right)


def compared(
    differences: list[float] | Numbers, clusters: Labels | None = None, *, one_answer: bool = False
) -> Difference:
    """The difference of these pairs, which has an interval."""
    found = difference(Pairs(np.asarray(differences, float), clusters, one_answer))
    assert found is not None
    return found


# ---- one score --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("right", "questions", "method"), [
    (0, 20, "exact"), (1, 30, "exact"), (17, 30, "wilson"), (19, 30, "wilson"), (20, 30, "exact"), (30, 30, "exact"), (941, 1319, "wilson"), (1, 2, "exact"),
])  # fmt: skip
def test_answers_that_are_right_or_wrong_have_the_binomial_interval(right: int, questions: int, method: str) -> None:
    """Wilson's, and where at most ten are right or wrong Clopper and Pearson's, as SciPy has them."""
    found = estimate(values([1.0] * right + [0.0] * (questions - right), right=True))
    wanted = stats.binomtest(right, questions).proportion_ci(method=method)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=CLOSE)
    assert (found.method, found.questions, found.answers, found.clusters) == (
        WILSON if method == "wilson" else EXACT, questions, 1, None,
    )  # fmt: skip


@pytest.mark.parametrize(("right", "questions", "low", "high"), [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1684), (1, 29, 0.0009, 0.1776),
])  # fmt: skip
def test_binomial_intervals_of_published_examples(right: int, questions: int, low: float, high: float) -> None:
    """Newcombe (1998), table I: method 3 (Wilson) of the first two, method 5 (Clopper and Pearson) of the others."""
    found = estimate(values([1.0] * right + [0.0] * (questions - right), right=True))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("questions", [10, 30, 100, 500])
def test_the_binomial_interval_covers_every_true_score(questions: int) -> None:
    """Not below 93 % anywhere, by enumeration of all outcomes; Wilson's alone falls to 84 % near 0 and 1."""
    counts = np.arange(questions + 1)
    found = [estimate(values([1.0] * one + [0.0] * (questions - one), right=True)) for one in counts]
    low, high = (np.array([getattr(one, name) for one in found]) for name in ("low", "high"))
    alone = [stats.binomtest(int(one), questions).proportion_ci(method="wilson") for one in counts]
    of_wilson = np.array([one.low for one in alone]), np.array([one.high for one in alone])
    truths = np.concatenate((np.linspace(0.001, 0.999, 500), np.geomspace(1e-5, 0.1, 300)))
    ours, other = (
        [stats.binom.pmf(counts, questions, truth)[(least <= truth) & (truth <= most)].sum() for truth in truths]
        for least, most in ((low, high), of_wilson)
    )
    assert min(ours) > 0.93 and min(other) < 0.86


def test_scores_on_another_scale_have_student_s_interval() -> None:
    """Values beyond 0 to 1; equal to SciPy's where their kurtosis is not above the normal one."""
    means = RANDOM.uniform(1, 10, 80)
    found, wanted = estimate(values(means)), stats.t.interval(0.95, 79, means.mean(), stats.sem(means))
    assert (found.method, found.low, found.high) == (STUDENT, *(pytest.approx(one, abs=CLOSE) for one in wanted))
    assert found.error == pytest.approx(stats.sem(means), abs=CLOSE)


def test_a_few_questions_that_decide_the_variance_make_the_interval_wider() -> None:
    """The degrees of freedom fall with the kurtosis: 1 of 40 questions differs from all others."""
    means = np.append(np.full(39, 5.0), 9.0)
    found, (low, _) = estimate(values(means)), stats.t.interval(0.95, 39, means.mean(), stats.sem(means))
    assert found.low is not None and found.low < low


def test_hardly_any_variance_is_not_taken_for_certainty() -> None:
    """Neither where all values are equal, nor where one of 30 is slightly less; on any scale."""
    for means in ([1.0] * 30, [1.0] * 29 + [0.999], [0.5] * 30):
        found = estimate(values(means))
        assert found.low is not None and found.high is not None and found.high - found.low > 0.1
    judged = estimate(values([10.0] * 30))
    assert judged.low is not None and judged.low < 9.5 and judged.method == WIDENED
    assert estimate(values([10.0] * 30, clusters=np.arange(30) // 2)).method == f"{WIDENED}, by clusters"


def test_two_questions_have_an_interval_and_it_is_wide() -> None:
    """Student's t of one degree of freedom is not made smaller."""
    for means in ([0.2, 0.8], [3.0, 5.0], [1.0, 1.0], [0.0, 1.0]):
        found = estimate(values(means))
        assert found.low is not None and found.high is not None and found.high - found.low > 0.7
    assert spread(np.array([3.0, 5.0])).degrees == 1


def test_means_of_several_answers_have_wilson_s_interval_of_as_many_answers_as_vary_so() -> None:
    """Where each question has one chance, ten answers to it are nearly ten questions; where questions are sure, they are one."""
    even = estimate(values(RANDOM.binomial(10, 0.5, 200) / 10, 10, right=True))
    sure = estimate(values([0.0, 1.0] * 100, 10, right=True))
    assert even.method == sure.method == EFFECTIVE
    few = estimate(values(RANDOM.binomial(10, 0.98, 30) / 10, 10, right=True))
    assert few.method == EXACT_EFFECTIVE
    assert even.high is not None and even.low is not None and sure.high is not None and sure.low is not None
    assert 2.5 < (sure.high - sure.low) / (even.high - even.low) < 4


def test_the_share_of_sampling_is_what_more_answers_would_take_away() -> None:
    """All of it where each question has one chance, nothing where each answer to a question is the same."""
    even = estimate(values(RANDOM.binomial(10, 0.5, 2000) / 10, 10, right=True))
    sure = estimate(values([0.0, 1.0] * 100, 10, right=True))
    assert (even.of_sampling, sure.of_sampling) == (pytest.approx(1, abs=0.1), 0)
    assert estimate(values([0.25, 0.5, 1.0], 4)).of_sampling is None  # of answers that are worth something between
    assert estimate(values([0.0, 1.0, 1.0], right=True)).of_sampling is None  # of one answer each


def test_one_question_says_nothing_of_others() -> None:
    """Nor does one passage."""
    for found in (estimate(values([1.0])), estimate(values([1.0, 0.0], clusters=np.array([0, 0])))):
        assert (found.error, found.low, found.high, found.method) == (None, None, None, "")


def test_what_has_no_value_is_left_out_and_what_is_infinite_is_refused() -> None:
    """No number is ever NaN."""
    found = estimate(values([float("nan"), 1.0, 0.0, float("nan")], right=True))
    assert (found.questions, found.mean) == (2, 0.5)
    with pytest.raises(ValueError, match="beyond"):
        values([1.0, float("inf")])
    with pytest.raises(ValueError, match="no question"):
        estimate(values([float("nan")]))


def test_a_share_of_answers_has_an_interval_over_questions() -> None:
    """Ten answers to a question may all be cut off for one reason, so they are one."""
    once, often = share(12, 200, 200), share(120, 2000, 200)
    wanted = stats.binomtest(12, 200).proportion_ci(method="wilson")
    assert (once.low, once.high) == (often.low, often.high) == pytest.approx((wanted.low, wanted.high), abs=CLOSE)
    assert share(0, 300, 300).method == EXACT and share(1, 1, 1).low is None
    with pytest.raises(ValueError, match="answers"):
        share(2, 1, 1)


# ---- clusters ---------------------------------------------------------------------------------------------------


def test_clusters_of_one_question_are_no_clusters() -> None:
    """The same variance, s²/n, and n - 1 degrees of freedom for values that are not long-tailed."""
    means = RANDOM.uniform(0, 1, 50)
    for found in (spread(means), spread(means, np.arange(50)[::-1])):
        assert found.error == pytest.approx(stats.sem(means), abs=CLOSE)
        assert (found.degrees, found.groups) == (pytest.approx(49), 50)


def test_equal_clusters_are_as_their_means() -> None:
    """With one size for all, the mean and its error are those of the clusters' means, by SciPy."""
    means = RANDOM.uniform(0, 1, (40, 5)) + RANDOM.uniform(-1, 1, (40, 1))
    found = spread(means.ravel(), np.repeat(np.arange(40), 5))
    assert found.error == pytest.approx(stats.sem(means.mean(axis=1)), abs=CLOSE)
    assert found.degrees == pytest.approx(39)


def test_unequal_clusters_are_as_in_the_definition() -> None:
    """The jackknife: the mean without each cluster in turn; and Satterthwaite's degrees of freedom, written out with matrices."""
    sizes = np.array([1, 2, 2, 3, 5, 8, 1, 4, 6, 3])
    labels, means = np.repeat(np.arange(10), sizes), RANDOM.uniform(0, 1, sizes.sum())
    without = np.array([means[labels != cluster].mean() for cluster in range(10)])
    found = spread(means, labels)
    assert found.variance == pytest.approx(0.9 * float(np.sum((without - means.mean()) ** 2)), abs=CLOSE)
    rows = np.array([(labels != cluster) / np.sum(labels != cluster) - 1 / len(means) for cluster in range(10)])
    covariance = rows @ rows.T
    assert found.degrees <= np.trace(covariance) ** 2 / np.sum(covariance**2) + CLOSE
    normal = spread(stats.norm.ppf((np.arange(10) + 0.5) / 10)[labels] / sizes[labels], labels)
    assert normal.degrees <= np.trace(covariance) ** 2 / np.sum(covariance**2) + CLOSE


def test_one_huge_cluster_beside_small_ones() -> None:
    """Hardly anything is known then: about one degree of freedom, and an interval over half of the scale; nothing is NaN."""
    labels = np.concatenate((np.zeros(9_000, int), np.arange(1, 11)))
    found = estimate(values(RANDOM.uniform(0, 1, 9_010), clusters=labels))
    assert found.low is not None and found.high is not None and found.high - found.low > 0.3
    assert 1 <= spread(RANDOM.uniform(0, 1, 9_010), labels).degrees < 1.5


def test_numbers_of_clusters_may_have_gaps() -> None:
    """A cluster without a question is none."""
    means = RANDOM.uniform(0, 1, 20)
    assert spread(means, np.arange(20) * 3 // 6 * 5) == spread(means, np.arange(20) // 2)


def test_clusters_have_numbers_by_their_names() -> None:
    """Names may be anything; where no two questions share one, there are no clusters."""
    labels = clusters_of(["b", "a", "b", "段落"])
    assert labels is not None and list(labels) == [1, 0, 1, 2]
    assert clusters_of(["b", "a"]) is None


# ---- differences ------------------------------------------------------------------------------------------------


def test_a_difference_is_tested_as_pairs() -> None:
    """SciPy's paired t test and its interval."""
    first, second = RANDOM.uniform(0, 1, 60), RANDOM.uniform(0, 1, 60)
    found = compared(first - second)
    wanted = stats.ttest_rel(first, second)
    interval = wanted.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx((wanted.pvalue, interval.low, interval.high), abs=CLOSE)


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
    lows = []
    for up, down, same in pairs:
        found = difference(Pairs(np.repeat([1.0, -1.0, 0.0], (up, down, same)), None, True))
        assert found is not None
        lows.append(found.low)
    for up in (0, 0.5, 1, 2, 4):
        for fall in np.linspace(0.2, 10, 50):
            chances = [up / questions, (up + fall) / questions, 1 - (2 * up + fall) / questions]
            wrong = stats.multinomial.pmf(pairs, questions, chances)[np.array(lows) > -fall / questions].sum()
            assert wrong < 0.03, (up, fall)


def test_no_difference_at_all_is_not_known_to_be_none() -> None:
    """30 equal answers: up to an eighth of all questions may differ."""
    for one_answer in (True, False):
        found = compared([0.0] * 30, one_answer=one_answer)
        assert found.p == 1 and -0.2 < found.low < -0.05 and 0.05 < found.high < 0.2


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
        RANDOM.normal(0, 1e98, 14_000),
        np.full(14_000, 1e-300),
    ):
        found = estimate(values(means))
        pairs = difference(
            Pairs(means - means[::-1], np.arange(14_000) // 7, False, max(1.0, float(np.abs(means).max())))
        )
        assert found.low is not None and found.high is not None and pairs is not None
        assert np.isfinite([found.low, found.high, pairs.low, pairs.high, pairs.p]).all()
