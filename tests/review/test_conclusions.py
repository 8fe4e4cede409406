"""What is said of differences: words, gates, and what a number of questions can show."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy import stats

from evalctl.review.average import recovered
from evalctl.review.difference import Difference, difference
from evalctl.review.gate import Outcome, decide, together
from evalctl.review.power import (
    Noise,
    detectable,
    of_values,
    questions_needed,
    right_or_wrong,
    showable,
    shown_of_changes,
)
from evalctl.review.values import Pairs, Values, paired
from evalctl.review.verdicts import Verdict, corrected, verdicts


def of(better: int, worse: int, n: int) -> Difference:
    """Of so many single answers."""
    found = difference(Pairs(np.array([1.0] * better + [-1.0] * worse + [0.0] * (n - better - worse)), None, True))
    assert found is not None
    return found


# ---- words ------------------------------------------------------------------------------------------------------


def test_several_comparisons_are_corrected() -> None:
    """By Holm's definition, in the order that was given."""
    assert corrected([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected([0.9, 0.8]) == [1.0, 1.0]
    assert corrected([]) == []


def test_a_difference_gets_a_word() -> None:
    """The first is better, worse, or neither is shown."""
    found = verdicts({"up": of(60, 20, 200), "down": of(20, 60, 200), "even": of(30, 31, 200), "one": None})
    assert found == {
        "up": Verdict.BETTER, "down": Verdict.WORSE, "even": Verdict.NOT_SHOWN, "one": Verdict.NOT_SHOWN,
    }  # fmt: skip


def test_one_of_many_entries_needs_more_to_be_claimed() -> None:
    """A difference that alone would be shown is not among twenty that do not differ."""
    alone, rest = of(16, 5, 200), {f"e{number}": of(10, 10, 200) for number in range(19)}
    assert verdicts({"a": alone})["a"] is Verdict.BETTER
    assert verdicts({"a": alone, **rest})["a"] is Verdict.NOT_SHOWN


def test_models_compared_with_one_baseline_are_one_family() -> None:
    """Keys are (model, entry): the correction is over all of them."""
    alone, rest = of(16, 5, 200), {("other", f"e{number}"): of(10, 10, 200) for number in range(19)}
    assert verdicts({("new", "a"): alone, **rest})["new", "a"] is Verdict.NOT_SHOWN


# ---- gates ------------------------------------------------------------------------------------------------------


def test_a_large_fall_fails() -> None:
    """Also where scores are means: 0.9 to 0.1 over 300 questions, which a published program lets pass."""
    found = difference(Pairs(np.random.default_rng(1).normal(-0.8, 0.05, 300), None, False))
    assert decide(found, 0.01).outcome is Outcome.FAIL


def test_a_small_fall_within_the_margin_passes() -> None:
    """A tenth of a point of 20,000 questions, where one point is allowed, which a published program blocks."""
    assert decide(of(480, 500, 20_000), 0.01).outcome is Outcome.PASS


def test_what_is_not_known_is_inconclusive_and_says_how_many_questions_decide() -> None:
    """Five more wrong than right of 100: with the same share of changes, about so many more."""
    found = decide(of(10, 12, 100), 0.05)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.questions is not None and 800 < found.questions < 3000
    scale = found.questions // 100
    assert decide(of(10 * scale, 12 * scale, 100 * scale), 0.05).outcome is Outcome.PASS
    assert decide(None, 0.05).questions is None  # one question
    assert decide(of(10, 15, 100), 0.05).questions is None  # on the margin itself no number decides


def test_inconclusive_says_how_many_answers_decide() -> None:
    """Where drawing answers is the noise; and with so many, eight of ten do decide."""
    random, chances = np.random.default_rng(6), np.full(100, 0.5)

    def drawn(answers: int) -> Values:
        return Values(tuple(map(str, range(100))), random.binomial(answers, chances) / answers, answers, None, True)

    found = next(
        one for _ in range(100)
        if (one := difference(paired(drawn(4), drawn(4)))) is not None and abs(one.mean) < 0.005
    )  # fmt: skip
    decision = decide(found, 0.03)
    assert decision.outcome is Outcome.INCONCLUSIVE and decision.answers is not None
    assert decision.answers == pytest.approx(0.5 * (2.8 / (0.03 + found.mean)) ** 2 / 100, rel=0.15)
    again = [decide(difference(paired(drawn(decision.answers), drawn(decision.answers))), 0.03) for _ in range(200)]
    assert 0.6 < sum(one.outcome is Outcome.PASS for one in again) / 200 < 0.95


def test_no_number_of_answers_decides_where_questions_differ() -> None:
    """Each answer to a question is the same: only other questions help."""
    first, second = (np.random.default_rng(seed).integers(0, 2, 60).astype(float) for seed in (1, 2))
    names = tuple(map(str, range(60)))
    found = difference(paired(Values(names, first, 5, None, True), Values(names, second, 5, None, True)))
    decision = decide(found, abs(found.mean) + 0.02 if found else 0)
    assert (decision.outcome, decision.answers) == (Outcome.INCONCLUSIVE, None) and decision.questions is not None


def test_questions_without_a_value_never_help_a_candidate() -> None:
    """Its judge gave no score to 30 of 1,000 questions, the rest is equal: within 5 points, but not surely within 2."""
    names, base = tuple(map(str, range(1000))), np.random.default_rng(3).uniform(0, 1, 1000)
    mine = np.where(np.arange(1000) < 30, float("nan"), base)
    found = difference(paired(Values(names, mine, 1), Values(names, base, 1)))
    assert found is not None and found.left_out == 30
    assert decide(found, 0.05).outcome is Outcome.PASS
    assert decide(found, 0.02).outcome is decide(found, 0.02, lower_is_better=True).outcome is Outcome.INCONCLUSIVE
    assert (decide(found, 0.02).left_out, decide(found, 0.02).questions) == (30, None)
    all_but_ten = np.where(np.arange(1000) < 990, float("nan"), base - 0.9)
    few = difference(paired(Values(names, all_but_ten, 1), Values(names, base, 1)))
    assert decide(few, 0.02).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("margin", [-0.01, float("nan"), float("inf")])
def test_a_margin_is_a_number_from_0(margin: float) -> None:
    """Nothing is decided by another."""
    with pytest.raises(ValueError, match="margin"):
        decide(of(1, 1, 30), margin)


def test_as_many_flips_up_as_down_of_many_questions_pass() -> None:
    """60 and 60 of 10,000, where one point is allowed: within 0.3 points, which a published program calls inconclusive."""
    found = of(60, 60, 10_000)
    assert (decide(found, 0.01).outcome, found.mean) == (Outcome.PASS, 0) and -0.003 < found.low < found.high < 0.003


def test_one_question_more_or_less_of_thirty_decides_nothing() -> None:
    """Neither for nor against, with a margin of a point."""
    assert decide(of(0, 1, 30), 0.01).outcome is decide(of(1, 0, 30), 0.01).outcome is Outcome.INCONCLUSIVE


def test_equal_answers_to_thirty_questions_are_no_proof_of_a_small_margin() -> None:
    """No answer changed, and yet one in ten of all questions might."""
    assert decide(of(0, 0, 30), 0.01).outcome is Outcome.INCONCLUSIVE
    assert decide(of(0, 0, 2000), 0.01).outcome is Outcome.PASS


def test_where_lower_is_better_a_rise_is_a_fall() -> None:
    """Of error rates."""
    assert decide(of(600, 300, 2000), 0.01, lower_is_better=True).outcome is Outcome.FAIL
    assert decide(of(300, 600, 2000), 0.01, lower_is_better=True).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ("PASS PASS", "PASS"), ("PASS FAIL INCONCLUSIVE", "FAIL"), ("PASS INCONCLUSIVE", "INCONCLUSIVE"),
        ("PASS FAIL INVALID", "FAIL"), ("PASS INVALID INCONCLUSIVE", "INVALID"), ("", "INVALID"),
    ],
)  # fmt: skip
def test_a_gate_is_as_its_entries(outcomes: str, whole: str) -> None:
    """One that compares nothing is INVALID, never passed; a failure is not hidden by an entry of which nothing is known."""
    assert together([Outcome[word] for word in outcomes.split()]) is Outcome[whole]


# ---- power ------------------------------------------------------------------------------------------------------


def test_the_detectable_difference_has_this_power() -> None:
    """By SciPy's non-central t distribution, to half a percent for 25 questions and more closely for many."""
    for questions, within in ((25, 0.005), (200, 0.001), (10**6, 0.0005)):
        shift = detectable(Noise(1, 0), questions, 1) * sqrt(questions)
        power = stats.nct.sf(stats.t.ppf(0.975, questions - 1), questions - 1, shift)
        assert power == pytest.approx(0.8, abs=within)
    assert detectable(Noise(1, 0), 1, 1) == inf


def test_a_true_difference_of_that_size_is_shown_in_eight_of_ten() -> None:
    """By simulation with the test that `compare` makes."""
    random, noise = np.random.default_rng(3), Noise(0.2, 0.4)
    true, shown = detectable(noise, 60, 4), 0
    for _ in range(2000):
        found = difference(Pairs(random.normal(true, noise.deviation(4), 60), None, False))
        shown += found is not None and found.low > 0
    assert 0.76 < shown / 2000 < 0.84


def test_more_answers_help_as_far_as_sampling_is_the_noise() -> None:
    """Not at all where every answer to a question is the same."""
    assert Noise(0.3, 0).deviation(10) == Noise(0.3, 0).deviation(1)
    assert Noise(0, 0.3).deviation(9) == pytest.approx(0.1)
    assert right_or_wrong(0.5, own=0.25).of_questions == 0
    assert right_or_wrong(0.5, own=0.0) == Noise(sqrt(0.25), 0, right_or_wrong=True)


@pytest.mark.parametrize("wanted", [0.3, 0.05, 0.01])
@pytest.mark.parametrize("noise", [right_or_wrong(0.7), Noise(0.3, 0.4)], ids=["0/1", "means"])
def test_so_many_questions_show_it_and_hardly_fewer_do(wanted: float, noise: Noise) -> None:
    """The number and the difference agree."""
    needed = questions_needed(noise, wanted, 1)
    assert detectable(noise, needed, 1) <= wanted * 1.001
    assert wanted < detectable(noise, int(needed * 0.95) - 1, 1) * 1.02
    normal = (float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * noise.deviation(1) / wanted) ** 2
    assert normal <= needed <= (normal * 1.1 + 5 if not noise.right_or_wrong else 3 * normal)


@pytest.mark.parametrize(
    ("changes", "true", "questions"), [(0.1, 0.2, 30), (0.3, 0.1, 30), (0.05, 0.3, 20), (0, 0.3, 25)]
)
def test_the_power_of_single_answers_is_that_of_the_exact_test(changes: float, true: float, questions: int) -> None:
    """By enumeration of all outcomes, with SciPy's binomial test."""
    shown = 0.0
    for worse in range(questions + 1):
        for better in range(min(worse, questions + 1 - worse)):
            if stats.binomtest(better, worse + better).pvalue <= 0.05:
                chances = [changes / 2 + true, changes / 2, 1 - changes - true]
                shown += stats.multinomial.pmf([worse, better, questions - worse - better], questions, chances)
    assert shown_of_changes(changes, true, questions) == pytest.approx(shown, abs=1e-9)


def test_the_exact_test_and_the_normal_distribution_meet() -> None:
    """Where 60 answers change, the detectable difference is the same within 2 %."""
    few, more = (
        detectable(Noise(sqrt(0.06), 0, right_or_wrong=True), 1000, 1),
        detectable(Noise(sqrt(0.0601), 0, right_or_wrong=True), 1000, 1),
    )
    assert few == pytest.approx(more, rel=0.02)


@pytest.mark.parametrize("questions", [2, 5])
def test_five_questions_show_nothing(questions: int) -> None:
    """Five changes in one direction are as rare as 1 in 16 by chance."""
    assert detectable(right_or_wrong(0.5), questions, 1) == detectable(Noise(0.01, 0), questions, 1) == inf
    assert questions_needed(Noise(1e-6, 0), 0.5, 1) == 6
    found = of(questions, 0, questions)
    assert found.p > 0.05 and showable(found) == inf


def test_a_comparison_says_what_it_could_have_shown() -> None:
    """A smaller difference with more questions; by exact tests where answers are single, else by Student's t."""
    assert showable(of(5, 5, 100)) > 0.1 > showable(of(50, 50, 1000)) > showable(of(500, 500, 10_000)) > 0.008
    found = difference(Pairs(np.random.default_rng(2).normal(0, 0.3, 100), None, False))
    assert found is not None
    wanted = (stats.t.ppf(0.975, found.spread.degrees) + stats.t.ppf(0.8, found.spread.degrees)) * found.spread.error
    assert showable(found) == pytest.approx(wanted, abs=1e-9)


def test_what_could_have_been_shown_is_in_the_units_of_the_values() -> None:
    """Three of 60 changed, on scales of 1, 10 and 100: ten and a hundred times as much."""
    changed = np.array([0.4, -0.3, 0.2] + [0.0] * 57)
    one, ten, hundred = (difference(Pairs(changed * scale, None, False, scale)) for scale in (1.0, 10.0, 100.0))
    assert one is not None and ten is not None and hundred is not None
    assert showable(ten) == pytest.approx(10 * showable(one)) and showable(hundred) == pytest.approx(
        100 * showable(one)
    )
    assert showable(one) > one.high - one.mean


def test_what_a_measured_model_predicts() -> None:
    """Its noise is that of two models like it; one that was right by chance everywhere is not without noise."""
    random = np.random.default_rng(4)
    chances = random.beta(1, 1, 2000)
    once = Values((), random.binomial(1, chances).astype(float), 1, None, right_or_wrong=True)
    often = Values((), random.binomial(10, chances) / 10, 10, None, right_or_wrong=True)
    assert of_values(often, correlation=1).of_one_answer == pytest.approx(sqrt(2 / 6), rel=0.05)
    assert of_values(often, correlation=1).of_questions == 0
    assert of_values(once).deviation(1) == pytest.approx(sqrt(0.375), rel=0.05)
    perfect = of_values(Values((), np.ones(30), 1, None, right_or_wrong=True))
    assert 0.2 < detectable(perfect, 30, 1) < 0.4
    alike = of_values(Values((), np.repeat(random.integers(0, 2, 50), 10).astype(float), 1, np.arange(500) // 10))
    assert alike.deviation(1) > 2 * 0.6  # ten questions of a passage are hardly more than one


@pytest.mark.parametrize("wanted", [0.0, -0.1, float("nan")])
def test_no_difference_is_no_difference_that_can_be_shown(wanted: float) -> None:
    """No number of questions shows it."""
    with pytest.raises(ValueError, match="cannot be shown"):
        questions_needed(right_or_wrong(0.5), wanted, 1)


def test_the_interval_of_an_average_is_recovered_from_those_of_its_parts() -> None:
    """Each side from the parts' distances on that side; of one part it is that part's."""
    assert recovered(0.3, [(0.3, 0.1, 0.9)]) == pytest.approx((0.1, 0.9))
    low, high = recovered(0.5, [(0.4, 0.1, 0.8), (0.6, 0.2, 0.9)])
    assert (0.5 - low, high - 0.5) == pytest.approx((0.25, 0.25))
    assert recovered(0.5, [(0.5, -1e200, 1.0), (0.5, 0.0, 1e200)]) == pytest.approx((-5e199, 5e199))
