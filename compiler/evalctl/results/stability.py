"""How the answers behind a score ended, as its record says it; the score of the questions whose answers all ended by themselves.

Records of before 2026-11-27 count answers that were cut off, empty or not there, and say no more: what they lack is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalctl.model.aggregate import MISSING, Entries, Stability
from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.result import Result
from evalctl.results.newest import Newest, rows_of
from evalctl.results.per_question import of_entry
from evalctl.results.question_values import Scored
from evalctl_job.ends import Ends

_DECIMALS = 12  # of a score; the sums of different processors agree on these


@dataclass(frozen=True, slots=True)
class Ended:
    """Numbers of answers of whole tasks; `cut_off` at the limit of tokens, `empty` without a text, `unanswered` questions left out.

    `known` has all kinds, of the entry's own questions; None where the records do not say them.
    """

    answers: int
    cut_off: int
    empty: int
    unanswered: int
    known: Stability | None = None

    @property
    def of_limit(self) -> tuple[int, int]:
        """How many answers were cut off, and of how many: of the entry's own questions where they are known."""
        return (self.known.cut_off, self.known.answers) if self.known else (self.cut_off, self.answers)


def ended(rows: Sequence[tuple[Result, str]], known: Stability | None = None) -> Ended | None:
    """Of the tasks behind an entry, all their subsets; None where no record counts its answers."""
    records = {result.path: result.samples for result, _ in rows}
    found = [samples for samples in records.values() if samples is not None]
    if not found:
        return None
    sums = {
        name: sum(_number(samples.recorded(name)) for samples in found)
        for name in ("answered", "truncated", "empty", "unanswered")
    }
    return Ended(sums["answered"], sums["truncated"], sums["empty"], sums["unanswered"], known)


def stabilities(
    entries: Entries, there: Newest, scored: Mapping[str, Scored | str], metrics: Metrics
) -> Iterator[tuple[str, Stability]]:
    """Of the entries whose records say it of every question."""
    if all(isinstance(one, str) or one.ends is None for one in scored.values()):
        return
    for entry in metrics.entries:
        if entries.get(entry.name) not in (None, MISSING):
            found = of_answers(entry, there, scored, metrics.subset_groups)
            if found is not None:
                yield entry.name, found


def of_answers(
    entry: MetricEntry,
    there: Newest,
    scored: Mapping[str, Scored | str],
    groups: Mapping[str, Sequence[str]],
) -> Stability | None:
    """How the answers behind an entry ended; None where this is not known."""
    found = [_ends(scored.get(result.path), key) for result, key in rows_of(entry, there, groups)]
    totals = [one.totals() for one in found if one is not None]
    if not totals or len(totals) < len(found):
        return None
    numbers = {name: sum(one[name] for one in totals) for name in totals[0]}
    return Stability(**numbers, score=_finished(entry, there, scored, groups) if numbers["finished"] else None)


def _ends(made: Scored | str | None, key: str) -> Ends | None:
    if made is None or isinstance(made, str) or made.ends is None or key not in made.places:
        return None
    return made.ends.at(made.places[key].at)


def _finished(
    entry: MetricEntry,
    there: Newest,
    scored: Mapping[str, Scored | str],
    groups: Mapping[str, Sequence[str]],
) -> float | None:
    """The score of the finished questions; None where the metric is no mean over questions."""
    import numpy as np

    values = of_entry(entry, there, scored, groups, finished=True)
    return None if isinstance(values, str) else round(float(np.nanmean(values.means)), _DECIMALS)


def _number(value: object) -> int:
    return value if type(value) is int else 0
