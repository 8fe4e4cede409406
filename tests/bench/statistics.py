"""`python -m tests.bench statistics`: how often `compare` and gates are wrong, and how often intervals have the truth in them.

Each run draws questions, and the answers of models whose true scores are known. Two runs of one model differ by nothing, and
so do on average two models of equal strength: each claim about them is false. Three runs of one model, and three models, are
compared pair by pair, so that the shares of false claims have a smaller error. Beside ours, two simpler methods on the same
data: an unpaired z test, and pairs by position where the second run has the questions in another order.
`EVALCTL_BENCH_RUNS` is the number of runs of each case, 10,000 where it is not set. What is outside its bar by more than
chance is listed at the end, and the exit code is 1; but intervals of CONSERVATIVE may contain the truth more often than that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, sqrt

import numpy as np

from evalctl.review.average import average, recovered
from evalctl.review.difference import Difference, difference
from evalctl.review.gate import Outcome, decide
from evalctl.review.score import estimate
from evalctl.review.spread import NORMAL
from evalctl.review.values import Labels, Numbers, Pairs, Values
from evalctl.review.verdicts import Verdict, verdicts

RUNS = 10_000
SEED = 20261127
FALL = 0.1  # the third model is worse by this part of its score
ENTRIES = 20
CHANCE = 3  # standard errors that a share may be beyond its bar by chance: there are 100 shares
BARS = {
    "score": (0.94, 0.96), "fall": (0.94, 0.96), "same": (0.0, 0.05), "equal": (0.0, 0.05), "pass": (0.0, 0.03), "fail": (0.0, 0.03),
}  # fmt: skip
HEADS = {
    "score": "covered: score", "fall": "covered: fall", "same": "same model", "equal": "equal models",
    "pass": "false PASS", "fail": "false FAIL", "shown": "fall shown",
    "z_same": "z: same", "z_equal": "z: equal", "z_shown": "z: shown",
    "position_same": "pos.: same", "position_shown": "pos.: shown",
}  # fmt: skip


_EXACT = (
    "few answers are right, or few are wrong or change: an exact interval of few possible outcomes has at least 95 %"
)
_FEW_PASSAGES = "the jackknife's variance of 12 passages is on the safe side"
_ONE_PASSAGE = "nothing is known of how two thirds of the questions, one passage, vary"
CONSERVATIVE: Mapping[tuple[str, str], str] = {
    ("30 questions", "fall"): _EXACT,
    ("30 questions, score 0.95", "score"): _EXACT,
    ("30 questions, score 0.95", "fall"): _EXACT,
    ("30 questions, 10 answers, score 0.95", "score"): _EXACT,
    ("500 questions, score 0.98", "score"): _EXACT,
    ("500 questions, score 0.02", "score"): _EXACT,
    ("500 questions, score 0.02", "fall"): _EXACT,
    ("120 questions, passages of 10", "score"): _FEW_PASSAGES,
    ("300 questions, one passage of 200", "score"): _ONE_PASSAGE,
    ("300 questions, one passage of 200", "fall"): _ONE_PASSAGE,
}


@dataclass(frozen=True)
class Case:
    """One kind of task: `n` questions whose chances of a right answer are spread about `score`."""

    name: str
    n: int
    score: float
    answers: int = 1
    alike: float = 2.0  # of a Beta distribution: large means that all questions are equally hard
    cluster: int = 1  # questions of a passage, which share a chance
    uneven: bool = False  # passages of 1 to twice as many questions
    large: int = 0  # questions of a first passage that is larger than all others
    continuous: bool = False
    scale: float = 1.0

    def clusters(self, random: np.random.Generator) -> Labels:
        """The number of each question's passage."""
        if self.large:
            return np.maximum(np.arange(self.n) - self.large + self.cluster, 0) // self.cluster
        if not self.uneven:
            return np.arange(self.n) // self.cluster
        return np.repeat(np.arange(self.n), random.integers(1, 2 * self.cluster, self.n))[: self.n]

    def chances(self, random: np.random.Generator, clusters: Labels) -> Numbers:
        """Of each question, for one model."""
        drawn = random.beta(self.score * self.alike, (1 - self.score) * self.alike, clusters.max() + 1)
        return np.asarray(drawn[clusters])

    def run(self, random: np.random.Generator, chances: Numbers) -> Numbers:
        """The values that one run of a model measures."""
        if self.continuous:
            return self.scale * random.beta(4 * chances + 0.01, 4 * (1 - chances) + 0.01)
        return random.binomial(self.answers, chances) / self.answers

    def truth(self, score: float) -> float:
        """The mean over all questions of the kind, of a model with these chances on average."""
        return self.scale * (4 * score + 0.01) / 4.02 if self.continuous else score

    @property
    def one_answer(self) -> bool:
        """Whether each value is one answer, right or wrong."""
        return self.answers == 1 and not self.continuous


CASES = (
    Case("30 questions", 30, 0.5),
    Case("30 questions, score 0.95", 30, 0.95),
    Case("30 questions, 10 answers", 30, 0.6, answers=10),
    Case("30 questions, 10 answers, score 0.95", 30, 0.95, answers=10, alike=1),
    Case("30 questions, continuous", 30, 0.6, continuous=True),
    Case("80 questions, continuous, up to 10", 80, 0.7, continuous=True, scale=10),
    Case("500 questions", 500, 0.7),
    Case("500 questions, score 0.98", 500, 0.98),
    Case("500 questions, score 0.02", 500, 0.02),
    Case("500 questions, 10 answers", 500, 0.7, answers=10),
    Case("500 questions, continuous", 500, 0.3, continuous=True),
    Case("500 questions, continuous, score 0.97", 500, 0.97, continuous=True, alike=1),
    Case("300 questions, passages of 6", 300, 0.6, cluster=6),
    Case("120 questions, passages of 10", 120, 0.8, cluster=10),
    Case("300 questions, one passage of 200", 300, 0.7, cluster=5, large=200, continuous=True),
    Case("200 questions, passages of 1 to 11", 200, 0.7, cluster=6, uneven=True, continuous=True),
)


@dataclass(frozen=True)
class Share:
    """How often something happened, and the standard error of that."""

    share: float
    error: float

    @property
    def text(self) -> str:
        """In percent."""
        return f"{100 * self.share:.1f}"

    def is_below(self, low: float) -> bool:
        """By more than chance."""
        return self.share < low - CHANCE * self.error

    def is_above(self, high: float) -> bool:
        """By more than chance."""
        return self.share > high + CHANCE * self.error


def main() -> int:
    """Prints the shares; 1 where one is outside its bar."""
    runs = int(os.environ.get("EVALCTL_BENCH_RUNS") or RUNS)
    sys.stdout.write(f"{runs:,} runs of each, seed {SEED}; in percent; a fall is by {FALL:.0%} of the score\n\n")
    sys.stdout.write(f"{'':<38}" + "".join(f"{head:>16}" for head in HEADS.values()) + "\n")
    outside, allowed, errors = list[str](), list[str](), []
    for case in CASES:
        shares = measured(case, runs)
        sys.stdout.write(f"{case.name:<38}" + "".join(f"{shares[name].text:>16}" for name in HEADS) + "\n")
        sys.stdout.flush()
        errors += [shares[name].error for name in BARS]
        for found, lines in zip(judged(case.name, shares), (outside, allowed), strict=True):
            lines += found
    several = of_several(max(1, runs // 5))
    for what, share in several.items():
        sys.stdout.write(f"{what:<86}{share.text:>16}\n")
    sys.stdout.write(f"\nstandard errors: at most {100 * max(errors):.2f} in the columns with bars\n")
    sys.stdout.write("wider than its bar, for a reason:\n" + "".join(f"  {one}\n" for one in allowed or ["nothing"]))
    sys.stdout.write(
        "outside its bar by more than three standard errors:\n"
        + "".join(f"  {one}\n" for one in outside or ["nothing"])
    )
    return 1 if outside else 0


def judged(case: str, shares: Mapping[str, Share]) -> tuple[list[str], list[str]]:
    """(what is outside its bar, intervals that are wider than theirs for a reason): a line each.

    No reason excuses an interval that contains the truth too seldom, or too many false claims.
    """
    outside, allowed = [], []
    for name, (low, high) in BARS.items():
        line, why = f"{case}, {HEADS[name]}: {shares[name].text}", CONSERVATIVE.get((case, name), "")
        if shares[name].is_below(low) or (shares[name].is_above(high) and not (why and low > 0)):
            outside.append(line)
        elif shares[name].is_above(high):
            allowed.append(f"{line} ({why})")
    return outside, allowed


def measured(case: Case, runs: int) -> dict[str, Share]:
    """The shares of runs in which each thing of HEADS happens."""
    random = np.random.default_rng(SEED)
    found = np.array(
        [[happened for _, happened in sorted(_once(case, random).items())] for _ in range(runs)], dtype=float
    )
    return {name: _share(found[:, place]) for place, name in enumerate(sorted(HEADS))}


def _share(found: Numbers) -> Share:
    return Share(float(found.mean()), float(found.std() / sqrt(len(found))))


def _once(case: Case, random: np.random.Generator) -> Mapping[str, float]:
    clusters = case.clusters(random)
    labels = None if clusters.max() == case.n - 1 else clusters
    chances = case.chances(random, clusters)
    again = [case.run(random, chances) for _ in range(3)]
    equal = [again[0], *(case.run(random, case.chances(random, clusters)) for _ in range(2))]
    first, same = again[:2]
    worse = case.run(random, (1 - FALL) * chances)
    fall = case.truth(case.score) - case.truth((1 - FALL) * case.score)
    own, found = _estimated(case, first, labels), _compared(case, worse, first, labels)
    return {
        "score": own[0] <= case.truth(case.score) <= own[1],
        "fall": found.low <= -fall <= found.high,
        "shown": found.high < 0,
        "pass": decide(found, fall).outcome is Outcome.PASS,
        "fail": decide(found, fall).outcome is Outcome.FAIL,
        "same": float(np.mean([_claims(case, *pair, labels) for pair in combinations(again, 2)])),
        "equal": float(np.mean([_claims(case, *pair, labels) for pair in combinations(equal, 2)])),
        "z_same": _unpaired(first, same) != 0,
        "z_equal": _unpaired(first, equal[1]) != 0,
        "z_shown": _unpaired(worse, first) < 0,
        "position_same": _claims(case, first, random.permutation(same), labels),
        "position_shown": _compared(case, random.permutation(worse), first, labels).high < 0,
    }


def _estimated(case: Case, values: Numbers, labels: Labels | None) -> tuple[float, float]:
    """The interval of a score."""
    own = estimate(Values((), values, case.answers, labels, right_or_wrong=not case.continuous))
    return (-inf if own.low is None else own.low), (inf if own.high is None else own.high)


def _compared(case: Case, first: Numbers, second: Numbers, labels: Labels | None) -> Difference:
    found = difference(Pairs(first - second, labels, case.one_answer, case.scale))
    assert found is not None, "there are several questions"
    return found


def _claims(case: Case, first: Numbers, second: Numbers, labels: Labels | None) -> bool:
    found = _compared(case, first, second, labels)
    return not found.low <= 0 <= found.high


def _unpaired(first: Numbers, second: Numbers) -> int:
    """1 and -1 where the first is claimed to be better and worse."""
    error = sqrt((first.var(ddof=1) + second.var(ddof=1)) / len(first))
    distance = float(first.mean() - second.mean())
    return int(np.sign(distance)) if abs(distance) > NORMAL * error else 0


# ---- several entries --------------------------------------------------------------------------------------------


UNLIKE = (
    Case("12 questions, continuous", 12, 0.6, continuous=True),
    Case("30 questions", 30, 0.5),
    Case("80 questions, up to 10", 80, 0.7, continuous=True, scale=10),
    Case("500 questions, 4 answers", 500, 0.8, answers=4),
    Case("2,000 questions", 2_000, 0.6),
)
GROUPS: Mapping[str, Sequence[Case]] = {
    f"{len(CASES)} entries": CASES,
    "5 entries of 12 to 2,000 questions": UNLIKE,
    "2 entries of 12 and 2,000 questions": (UNLIKE[0], UNLIKE[-1]),
    "2 entries of 500 questions": (CASES[6], CASES[10]),
}


def of_several(runs: int) -> dict[str, Share]:
    """Averages over the entries of each group on one scale, and a false claim among `ENTRIES` entries at once."""
    random = np.random.default_rng(SEED)
    names = [
        *(
            f"average of {group}: covered, {what}"
            for group in GROUPS
            for what in ("scores", "differences of equal models")
        ),
        f"{ENTRIES} entries, two runs of one model: any claim",
        "the same without Holm's correction",
    ]
    found = np.array([
        [*(one for cases in GROUPS.values() for one in _averages(cases, random)), *_families(random)] for _ in range(runs)
    ], dtype=float)  # fmt: skip
    return {name: _share(found[:, place]) for place, name in enumerate(names)}


def _averages(cases: Sequence[Case], random: np.random.Generator) -> Iterator[bool]:
    """As outputs compute them: the average of scores from their intervals, that of differences by Welch."""
    scores: list[tuple[float, float, float]] = []
    differences = []
    for case in cases:
        clusters = case.clusters(random)
        labels = None if clusters.max() == case.n - 1 else clusters
        first, second = (case.run(random, case.chances(random, clusters)) for _ in range(2))
        low, high = _estimated(case, first, labels)
        scores.append((float(first.mean()) / case.scale, low / case.scale, high / case.scale))
        differences.append(_compared(case, first, second, labels).spread.over(case.scale))
    truth = sum(case.truth(case.score) / case.scale for case in cases) / len(cases)
    low, high = recovered(sum(score for score, _, _ in scores) / len(scores), scores)
    difference_of_both = average(differences)
    yield low <= truth <= high
    yield difference_of_both.low <= 0 <= difference_of_both.high


def _families(random: np.random.Generator) -> Iterator[bool]:
    found = {}
    for number in range(ENTRIES):
        case = CASES[number % len(CASES)]
        clusters = case.clusters(random)
        labels = None if clusters.max() == case.n - 1 else clusters
        chances = case.chances(random, clusters)
        found[number] = _compared(case, case.run(random, chances), case.run(random, chances), labels)
    yield any(verdict is not Verdict.NOT_SHOWN for verdict in verdicts(found).values())
    yield any(not one.low <= 0 <= one.high for one in found.values())


if __name__ == "__main__":
    sys.exit(main())
