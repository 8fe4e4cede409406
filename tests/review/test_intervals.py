"""Intervals of scores agree with other implementations, with published examples and with enumeration."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats
from tests.review.made import CLOSE, values

from evalctl.review.methods import (
    EFFECTIVE,
    EXACT,
    EXACT_EFFECTIVE,
    STUDENT,
    WIDENED,
    WILSON,
)
from evalctl.review.score import estimate, share
from evalctl.review.spread import spread
from evalctl.review.values import clusters_of

RANDOM = np.random.default_rng(7)


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
    few = estimate(values([1.0] * 26 + [0.9] * 4, 10, right=True))
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
    """Hardly anything is known then: about one degree of freedom, and an interval over a quarter of the scale; nothing is NaN."""
    labels = np.concatenate((np.zeros(9_000, int), np.arange(1, 11)))
    found = estimate(values(RANDOM.uniform(0, 1, 9_010), clusters=labels))
    assert found.low is not None and found.high is not None and found.high - found.low > 0.25
    assert 1 <= spread(RANDOM.uniform(0, 1, 9_010), labels).degrees < 1.5


def test_one_huge_cluster_is_not_taken_for_many_questions() -> None:
    """900 questions of one passage, whose value is as uncertain as that of ten single ones: covered. CR2, with the same degrees
    of freedom, covers the truth in three of four cases.
    """
    sizes, random = np.array([900] + [1] * 10), np.random.default_rng(1)
    labels, covered, by_cr2 = np.repeat(np.arange(11), sizes), 0, 0
    for _ in range(400):
        means = sqrt(0.3) * random.normal(size=11)[labels] + sqrt(0.7) * random.normal(size=910)
        found = spread(means, labels)
        sums = np.bincount(labels, weights=means - means.mean())
        error = sqrt(float(np.sum(sums**2 / (1 - sizes / 910)))) / 910
        covered += abs(found.mean) < found.quantile() * found.error
        by_cr2 += abs(found.mean) < found.quantile() * error
    assert covered >= 0.93 * 400 and by_cr2 < 0.8 * 400


def test_numbers_of_clusters_may_have_gaps() -> None:
    """A cluster without a question is none."""
    means = RANDOM.uniform(0, 1, 20)
    assert spread(means, np.arange(20) * 3 // 6 * 5) == spread(means, np.arange(20) // 2)


def test_clusters_have_numbers_by_their_names() -> None:
    """Names may be anything; where no two questions share one, there are no clusters."""
    labels = clusters_of(["b", "a", "b", "段落"])
    assert labels is not None and list(labels) == [1, 0, 1, 2]
    assert clusters_of(["b", "a"]) is None
