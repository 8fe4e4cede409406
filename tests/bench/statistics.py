"""`python -m tests.bench statistics`: how often `compare` is wrong, and how often its intervals have the truth in them.

Two runs of one model differ by nothing: each claim about them is false. Beside ours, two simpler methods on the same data:
an unpaired z test, and pairs by position where the second run has the questions in another order.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import sqrt

import numpy as np

from evalctl.review.difference import difference
from evalctl.review.score import estimate
from evalctl.review.spread import NORMAL
from evalctl.review.values import Labels, Numbers, Pairs, Values

RUNS = 10_000
SEED = 20261127


@dataclass(frozen=True)
class Case:
    """One kind of task: `n` questions whose chances of a right answer are spread about `score`."""

    name: str
    n: int
    score: float
    answers: int = 1
    alike: float = 2.0  # of a Beta distribution: large means that all questions are equally hard
    cluster: int = 1  # questions of a passage, which share a chance
    continuous: bool = False

    def chances(self, random: np.random.Generator) -> Numbers:
        """Of each question."""
        share = (self.score * self.alike, (1 - self.score) * self.alike)
        drawn = random.beta(*share, -(-self.n // self.cluster))
        return np.repeat(drawn, self.cluster)[: self.n]

    def run(self, random: np.random.Generator, chances: Numbers) -> Numbers:
        """The values that one run of a model measures."""
        if self.continuous:
            return random.beta(4 * chances + 0.01, 4 * (1 - chances) + 0.01)
        return random.binomial(self.answers, chances) / self.answers

    @property
    def truth(self) -> float:
        """The mean over all questions of the kind."""
        return (4 * self.score + 0.01) / 4.02 if self.continuous else self.score

    @property
    def clusters(self) -> Labels | None:
        """The passages, where there are any."""
        return np.repeat(np.arange(self.n), self.cluster)[: self.n] if self.cluster > 1 else None


CASES = (
    Case("30 questions", 30, 0.5),
    Case("30 questions, score 0.95", 30, 0.95),
    Case("30 questions, 10 answers", 30, 0.6, answers=10),
    Case("30 questions, 10 answers, score 0.95", 30, 0.95, answers=10, alike=1),
    Case("30 questions, continuous", 30, 0.6, continuous=True),
    Case("500 questions", 500, 0.7),
    Case("500 questions, score 0.98", 500, 0.98),
    Case("500 questions, score 0.02", 500, 0.02),
    Case("500 questions, 10 answers", 500, 0.7, answers=10),
    Case("500 questions, continuous", 500, 0.3, continuous=True),
    Case("300 questions, passages of 6", 300, 0.6, cluster=6),
    Case("120 questions, passages of 10", 120, 0.8, cluster=10),
)


def main() -> int:
    """Prints the shares."""
    sys.stdout.write(f"{RUNS:,} runs of each, seed {SEED}; in percent\n\n")
    heads = ("covered: score", "covered: difference", "false claims", "unpaired z", "by position")
    sys.stdout.write(f"{'':<38}" + "".join(f"{head:>21}" for head in heads) + "\n")
    for case in CASES:
        shares = measure(case, RUNS)
        sys.stdout.write(f"{case.name:<38}" + "".join(f"{100 * share:>21.1f}" for share in shares) + "\n")
        sys.stdout.flush()
    return 0


def measure(case: Case, runs: int) -> tuple[float, ...]:
    """The shares of `main`'s columns."""
    random = np.random.default_rng(SEED)
    counts = np.zeros(5)
    for _ in range(runs):
        chances = case.chances(random)
        first, second = case.run(random, chances), case.run(random, chances)
        other = case.run(random, case.chances(random))
        shifted = _pairs(case, first, other)
        counts += [
            _covers(case, first), shifted, _claims(case, first, second), _unpaired(first, second),
            _claims(case, first, random.permutation(second)),
        ]  # fmt: skip
    return tuple(float(count) / runs for count in counts)


def _values(case: Case, means: Numbers) -> Values:
    return Values((), means, case.answers, case.clusters, right_or_wrong=not case.continuous)


def _covers(case: Case, means: Numbers) -> bool:
    found = estimate(_values(case, means))
    assert found.low is not None and found.high is not None, "there are several questions"
    return found.low <= case.truth <= found.high


def _pairs(case: Case, first: Numbers, second: Numbers) -> bool:
    """Whether the interval of two models with the same mean, but other strengths, has 0 in it."""
    return not _claims(case, first, second)


def _claims(case: Case, first: Numbers, second: Numbers) -> bool:
    one_answer = case.answers == 1 and not case.continuous
    found = difference(Pairs(first - second, case.clusters, one_answer))
    assert found is not None, "there are several questions"
    return not found.low <= 0 <= found.high


def _unpaired(first: Numbers, second: Numbers) -> bool:
    error = sqrt((first.var(ddof=1) + second.var(ddof=1)) / len(first))
    return bool(abs(first.mean() - second.mean()) > NORMAL * error)


if __name__ == "__main__":
    sys.exit(main())
