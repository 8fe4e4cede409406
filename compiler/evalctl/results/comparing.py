"""Models compared with a baseline, question by question: what each entry differs by and whether that is shown, or why there is no conclusion.

Questions are paired by their digests. All differences and verdicts are about the model that is compared, minus the baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.results import likeness
from evalctl.results.entries import Scripts, averages, main_entries, scripts_of, used_entries
from evalctl.results.judged import is_judged
from evalctl.results.sides import Side, side
from evalctl.results.stability import Ended, ended
from evalctl.review.average import Average, average
from evalctl.review.difference import Difference, difference
from evalctl.review.power import showable
from evalctl.review.score import Estimate
from evalctl.review.spread import Spread
from evalctl.review.values import OtherQuestions, Values, paired
from evalctl.review.verdicts import Verdict, corrected, verdict
from evalctl.suggest import listed

__all__ = [
    "ComparedAverage",
    "ComparedEntry",
    "Comparison",
    "Flip",
    "Side",
    "SideScore",
    "compare",
    "compare_all",
    "flips",
    "side",
]
ONE_QUESTION = "one question has a value of both, and nothing follows from one"
ONE_PASSAGE = "the questions with a value of both are of one passage, and nothing follows from one"


@dataclass(frozen=True, slots=True)
class SideScore:
    """One side's score of an entry, its uncertainty where the values of its questions are known, and how its answers ended."""

    value: float | None
    estimate: Estimate | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class ComparedEntry:
    """One entry. `p` is corrected for all that was compared with the baseline; `why` is the reason where there is no `difference`.

    `showable` is the smallest true difference that these questions show in 8 of 10 such comparisons. `sign` is -1 where a lower score is better.
    """

    entry: str
    model: SideScore
    baseline: SideScore
    verdict: Verdict
    why: str = ""
    difference: Difference | None = None
    p: float | None = None
    sign: int = 1

    @property
    def showable(self) -> float | None:
        """The smallest true difference that such a comparison shows in most cases; None where there is no difference."""
        return None if self.difference is None else showable(self.difference)

    @property
    def better(self) -> int:
        """The questions on which the model's value is better than the baseline's."""
        return 0 if self.difference is None else self.difference.better if self.sign > 0 else self.difference.worse

    @property
    def worse(self) -> int:
        """The questions on which it is worse."""
        return 0 if self.difference is None else self.difference.worse if self.sign > 0 else self.difference.better

    @property
    def method(self) -> str:
        """The name of the interval and the test; "" where there is neither."""
        return self.difference.method if self.difference else ""


@dataclass(frozen=True, slots=True)
class ComparedAverage:
    """The mean over `members`, the entries of a language that were compared; `left_out` are those with a score that were not.

    Each score is divided by its full mark. The interval takes the entries for independent of each other.
    """

    name: str
    members: tuple[str, ...]
    left_out: tuple[str, ...]
    model: float
    baseline: float
    difference: Average
    verdict: Verdict
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model and the baseline. `remarks` are differences of settings and versions that belong to what is compared, `judges` what
    is not known of those who gave the scores.
    """

    model: Side
    baseline: Side
    entries: tuple[ComparedEntry, ...]
    averages: tuple[ComparedAverage, ...]
    remarks: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing could be compared."""
        return all(one.difference is None for one in self.entries)


def compare(
    model: Side, baseline: Side, metrics: Metrics, *, scripts: Scripts | None = None,
    entries: Sequence[MetricEntry] | None = None,
) -> Comparison:  # fmt: skip
    """One model with the baseline; `entries` as in `compare_all`."""
    return compare_all([model], baseline, metrics, scripts=scripts, entries=entries)[0]


def compare_all(
    others: Sequence[Side], baseline: Side, metrics: Metrics, *, scripts: Scripts | None = None,
    entries: Sequence[MetricEntry] | None = None,
) -> list[Comparison]:  # fmt: skip
    """Each model with the baseline, corrected for all of them together, as are the averages among themselves.

    `entries`: by default the main ones that any of them has. `scripts` are the catalogue's, for aggregates that do not say
    them.
    """
    there = [each.aggregate for each in (baseline, *others)]
    chosen = used_entries(there, metrics) if entries is None else list(entries)
    known = {**(scripts or {}), **scripts_of(there)}
    made = [_comparison(each, baseline, chosen, metrics, known) for each in others]
    return _judged(made)


def _comparison(
    model: Side, baseline: Side, chosen: Sequence[MetricEntry], metrics: Metrics, scripts: Scripts
) -> Comparison:
    there = [entry for entry in chosen if any(side.score(entry) is not None for side in (model, baseline))]
    found = tuple(_compared(entry, model, baseline) for entry in there)
    shown = [entry for entry, each in zip(there, found, strict=True) if each.difference]
    means = tuple(_averages(model, baseline, found, main_entries(metrics), scripts))
    rows = {each.name: (model.rows(each), baseline.rows(each)) for each in shown}
    judged = {each.name: rows[each.name] for each in shown if _is_judged(each, *rows[each.name])}
    remarks = (*likeness.remarks(list(rows.values())), *_numbers_of_answers(shown, model, baseline))
    return Comparison(model, baseline, found, means, remarks, likeness.judges(judged))


def _numbers_of_answers(entries: Sequence[MetricEntry], model: Side, baseline: Side) -> Iterator[str]:
    """The mean over the answers to a question is compared, however many there are; but nobody should have to guess it."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        mine, others = model.values(entry), baseline.values(entry)
        if isinstance(mine, Values) and isinstance(others, Values) and mine.answers != others.answers:
            found.setdefault(f"answers to each question: {mine.answers} and {others.answers}", []).append(entry.name)
    yield from (f"{text} ({listed(names, 4)})" for text, names in found.items())


def _is_judged(entry: MetricEntry, *sides: likeness.Rows) -> bool:
    """By its metric, or by what a record says: not all judges' metrics have a name of their own."""
    return any(map(is_judged, entry.metrics)) or any(result.judge for rows in sides for result, _ in rows)


def _compared(entry: MetricEntry, model: Side, baseline: Side) -> ComparedEntry:
    mine, others = (
        SideScore(side.score(entry), side.estimate(entry), ended(side.rows(entry), side.stability(entry)))
        for side in (model, baseline)
    )
    try:
        pairs = paired(*_comparable(entry, model, baseline))
        found = difference(pairs)
    except OtherQuestions as why:
        return ComparedEntry(
            entry.name, mine, others, Verdict.NOT_COMPARABLE, f"other questions: {why}", sign=entry.sign
        )
    except _NotComparable as why:
        return ComparedEntry(entry.name, mine, others, Verdict.NOT_COMPARABLE, str(why), sign=entry.sign)
    if found is None:
        why_none = ONE_QUESTION if len(pairs.differences) == 1 else ONE_PASSAGE
        return ComparedEntry(entry.name, mine, others, Verdict.NOT_SHOWN, why_none, sign=entry.sign)
    return ComparedEntry(entry.name, mine, others, Verdict.NOT_SHOWN, "", found, found.p, entry.sign)


class _NotComparable(Exception):
    """Why two scores of an entry cannot be compared."""


def _comparable(entry: MetricEntry, model: Side, baseline: Side) -> tuple[Values, Values]:
    if lacking := [side.name for side in (model, baseline) if side.score(entry) is None]:
        raise _NotComparable(f"{lacking[0]} was not measured")
    if why := likeness.unlike(model.rows(entry), baseline.rows(entry)):
        raise _NotComparable(why)
    return _values(entry, model), _values(entry, baseline)


def _values(entry: MetricEntry, side: Side) -> Values:
    found = side.values(entry)
    if isinstance(found, str):
        raise _NotComparable(f"{side.name}: {found}")
    return found


def _averages(
    model: Side, baseline: Side, found: Sequence[ComparedEntry], main: Sequence[MetricEntry], scripts: Scripts
) -> Iterable[ComparedAverage]:
    """Over main entries only, which have questions of their own."""
    compared = {each.entry: each for each in found}
    aggregates = [model.aggregate, baseline.aggregate]
    means, _ = averages(aggregates, [entry for entry in main if entry.name in compared], scripts)
    for mean in means:
        members = [entry for entry in mean.entries if compared[entry.name].difference]
        if len(members) < 2:
            continue
        parts = [_share(each, entry) for entry in members if (each := compared[entry.name].difference)]
        whole = average(parts).of_shares()
        names = tuple(entry.name for entry in members)
        left = tuple(entry.name for entry in mean.entries if entry.name not in names)
        mine, others = (_mean(side, members) for side in (model, baseline))
        yield ComparedAverage(mean.name, names, left, mine, others, whole, Verdict.NOT_SHOWN, whole.p)


def _share(measured: Difference, entry: MetricEntry) -> Spread:
    """Of the difference as a share of the full mark."""
    return measured.spread.over(entry.full_mark or 1.0)


def _mean(side: Side, entries: Sequence[MetricEntry]) -> float:
    return sum((side.score(entry) or 0.0) / (entry.full_mark or 1.0) for entry in entries) / len(entries)


def _judged(made: Sequence[Comparison]) -> list[Comparison]:
    """With verdicts and Holm's correction over all comparisons."""
    p_of = _corrected([one.difference.p for each in made for one in each.entries if one.difference])
    mean_of = _corrected([one.difference.p for each in made for one in each.averages])
    return [
        replace(
            each,
            entries=tuple(_with_p(one, next(p_of)) if one.difference else one for one in each.entries),
            averages=tuple(_mean_with_p(one, next(mean_of)) for one in each.averages),
        )
        for each in made
    ]


def _corrected(p_values: Sequence[float]) -> Iterator[float]:
    return iter(corrected(p_values))


def _with_p(one: ComparedEntry, p: float) -> ComparedEntry:
    return replace(one, p=p, verdict=verdict(one.difference.mean, p, one.sign)) if one.difference else one


def _mean_with_p(one: ComparedAverage, p: float) -> ComparedAverage:
    return replace(one, p=p, verdict=verdict(one.difference.mean, p))


@dataclass(frozen=True, slots=True)
class Flip:
    """A question whose value differs: its digest, the model's value and the baseline's."""

    question: str
    model: float
    baseline: float


def flips(model: Side, baseline: Side, entry: MetricEntry) -> list[Flip]:
    """The questions on which the two differ, those that got worse first; none where the entry cannot be compared."""
    try:
        sides = _comparable(entry, model, baseline)
        paired(*sides)
    except (_NotComparable, OtherQuestions):
        return []
    # Sorting is stable: a question that is in a set several times keeps the order of its turns.
    first, second = (sorted(zip(each.questions, each.means.tolist(), strict=True), key=itemgetter(0)) for each in sides)
    found = [Flip(question, mine, other) for (question, mine), (_, other) in zip(first, second, strict=True)]
    changed = [flip for flip in found if flip.model < flip.baseline or flip.model > flip.baseline]
    return sorted(changed, key=lambda flip: (entry.sign * (flip.model - flip.baseline), flip.question))
