"""Selects answers by a person's conditions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evalctl.results.answers import Answer, Graded
from evalctl_job.looping import loop


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a score: `NAME`, which only selects the score, or `NAME<0.5`, with <=, > and >= as well."""

    metric: str
    sign: str = ""
    value: float = 0.0

    def holds(self, score: float | None) -> bool:
        """Whether the score fulfils the condition; False for a question without the score."""
        if not self.sign:
            return score is not None
        return score is not None and _SIGNS[self.sign](score, self.value)


_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt
}  # fmt: skip
# A metric's own name may hold `=`: "pass@k:k=1&n=4" (seen: lighteval 0.13).
_CONDITION = re.compile(r"(?P<metric>[^<>]+?)\s*(?:(?P<sign>[<>]=?)\s*(?P<value>-?\d+(?:\.\d+)?))?")


def condition(text: str) -> Condition:
    """The condition in `--metric`; raises ValueError for an invalid text."""
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a condition: write NAME, or NAME<0.5 (also <=, >, >=)")
    return Condition(match["metric"], match["sign"] or "", float(match["value"] or 0))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The selected answers; all conditions must hold. `right` is False for the wrong ones."""

    empty: bool = False
    truncated: bool = False
    repeating: bool = False
    grep: str | None = None
    longest: int | None = None
    limit: int | None = None
    right: bool | None = None
    metrics: tuple[Condition, ...] = ()
    question: int | None = None

    @property
    def of_details(self) -> bool:
        """Whether the selection needs the framework's details files."""
        return self.right is not None or bool(self.metrics) or self.question is not None


def chosen(answers: Sequence[Answer], wanted: Wanted) -> list[Answer]:
    """The answers that fulfil every condition, in order; the longest first where the longest are wanted."""
    found = [one for one in answers if _fulfils(one, wanted)]
    if wanted.longest is not None:
        found = sorted(found, key=lambda one: one.length, reverse=True)[: wanted.longest]
    return found if wanted.limit is None else found[: wanted.limit]


def _fulfils(one: Answer, wanted: Wanted) -> bool:
    return (
        (not wanted.empty or not one.prediction)
        and (not wanted.truncated or one.truncated)
        and (wanted.grep is None or wanted.grep in one.text or wanted.grep in one.question)
        and (not wanted.of_details or (one.graded is not None and _scored_so(one.graded, wanted)))
        and (not wanted.repeating or loop(one.text) is not None)
    )


def _scored_so(graded: Graded, wanted: Wanted) -> bool:
    named = [one.metric for one in wanted.metrics]
    return (
        wanted.question in (None, graded.number)
        and (wanted.right is None or graded.right(named) is wanted.right)
        and all(one.holds(graded.scores.get(one.metric)) for one in wanted.metrics)
    )
