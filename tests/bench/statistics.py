"""`python -m tests.bench statistics`: how often `compare` and gates are wrong, and how often intervals have the truth in them.

Each run draws questions, and the answers of models whose true scores are known. Two runs of one model differ by nothing, and
so do on average two models of equal strength: each claim about them is false. Beside ours, two simpler methods on the same
data: an unpaired z test, and pairs by position where the second run has the questions in another order.
`EVALCTL_BENCH_RUNS` is the number of runs of each case, 10,000 where it is not set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from evalctl.review.average import average
from evalctl.review.difference import Difference, difference
from evalctl.review.gate import Outcome, decide
from evalctl.review.score import estimate
from evalctl.review.spread import NORMAL, spread
from evalctl.review.values import Labels, Numbers, Pairs, Values
from evalctl.review.verdicts import Verdict, verdicts

RUNS = 10_000
SEED = 20261127
FALL = 0.1  # the third model is worse by this part of its score
ENTRIES = 20
HEADS = {
    "score": "covered: score", "fall": "covered: fall", "same": "same model", "equal": "equal models",
    "pass": "false PASS", "fail": "false FAIL", "shown": "fall shown",
    "z_same": "z: same", "z_equal": "z: equal", "z_shown": "z: shown",
    "position_same": "pos.: same", "position_shown": "pos.: shown",
}  # fmt: skip


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


def main() -> int:
    """Prints the shares."""
    runs = int(os.environ.get("EVALCTL_BENCH_RUNS") or RUNS)
    sys.stdout.write(f"{runs:,} runs of each, seed {SEED}; in percent; a fall is by {FALL:.0%} of the score\n\n")
    sys.stdout.write(f"{'':<38}" + "".join(f"{head:>16}" for head in HEADS.values()) + "\n")
    for case in CASES:
        shares = measured(case, runs)
        sys.stdout.write(f"{case.name:<38}" + "".join(f"{100 * shares[name]:>16.1f}" for name in HEADS) + "\n")
        sys.stdout.flush()
    for what, share in of_several(max(1, runs // 5)).items():
        sys.stdout.write(f"{what:<86}{100 * share:>16.1f}\n")
    return 0


def measured(case: Case, runs: int) -> dict[str, float]:
    """The shares of runs in which each thing of HEADS happens."""
    random = np.random.default_rng(SEED)
    counts = dict.fromkeys(HEADS, 0)
    for _ in range(runs):
        for name, happened in _once(case, random):
            counts[name] += happened
    return {name: count / runs for name, count in counts.items()}


def _once(case: Case, random: np.random.Generator) -> Iterator[tuple[str, bool]]:
    clusters = case.clusters(random)
    labels = None if clusters.max() == case.n - 1 else clusters
    chances = case.chances(random, clusters)
    first, same = case.run(random, chances), case.run(random, chances)
    equal = case.run(random, case.chances(random, clusters))
    worse = case.run(random, (1 - FALL) * chances)
    fall = case.truth(case.score) - case.truth((1 - FALL) * case.score)
    own = estimate(Values((), first, case.answers, labels, right_or_wrong=not case.continuous))
    yield "score", own.low is not None and own.high is not None and own.low <= case.truth(case.score) <= own.high
    found = _compared(case, worse, first, labels)
    yield "fall", found.low <= -fall <= found.high
    yield "shown", found.high < 0
    yield "pass", decide(found, fall).outcome is Outcome.PASS
    yield "fail", decide(found, fall).outcome is Outcome.FAIL
    yield "same", _claims(case, first, same, labels)
    yield "equal", _claims(case, first, equal, labels)
    yield "z_same", _unpaired(first, same) != 0
    yield "z_equal", _unpaired(first, equal) != 0
    yield "z_shown", _unpaired(worse, first) < 0
    yield "position_same", _claims(case, first, random.permutation(same), labels)
    yield "position_shown", _compared(case, random.permutation(worse), first, labels).high < 0


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


def of_several(runs: int) -> dict[str, float]:
    """Averages over all cases on one scale, and a false claim among `ENTRIES` entries at once."""
    random = np.random.default_rng(SEED)
    names = (
        f"average of {len(CASES)} entries: covered, scores",
        f"average of {len(CASES)} entries: covered, differences of equal models",
        f"{ENTRIES} entries, two runs of one model: any claim",
        "the same without Holm's correction",
    )
    counts = np.zeros(len(names))
    for _ in range(runs):
        counts += [*_averages(random), *_families(random)]
    return dict(zip(names, (float(count) / runs for count in counts), strict=True))


def _averages(random: np.random.Generator) -> Iterator[bool]:
    scores, differences = [], []
    for case in CASES:
        clusters = case.clusters(random)
        labels = None if clusters.max() == case.n - 1 else clusters
        first, second = (case.run(random, case.chances(random, clusters)) for _ in range(2))
        scores.append(spread(first, labels).over(case.scale))
        differences.append(_compared(case, first, second, labels).spread.over(case.scale))
    truth = sum(case.truth(case.score) / case.scale for case in CASES) / len(CASES)
    score, difference_of_both = average(scores), average(differences)
    yield score.low <= truth <= score.high
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
