"""A number as the pages show it: its value, its interval with the method, and whether it belongs to the best group."""

from __future__ import annotations

from dataclasses import dataclass

from evalctl.results.entries import shown
from evalctl.results.leaderboard import REMARKED
from evalctl.site.source import Model


@dataclass(frozen=True, slots=True)
class Number:
    """A score of one model; without a value `text` says why (a dash, `3 of 8`)."""

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    questions: int | None = None
    answers: int | None = None
    clusters: int | None = None
    best: bool = False
    error: float | None = None

    @property
    def interval(self) -> str:
        """Both ends, as the value is written."""
        return "" if self.low is None or self.high is None else f"{shown(self.low)}–{shown(self.high)}"


def of_entry(model: Model, name: str, best: bool = False) -> Number:
    """An entry of the aggregate, with the interval that it has there."""
    value = model.aggregate.results.get(name)
    text = shown(value)
    if text == "–" or value is None:
        return Number("no metric" if name in model.aggregate.unmatched else text)
    shown_text = f"{text}{REMARKED}" if name in model.remarked else text
    found = model.aggregate.uncertainty.get(name)
    if found is None:
        return Number(shown_text, value, best=best)
    return Number(
        shown_text,
        value,
        found.low,
        found.high,
        found.method,
        found.questions,
        found.answers,
        found.clusters,
        best,
        found.error,
    )
