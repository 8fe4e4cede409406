"""Intervals and tests agree with other implementations and with published examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalctl.review.average import average
from evalctl.review.difference import ADJUSTED, FLIPS, MCNEMAR, Difference, difference
from evalctl.review.difference import STUDENT as STUDENT_OF_PAIRS
from evalctl.review.score import EFFECTIVE, STUDENT, WILSON, estimate
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


@pytest.mark.parametrize(("right", "questions"), [(0, 20), (1, 30), (17, 30), (30, 30), (941, 1319)])
def test_answers_that_are_right_or_wrong_have_wilson_s_interval(right: int, questions: int) -> None:
    """As SciPy has it."""
    found = estimate(values([1.0] * right + [0.0] * (questions - right), right=True))
    wanted = stats.binomtest(right, questions).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=CLOSE)
    assert (found.method, found.questions, found.answers, found.clusters) == (WILSON, questions, 1, None)


def test_wilson_s_interval_of_a_published_example() -> None:
    """Newcombe (1998), table I, method 3: 81 of 263 is 0.2553 to 0.3662, and 0 of 20 is 0 to 0.1611."""
    many, none = estimate(values([1.0] * 81 + [0.0] * 182, right=True)), estimate(values([0.0] * 20, right=True))
    assert [many.low, many.high, none.low, none.high] == pytest.approx([0.2553, 0.3662, 0, 0.1611], abs=5e-5)


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


def test_means_of_several_answers_have_wilson_s_interval_of_as_many_answers_as_vary_so() -> None:
    """Where each question has one chance, ten answers to it are nearly ten questions; where questions are sure, they are one."""
    even = estimate(values(RANDOM.binomial(10, 0.5, 200) / 10, 10, right=True))
    sure = estimate(values([0.0, 1.0] * 100, 10, right=True))
    assert even.method == sure.method == EFFECTIVE
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
    """CR2 and Satterthwaite's degrees of freedom (Bell and McCaffrey 2002), written out with matrices."""
    sizes = np.array([1, 2, 2, 3, 5, 8, 1, 4, 6, 3])
    labels, means = np.repeat(np.arange(10), sizes), RANDOM.uniform(0, 1, sizes.sum())
    count, ones = len(means), np.ones(len(means))
    annihilator = np.eye(count) - np.outer(ones, ones) / count
    rows = []
    for cluster in range(10):
        mine = labels == cluster
        block = annihilator[np.ix_(mine, mine)]
        root = np.linalg.inv(np.real(stats_sqrtm(block)))
        rows.append(ones[mine] @ root @ annihilator[mine] / count)
    matrix = np.array(rows)
    covariance = matrix @ matrix.T
    found = spread(means, labels)
    assert found.variance == pytest.approx(float(np.sum((matrix @ means) ** 2)), abs=CLOSE)
    assert found.degrees <= np.trace(covariance) ** 2 / np.sum(covariance**2) + CLOSE


def stats_sqrtm(matrix: Numbers) -> Numbers:
    """The symmetric square root of a positive definite matrix."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    root: Numbers = vectors @ np.diag(np.sqrt(eigenvalues)) @ vectors.T
    return root


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
    assert (few.p, few.method) == (pytest.approx(2 / 2**7), f"{STUDENT_OF_PAIRS}, {FLIPS}")


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


# ---- averages ---------------------------------------------------------------------------------------------------


def test_an_average_of_two_is_welch_s() -> None:
    """Half the sum of two independent means: twice its interval is that of SciPy's Welch test with one sign turned."""
    first, second = RANDOM.uniform(0, 1, 12), RANDOM.uniform(0, 3, 30)
    found, wanted = average([spread(first), spread(second)]), stats.ttest_ind(first, -second, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx(
        (interval.low / 2, interval.high / 2, wanted.pvalue), abs=CLOSE
    )
