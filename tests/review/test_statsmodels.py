"""Numbers of statsmodels 0.14.6 on the same data, to 1e-9. It is no dependency; each test's docstring has the call.

`import numpy as np; d = np.sin(np.arange(40) * 1.7) / 3 + 0.1; e = np.cos(np.arange(25) * 0.7) + 0.3`
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from evalctl.review.average import average
from evalctl.review.difference import difference
from evalctl.review.power import Noise, detectable
from evalctl.review.score import estimate
from evalctl.review.spread import spread
from evalctl.review.values import Pairs, Values
from evalctl.review.verdicts import corrected

CLOSE = 1e-9
D, E = np.sin(np.arange(40) * 1.7) / 3 + 0.1, np.cos(np.arange(25) * 0.7) + 0.3


@pytest.mark.parametrize(("right", "questions", "low", "high"), [
    (17, 30, 0.39197307000813597, 0.7262251442353348), (941, 1319, 0.688425289483544, 0.7371737089798934),
    (1, 30, 0.0008435709266304788, 0.17216945563341268), (20, 30, 0.47187995521011944, 0.8271257784739607),
    (1309, 1319, 0.9861016785895682, 0.9963585631466649),
])  # fmt: skip
def test_binomial_intervals(right: int, questions: int, low: float, high: float) -> None:
    """`proportion_confint(right, questions, method="wilson")` of the first two, `method="beta"` of the others."""
    found = estimate(Values((), np.repeat([1.0, 0.0], (right, questions - right)), 1, None, right_or_wrong=True))
    assert (found.low, found.high) == pytest.approx((low, high), abs=CLOSE)


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(3, 12, 0.03515625), (30, 55, 0.008836205876094518), (0, 6, 0.03125)]
)
def test_mcnemar(better: int, worse: int, p: float) -> None:
    """`mcnemar([[50, better], [worse, 50]], exact=True).pvalue`, which is ours unless the interval's is larger."""
    found = difference(Pairs(np.repeat([1.0, -1.0, 0.0], (better, worse, 100)), None, True))
    assert found is not None and found.p == pytest.approx(p, abs=CLOSE)


def test_holm() -> None:
    """`multipletests([0.011, 0.04, 0.03, 0.005, 0.2, 0.011], method="holm")[1]`."""
    assert corrected([0.011, 0.04, 0.03, 0.005, 0.2, 0.011]) == pytest.approx([0.055, 0.09, 0.09, 0.03, 0.2, 0.055])


def test_paired_t() -> None:
    """`DescrStatsW(d).tconfint_mean()` and `.ttest_mean()`, of 39 degrees of freedom: our interval is as much wider as its limit of t is."""
    found = difference(Pairs(D, None, False))
    assert found is not None
    low, high = 0.0302952056095801, 0.1812860410400279
    wider = stats.t.isf(0.025, found.spread.degrees) / stats.t.isf(0.025, 39)
    assert 1 < wider < 1.01
    assert (found.high - found.low, found.high + found.low) == pytest.approx(
        ((high - low) * wider, high + low), abs=CLOSE
    )
    assert stats.t.sf(found.mean / found.spread.error, 39) * 2 == pytest.approx(0.007237049397641719, abs=CLOSE)


def test_average_by_welch() -> None:
    """`CompareMeans(DescrStatsW(d), DescrStatsW(-e))`: twice our average's `.tconfint_diff(usevar="unequal")`; and its p."""
    found = average([spread(D), spread(E)])
    wanted = (0.05856639867005087 / 2, 0.6773276772631642 / 2, 0.021511394259852948)
    assert (found.low, found.high, found.p) == pytest.approx(wanted, abs=CLOSE)


def test_clusters() -> None:
    """`OLS(d, np.ones(40)).fit(cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(10), 4), "use_correction": False}).bse`.

    That is CR0; of ten equal clusters, the jackknife's variance is 10/9 of it.
    """
    assert spread(D, np.repeat(np.arange(10), 4)).error == pytest.approx(0.005468502211750923 * sqrt(10 / 9), abs=CLOSE)


@pytest.mark.parametrize(
    ("questions", "smallest", "within"), [(200, 0.19906465946973934, 0.001), (25, 0.5840261396263716, 0.01)]
)
def test_power(questions: int, smallest: float, within: float) -> None:
    """`TTestPower().solve_power(nobs=questions, alpha=0.05, power=0.8)`, which has the non-central t; ours is a sum of quantiles."""
    assert detectable(Noise(1, 0), questions, 1) == pytest.approx(smallest, rel=within)
