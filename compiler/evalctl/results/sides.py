"""What a comparison compares: a model folder at a commit, with the value of each question behind each of its scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose

import numpy as np

from evalctl.model.aggregate import Aggregate, Stability
from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.result import Result
from evalctl.results import newest, per_question, question_values, stability
from evalctl.results.entries import measured_number
from evalctl.results.reading import Read, parse
from evalctl.results.store import FILE
from evalctl.review.score import Estimate, estimate
from evalctl.review.values import Values

UNREADABLE = "no record of it can be read"


@dataclass(frozen=True, slots=True)
class Side:
    """A model folder at a commit. `scores` are those of its aggregate, `results` the records behind them."""

    name: str
    folder: str
    commit: str
    aggregate: Aggregate
    results: tuple[Result, ...]
    groups: Mapping[str, Sequence[str]]
    scored: Mapping[str, question_values.Scored | str]
    _newest: newest.Newest = field(init=False, repr=False, compare=False)
    _known: dict[str, Values | str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_newest", newest.newest(self.results))

    def score(self, entry: MetricEntry) -> float | None:
        """The value of the aggregate; None where it was not measured."""
        return measured_number(self.aggregate.results.get(entry.name))

    def values(self, entry: MetricEntry) -> Values | str:
        """The value of each question behind the score, or why there are none."""
        if entry.name not in self._known:
            self._known[entry.name] = self._values(entry)
        return self._known[entry.name]

    @property
    def unbound(self) -> list[str]:
        """The records whose values were made later from details: no digest in the record, and so no fingerprint, covers them."""
        scored = [one for one in self.results if not isinstance(self.scored.get(one.path, ""), str)]
        return [one.path for one in scored if not one.names_questions]

    def rows(self, entry: MetricEntry) -> list[tuple[Result, str]]:
        """The records behind the score, each with the framework's key of the task or subset."""
        return newest.rows_of(entry, self._newest, self.groups)

    def estimate(self, entry: MetricEntry) -> Estimate | None:
        """The score with its uncertainty; None where the values of its questions are not known."""
        values = self.values(entry)
        return None if isinstance(values, str) else estimate(values)

    def stability(self, entry: MetricEntry) -> Stability | None:
        """How the answers behind the score ended; None where the records do not say it of all."""
        return stability.of_answers(entry, self._newest, self.scored, self.groups)

    def _values(self, entry: MetricEntry) -> Values | str:
        score = self.score(entry)
        try:
            found = per_question.of_entry(entry, self._newest, self.scored, self.groups)
        except ValueError as why:  # a value that no computation is safe with
            return str(why)
        if isinstance(found, str):
            return UNREADABLE if found == newest.NOT_MEASURED and score is not None else found
        mean = float(np.nanmean(found.means))
        if score is None or not isclose(mean, score, rel_tol=1e-9, abs_tol=1e-12):
            return f"its aggregate has {score}, its records make {mean} (evalctl results rebuild)"
        return found


def side(
    folder: str, aggregate: Aggregate, read: Read, metrics: Metrics, *, name: str = "", commit: str = ""
) -> Side:  # fmt: skip
    """The model folder with what `read` finds of it, all at one commit."""
    return sides([(folder, name or folder, aggregate)], read, metrics, commit=commit)[0]


def sides(
    there: Sequence[tuple[str, str, Aggregate]], read: Read, metrics: Metrics, *, commit: str = ""
) -> list[Side]:  # fmt: skip
    """Each (folder, displayed name, aggregate) at one commit, in few reads."""
    paths = {folder: [f"{folder}/{one.result}" for one in made.evals.values() if one.result.endswith(FILE)]
             for folder, _, made in there}  # fmt: skip
    parsed = {one.path: one for one in _parsed(read([path for own in paths.values() for path in own]))}
    scored = question_values.read(list(parsed.values()), read)
    found = []
    for folder, name, aggregate in there:
        own = [path for path in paths[folder] if path in parsed]
        known = {path: scored[path] for path in own}
        results = tuple(parsed[path] for path in own)
        found.append(Side(name, folder, commit, aggregate, results, metrics.subset_groups, known))
    return found


def _parsed(texts: Mapping[str, bytes]) -> Iterable[Result]:
    for path, text in texts.items():
        try:
            yield parse(path, text)
        except ValueError:  # `evalctl check` reports it; its entries say UNREADABLE
            continue
