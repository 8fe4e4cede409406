"""How the answers behind a score ended, as far as its records say it: cut off, empty, not there at all.

Records count answers of a task. Which answers these were is not in git, so that neither the score of the others nor reasoning
that did not end, refusals and repeats follow from them: `evalctl details` has those where this machine keeps the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalctl.model.result import Result


@dataclass(frozen=True, slots=True)
class Ended:
    """Numbers of answers; `cut_off` at the limit of tokens, `empty` without a text, `unanswered` questions left out."""

    answers: int
    cut_off: int
    empty: int
    unanswered: int


def ended(rows: Sequence[tuple[Result, str]]) -> Ended | None:
    """Of the tasks behind an entry, all their subsets; None where no record counts its answers."""
    records = {result.path: result.samples for result, _ in rows}
    found = [samples for samples in records.values() if samples is not None]
    if not found:
        return None
    names = ("answered", "truncated", "empty", "unanswered")
    return Ended(*(sum(_number(samples.recorded(name)) for samples in found) for name in names))


def _number(value: object) -> int:
    return value if type(value) is int else 0
