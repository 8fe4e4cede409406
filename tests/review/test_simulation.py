"""Intervals, verdicts and gates are wrong as seldom as they say: a small run of `python -m tests.bench statistics`.

A share of runs is allowed to be above its bar by what chance makes of it once in 100,000 such tests. The seed is fixed.
"""

from __future__ import annotations

import pytest
from scipy import stats
from tests.bench.statistics import BARS, CASES, CONSERVATIVE, HEADS, Case, Share, judged, measured, of_several

RUNS = 100
MOST = {  # the bars, as shares of runs that are wrong
    "same": 0.05, "equal": 0.05, "pass": 0.03, "fail": 0.03, "score": 0.06, "fall": 0.06,
}  # fmt: skip
COVERED = {"score", "fall"}


@pytest.fixture(scope="module")
def found() -> dict[Case, dict[str, Share]]:
    """The shares of all cases."""
    return {case: measured(case, RUNS) for case in CASES}


def most(bar: float, runs: int) -> float:
    """The largest share of so many runs that may be seen where the bar holds."""
    return float(stats.binom.isf(1e-5, runs, bar)) / runs


def wrong(shares: dict[str, Share], name: str) -> float:
    """The share of runs that are wrong."""
    return 1 - shares[name].share if name in COVERED else shares[name].share


@pytest.mark.parametrize("name", MOST)
def test_no_kind_of_task_is_wrong_more_often(found: dict[Case, dict[str, Share]], name: str) -> None:
    """Claims about two runs of one model and about models of equal strength, decisions of gates at the margin, intervals."""
    shares = {case.name: wrong(one, name) for case, one in found.items()}
    assert {case: share for case, share in shares.items() if share > most(MOST[name], RUNS)} == {}


@pytest.mark.parametrize("name", MOST)
def test_all_kinds_together_are_not_wrong_more_often(found: dict[Case, dict[str, Share]], name: str) -> None:
    """The same with so many runs that an excess of two percent is seen."""
    assert sum(wrong(one, name) for one in found.values()) / len(found) <= most(MOST[name], RUNS * len(found))


def test_a_simpler_method_claims_more_or_shows_less(found: dict[Case, dict[str, Share]]) -> None:
    """The unpaired z test claims differences between equal models where questions share a passage; without passages it
    shows a fall less often, as do pairs by position in another order.
    """
    passages = [one for case, one in found.items() if case.cluster > 1]
    assert all(one["z_equal"].share > 0.12 for one in passages)
    several = next(one for case, one in found.items() if case.name == "500 questions, continuous")
    assert several["shown"].share > 0.6 > 0.4 > max(several["z_shown"].share, several["position_shown"].share)


def test_several_entries_at_once() -> None:
    """Averages cover the truth, and any claim among 20 entries is as rare as one claim; without the correction it is not."""
    *averages, family, uncorrected = (one.share for one in of_several(100).values())
    assert min(averages) >= 1 - most(0.06, 100)
    assert family <= most(0.05, 100) < uncorrected


def test_every_column_has_a_meaning() -> None:
    """What is measured is what is printed."""
    assert set(measured(CASES[0], 1)) == set(HEADS)


def test_only_a_named_interval_may_be_wider_than_its_bar() -> None:
    """One that has the truth too seldom is outside in any case, and so are false claims."""
    sound = {name: Share((low + high) / 2, 0.001) for name, (low, high) in BARS.items()}
    named, other = "300 questions, one passage of 200", "500 questions"
    assert judged(named, sound) == judged(other, sound) == ([], [])
    wide = {**sound, "score": Share(0.99, 0.001)}
    outside, allowed = judged(named, wide)
    assert outside == [] and allowed == [f"{named}, covered: score: 99.0 ({CONSERVATIVE[named, 'score']})"]
    assert judged(other, wide) == (["500 questions, covered: score: 99.0"], [])
    for name, share in (("score", 0.93), ("same", 0.06)):
        assert judged(named, {**sound, name: Share(share, 0.001)})[0] == [f"{named}, {HEADS[name]}: {100 * share:.1f}"]


def test_each_named_interval_is_one_of_the_simulation_and_is_an_interval() -> None:
    """A name that is nowhere would excuse nothing."""
    assert {(case, name) for case, name in CONSERVATIVE} <= {(case.name, name) for case in CASES for name in COVERED}
