"""Values and pairs as tests write them."""

from __future__ import annotations

import numpy as np

from evalctl.review.difference import Difference, difference
from evalctl.review.values import Labels, Numbers, Pairs, Values

CLOSE = 1e-9  # how far from another implementation


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
