"""What is said of differences: words, gates, and what a number of questions can show."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy import stats

from evalctl.review.difference import Difference, difference
from evalctl.review.gate import Outcome, decide, together
from evalctl.review.power import Noise, detectable, questions_needed, right_or_wrong
from evalctl.review.values import Pairs
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
        ("PASS FAIL INVALID", "INVALID"), ("", "INVALID"),
    ],
)  # fmt: skip
def test_a_gate_is_as_its_entries(outcomes: str, whole: str) -> None:
    """One that compares nothing is INVALID, never passed."""
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
def test_so_many_questions_show_it_and_hardly_fewer_do(wanted: float) -> None:
    """The number and the difference agree."""
    noise = right_or_wrong(0.7)
    needed = questions_needed(noise, wanted, 1)
    assert detectable(noise, needed, 1) <= wanted < detectable(noise, int(needed * 0.95) - 1, 1)
    normal = (float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * noise.deviation(1) / wanted) ** 2
    assert normal <= needed <= normal * 1.1 + 5
