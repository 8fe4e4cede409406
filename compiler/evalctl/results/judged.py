"""Metrics of judges, by their names: which other metrics of a record say that one is of a question.

A judge may give no score, and a metric of a category has no value of questions of other categories: the values alone do not tell these apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_JUDGED = "judge_score"
_OF_CATEGORY = re.compile(r"judge_score_(?P<category>.+?)(?:_turn_[0-9]+)?_avg")  # seen: lighteval-swallow 0.8
_ALL = "overall"


def is_judged(metric: str) -> bool:
    """Whether a judge gives the score."""
    return metric.startswith(_JUDGED)


def of_same_category(metric: str, names: Iterable[str]) -> list[str] | None:
    """Of a judge's metric: those of these metrics that have a value of the same questions; None where it is of all questions."""
    found = _OF_CATEGORY.fullmatch(metric)
    if found is None or found["category"] == _ALL:
        return None
    own = re.compile(
        rf"judge_score_{re.escape(found['category'])}(_turn_[0-9]+)?_avg|japanese_ratio_{re.escape(found['category'])}"
    )
    return [name for name in names if own.fullmatch(name)]
